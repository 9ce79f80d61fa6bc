"""`abate verify`: check a receipt, a statement, a log or a proof between two heads, offline. Needs the pure packages only, no
Django and no database.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from abate.bookkeeping import checkpoint, consistency, cosignature, sm2, statement
from abate.bookkeeping.checkpoint import Key, NoteError
from abate.bookkeeping.openings import FILE as OPENINGS
from abate.bookkeeping.openings import lines_of
from abate.bookkeeping.sm2 import Sm2Key
from abate.bookkeeping.statement import MAX_BYTES
from abate.bookkeeping.verify import Quorum, Status, Verdict, verify_receipt
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli import plain_file

_MARKS = {Status.PASSED: "pass", Status.FAILED: "FAIL", Status.NOT_CHECKED: "-"}
MAX_FILE = 16 * 1024 * 1024
"""Bytes: far above any tile or bundle. A log's folder may come from anybody."""


@click.command()
@click.argument("subject", metavar="FILE-OR-LOG", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the log's verifier key (name+hash+base64), from a place you trust.",
)
@click.option(
    "--sm2-key",
    "sm2_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the log's SM2 verifier key: its signature must stand under the head too.",
)
@click.option(
    "--operator-pack",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the operator's own figures, where a receipt rests on them.",
)
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint of this log kept from earlier: the log must go on from it.",
)
@click.option(
    "--anchors",
    "anchor_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Roots of this log kept elsewhere, a line each: it must have gone through all of them.",
)
@click.option(
    "--witnesses",
    "witness_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with verifier keys of witnesses that you trust, one a line.",
)
@click.option(
    "--needed", type=click.IntRange(min=1), help="How many of them must have cosigned; all where left out."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def command(
    subject: Path,
    key_file: Path | None,
    sm2_file: Path | None,
    operator_pack: Path | None,
    since: Path | None,
    anchor_file: Path | None,
    witness_file: Path | None,
    needed: int | None,
    as_json: bool,
) -> None:
    """Check FILE-OR-LOG, a receipt, a person's statement or the folder of a log, and name the first thing that is wrong.

    Of a statement (JSON) every receipt and every figure is checked; what differs is named with its row.
    In a log's folder with bundles and openings.jsonl every issued figure is computed again from its record.
    A proof between two heads of a log (`abate log prove`) is checked too.

    What passed and what could not be looked at is told by name at the end, with --json in `proved` and `not_proved`.
    Exit codes: 0 nothing is wrong, 1 something is (or no key was given), 2 wrong usage.
    """
    key_file = key_file or _own_key()
    try:
        key = _read_key(key_file) if key_file else None
    except NoteError as fault:
        raise click.BadParameter(f"{key_file}: {fault}", param_hint="--key") from None
    if operator_pack is not None:
        plain_file.look(operator_pack, MAX_FILE, "--operator-pack")
    trusted = _Trusted(key, _quorum(witness_file, needed), _sm2_key(sm2_file) if sm2_file else None)
    if subject.is_dir():
        verdict = _log(subject, trusted, operator_pack, since, anchor_file)
    else:
        verdict = _document(plain_file.read(subject, MAX_BYTES, "FILE-OR-LOG"), trusted, operator_pack)
    _show(verdict, as_json)
    sys.exit(0 if verdict.ok else 1)


@dataclass(frozen=True, slots=True)
class _Trusted:
    """What the caller trusts, and how much of it must have signed."""

    key: Key | None
    quorum: Quorum | None
    sm2_key: Sm2Key | None


def _sm2_key(file: Path) -> Sm2Key:
    try:
        return sm2.read_key(plain_file.text(file, MAX_FILE, "--sm2-key"))
    except NoteError as fault:
        raise click.BadParameter(f"{file}: {fault}", param_hint="--sm2-key") from None


def _quorum(file: Path | None, needed: int | None) -> Quorum | None:
    if file is None:
        if needed is not None:
            raise click.UsageError("--needed counts the witnesses of --witnesses FILE")
        return None
    lines = plain_file.text(file, MAX_FILE, "--witnesses").splitlines()
    try:
        found = tuple(dict.fromkeys(cosignature.read_witness(line) for line in lines if line.strip()))
    except NoteError as fault:
        raise click.BadParameter(f"{file}: {fault}", param_hint="--witnesses") from None
    if not found or (needed or 1) > len(found):
        raise click.BadParameter(f"{file} names {len(found)} witnesses", param_hint="--witnesses")
    return Quorum(found, needed or len(found))


def _log(
    folder: Path, trusted: _Trusted, operator_pack: Path | None, since: Path | None, anchor_file: Path | None
) -> Verdict:
    from abate.bookkeeping.recompute_all import RecomputingAll  # lazy: DuckDB and all methodologies
    from abate.bookkeeping.verify_log import verify_log  # lazy: as above

    kept = plain_file.text(since, MAX_FILE, "--since") if since else None
    fetch, opened = partial(_file, folder), folder / OPENINGS
    anchors = (
        plain_file.read(anchor_file, MAX_BYTES, "--anchors").splitlines(keepends=True)
        if anchor_file
        else None
    )
    every = {"since": kept, "quorum": trusted.quorum, "sm2_key": trusted.sm2_key, "anchors": anchors}
    if not opened.exists():
        return verify_log(fetch, trusted.key, **every)
    plain_file.look(opened, sys.maxsize, "FILE-OR-LOG")
    # A byte that is no UTF-8 becomes another sign, and what it opens no longer fits its leaf.
    with opened.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        again = RecomputingAll(operator_pack)
        return verify_log(fetch, trusted.key, openings=lines_of(lines), recompute=again, **every)


def _document(text: bytes, trusted: _Trusted, operator_pack: Path | None) -> Verdict:
    """A receipt, a statement, or a proof between two heads: its member `format` tells."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and told.get("format") == consistency.FORMAT:
        return consistency.verify_consistency(text, trusted.key, trusted.sm2_key)
    from abate.bookkeeping.recompute import Recomputing  # lazy: a log's hashes need no methodologies

    again = Recomputing(operator_pack)
    if isinstance(told, dict) and told.get("format") in statement.FORMATS:
        return verify_statement(text, trusted.key, again, trusted.quorum, trusted.sm2_key)
    return verify_receipt(text, trusted.key, again, trusted.quorum, trusted.sm2_key)


def _read_key(file: Path) -> Key:
    return checkpoint.read_key(plain_file.text(file, MAX_FILE, "--key"))


def _own_key() -> Path | None:
    """The key that an installation on this machine wrote beside its data: whoever runs a log may trust its
    key.
    """
    file = Path(os.environ.get("ABATE_DATA_DIR", ".abate")) / "log.key"
    if not file.is_file():
        return None
    click.echo(f"Using the key of this machine's own installation: {file}", err=True)
    return file


def _file(folder: Path, path: str) -> bytes | None:
    file = folder / path
    return file.read_bytes() if file.is_file() and file.stat().st_size <= MAX_FILE else None


def _plain(detail: str) -> str:
    """What a document says, on one line: what cannot be printed is escaped, so that it cannot pass for a check."""
    return "".join(one if one.isprintable() or one == "\u3000" else ascii(one)[1:-1] for one in detail)


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(verdict.document(), ensure_ascii=False, indent=2))
        return
    for check in verdict.checks:
        click.echo(f"{_MARKS[check.status]:5} {check.name:11} {_plain(check.detail)}")
    failed = verdict.first_failure
    if failed:
        click.echo(f"Refused: {failed.name}: {_plain(failed.detail)}")
    else:
        # It claims no more than what was looked at, also to who reads no other line.
        left = f" Not proved 未证明 (-): {', '.join(verdict.not_proved)}." if verdict.not_proved else ""
        click.echo(f"Verified 已核对: {', '.join(verdict.proved)}.{left}")
