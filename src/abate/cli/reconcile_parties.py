"""`abate reconcile partner|breaks|assign|resolve`: a party's file against the books, and what does not agree."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.platform.doors.errors import Problem, SetupError

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
_FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def _run(data_dir: Path, work: Callable[[], Any]) -> Any:
    """`work` with Django started as the application's own role; a refusal is told and ends with 1."""
    from abate.platform.config import setup  # lazy: `--help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        setup.become_application()
        return work()
    except SetupError as fault:
        click.echo(str(fault), err=True)
    except Problem as problem:
        detail = f" ({problem.detail})" if problem.detail else ""
        click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)


def _decider() -> str:
    """The account that is signed in here and may decide about breaks. Raises NotSignedIn, NoRight (decision 43)."""
    from abate.cli.deciding import entitled  # lazy: Django has started by now

    return str(entitled("change", "breaks").handle)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--party", "code", required=True, help="Code of the partner or acceptor whose file this is.")
@click.option(
    "--day", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day it is about."
)
@click.option(
    "--side", type=click.Choice(["events", "codes"]), help="Left out: codes of an acceptor, else events."
)
@_as_json
@_data_dir
def partner(file: Path, code: str, day: datetime, side: str | None, as_json: bool, data_dir: Path) -> None:
    """Hold FILE (.csv in UTF-8 or GB18030, .jsonl) against what is booked for a day.

    Events: columns event, and if wanted outcome, er_mg, credits, which are then compared. Codes: column code, one for
    each that was burnt. With columns party and day a row of another one refuses the file. A file counts whole:
    duplicates, foreign or unreadable rows are named by line, and nothing is changed.

    Exit 0: all agrees; 1: breaks are open, or the file is refused.
    """
    form = _FORMS.get(file.suffix.lower())
    if form is None:
        raise click.BadParameter(f"{file.name} is no .csv, .jsonl or .ndjson", param_hint="FILE")

    def work() -> dict[str, Any]:
        from abate.platform.parties import queries as parties  # lazy: models exist once Django has started
        from abate.platform.reconciliation import actions  # lazy: as above

        found = actions.compare(
            parties.party(code), day.date(), file.read_bytes(), form, via="file", side=side or ""
        )
        names = ("rows", "matched", "missing_here", "missing_there", "different")
        return {name: getattr(found.file, name) for name in names} | {"open": found.open}

    told = _run(data_dir, work)
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo("  ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in told.items()))
        if told["open"]:
            click.echo(f"See them: abate reconcile breaks --party {code} --day {day:%Y-%m-%d}")
    sys.exit(1 if told["open"] else 0)


@click.command()
@click.option("--party", "code", help="Of this partner or acceptor only.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Of this day only.")
@click.option("--all", "closed", is_flag=True, help="Closed ones too.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@_as_json
@_data_dir
def breaks(
    code: str | None, day: datetime | None, closed: bool, limit: int, as_json: bool, data_dir: Path
) -> None:
    """List breaks, the oldest first: age, owner, state, and what each side holds."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.parties import queries as parties  # lazy: models exist once Django has started
        from abate.platform.reconciliation import queries  # lazy: as above
        from abate.platform.web.reconciliation import show  # lazy: as above

        number = parties.party(code).pk if code else None
        found = queries.breaks(number, day.date() if day else None, closed=closed, limit=limit)
        codes = parties.codes()
        return [{"party": codes.get(one.party_id), **show(one)} for one in found]

    found = _run(data_dir, work)
    if as_json:
        click.echo(json.dumps(found, default=str, ensure_ascii=False))
        return
    for one in found:
        held = "  ".join(
            f"{side} {json.dumps(one[side], ensure_ascii=False)}" for side in ("ours", "theirs") if one[side]
        )
        click.echo(
            f"{one['id']:>6}  {one['party']}  {one['day']}  {one['kind']:<13} {one['item']}  {one['age_days']} days"
            f"  {one['state']}  owner {one['owner']}  {held}"
        )
    click.echo(f"{len(found)} shown")


@click.command()
@click.argument("number", type=int)
@click.option("--owner", required=True, help="Who must act.")
@_data_dir
def assign(number: int, owner: str, data_dir: Path) -> None:
    """Say who must act on break NUMBER."""

    def work() -> None:
        from abate.platform.reconciliation import actions  # lazy: models exist once Django has started

        actions.assign(number, owner, _decider())

    _run(data_dir, work)
    click.echo(f"Break {number}: {owner} must act.")


@click.command()
@click.argument("number", type=int)
@click.option("--as", "resolution", required=True, help="resent, reversed, corrected_there or accepted.")
@click.option("--note", required=True, help="How it came about, and what was done.")
@_data_dir
def resolve(number: int, resolution: str, note: str, data_dir: Path) -> None:
    """Close break NUMBER by a decision; the next file opens it again if it still differs, unless accepted."""

    def work() -> None:
        from abate.platform.reconciliation import actions  # lazy: models exist once Django has started

        actions.resolve(number, resolution, note, _decider())

    _run(data_dir, work)
    click.echo(f"Break {number} is closed: {resolution}.")


COMMANDS = (partner, breaks, assign, resolve)
