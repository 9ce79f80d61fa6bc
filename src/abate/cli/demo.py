"""`abate demo`: the whole platform on a small sample city, on this machine only."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from abate.cli.serve import end_when_asked
from abate.client import Client, Key, Refusal, Unreachable
from abate.demo import madeup, rides
from abate.platform.config import setup
from abate.platform.doors import private_postgres
from abate.platform.doors.errors import SetupError

MEETINGS = 200
BATCH = 500
START_WITHIN_SECONDS = 60
SEQUENCED_WITHIN_SECONDS = 30
LEFT = ("secrets.json", "postgres", "postgres.*", "files", "log.key", "log-key.txt", "messages.jsonl", "server.log",
        "receipt.json", "rides-original-dates.csv", "sample-*.refused.jsonl")  # fmt: skip
"""What a demo puts into its folder."""


def heading(text: str, *, err: bool = False) -> None:
    click.secho(f"\n{text}", bold=True, err=err)


def reset(folder: Path) -> None:
    """Remove what an earlier demo left in its folder: only where the secret file says that it is a demo's, and nothing that
    somebody else has put beside it."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not _is_demo(folder / "secrets.json"):
        raise SetupError("demo-not-its-folder", folder=folder)
    if private_postgres.in_use(folder):
        raise SetupError("demo-running", folder=folder)
    private_postgres.stop(folder)
    ours = {path for pattern in LEFT for path in folder.glob(pattern)}
    # The secrets go last: a reset that was broken off is taken up again by the next one.
    for path in sorted(ours, key=lambda path: path.name == "secrets.json"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    others = sorted(path.name for path in folder.iterdir())
    if others:
        click.echo(f"Left in {folder}, as no demo made it: {', '.join(others)}", err=True)


def _is_demo(secret_file: Path) -> bool:
    try:
        said = json.loads(secret_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("demo") is True


def free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise SetupError("demo-no-port")


@contextlib.contextmanager
def served(origin: str, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`abate serve` as its own process until the block ends."""
    environment = {**os.environ, "ABATE_BIND": f"127.0.0.1:{port}", "ABATE_ORIGIN": origin}
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "abate", "serve", "--demo"], env=environment, stdout=output, stderr=output
        )
    try:
        _wait(server, origin, log)
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(server: subprocess.Popen[bytes], origin: str, log: Path) -> None:
    end = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{origin}/readyz", timeout=2),  # noqa: S310 (loopback, our own)
        ):
            return
        time.sleep(0.1)
    raise SetupError("demo-not-started", said=log.read_text()[-800:], log=log)


def print_messages(path: Path, server: subprocess.Popen[bytes]) -> None:
    """Print every message to a person as it is sent, until the server ends. Nobody else receives it."""
    path.touch()
    with path.open(encoding="utf-8") as file:
        while server.poll() is None:
            for line in file:
                message = json.loads(line)
                click.echo(f"[to {message['to']}] {message['body']}")
            time.sleep(0.2)


def prepare(folder: Path, origin: str) -> None:
    os.environ.update({"ABATE_DEMO": "1", "ABATE_OPERATOR_PACK": "demo", "ABATE_ORIGIN": origin, "DATABASE_URL": "embedded",
                       "ABATE_SECRET_FILE": str(folder.resolve() / "secrets.json"), "ABATE_PEOPLE_MAY": "redeem,transfer",
                       "ABATE_MESSAGES": "abate.platform.doors.messages.Files"})  # fmt: skip
    setup.environment(folder, begin=True, demo=True, log_origin="abate.demo.invalid/log")
    setup.migrate()


@click.command()
@click.option(
    "--data-dir", default=".abate-demo", show_default=True, type=Path, help="Where the demo keeps its data."
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    help="Loopback port; another free one is taken if it is in use.",
)
@click.option(
    "--reset", "start_over", is_flag=True, help="Remove an earlier demo's data first (and nothing else)."
)
@click.option(
    "--serve/--once", default=None, help="Keep serving at the end, or stop. Default: serve in a terminal."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the figures as JSON at the end, and nothing else on stdout; the story goes to stderr.",
)
def command(data_dir: Path, port: int, start_over: bool, serve: bool | None, as_json: bool) -> None:
    """Run the platform on a small sample city, from a real ride to a burnt voucher.

    Loopback only; everything made up is marked.
    """
    end_when_asked()
    try:
        if start_over:
            reset(data_dir)
        elif (data_dir / "secrets.json").exists():
            raise SetupError("demo-there", data_dir=data_dir)
        port = free_port(port)
        origin = f"http://127.0.0.1:{port}"
        prepare(data_dir, origin)
        with served(origin, port, data_dir / "server.log") as server:
            even = play(origin, data_dir, as_json)
            stay = sys.stdout.isatty() if serve is None else serve
            if stay:
                click.echo(f"\nServing {origin} until Ctrl-C. Sign-in codes are printed here.")
                with contextlib.suppress(KeyboardInterrupt):
                    print_messages(data_dir / "messages.jsonl", server)
    except (SetupError, Refusal, Unreachable) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    sys.exit(0 if even else 1)


def play(origin: str, folder: Path, as_json: bool) -> bool:
    """From an empty city to a burnt voucher; returns whether everything reconciles and verifies."""
    from abate.demo import city, story  # lazy: needs Django set up
    from abate.platform.review import actions as review  # lazy: needs Django set up

    say, title = partial(click.echo, err=as_json), partial(heading, err=as_json)
    sample = rides.rides()
    title("1. A sample city (made up)")
    town = city.build(sample)
    say(
        f"{len(town.riders)} residents, {len(town.clients)} partners, one acceptor. Every one of them is made up."
    )
    title("2. Events through the HTTP interface")
    outcomes = send(origin, town.clients, town.subjects, sample, folder)
    for code, counted in outcomes.items():
        say(f"{code}: " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(counted.items())))
    title("3. A voucher, and what stands behind it")
    settled = wait_for_log()
    voucher = story.redeem_and_burn(town.riders, town.acceptor)
    links = list(story.chain(voucher, sample, folder))
    for line in links:
        say(line)
    verified = verify(folder)
    say(f"abate verify {folder / 'receipt.json'}: {'every check passed' if verified else 'FAILED'}")
    title("4. Reconciliation")
    even, report = reconcile()
    for line in report:
        say(line)
    title("5. Sign in (each link works once)")
    signs = {"person": voucher.person.user, "acceptor": town.acceptor, "operator": town.operator}
    addresses = {role: f"{origin}/sign-in/link/{review.issue_link(user)}" for role, user in signs.items()}
    for role, address in addresses.items():
        say(f"{role:9} {address}")
    if as_json:
        click.echo(json.dumps({"outcomes": outcomes, "chain": links, "verified": verified, "reconciled": even,
                               "links": addresses}, ensure_ascii=False, indent=2))  # fmt: skip
    return even and verified and settled


def send(origin: str, clients: dict[str, tuple[str, str]], subjects: dict[str, dict[str, str]], sample: list[rides.Ride],
         folder: Path) -> dict[str, dict[str, int]]:  # fmt: skip
    """Every partner sends its events; the original dates of the rides are kept beside the data."""
    now = datetime.now(UTC)
    shift = rides.shift_to(now - timedelta(hours=1), sample)
    with (folder / "rides-original-dates.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["event_id", "original_start", "shifted_start"])
        table.writerows(
            [r.event_id, rides.moment(r.start, timedelta(0)), rides.moment(r.start, shift)] for r in sample
        )
    bikes = list(subjects["sample-bikes"])
    sources = {
        "sample-bikes": rides.events(sample, shift, "sample-bikes", subjects["sample-bikes"]),
        "sample-meetings": madeup.meetings(
            now.date(), "sample-meetings", [subjects["sample-meetings"][b] for b in bikes], MEETINGS
        ),
        "sample-power": madeup.bills(now.date(), "sample-power", [subjects["sample-power"][b] for b in bikes[:60]]),
    }  # fmt: skip
    outcomes: dict[str, dict[str, int]] = {}
    for code, events in sources.items():
        client = Client(origin, code, Key(*clients[code]), most_events=BATCH)
        outcomes[code] = dict(client.deliver(events, folder / f"{code}.refused.jsonl").outcomes)
    return outcomes


def wait_for_log() -> bool:
    """Until every leaf has its index; a receipt is pending before."""
    from abate.platform.log import queries as log  # lazy: needs Django set up

    end = time.monotonic() + SEQUENCED_WITHIN_SECONDS
    while log.waiting() and time.monotonic() < end:
        time.sleep(0.1)
    return log.waiting() == 0


def verify(folder: Path) -> bool:
    """The outside verifier, as its own process, on the receipt just written."""
    from abate.platform.log import queries as log  # lazy: needs Django set up

    key = folder / "log-key.txt"
    key.write_text(log.public_key() + "\n")
    checked = subprocess.run([sys.executable, "-m", "abate", "verify", str(folder / "receipt.json"), "--key", str(key)],
                             capture_output=True, check=False)  # fmt: skip
    return checked.returncode == 0


def reconcile() -> tuple[bool, list[str]]:
    from abate.platform.ledger import queries as ledger  # lazy: needs Django set up

    lines, even = [], True
    for asset, sums in ledger.sums().items():
        even = even and sums.even
        others = ", ".join(f"{name} {amount:,}" for name, amount in sums.accounts.items())
        lines.append(f"{asset}: accounts {sums.people:,} = entries {sums.entries:,}; other side: {others}")
    return even, lines
