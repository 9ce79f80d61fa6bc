"""`abate anomalies`: the rules, a sweep over what is booked, the cases, and deciding on them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from abate.cli.deciding import acting, data_dir_option, run

_GRADES = click.Choice(("note", "suspicious", "strong"))
_VERDICTS = click.Choice(("proposed", "confirmed", "dismissed", "upheld", "overturned"))


class _Named(click.ParamType):
    """A case and the digest of the records that it showed."""

    name = "case"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        number, _, listed = str(value).partition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 19 and int(number) and listed):
            self.fail(
                f"{value!r} is not NUMBER:DIGEST as `abate anomalies list` prints it (as_shown)", param, ctx
            )
        return int(number), listed


_NAMED = _Named()


@click.group()
def command() -> None:
    """Look at what is booked by rules, and decide on the cases. Prints JSON. To decide sign in first: `abate staff sign-in`."""


@command.command()
@data_dir_option
def rules(data_dir: Path) -> None:
    """List the rules in force, their limits with where they come from, and which are idle."""

    def work() -> dict[str, Any]:
        from abate.platform.carbon import basis  # lazy: models exist once Django has started

        found = basis.anomalies()
        if found is None:
            return {"rules": [], "note": "ABATE_ANOMALIES=none: nothing is looked at"}
        return {
            "appeal_days": found.appeal_days,
            "digest": found.digest,
            "rules": [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "grade": one.grade,
                    "behaviours": [compared.behaviour for compared in one.compared],
                    "limit": one.shown_limit or None,
                    "unit": one.unit,
                    "source": one.source.en if one.source else None,
                    "idle": one.limit is None and "the operator gives the limit (docs/howto/anomalies.md)",
                    "version": one.version.hex(),
                    "says": one.says.en,
                }
                for one in found.rules
            ],
        }

    run(data_dir, work)


@command.command()
@click.option("--again", is_flag=True, help="Everything that is booked, not what came since the last sweep.")
@data_dir_option
def sweep(again: bool, data_dir: Path) -> None:
    """Look at what was booked since the last sweep and open cases. Repeated, it opens none twice."""

    def work() -> dict[str, Any]:
        from abate.platform.anomalies import actions  # lazy: models exist once Django has started

        return asdict(actions.sweep(again=again))

    run(data_dir, work)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Decided ones too.")
@click.option("--grade", type=_GRADES)
@click.option("--rule", default="", help="One rule's cases.")
@click.option("--party", default="", metavar="CODE", help="One partner's cases.")
@data_dir_option
def list_(everything: bool, grade: str | None, rule: str, party: str, data_dir: Path) -> None:
    """List the cases that wait, the newest first."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.anomalies import queries  # lazy: models exist once Django has started
        from abate.platform.anomalies.models import Case  # lazy: as above
        from abate.platform.parties import queries as parties  # lazy: as above

        states = Case.WORDS if everything else queries.OPEN.states
        sender = parties.party(party).pk if party else None
        found = queries.cases(queries.Filter(tuple(states), grade or "", rule, sender), limit=1000)
        return [_shown(row, parties.codes()) for row in found]

    run(data_dir, work)


@command.command()
@click.argument("number", type=click.IntRange(min=1))
@data_dir_option
def show(number: int, data_dir: Path) -> None:
    """Show one case with its records, and the number that the rule measured of each. What they say, and an appeal's words, are
    on its page alone."""

    def work() -> dict[str, Any]:
        from abate.platform.anomalies import queries  # lazy: models exist once Django has started
        from abate.platform.parties import queries as parties  # lazy: as above

        row, codes = queries.case(number), parties.codes()
        records = [
            {
                "party": codes.get(one.party_id),
                "event": one.event_id,
                "measured": one.measured or None,
                "beside": one.beside,
                "came": one.came or None,
            }
            for one in queries.records(row, opened=False)
        ]
        return _shown(row, codes) | {"records": records}

    run(data_dir, work)


@command.command()
@click.argument("verdict", type=_VERDICTS)
@click.argument("named", metavar="CASE...", type=_NAMED, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why; the person is told.")
@data_dir_option
def decide(verdict: str, named: tuple[tuple[int, str], ...], reason: str, data_dir: Path) -> None:
    """Decide cases, each for itself; exit code 1 where one of them refused.

    One proposes that a case be confirmed (proposed) and another confirms it, which takes back; dismissed takes one.

    A CASE is its number and the digest of its records, as `list` and `show` print it (`as_shown`): records that came since
    are decided about by nobody. Asks for a second factor shown only minutes ago, as the page does.
    """
    refused = []

    def work() -> list[dict[str, Any]]:
        from abate.platform import judging  # lazy: models exist once Django has started

        made = judging.decide(acting(fresh=True), dict(named), verdict, reason)
        refused.extend(one for one in made if one.problem)
        return [
            {
                "case": one.case,
                "state": one.state or None,
                "records": {event: came for (_, event), came in sorted(one.records.items())},
                "refused": one.problem.code if one.problem else None,
                "why": one.problem.en if one.problem else None,
            }
            for one in made
        ]

    run(data_dir, work)
    if refused:
        sys.exit(1)


def _shown(row: Any, codes: dict[int, str]) -> dict[str, Any]:
    return {
        "case": row.id,
        "as_shown": f"{row.id}:{row.listed}",
        "rule": row.rule,
        "version": row.version,
        "grade": row.grade,
        "state": row.state,
        "measured": row.shown or None,
        "limit": row.limit,
        "unit": row.unit,
        "group": row.group,
        "parties": [codes.get(one) for one in row.parties],
        "records": row.records,
        "spared": row.spared,
        "opened_at": row.opened_at,
        "proposed_at": row.proposed_at,
        "proposed_why": row.proposed_why or None,
        "decided_at": row.decided_at,
        "decided_why": row.decided_why or None,
        "appealed_at": row.appealed_at,
        "appeal_until": row.until,
        "ended_at": row.ended_at,
    }
