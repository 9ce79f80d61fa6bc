"""The operator's list of data sharing: who asked for what and why, what was decided, and every answer given."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.review import rights
from abate.platform.sharing import actions, queries
from abate.platform.sharing.models import Decision
from abate.platform.sharing.queries import RequestRow
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.marks import PURPOSES
from abate.platform.web.state_words import ABOUT, FIGURES
from abate.platform.web.state_words import REQUESTS as STATES
from abate.platform.web.wording import pick


@require_safe
@operator_page
def requests(request: HttpRequest, role: bool) -> HttpResponse:
    """The newest hundred requests."""
    names = _names()
    told = {"rows": [_told(row, names) for row in queries.requests()]}
    context = rights.shown(request.user, "sharing", told) | {
        "may_overview": rights.may(request.user, "view", "overview")
    }
    return screen.show(request, "sharing", context, section="operator")


@require_safe
@operator_page
def request(request: HttpRequest, role: bool, request_id: UUID) -> HttpResponse:
    """One request with the newest hundred answers given on it."""
    try:
        row = queries.request(request_id)
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    told = {"rows": [_told(row, _names())], "reads": queries.reads(request_id)}
    context = rights.shown(request.user, "sharing", told) | {
        "may_revoke": row.state == Decision.GRANTED and rights.may(request.user, "delete", "sharing")
    }
    return screen.show(request, "sharing_one", context, section="operator")


@require_POST
@operator_page
def revoke(request: HttpRequest, role: bool, request_id: UUID) -> HttpResponse:
    """End a grant at once: one person is enough to stop, three are needed to give."""
    try:
        reason = request.POST.get("reason", "").strip()[: actions.LONGEST]
        actions.revoke(request_id, reason, str(request.user.handle))
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    return redirect("sharing-one", request_id=request_id)


def listed(fields: Iterable[str]) -> tuple[str, str]:
    """The fields of a request in words, in both languages."""
    words = [FIGURES[name] for name in fields]
    return "、".join(zh for zh, _ in words), ", ".join(en for _, en in words)


def _names() -> dict[int, str]:
    titles = {one.code: pick((one.title_zh, one.title_en)) for one in parties.parties()}
    return {number: titles[code] for number, code in parties.codes().items()}


def _told(row: RequestRow, names: dict[int, str]) -> dict[str, object]:
    zh, en, tone = STATES[row.state]
    told = {
        "fields": pick(listed(row.fields)),
        "party": names[row.party_id],
        "kind": pick(PURPOSES[row.kind]),
        "about": pick(ABOUT[row.about]),
        "state": pick((zh, en)),
    }
    return {"row": row, "tone": tone, **told}
