"""A partner's events on its page: the list that /v1/events gives, with the same filters. (P-6.2)"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from abate.platform.carbon import sent as rows
from abate.platform.carbon.sent import Page
from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.web import screen, sent
from abate.platform.web.access import partner_page
from abate.platform.web.story import STATES
from abate.platform.web.wording import pick

_PAGE = 50


@require_safe
@partner_page
def events(request: HttpRequest, party: Party) -> HttpResponse:
    """The newest arrival first, fifty a page; an unknown parameter and a value that cannot be are refused by name."""
    problem, found, given = None, Page([], None), {}
    try:
        given = sent.parameters(request.GET, (*sent.FILTERS, "cursor"))
        found = sent.found_by(party.pk, given, _PAGE)
    except Problem as refused:
        problem = refused
    query = request.GET.copy()
    query["cursor"] = sent.cursor_of(party.pk, given, found.after) or ""
    context = {
        "asked": {name: request.GET.get(name, "")[:200] for name in sent.FILTERS},
        "states": [(name, pick(STATES[name])) for name in rows.STATES],
        "behaviours": parties.behaviours(party.pk),
        "found": list(zip(found.events, sent.marks_of(party.pk, found.events), strict=True)),
        "first": not given.get("cursor"),
        "older": query.urlencode() if found.after else None,
        "wrong": problem.detail if problem else "",
    }
    status = problem.status if problem else 200
    return screen.show(request, "partner_events", context, section="partner", status=status, problem=problem)


urlpatterns = [path("partner/events", events, name="partner-events")]
