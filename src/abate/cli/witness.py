"""`abate witness`: be a witness for other organisations' logs. Files only: no database, no platform."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from abate.bookkeeping import checkpoint, cosignature, witness
from abate.bookkeeping.checkpoint import Key, NoteError
from abate.bookkeeping.witness import Cosigned, Refused
from abate.cli import garbage

PREFIX = "/witness"
PATIENCE = 15.0
"""Seconds that a caller may take to send a line or a body."""


class Damaged(Exception):
    """State that cannot be read. Never taken for "nothing seen yet": that would let a log go back."""


@dataclass(frozen=True, slots=True)
class Store:
    """A witness's folder: `witness.key` (secret), `witness.pub`, `logs/*.pub`, `state/`, `evidence.jsonl`."""

    folder: Path

    def make(self, name: str) -> str:
        """A new key; returns the public half as text."""
        seed = secrets.token_bytes(32)
        made = str(cosignature.witness_of(name, seed))
        for part in ("logs", "state"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        secret = self.folder / "witness.key"
        descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps({"name": name, "seed": base64.b64encode(seed).decode()}) + "\n")
        (self.folder / "witness.pub").write_text(f"{made}\n", encoding="utf-8")
        return made

    def identity(self) -> tuple[str, bytes]:
        try:
            told = json.loads((self.folder / "witness.key").read_text(encoding="utf-8"))
            seed = base64.b64decode(told["seed"], validate=True)
            cosignature.witness_of(told["name"], seed)
        except (OSError, ValueError, KeyError, TypeError, NoteError) as fault:
            raise click.ClickException(
                f"{self.folder} holds no witness: {fault}\n  Make one: abate witness init {self.folder} --name NAME"
            ) from None
        return told["name"], seed

    def logs(self) -> Mapping[str, Key]:
        """The logs this witness knows, by origin."""
        found = {}
        for file in sorted((self.folder / "logs").glob("*.pub")):
            try:
                key = checkpoint.read_key(file.read_text(encoding="utf-8"))
            except NoteError as fault:
                raise click.ClickException(f"{file} is not a log's verifier key: {fault}") from None
            found[key.name] = key
        return found

    @contextmanager
    def locked(self, origin: str) -> Iterator[Path]:
        """The state file of one log, for this caller alone, in whatever process or thread the others are."""
        name = hashlib.sha256(origin.encode()).hexdigest()
        with (self.folder / "state" / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.folder / "state" / f"{name}.json"

    def add_checkpoint(self, body: bytes, logs: Mapping[str, Key], name: str, seed: bytes) -> str:
        """The signature line for a request. Raises Refused, Damaged; then nothing was stored."""
        request = witness.read_request(body)
        witness.key_for(request, logs)
        with self.locked(request.head.origin) as state:
            last = _read(state)
            try:
                now = witness.judge(request, last)
            except Refused as refused:
                self._keep(request.note, refused)
                raise
            _write(state, now, request.note)
        text = checkpoint.read_note(request.note).text
        return cosignature.cosign(text, name, seed, int(time.time()))

    def _keep(self, note: str, refused: Refused) -> None:
        """A signed head that contradicts what was seen is proof against its log."""
        if refused.status == 422 or "two different roots" in refused.why:
            with (self.folder / "evidence.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": int(time.time()), "why": refused.why, "note": note}) + "\n")


def _read(state: Path) -> Cosigned | None:
    try:
        told = json.loads(state.read_text(encoding="utf-8"))
        return Cosigned(int(told["size"]), bytes.fromhex(told["root"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise Damaged(f"{state}: {fault}") from None


def _write(state: Path, now: Cosigned, note: str) -> None:
    """On disk, whole, before anything is signed."""
    part = state.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"size": now.size, "root": now.root.hex(), "note": note}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(state)
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _handler(store: Store) -> type[BaseHTTPRequestHandler]:
    name, seed = store.identity()
    logs = store.logs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "abate-witness", ""
        timeout = PATIENCE

        def do_POST(self) -> None:
            try:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or len(length) > 9 or int(length) > witness.MAX_BODY:
                    self.close_connection = True
                    raise Refused(
                        400, f"a body of a stated length, at most {witness.MAX_BODY} bytes, is asked for"
                    )
                body = self._body(int(length))
                if self.path != f"{PREFIX}/add-checkpoint":
                    raise Refused(404, f"requests go to {PREFIX}/add-checkpoint")
                line = store.add_checkpoint(body, logs, name, seed)
            except Refused as refused:
                self._answer(refused.status, refused.body, refused.kind)
            except (Damaged, OSError) as fault:
                click.echo(f"the state cannot be used: {fault}", err=True)
                self._answer(500, "the state of this witness cannot be used; nothing was signed\n")
            else:
                self._answer(200, line)

        def _body(self, length: int) -> bytes:
            """Raises Refused where it does not come: that is the caller's fault, and no state was touched."""
            try:
                return self.rfile.read(length)
            except OSError:
                self.close_connection = True
                raise Refused(400, f"the body did not come within {PATIENCE:g} seconds") from None

        def do_GET(self) -> None:
            self._answer(405, f"POST a checkpoint to {PREFIX}/add-checkpoint\n")

        def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are no news; faults are printed above."""

    return Handler


@click.group()
def command() -> None:
    """Be a witness for logs of other organisations: see each only grow, and cosign its heads."""


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="The witness's name, such as witness.example.org/w1.")
def init(folder: Path, name: str) -> None:
    """Make a witness in DIR: a key of its own, no log known yet."""
    try:
        click.echo(Store(folder).make(name))
    except FileExistsError:
        raise click.ClickException(f"{folder} has a witness's key already; it is not written over") from None
    except NoteError as fault:
        raise click.BadParameter(str(fault), param_hint="--name") from None


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("key_file", metavar="KEY", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def trust(folder: Path, key_file: Path) -> None:
    """Let the witness in DIR cosign the log whose verifier key is in the file KEY. Restart it after this."""
    try:
        key = checkpoint.read_key(key_file.read_text(encoding="utf-8", errors="replace"))
    except NoteError as fault:
        raise click.BadParameter(f"{key_file}: {fault}", param_hint="KEY") from None
    known = Store(folder).logs().get(key.name)
    if known is not None and known != key:
        raise click.ClickException(
            f"{key.name} is known with another key: a log does not change its key unnoticed"
        )
    file = folder / "logs" / f"{hashlib.sha256(key.name.encode()).hexdigest()[:16]}.pub"
    file.write_text(f"{key}\n", encoding="utf-8")
    click.echo(f"Knows {key.name}.")


class _Server(ThreadingHTTPServer):
    # Many that come at once wait for their turn: the library's five would have the others' connections reset.
    request_queue_size = 128


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bind", default="127.0.0.1:8095", show_default=True, help="host:port")
@click.option("--json", "as_json", is_flag=True, help="Print where it serves as one line of JSON on stdout.")
def serve(folder: Path, bind: str, as_json: bool) -> None:
    """Run the witness in DIR: POST /witness/add-checkpoint, by C2SP tlog-witness."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{bind!r} is not host:port", param_hint="--bind")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = _Server((host, int(port)), _handler(Store(folder)))
    address = f"http://{host}:{server.server_port}{PREFIX}"
    if as_json:
        click.echo(json.dumps({"address": address, "pid": os.getpid()}))
        sys.stdout.flush()
    click.echo(f"Witness at {address} (Ctrl-C stops it)", err=True)
    garbage.as_usual()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
