"""`abate revalue`: past quantities under the present figures: the effect first, then the correction of the books."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli import deciding
from abate.platform.doors.errors import Problem, SetupError

_DAY = click.DateTime(["%Y-%m-%d"])
_REASON = (
    "计量方法或因子已更换，按现行依据重新计算",
    "a figure or the methodology was replaced; computed again by the present one",
)
_LEFT = {
    "erased": "of erased people",
    "taken_back": "taken back before",
    "quarantined": "waiting for a decision",
    "quarantine_decided": "not counted after quarantine",
    "same_act": "of which another record of the same act counts",
    "anomaly": "about which a case was confirmed",
    "dropped": "whose record has had its time and was deleted",
    "ended": "of a source of public data whose days of retention are over",
    "other_record": "whose record the present version does not read as it was sent",
}


@click.command()
@click.option("--behaviour", required=True, metavar="ID", help="The methodology whose quantities are meant.")
@click.option("--from", "first", required=True, type=_DAY, metavar="DATE", help="First day of the acts.")
@click.option("--to", "last", required=True, type=_DAY, metavar="DATE", help="Last day of the acts.")
@click.option("--book", metavar="DIGEST", help="Book what was shown under this digest, or go on with it.")
@click.option(
    "--reason-zh", default=_REASON[0], show_default=True, help="Told to people; goes into the entries."
)
@click.option("--reason-en", default=_REASON[1], show_default=True, help="The same in English.")
@click.option(
    "--propose", "proposed", metavar="DIGEST", help="Propose to book what was shown under this digest."
)
@click.option("--why", default="", help="Why, for the people who check and approve; needed with --propose.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
def command(
    behaviour: str,
    first: datetime,
    last: datetime,
    book: str | None,
    reason_zh: str,
    reason_en: str,
    proposed: str | None,
    why: str,
    as_json: bool,
    data_dir: Path,
) -> None:
    """Compute stored quantities again under the present setting and figures, and show what that changes.

    Nothing is booked without --book, which takes the digest that was shown, books exactly that, and refuses where three
    people did not decide so (--propose, then `abate proposals`) or the state changed since.
    Every changed event gets a reversal of its award and a new entry; what was spent already becomes a debt that later
    earnings settle first. Cut off, it is completed by the same command.
    """
    if last < first:
        raise click.UsageError("--to lies before --from")
    if not all(re.fullmatch("[0-9a-f]{64}", one) for one in (book, proposed) if one is not None):
        raise click.UsageError(
            "--book and --propose take the 64 hexadecimal digits that the effect was shown with"
        )
    if proposed is not None:
        given = {
            "behaviour": behaviour,
            "from_day": first.date().isoformat(),
            "to_day": last.date().isoformat(),
            "digest": proposed,
            "reason_zh": reason_zh,
            "reason_en": reason_en,
        }
        deciding.run(data_dir, lambda: deciding.propose("revalue.book", given, why))
        return
    from abate.platform.config import setup  # lazy: `abate revalue --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
        found = run(behaviour, first, last, book)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        detail = f" ({problem.detail})" if problem.detail else ""
        click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print(found, booked=book is not None)


def run(behaviour: str, first: datetime, last: datetime, book: str | None) -> dict[str, Any]:
    """The effect as JSON has it; `header` is what the digest covers beside the changes."""
    from dataclasses import asdict  # lazy with the rest

    from abate.platform import revaluing  # lazy: needs Django set up
    from abate.platform.carbon.basis import catalogue  # lazy: as above
    from abate.platform.carbon.revaluing import Asked  # lazy: as above

    if behaviour not in catalogue().methods:
        raise click.UsageError(f"there is no methodology {behaviour!r}")
    asked = Asked(behaviour, first.date(), last.date())
    found = asdict(revaluing.book(asked, book) if book else revaluing.propose(asked))
    return found | {"header": json.loads(found["header"])}


def _print(found: dict[str, Any], *, booked: bool) -> None:
    header, verb = found["header"], "booked" if booked else "would change"
    click.echo(f"{header['behaviour']}, {header['from']} to {header['to']}: {found['events']:,} events read")
    click.echo(f"{verb}: {found['changed']:,} events ({found['up']:,} up, {found['down']:,} down)")
    if found["booked_before"]:
        click.echo(f"booked by an earlier call: {found['booked_before']:,} events")
    for change, number in sorted(found["outcomes"].items()):
        click.echo(f"  {change}: {number:,}")
    gain = found["mg_after"] - found["mg_before"]
    click.echo(f"mg CO2e of these events: {found['mg_before']:,} -> {found['mg_after']:,} ({gain:+,})")
    gain = found["credits_after"] - found["credits_before"]
    click.echo(
        f"credits of {found['people']:,} people: {found['credits_before']:,} -> {found['credits_after']:,} ({gain:+,})"
    )
    click.echo(f"debts: {found['debtors']:+,} people, {found['owed']:+,} credits owed")
    if found["closed_days"]:
        click.echo(
            f"{found['closed_days']:,} closed days touched: the entries carry the first open day and the act's"
        )
    for why, number in sorted(found["left_alone"].items()):
        click.echo(f"left alone: {number:,} events {_LEFT[why]}")
    if found["retired"]:
        click.echo(f"left alone: {found['retired']:,} events of people who retired the milligrams")
    if found["too_large"]:
        click.echo(
            f"left alone: {found['too_large']:,} events by which an account would hold more than 2^63-1 mg"
            " (total_too_large)"
        )
    if found["erased"]:
        click.echo(f"left alone: {found['erased']:,} events of people who left; what they had stays booked")
        for pseudonym, left in sorted(found["left_out"].items()):
            click.echo(f"  {pseudonym}: {left['reason']}, {left['events']:,} events, {left['mg']:,} mg CO2e")
    for name in ("factors_before", "factors_after"):
        click.echo(f"{name.replace('_', ' ')}: {', '.join(header[name]) or 'none'}")
    click.echo(f"digest {found['digest']}")
