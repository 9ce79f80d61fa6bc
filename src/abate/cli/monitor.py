"""`abate monitor`: watch a log from outside and keep every head it showed."""

from __future__ import annotations

import io
import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import click

from abate.bookkeeping import checkpoint, monitor
from abate.bookkeeping.checkpoint import Key, NoteError
from abate.bookkeeping.log_files import Fetch
from abate.bookkeeping.monitor import Finding, Head, Seen
from abate.cli import plain_file

MAX_FILE = 16 * 1024 * 1024
"""Bytes of one answer: far above any tile."""
MAX_STATE, MAX_LINE = 1024**3, 4 * 1024**2
"""Bytes of a state file, years of heads, and of one line of it: a finding with three heads, every sign of them escaped."""
TIMEOUT = 20.0
"""Seconds without a byte after which the log counts as out of reach."""
LONGEST = 120.0
"""Seconds for one file in all, redirections too: a log that sends a byte now and then must not hold its monitor."""


class Unreachable(Exception):
    """The log could not be asked: no finding about it, and no clean bill either."""


class State:
    """What this monitor saw, as JSON Lines that are only added to: one line for each head and each finding,
    and one wherever a human settled what was found.

    A line that was cut off by a crash is the last one and holds nothing yet: it is taken away.
    """

    def __init__(self, file: Path, key: Key) -> None:
        self.file, self.seen = file, Seen()
        for number, line in enumerate(self._lines(), 1):
            try:
                if len(line) > MAX_LINE:
                    raise ValueError(f"it is longer than {MAX_LINE} bytes")
                told = json.loads(line)
                note = told.get("head")
                if note is not None:
                    head = checkpoint.open_checkpoint(note, key)
                    self.seen.heads.append(Head(head.size, head.root, note))
                elif "finding" in told:
                    notes = tuple(told["notes"])
                    tile = int(told["tile"]) if "tile" in told else None
                    found = Finding(told["finding"], told["text"], notes, tile)
                    self.seen.remember([found], key)
                elif "settled" in told:
                    self.seen.settle()
            except (ValueError, AttributeError, TypeError, KeyError) as fault:
                raise click.BadParameter(
                    f"{file}, line {number} is not what a monitor of {key.name} wrote: {fault}. "
                    "It is evidence: keep it, and start another file.",
                    param_hint="--state",
                ) from None

    def _lines(self) -> Iterator[bytes]:
        """Every whole line, of a plain file alone, no further than one byte above the longest that is read; a last one that is
        not whole is taken away.
        """
        if not os.path.lexists(self.file):
            return
        whole = 0
        with plain_file.look(self.file, MAX_STATE, "--state").open("rb") as state:
            while line := state.readline(MAX_LINE + 1):
                if not line.endswith(b"\n") and len(line) <= MAX_LINE:
                    os.truncate(self.file, whole)
                    return
                whole += len(line)
                yield line

    def settle(self, why: str) -> None:
        """Raises BadParameter where there is nothing to settle, or no word of why."""
        if not why.strip():
            raise click.BadParameter("say what came of it", param_hint="--settle")
        if not (self.seen.forks or self.seen.doubted):
            raise click.BadParameter("no fork and no head is in doubt", param_hint="--settle")
        self.add({"settled": why.strip()})
        self.seen.settle()

    def add(self, document: dict[str, object]) -> None:
        """On disk before anything is said about it."""
        line = json.dumps(
            {"at": datetime.now(UTC).isoformat(timespec="seconds"), **document}, ensure_ascii=False
        )
        with self.file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


@click.command()
@click.argument("log", metavar="URL|DIR")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the log's verifier key, from a place you trust.",
)
@click.option(
    "--state",
    "state_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps every head seen; keep it where the log's operator cannot reach it.",
)
@click.option(
    "--every", type=click.FloatRange(min=0.1), help="Look again every so many seconds, until stopped."
)
@click.option(
    "--all", "everything", is_flag=True, help="Read every tile again, not only a part of the older ones."
)
@click.option(
    "--settle",
    "why",
    metavar="TEXT",
    help="Write down, before looking, what came of the fork or the heads in doubt: they are told no more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each look as a line of JSON.")
def command(
    log: str,
    key_file: Path,
    state_file: Path,
    every: float | None,
    everything: bool,
    why: str | None,
    as_json: bool,
) -> None:
    """Watch the log at URL|DIR (the place of its `checkpoint`): name a fork, a rollback, a changed tile.

    A fork is told at every look, whatever is shown later, until somebody settles it. A log that goes on along another
    history than the one kept is a fork again: watch that one with a new state file, and keep the old one as evidence.

    Exit codes: 0 it only grew, 1 something is wrong or it cannot be reached, 2 wrong usage.
    """
    try:
        key = checkpoint.read_key(plain_file.text(key_file, MAX_FILE, "--key"))
    except NoteError as fault:
        raise click.BadParameter(f"{key_file}: {fault}", param_hint="--key") from None
    state, fetch = State(state_file, key), fetch_from(log)
    if why is not None:
        state.settle(why)
    while True:
        ok = _look(state, fetch, key, everything, as_json)
        if every is None:
            sys.exit(0 if ok else 1)
        time.sleep(every)


def _look(state: State, fetch: Fetch, key: Key, everything: bool, as_json: bool) -> bool:
    audited = sys.maxsize if everything else monitor.AUDITED
    try:
        head, findings = monitor.look(state.seen, fetch, key, secrets.randbelow(2**31), audited)
    except Unreachable as fault:
        click.echo(f"Not reached: {fault}", err=True)
        if as_json:
            click.echo(json.dumps({"reached": False, "findings": []}))
        return False
    new = [one for one in findings if not state.seen.knows(one, key)]
    standing = [*state.seen.forks, *(one for one in findings if one.code != "fork" and one not in new)]
    for finding in new:
        place = {} if finding.tile is None else {"tile": finding.tile}
        state.add({"finding": finding.code, "text": finding.text, "notes": list(finding.notes), **place})
    state.seen.remember(new, key)
    if head is not None:
        state.add({"head": head.note})
        state.seen.heads.append(head)
    _show(state.seen, [*standing, *new], as_json)
    return not (standing or new)


def _show(seen: Seen, findings: list[Finding], as_json: bool) -> None:
    size = seen.newest.size if seen.newest else None
    if as_json:
        told = [{"code": one.code, "text": one.text, "notes": list(one.notes)} for one in findings]
        click.echo(json.dumps({"reached": True, "size": size, "heads": len(seen.heads), "findings": told}))
        return
    for one in findings:
        click.echo(f"{one.code.upper()}: {one.text}")
    if findings:
        click.echo("The signed heads that prove it are in the state file; show them to others.")
        if seen.forks:
            click.echo(
                "The fork is told until you have looked into it and say what came of it: --settle TEXT"
            )
    else:
        click.echo(f"{size} entries, {len(seen.heads)} heads kept, each goes on from the one before.")


def fetch_from(log: str, longest: float = LONGEST) -> Fetch:
    """Reads a log's files from a folder or over HTTP, each in `longest` seconds. A file that is not there is None; no
    answer is Unreachable.
    """
    if "://" not in log:
        folder = Path(log)
        if not folder.is_dir():
            raise click.BadParameter(
                f"{log} is neither a folder nor an http(s) address", param_hint="URL|DIR"
            )
        return lambda path: _read_file(folder / path)
    if not log.startswith(("http://", "https://")):
        raise click.BadParameter(f"{log} is not an http(s) address", param_hint="URL|DIR")
    prefix = log.rstrip("/")
    return lambda path: _read_address(f"{prefix}/{path}", longest)


def _read_file(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() and file.stat().st_size <= MAX_FILE else None


def _read_address(address: str, longest: float) -> bytes | None:
    end = time.monotonic() + longest
    opener = urllib.request.build_opener(_Plain(end), _Secure(end))
    try:
        with opener.open(address, timeout=min(TIMEOUT, longest)) as answer:
            return _whole(answer, address)
    except urllib.error.HTTPError as fault:
        if fault.code in (404, 410):
            return None
        raise Unreachable(f"{address} answered {fault.code}") from None
    except (OSError, ValueError, HTTPException) as fault:
        raise Unreachable(f"{address}: {fault!r}") from None


def _whole(answer: HTTPResponse, address: str) -> bytes:
    """All that was promised: half a file is nobody's word, and proves nothing against its log. Raises Unreachable."""
    parts, size = [], 0
    while part := answer.read1(MAX_FILE + 1 - size):
        parts.append(part)
        size += len(part)
        if size > MAX_FILE:
            raise Unreachable(f"{address} is larger than any file of a log")
    if answer.length:
        raise Unreachable(f"{address}: the answer was cut off, {answer.length} bytes before its end")
    return b"".join(parts)


class _Until(io.RawIOBase):
    """What a socket receives, until `end`. Its own timeout begins anew with every byte: one now and then, in the status
    line, the headers or the body, would hold us as long as the log likes.
    """

    def __init__(self, raw: io.RawIOBase, line: socket.socket, end: float) -> None:
        self._raw, self._line, self._end = raw, line, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("not answered in time")
        self._line.settimeout(min(TIMEOUT, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is whole by `end`."""

    def __init__(self, end: float, line: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(line, *given, **named)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), line, end))


class _Plain(urllib.request.HTTPHandler):
    """Opens http addresses for answers that are whole by `end`."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self._end = end

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPConnection, self._end), req)


class _Secure(urllib.request.HTTPSHandler):
    """As _Plain, https addresses; the handshake has a deadline of its own."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self._end = end

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPSConnection, self._end), req)


def _connection(kind: type[HTTPConnection], end: float, host: str, **given: Any) -> HTTPConnection:
    made = kind(host, **given)
    made.response_class = partial(_Answer, end)  # type: ignore[assignment]
    return made
