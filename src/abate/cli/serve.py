"""`abate serve`: prepare the installation, then serve pages, API and log from one process."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from abate.cli import garbage
from abate.platform.config import sandbox as beside
from abate.platform.config import setup
from abate.platform.doors import keyring, settings_file
from abate.platform.doors.errors import SetupError
from abate.quantify.reading_yaml import MethodError


def bind_address(text: str) -> tuple[str, int]:
    """`host:port`, refused in words where it is not one."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise SetupError("bind-malformed", text=repr(text))
    return host.strip("[]"), int(port)


def refuse_taken(host: str, port: int) -> None:
    """Before anything is begun: the listener itself would say it in a word of the system's, after "Abate serves". Raises
    SetupError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the listener asks: a port that was just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as fault:
        raise SetupError("bind-not-possible", place=f"{host}:{port}", said=fault.strerror or fault) from fault


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_unsafe(host: str, *, demo: bool) -> None:
    """No plain HTTP beyond this machine, and no demo secrets outside the demo."""
    secrets = keyring.read(Path(os.environ["ABATE_SECRET_FILE"]))
    if secrets.demo and not demo:
        raise SetupError("bind-demo-secrets", path=os.environ["ABATE_SECRET_FILE"])
    origin = os.environ.get("ABATE_ORIGIN", "")
    encrypted = origin.startswith("https://") and os.environ.get("ABATE_BEHIND_PROXY") == "1"
    if not is_loopback(host) and (demo or not encrypted):
        raise SetupError("bind-without-tls", host=host)


def _refuse_unusable() -> None:
    """Settings over which somebody's request would stumble later. Raises SetupError."""
    from django.conf import settings  # lazy: as below

    from abate.platform.doors import clock, messages, scanner  # lazy: needs Django set up
    from abate.platform.log import national  # lazy: as above
    from abate.platform.people import identity, requests  # lazy: as above
    from abate.platform.signin import passwords  # lazy: as above
    from abate.platform.web import forwarded  # lazy: as above

    forwarded.networks(settings.ABATE_TRUSTED_PROXIES)
    scanner.place(settings.ABATE_SCANNER)
    messages.check()
    identity.provider()
    passwords.check_list()
    requests.untold(clock.today())
    national.check()


def end_when_asked() -> None:
    """Let SIGTERM end the process like any other end, so that the private PostgreSQL is stopped behind it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


LISTENING: dict[str, Any] = {
    # Its own log takes the settings' way (config/log_lines.py): it brings no handlers.
    "log_config": None,
    # It warns of calls that are no HTTP, or would have another protocol: the caller's affair, a line of theirs each.
    "log_level": "error",
    # Nothing here speaks it; with it each such call is a fault inside Django.
    "ws": "none",
    "server_header": False,
    "timeout_graceful_shutdown": 10,
    # Whose word about a sender's address counts is web/forwarded.py's to say.
    "proxy_headers": False,
}

ONE_LOGIN = (
    "警告 WARNING: 服务器登录 {login} 的权限过大（{more}）：在服务器中执行 SQL 的人可以改动审计记录（docs/howto/run.md）。"
    "The server's login {login} may too much ({more}): whoever runs SQL of their own in the server can change the trail. "
    "Give it a login that may no more than it needs, and name the owner apart in ABATE_OWNER_URL (docs/howto/run.md)."
)


def _sandbox_place(bind: str | None) -> str:
    """Where the sandbox listens, which also makes its origin: `bind` only where the command says it, for ABATE_BIND is live's."""
    if bind and click.get_current_context().get_parameter_source("bind") is ParameterSource.COMMANDLINE:
        os.environ["ABATE_SANDBOX_BIND"] = bind
    return os.environ.get("ABATE_SANDBOX_BIND") or beside.BIND


@click.command()
@click.option(
    "--bind",
    envvar="ABATE_BIND",
    help="host:port, by default 127.0.0.1:8000; of the sandbox 127.0.0.1:8001 or ABATE_SANDBOX_BIND.",
)
@click.option("--data-dir", envvar="ABATE_DATA_DIR", default=".abate", show_default=True, type=Path)
@click.option(
    "--demo", is_flag=True, hidden=True, help="Serve the demo's installation (used by `abate demo`)."
)
@click.option(
    "--sandbox", is_flag=True, help="Serve the sandbox beside this installation, for partners to try in."
)
@click.option("--json", "as_json", is_flag=True, help="Print where it serves as one line of JSON on stdout.")
def command(bind: str | None, data_dir: Path, demo: bool, sandbox: bool, as_json: bool) -> None:
    """Run the platform: pages, partner API, log and sequencer, in one process."""
    end_when_asked()
    try:
        settings_file.load(data_dir)
        place = _sandbox_place(bind) if sandbox else bind or os.environ.get("ABATE_BIND") or "127.0.0.1:8000"
        host, port = bind_address(place)
        refuse_taken(host, port)
        os.environ.setdefault("ABATE_ORIGIN", f"http://127.0.0.1:{port}")
        setup.environment(data_dir, begin=True, sandbox=sandbox)
        refuse_unsafe(host, demo=demo)
        setup.migrate()
        stands = setup.become_application()
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    import uvicorn  # lazy: only this command serves

    from abate.platform import reaching, spool  # lazy: needs Django set up
    from abate.platform.anomalies import actions as anomalies  # lazy: as above
    from abate.platform.carbon import basis  # lazy: as above
    from abate.platform.config import alarming  # lazy: as above
    from abate.platform.doors.rounds import Rounds  # lazy: as above
    from abate.platform.log import anchoring, cosigning  # lazy: needs Django set up
    from abate.platform.log.sequencer import Sequencer  # lazy: as above
    from abate.platform.parties import webhooks  # lazy: as above
    from abate.platform.review import turned_away  # lazy: as above

    try:
        _refuse_unusable()
        # Before the first event asks for it, from several threads at once.
        basis.catalogue(), basis.setting(), basis.anomalies()
        cosigner = cosigning.Cosigner(cosigning.configured())
        anchorer = anchoring.Anchorer(anchoring.configured())
        watcher = Rounds("alarms", alarming.look_once, interval=alarming.every())
    except (SetupError, MethodError) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    if not stands.walled:
        click.echo(ONE_LOGIN.format(login=stands.login, more=stands.more), err=True)
    click.echo(f"Abate serves {os.environ['ABATE_ORIGIN']} (Ctrl-C stops it)", err=True)
    if as_json:
        told = {"origin": os.environ["ABATE_ORIGIN"], "bind": f"{host}:{port}", "pid": os.getpid()}
        click.echo(json.dumps(told))
    workers = (
        Sequencer(),
        cosigner,
        anchorer,
        spool.Loader(),
        Rounds("webhooks", partial(webhooks.send_due, slow=False)),
        Rounds("slow webhooks", partial(webhooks.send_due, slow=True)),
        Rounds("anomalies", anomalies.sweep_once, interval=anomalies.EVERY),
        Rounds("notices", reaching.carry),
        Rounds("push", reaching.carry_to_browsers),
        Rounds("refusals", turned_away.tell_counts, interval=turned_away.EVERY),
        watcher,
    )
    with ExitStack() as running:
        running.callback(turned_away.tell_all)
        for worker in workers:
            worker.start()
            running.callback(worker.stop)
        garbage.as_usual()
        uvicorn.run("abate.platform.config.asgi:application", host=host, port=port, **LISTENING)
