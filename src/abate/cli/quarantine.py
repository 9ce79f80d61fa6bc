"""`abate quarantine`: rules that keep events back for a time, what they keep back, and deciding on it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from abate.cli.cap import day_option
from abate.cli.deciding import acting, change, data_dir_option, run, why_option
from abate.cli.installation import sandbox

_CAUSES = click.Choice(("probation", "data_fault", "late", "mark"))
_VERDICTS = click.Choice(("release", "dismiss"))
_NUMBER = click.IntRange(1, 2**63 - 1)


@click.group()
def command() -> None:
    """Keep events back by rules for a time, and decide on them. Prints JSON. To decide sign in first: `abate staff sign-in`."""


@command.command()
@data_dir_option
def rules(data_dir: Path) -> None:
    """List the newest version of every rule, those that hold or will first."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.parties import queries as parties  # lazy: models exist once Django has started
        from abate.platform.quarantine import queries  # lazy: as above
        from abate.platform.web.api_quarantine import told  # lazy: as above

        return [told(one, parties.codes()) | {"live": one.live} for one in queries.rules()]

    run(data_dir, work)


@command.command("rule")
@click.argument("code")
@click.option("--party", metavar="CODE", help="One party's events; without it, every party's.")
@click.option("--behaviour", "behaviours", multiple=True, help="One behaviour; repeat it. Without it, all.")
@click.option("--cause", required=True, type=_CAUSES)
@click.option("--older-than", type=click.IntRange(1, 36_600), help="Days, where the cause is late.")
@click.option("--source", help="A declared source of the party, where the cause is mark.")
@click.option("--reason-zh", required=True, help="Why, told to those who decide.")
@click.option("--reason-en", required=True, help="The same in English.")
@click.option(
    "--told-zh", help="What people are told of their records; without it, the sentence of the cause."
)
@click.option("--told-en", help="The same in English.")
@click.option("--from", "first", type=day_option, required=True, help="The first day.")
@click.option(
    "--until", "last", type=day_option, required=True, help="The last day; an earlier one ends a rule."
)
@why_option
@sandbox
@data_dir_option
def rule_(
    code: str,
    party: str | None,
    behaviours: tuple[str, ...],
    cause: str,
    older_than: int | None,
    source: str | None,
    reason_zh: str,
    reason_en: str,
    told_zh: str | None,
    told_en: str | None,
    first: datetime,
    last: datetime,
    why: str,
    sandbox: bool,
    data_dir: Path,
) -> None:
    """Propose the next version of the rule CODE."""
    given = {"rule": code, "party": party, "held_behaviours": list(behaviours), "cause": cause, "older_than_days": older_than,
             "source": source, "reason_zh": reason_zh, "reason_en": reason_en, "told_zh": told_zh, "told_en": told_en,
             "valid_from": first.date().isoformat(), "valid_until": last.date().isoformat()}  # fmt: skip
    change(data_dir, "quarantine.rule", given, why, sandbox=sandbox)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="What is decided or gone too.")
@click.option("--rule", default="", help="One rule's records.")
@click.option("--party", default="", metavar="CODE", help="One partner's records.")
@data_dir_option
def list_(everything: bool, rule: str, party: str, data_dir: Path) -> None:
    """List what waits, the newest first."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.parties import queries as parties  # lazy: models exist once Django has started
        from abate.platform.quarantine import queries  # lazy: as above
        from abate.platform.web.api_quarantine import told  # lazy: as above

        sender = parties.party(party).pk if party else None
        which = queries.EVERY if everything else queries.WAITING
        asked = queries.Filter(which.states, which.there, rule=rule, party_id=sender)
        return [told(one, parties.codes()) for one in queries.records(asked, limit=5_000)]

    run(data_dir, work)


@command.command()
@click.option("--all", "everything", is_flag=True, help="Decided ones too.")
@data_dir_option
def proposals(everything: bool, data_dir: Path) -> None:
    """List the proposals that wait for somebody else's decision."""

    def work() -> list[dict[str, Any]]:
        from abate.platform.quarantine import queries  # lazy: models exist once Django has started

        return [asdict(one) for one in queries.proposals(open_only=not everything)]

    run(data_dir, work)


@command.command()
@click.argument("verdict", type=_VERDICTS)
@click.argument("records", metavar="NUMBER...", type=_NUMBER, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why.")
@data_dir_option
def propose(verdict: str, records: tuple[int, ...], reason: str, data_dir: Path) -> None:
    """Propose to release or to dismiss records, by their numbers, in one proposal."""

    def work() -> dict[str, Any]:
        from abate.platform import releasing  # lazy: models exist once Django has started
        from abate.platform.quarantine import queries  # lazy: as above

        return asdict(queries.proposal(releasing.propose(acting(), records, verdict, reason)))

    run(data_dir, work)


@command.command()
@click.argument("verdict", type=click.Choice(("accept", "refuse")))
@click.argument("number", type=_NUMBER)
@click.option("--reason", required=True, help="Why.")
@data_dir_option
def decide(verdict: str, number: int, reason: str, data_dir: Path) -> None:
    """Accept a proposal, which carries it out, or refuse it; as somebody else than proposed it.

    Asks for a second factor shown only minutes ago, as the page does.
    """

    def work() -> dict[str, Any]:
        from abate.platform import releasing  # lazy: models exist once Django has started

        made = releasing.decide(acting(fresh=True), number, accepted=verdict == "accept", reason=reason)
        return {"proposal": made.number, "accepted": made.accepted, "records": dict(made.records)}

    run(data_dir, work)
