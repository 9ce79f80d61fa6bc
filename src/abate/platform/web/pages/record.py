"""What was booked and why: the feed, the statement, and the page behind every figure."""

from __future__ import annotations

import json
import logging
from datetime import date, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from abate.bookkeeping.kinds import Kind
from abate.platform.carbon import queries as carbon
from abate.platform.carbon.errors import NotReproducible, RecordDropped
from abate.platform.carbon.queries import Behaviour
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events import sources
from abate.platform.incentives import queries as incentives
from abate.platform.ledger import collecting, standing
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.errors import NothingToCollect
from abate.platform.ledger.queries import EntryRow
from abate.platform.log import queries as log
from abate.platform.people.models import Person
from abate.platform.web import cases, held, picture, receipts, screen, story
from abate.platform.web.access import Missing, person_page
from abate.platform.web.paging import whole_number
from abate.platform.web.wording import english
from abate.quantify import explain

_PAGE = 20
log_ = logging.getLogger("abate.web")
_INT, _BIGINT = 2**31, 2**63


def _place(asked: QueryDict) -> carbon.Place | None:
    """Where the last page ended; an address that says no such place begins at the newest."""
    try:
        at = datetime.fromisoformat(asked.get("at", ""))
    except ValueError:
        return None
    party_id = whole_number(asked.get("party", ""), _INT)
    return (at, party_id, asked.get("event", "")) if party_id is not None and at.tzinfo else None


@require_safe
@person_page
def feed(request: HttpRequest, person: Person) -> HttpResponse:
    """Every behaviour received, newest first, with its state and its reason."""
    rows = carbon.feed(person.pk, _place(request.GET), _PAGE + 1)
    context = {"stops": story.tell(rows[:_PAGE]), "rate": rules.rule_of(clock.today())}
    if len(rows) > _PAGE:
        at, party_id, event_id = rows[_PAGE - 1].place
        context["older"] = urlencode({"at": at.isoformat(), "party": party_id, "event": event_id})
    return screen.show(request, "feed", context, section="feed")


@require_safe
@person_page
def entries(request: HttpRequest, person: Person) -> HttpResponse:
    """The account statement."""
    rows = ledger.entries(person.pk, whole_number(request.GET.get("before", "")), _PAGE + 1)
    found = standing.standing(person.pk)
    context = {
        "rows": story.lines(rows[:_PAGE]),
        "rate": rules.rule_of(clock.today()),
        "standing": found,
        "lots": standing.by_expiry(found.lots),
        "older": rows[_PAGE - 1].id if len(rows) > _PAGE else None,
    }
    return screen.show(request, "entries", context, section="home")


@require_POST
@person_page
def collect(request: HttpRequest, person: Person) -> HttpResponse:
    """Collect what waits: all, or what was booked on one day. Tapped again, there is nothing left to do."""
    asked = request.POST.get("came_on", "")
    try:
        day = date.fromisoformat(asked) if asked else None
    except ValueError:
        raise Missing from None
    try:
        collecting.collect(person.pk, day)
    except NothingToCollect as problem:
        return screen.refuse(request, problem)
    return redirect("entries")


def _own(person: Person, entry_id: int) -> EntryRow:
    found = ledger.entry(person.pk, entry_id) if entry_id < _BIGINT else None
    if found is None:
        raise Missing
    return found


def _why(request: HttpRequest, person: Person, found: Behaviour, row: EntryRow | None) -> HttpResponse:
    (told,) = story.tell([found])
    problem: Problem | None = None
    try:
        # Made by the engine's own renderer, which escapes every value.
        shown = mark_safe(explain.render_html(carbon.explain(found), "en" if english() else "zh"))  # noqa: S308
    except NotReproducible as fault:
        log_.error("a stored figure does not recompute: %s", fault)
        shown, problem = "", fault
    except RecordDropped as gone:
        shown, problem = "", gone
    context = {
        "stop": told,
        "explanation": shown,
        "cases": cases.of_record(found),
        # What its partner took back waits for no decision.
        "held": None if found.withdrawn else held.of_record(found),
        "rule": rules.rule_of(found.day),
        "mark": sources.marks([found.place[1:]]).get(found.place[1:]),
        "party_id": found.party_id,
        "compare": picture.compare(found.be_mg, found.pe_mg, found.le_mg, found.er_mg),
        "entry_id": row.id if row else None,
        "receipt": receipts.receipt(person, row) if row else None,
        "log_key": log.public_key(),
    }
    return screen.show(request, "why", context, section="feed", problem=problem)


@require_safe
@person_page
def entry(request: HttpRequest, person: Person, entry_id: int) -> HttpResponse:
    """Why this number: the page behind an entry. Another person's entry is not there."""
    row = _own(person, entry_id)
    found = carbon.behaviour_of_entry(person.pk, entry_id) if row.kind == Kind.AWARD else None
    if found is not None:
        return _why(request, person, found, row)
    context = {
        "row": story.line(row),
        "code": incentives.code_of_entry(person, entry_id),
        "entry_id": entry_id,
        "receipt": receipts.receipt(person, row),
        "log_key": log.public_key(),
    }
    return screen.show(request, "spent", context, section="home")


@require_safe
@person_page
def why(request: HttpRequest, person: Person) -> HttpResponse:
    """The same page for a behaviour that was kept without an entry."""
    party_id = whole_number(request.GET.get("party", ""), _INT)
    found = carbon.behaviour(person.pk, party_id, request.GET.get("event", "")) if party_id else None
    if found is None:
        raise Missing
    return _why(request, person, found, ledger.entry(person.pk, found.entry_id) if found.entry_id else None)


@require_safe
@person_page
def receipt(request: HttpRequest, person: Person, entry_id: int) -> HttpResponse:
    """The receipt as a file. 404 while it is pending: a file saying "not yet" would be taken for one."""
    made = receipts.receipt(person, _own(person, entry_id))
    if made is None:
        raise Missing
    answer = HttpResponse(json.dumps(made, ensure_ascii=False, indent=1), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="abate-receipt-{entry_id}.json"'
    return answer
