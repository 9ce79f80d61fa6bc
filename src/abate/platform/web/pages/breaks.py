"""The operator's list of breaks: how old each is, who must act, what became of it; assigning and deciding."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.reconciliation import actions, queries
from abate.platform.reconciliation.models import Kind, Resolution, State
from abate.platform.reconciliation.queries import BreakRow
from abate.platform.review import rights
from abate.platform.web import screen
from abate.platform.web.access import Missing, operator_page
from abate.platform.web.wording import pick, say

_PAGE = 50
KINDS = {
    Kind.MISSING_HERE: ("本平台没有", "Missing here"),
    Kind.MISSING_THERE: ("对方没有", "Missing there"),
    Kind.DIFFERENT: ("内容不同", "Different"),
}
STATES = {
    State.OPEN: ("待处理", "Open", "wait"),
    State.ASSIGNED: ("已分派", "Assigned", "part"),
    State.RESOLVED: ("已处理", "Resolved", "good"),
    State.CLEARED: ("已消除", "Cleared", "good"),
}
RESOLUTIONS = {
    Resolution.RESENT: ("对方已补发", "Sent again"),
    Resolution.REVERSED: ("已冲正", "Reversed here"),
    Resolution.CORRECTED_THERE: ("对方已更正", "Corrected there"),
    Resolution.ACCEPTED: ("确认差异，不再提示", "Accepted as it is"),
}


@require_safe
@operator_page
def breaks(request: HttpRequest, role: bool) -> HttpResponse:
    """Open breaks, the oldest first; `all=1` shows the closed ones too, `party` keeps to one party."""
    names = {row.code: pick((row.title_zh, row.title_en)) for row in parties.parties()}
    numbers = {code: number for number, code in parties.codes().items()}
    code, everything = request.GET.get("party", ""), request.GET.get("all") == "1"
    place = request.GET.get("after", "0")
    rows = queries.breaks(
        numbers.get(code),
        closed=everything,
        after=int(place) if place.isascii() and place.isdigit() and len(place) < 19 else 0,
        limit=_PAGE + 1,
    )
    count, oldest = queries.open_breaks()
    context = {
        "may_act": rights.may(request.user, "change", "breaks"),
        "older": rows[_PAGE - 1].id if len(rows) > _PAGE else None,
        "names": sorted(names.items()),
        "code": code if code in names else "",
        "everything": everything,
        "resolutions": [(one.value, pick(words)) for one, words in RESOLUTIONS.items()],
    }
    told = {
        "count": count,
        "oldest": oldest,
        "rows": [_told(row, parties.codes(), names) for row in rows[:_PAGE]],
    }
    context |= rights.shown(request.user, "breaks", told)
    return screen.show(request, "breaks", context, section="operator")


@require_POST
@operator_page
def step(request: HttpRequest, role: bool, break_id: int) -> HttpResponse:
    """Assign a break (`owner`) or decide it (`resolution`, `note`)."""
    if break_id >= 2**63:
        raise Missing
    try:
        if request.POST.get("owner"):
            actions.assign(break_id, request.POST["owner"], str(request.user.handle))
        else:
            actions.resolve(
                break_id,
                request.POST.get("resolution", ""),
                request.POST.get("note", ""),
                str(request.user.handle),
            )
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    return redirect("breaks")


def _told(row: BreakRow, codes: dict[int, str], names: dict[str, str]) -> dict[str, object]:
    zh, en, tone = STATES[State(row.state)]
    code = codes.get(row.party_id, "")
    return {
        "row": row,
        "party": names.get(code, code),
        "owner": say("运营方", "the operator")
        if row.owner == actions.OPERATOR
        else names.get(row.owner, row.owner),
        "kind": pick(KINDS[Kind(row.kind)]),
        "state": pick((zh, en)),
        "tone": tone,
        "ours": _held(row.ours),
        "theirs": _held(row.theirs),
        "resolution": pick(RESOLUTIONS[Resolution(row.resolution)]) if row.resolution else "",
    }


def _held(side: dict | None) -> str:
    if side is None:
        return say("没有", "nothing")
    return json.dumps(side, ensure_ascii=False)[1:-1].replace('"', "") or say(
        "有，未给内容", "held, nothing said of it"
    )
