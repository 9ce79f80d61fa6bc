"""`abate party apply`, `admit`, `renew`, `leave` and the like: how a party joins, stays and leaves, on the command line."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from abate.cli import deciding, installation
from abate.platform.doors.errors import Problem

_until = click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day of the agreement.")


def _dated(text: str) -> tuple[str, Path, date | None]:
    """kind=path or kind=path@YYYY-MM-DD."""
    kind, _, rest = text.partition("=")
    place, _, day = rest.rpartition("@")
    try:
        return (kind, Path(place), date.fromisoformat(day)) if place else (kind, Path(rest), None)
    except ValueError:
        return kind, Path(rest), None


def _running(data_dir: Path) -> Any:
    installation.start(data_dir)
    from abate.platform.joining import actions, queries  # lazy: models exist once Django has started

    return actions, queries


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--document", "documents", multiple=True, metavar="KIND=FILE[@DATE]",
              help="A document with its last day; repeat.")  # fmt: skip
@installation.data_dir
def apply(file: Path, documents: tuple[str, ...], data_dir: Path) -> None:
    """Enter an application for an organisation: FILE is TOML with code, kind, title_zh, title_en, registration,
    contact_name, contact, and lists grants and behaviours.

    With every document that its kind needs it is submitted too. Prints what is still asked for.
    """

    def work() -> dict[str, Any]:
        from django.db import transaction  # lazy: models exist once Django has started

        from abate.platform.carbon import basis  # lazy: models exist once Django has started
        from abate.platform.joining import actions, queries  # lazy: as above
        from abate.platform.joining.kinds import kinds  # lazy: as above

        deciding.entitled("change", "applications")
        given = actions.particulars(tomllib.loads(file.read_text(encoding="utf-8")))
        # A code is entered once: with all that was brought, or not at all.
        with transaction.atomic():
            one, _ = actions.apply(given, basis.catalogue().methods, proved=True)
            for kind, place, until in map(_dated, documents):
                actions.add_document(one, kind, place.name, place.read_bytes(), until)
            if all(paper.state != "missing" for paper in queries.papers(one)):
                actions.submit(one, kinds().terms)
        return _shown(one)

    deciding.run(data_dir, work)


def _shown(one: Any) -> dict[str, Any]:
    from abate.platform.joining import queries  # lazy: models exist once Django has started

    return {
        "application": str(one.pk),
        "code": one.code,
        "kind": one.kind,
        "state": one.state,
        "documents": {paper.kind: paper.state for paper in queries.papers(one)},
    }


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what is decided.")
@installation.data_dir
def applications(everything: bool, data_dir: Path) -> None:
    """List what waits to be decided, the first applied for first: applications, and parties with newer documents."""
    _, queries = _running(data_dir)
    found = queries.applications(everything=everything)
    told = [_shown(one) | {"new_documents": one.renews, "asks_for_contact": one.asks} for one in found]
    click.echo(json.dumps(told, ensure_ascii=False, indent=1))


@click.command()
@click.argument("application", type=click.UUID)
@click.argument("document")
@click.option("--faulty", "note", default="", help="It is not in order, and why.")
@installation.data_dir
def review(application: Any, document: str, note: str, data_dir: Path) -> None:
    """Say of a DOCUMENT (its kind) of an APPLICATION that it is in order, or with --faulty why it is not."""

    def work() -> dict[str, Any]:
        from abate.platform.joining import actions, queries  # lazy: models exist once Django has started

        user = deciding.entitled("change", "applications")
        one = queries.application(application)
        row = queries.newest(one).get(document)
        actions.find(one, row.pk if row else 0, in_order=not note, note=note, user=user)
        return _shown(one)

    deciding.run(data_dir, work)


@click.command()
@click.argument("application", type=click.UUID)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day of the agreement."
)
@deciding.why_option
@installation.data_dir
def admit(application: Any, until: datetime, why: str, data_dir: Path) -> None:
    """Propose to admit an APPLICATION whose documents were all found in order."""
    given = {"application": str(application), "to_day": until.date().isoformat()}
    deciding.change(data_dir, "party.admit", given, why, sandbox=False)


@click.command()
@click.argument("application", type=click.UUID)
@_until
@click.option("--resume", is_flag=True, help="And let it in again, where it was suspended.")
@deciding.why_option
@installation.data_dir
def renew(application: Any, until: datetime | None, resume: bool, why: str, data_dir: Path) -> None:
    """Propose that the party of an APPLICATION stands on its newest documents, and, with --until, on a longer agreement."""
    to_day = until.date().isoformat() if until else ""
    given = {"application": str(application), "to_day": to_day, "resume": resume}
    deciding.change(data_dir, "party.renew", given, why, sandbox=False)


@click.command()
@click.argument("application", type=click.UUID)
@click.option(
    "--contact",
    prompt="New contact (phone or e-mail)",
    hide_input=True,
    help="Kept as a digest; asked for if not given.",
)
@click.option("--against", type=int, help="Propose nothing: say whether this proposal names the contact.")
@deciding.why_option
@installation.data_dir
def contact(application: Any, contact: str, against: int | None, why: str, data_dir: Path) -> None:
    """Propose that another contact looks after an APPLICATION and its party; the former account ends when it is approved.

    The new contact then asks for its link on /join. Who checks or approves holds the proposal against the organisation's
    letter with --against.
    """

    def work() -> dict[str, Any]:
        from abate.platform.joining import queries  # lazy: models exist once Django has started
        from abate.platform.review import queries as review  # lazy: as above

        if against is None:
            digest = queries.contact_digest(contact)
            return deciding.propose(
                "party.contact", {"application": str(application), "contact": digest}, why
            )
        deciding.entitled("view", "proposals", field="rows")
        named = review.proposal(against)
        same = queries.names_contact(against, named.arguments, contact)
        about = named.action == "party.contact" and named.arguments["application"] == str(application)
        return {"proposal": against, "names_this_contact": about and same}

    deciding.run(data_dir, work)


@click.command()
@click.argument("code")
@click.option("--despite", is_flag=True, help="Although something is still open.")
@deciding.why_option
@installation.data_dir
def leave(code: str, despite: bool, why: str, data_dir: Path) -> None:
    """Propose to end the part of the partner CODE for good, with a final settlement."""
    deciding.change(data_dir, "party.leave", {"code": code, "despite": despite}, why, sandbox=False)


@click.command()
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@installation.data_dir
def report(code: str, file: Path, data_dir: Path) -> None:
    """Hand in the conformance report FILE of the partner CODE, as `abate party check --report` wrote it."""
    actions, _ = _running(data_dir)
    from abate.platform.parties import queries as parties  # lazy: models exist once Django has started

    try:
        party = parties.party(code)
        made = actions.take_report(party, file.read_bytes())
    except Problem as problem:
        installation.refuse(problem)
    click.echo(f"{code}: run {made.run} of {made.made_at.isoformat()} taken; {party.status}")


@click.command()
@click.argument("month", type=click.DateTime(["%Y-%m"]))
@installation.data_dir
def quality(month: datetime, data_dir: Path) -> None:
    """Show how good each partner's data were in MONTH (YYYY-MM), from the stored rows."""
    _running(data_dir)
    from abate.platform.joining import quality as figures  # lazy: models exist once Django has started

    rows = figures.of_month(month.date())
    names = ("received", "late", "rejected", "corrected", "disputed", "score")
    told = [{"party": row.party, **{name: getattr(row, name) for name in names}} for row in rows]
    click.echo(json.dumps(told, indent=1))


@click.command()
@click.argument("code")
@click.argument("subject")
@click.argument("text")
@click.option("--answer-by", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day to answer by.")
@installation.data_dir
def notice(code: str, subject: str, text: str, answer_by: datetime, data_dir: Path) -> None:
    """Tell the partner CODE of something about its data; it answers on its page."""

    def work() -> dict[str, Any]:
        from abate.platform.joining import noticing  # lazy: models exist once Django has started
        from abate.platform.parties import queries as parties  # lazy: as above

        user = deciding.entitled("change", "applications")
        made = noticing.open_notice(parties.party(code), subject, text, answer_by.date(), user)
        return {"notice": made.pk, "answer_by": made.answer_by}

    deciding.run(data_dir, work)


COMMANDS = (apply, applications, review, admit, renew, contact, leave, report, quality, notice)
