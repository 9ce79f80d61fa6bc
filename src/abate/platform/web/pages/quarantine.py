"""Quarantine: what is kept back and why, proposing for one record or many, and somebody else's decision; the rules."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform import releasing
from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.quarantine import queries
from abate.platform.quarantine.actions import MOST
from abate.platform.quarantine.errors import HeldProposalUnknown
from abate.platform.quarantine.queries import (
    CAME,
    CAUSES,
    TOLD,
    VERDICTS,
    Filter,
    ProposalRow,
    RecordRow,
    RuleRow,
)
from abate.platform.review import rights
from abate.platform.review.errors import NothingTicked
from abate.platform.web import screen, story
from abate.platform.web.access import operator_page
from abate.platform.web.paging import whole_number
from abate.platform.web.wording import pick, say

_PAGE = 50
_STATES = {
    "waiting": ("待处理", "Waiting", "wait"),
    "proposed": ("待决定", "Proposed", "part"),
    "decided": ("已决定", "Decided", "none"),
}
_ASKED = ("rule", "cause", "party", "behaviour", "all")


def _names() -> dict[int, str]:
    titles = {row.code: pick((row.title_zh, row.title_en)) for row in parties.parties()}
    return {number: titles.get(code, code) for number, code in parties.codes().items()}


def _filter(given: dict[str, str]) -> Filter:
    """What is asked for; a party that nobody knows has nothing."""
    numbers = {code: number for number, code in parties.codes().items()}
    wanted = numbers.get(given["party"], 0) if given["party"] else None
    which = queries.EVERY if given["all"] == "1" else queries.WAITING
    return Filter(
        which.states, which.there, given["rule"][:40], given["cause"][:40], wanted, given["behaviour"][:100]
    )


def _asked(request: HttpRequest, given: str) -> dict[str, str]:
    return {name: getattr(request, given).get(name, "") for name in _ASKED}


def _record(row: RecordRow, names: dict[int, str]) -> dict[str, object]:
    state = _STATES[row.state]
    gone = ("withdrawn" if row.withdrawn else "erased") if row.withdrawn or row.erased else row.came
    return {
        "row": row,
        "title": story.title_of(row.behaviour),
        "sender": names.get(row.party_id, str(row.party_id)),
        "reason": pick(row.reason),
        "cause": pick(CAUSES[row.cause]),
        "state": pick(state[:2]),
        "tone": state[2],
        "came": pick(CAME[gone]) if gone in CAME else "",
    }


def _proposal(row: ProposalRow) -> dict[str, object]:
    accepted = {None: ("待决定", "Waits"), True: ("已通过", "Accepted"), False: ("未通过", "Refused")}[
        row.accepted
    ]
    return {
        "row": row,
        "verdict": pick(VERDICTS[row.verdict]),
        "state": pick(accepted),
        "open": row.accepted is None,
    }


def _rule(row: RuleRow, names: dict[int, str]) -> dict[str, object]:
    every = say("全部", "all")
    about = [story.title_of(one) for one in row.behaviours] or [every]
    return {
        "row": row,
        "reason": pick(row.reason),
        "told": pick(row.told or TOLD[row.cause]),
        "cause": pick(CAUSES[row.cause]),
        "party": every if row.party_id is None else names.get(row.party_id, ""),
        "behaviours": say("、", ", ").join(about),
    }


@require_safe
@operator_page
def queue(request: HttpRequest, role: bool) -> HttpResponse:
    """What waits, the newest first, by rule, cause, partner and behaviour; `all=1` shows what is decided or gone too."""
    asked, names = _asked(request, "GET"), _names()
    found = queries.records(_filter(asked), whole_number(request.GET.get("before", "")), _PAGE + 1)
    rules = queries.rules()
    waits, proposed = queries.counts()
    told = {
        "rows": [_record(row, names) for row in found[:_PAGE]],
        "proposals": [_proposal(row) for row in queries.proposals()],
        "rules": [_rule(row, names) for row in rules],
        "counts": (waits, proposed),
    }
    context = {
        "asked": asked,
        "causes": [(name, pick(words)) for name, words in CAUSES.items()],
        "codes": sorted({one.code for one in rules}),
        "behaviours": sorted((one, story.title_of(one)) for one in basis.catalogue().methods),
        "senders": sorted((code, names[number]) for number, code in parties.codes().items()),
        "may_propose": rights.may(request.user, "add", "quarantine"),
        "may_set": rights.may_step(request.user, "propose", "quarantine.rule"),
        "older": urlencode({**asked, "before": found[_PAGE - 1].id}) if len(found) > _PAGE else "",
    } | rights.shown(request.user, "quarantine", told)
    return screen.show(request, "quarantine", context, section="operator")


@require_safe
@operator_page
def proposal(request: HttpRequest, role: bool, number: int) -> HttpResponse:
    """One proposal with its records, and what the reader may decide."""
    try:
        row = queries.proposal(number)
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    names = _names()
    told = {
        "rows": [_record(one, names) for one in queries.of_proposal(number)],
        "proposals": _proposal(row),
    }
    context = {"may_decide": rights.may(request.user, "change", "quarantine")}
    context |= rights.shown(request.user, "quarantine", told)
    return screen.show(request, "quarantine_proposal", context, section="operator")


@require_POST
@operator_page
def propose(request: HttpRequest, role: bool) -> HttpResponse:
    """Propose `verdict` for every `record` that is ticked, or (`everything`) for all that wait under the filter, in one proposal:
    the oldest first where it cannot hold them all."""
    ticked = [n for text in request.POST.getlist("record") if (n := whole_number(text)) is not None]
    left, everything = 0, request.POST.get("everything") == "1"
    if not ticked and not everything and request.POST.get("verdict"):
        return screen.refuse(request, NothingTicked(), section="operator")
    if everything:
        ticked, left = queries.oldest(_filter(_asked(request, "POST")), MOST)
    try:
        made = releasing.propose(
            request.user,  # type: ignore[arg-type]
            ticked,
            request.POST.get("verdict", ""),
            request.POST.get("reason", ""),
        )
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    messages.success(request, say("已提出：{n}", "Proposed: {n}", n=made), extra_tags="good")
    if left:
        beside = say("筛选出的还有 {n} 条待处理", "Still waiting under this filter: {n}", n=left)
        messages.success(request, beside, extra_tags="wait")
    return redirect("quarantine-proposal", number=made)


@require_POST
@operator_page
def decide(request: HttpRequest, role: bool) -> HttpResponse:
    """Accept or refuse the proposal `number`, as somebody else than proposed it."""
    number, accepted = whole_number(request.POST.get("number", "")), request.POST.get("accepted", "")
    try:
        if number is None or accepted not in ("yes", "no"):
            raise HeldProposalUnknown("number, accepted")
        reason = request.POST.get("reason", "")
        releasing.decide(request.user, number, accepted=accepted == "yes", reason=reason)  # type: ignore[arg-type]
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    messages.success(request, say("已决定：{n}", "Decided: {n}", n=number), extra_tags="good")
    return redirect("quarantine-proposal", number=number)


urlpatterns = [
    path("operator/quarantine", queue, name="quarantine"),
    path("operator/quarantine/propose", propose, name="quarantine-propose"),
    path("operator/quarantine/decide", decide, name="quarantine-decide"),
    path("operator/quarantine/<int:number>", proposal, name="quarantine-proposal"),
]
