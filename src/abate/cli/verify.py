"""`abate verify`: check a receipt or a log, offline. Needs the pure packages only, no Django and no
database.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from abate.bookkeeping import checkpoint
from abate.bookkeeping.checkpoint import Key, NoteError
from abate.bookkeeping.receipt import MAX_BYTES
from abate.bookkeeping.verify import Status, Verdict, verify_receipt
from abate.bookkeeping.verify_log import verify_log

_MARKS = {Status.PASSED: "pass", Status.FAILED: "FAIL", Status.NOT_CHECKED: "-"}
MAX_FILE = 16 * 1024 * 1024
"""Bytes: far above any tile or bundle. A log's folder may come from anybody."""


@click.command()
@click.argument("subject", metavar="LOG-OR-RECEIPT", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the log's verifier key (name+hash+base64), from a place you trust.",
)
@click.option(
    "--operator-pack",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the operator's own figures, where a receipt rests on them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def command(subject: Path, key_file: Path | None, operator_pack: Path | None, as_json: bool) -> None:
    """Check LOG-OR-RECEIPT, a receipt file or the folder of a log, and name the first thing that is wrong.

    Exit codes: 0 nothing is wrong, 1 something is (or no key was given), 2 wrong usage.
    """
    key_file = key_file or _own_key()
    try:
        key = _read_key(key_file) if key_file else None
    except NoteError as fault:
        raise click.BadParameter(f"{key_file}: {fault}", param_hint="--key") from None
    if subject.is_dir():
        verdict = verify_log(lambda path: _file(subject, path), key)
    else:
        if subject.stat().st_size > MAX_BYTES:
            raise click.BadParameter(f"{subject} is larger than any receipt ({MAX_BYTES} bytes)")
        from abate.bookkeeping.recompute import Recomputing  # lazy: a log's hashes need no methodologies

        verdict = verify_receipt(subject.read_bytes(), key, Recomputing(operator_pack))
    _show(verdict, as_json)
    sys.exit(0 if verdict.ok else 1)


def _read_key(file: Path) -> Key:
    return checkpoint.read_key(file.read_text(encoding="utf-8", errors="replace"))


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


def _show(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(verdict.document(), ensure_ascii=False, indent=2))
        return
    for check in verdict.checks:
        click.echo(f"{_MARKS[check.status]:5} {check.name:11} {check.detail}")
    failed = verdict.first_failure
    open_ends = sum(check.status is Status.NOT_CHECKED for check in verdict.checks)
    if failed:
        click.echo(f"Refused: {failed.name}: {failed.detail}")
    else:
        click.echo(f"Verified, with {open_ends} checks left open (marked -)." if open_ends else "Verified.")
