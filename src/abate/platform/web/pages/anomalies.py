"""Cases of anomalies: the reviewers' queue and each case with what was compared; the person's appeal."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform import judging
from abate.platform.anomalies import actions, queries
from abate.platform.anomalies.errors import VerdictUnknown
from abate.platform.anomalies.models import Case
from abate.platform.anomalies.queries import CAME, CaseRow, Filter
from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.people.models import Person
from abate.platform.review import rights
from abate.platform.review.errors import NothingTicked
from abate.platform.web import cases, screen, story
from abate.platform.web.access import Missing, operator_page, person_page
from abate.platform.web.paging import whole_number
from abate.platform.web.wording import pick, say
from abate.quantify.anomalies import GRADES

_PAGE = 50


def _names() -> dict[int, str]:
    titles = {row.code: pick((row.title_zh, row.title_en)) for row in parties.parties()}
    return {number: titles.get(code, code) for number, code in parties.codes().items()}


def _filter(request: HttpRequest) -> tuple[Filter, dict[str, str]]:
    """What is asked for, and as the links to other pages say it again; a word that means nothing asks for all."""
    asked = {name: request.GET.get(name, "") for name in ("grade", "rule", "party", "all")}
    numbers = {code: number for number, code in parties.codes().items()}
    found = Filter(
        states=Case.WORDS if asked["all"] == "1" else queries.OPEN.states,
        grade=asked["grade"] if asked["grade"] in GRADES else "",
        rule=asked["rule"][:100],
        party_id=numbers.get(asked["party"]),
    )
    return found, {name: value for name, value in asked.items() if value}


@require_safe
@operator_page
def queue(request: HttpRequest, role: bool) -> HttpResponse:
    """Cases that wait for a decision, the newest first, by grade, rule and partner; `all=1` shows the others too."""
    which, asked = _filter(request)
    rows = queries.cases(which, whole_number(request.GET.get("before", "")), _PAGE + 1)
    names, rules = _names(), basis.anomalies()
    told = {
        "rows": [cases.told(row, names) for row in rows[:_PAGE]],
        "counts": [(pick(cases.GRADES[grade][:2]), queries.counts()[grade]) for grade in reversed(GRADES)],
    }
    context = {
        "asked": asked,
        "grades": [(grade, pick(cases.GRADES[grade][:2])) for grade in reversed(GRADES)],
        "rules": [cases.rule(one) for one in (rules.rules if rules else ())],
        "senders": [
            (code, names[number]) for number, code in sorted(parties.codes().items(), key=lambda one: one[1])
        ],
        "may_decide": rights.may(request.user, "change", "anomalies"),
        "older": urlencode(asked | {"before": rows[_PAGE - 1].id}) if len(rows) > _PAGE else "",
    }
    context |= rights.shown(request.user, "anomalies", told)
    return screen.show(request, "anomalies", context, section="operator")


@require_safe
@operator_page
def case(request: HttpRequest, role: bool, number: int) -> HttpResponse:
    """One case: the numbers side by side, what was decided, and what the reader may decide."""
    try:
        row = queries.case(number)
    except Problem as problem:
        return screen.refuse(request, problem, section="operator")
    names = _names()
    opened = rights.sees(request.user, "anomalies", "evidence")
    told = {
        "rows": cases.told(row, names),
        "evidence": [
            (one, names.get(one.party_id, ""), story.title_of(one.found.behaviour) if one.found else "",
             pick(CAME[one.came]) if one.came else "")
            for one in queries.records(row, opened=opened)
        ],
        "words": queries.words(row) if row.appealed_at and rights.sees(request.user, "anomalies", "words") else None,
    }  # fmt: skip
    shown = rights.shown(request.user, "anomalies", told)
    # Which records they are is no secret to whoever may see the case; what the records say is.
    shown["evidence"] = told["evidence"]
    context = {
        "may_decide": rights.may(request.user, "change", "anomalies"),
        "verdicts": _verdicts(row),
        "opened": opened,
    } | shown
    return screen.show(request, "anomaly", context, section="operator")


def _verdicts(row: CaseRow) -> list[tuple[str, str]]:
    words = {
        "open": ("proposed", "dismissed"),
        "proposed": ("confirmed", "dismissed"),
        "appealed": ("overturned", "upheld"),
    }.get(row.state, ())
    return [(word, pick(cases.VERDICTS[word])) for word in words]


@require_POST
@operator_page
def decide(request: HttpRequest, role: bool) -> HttpResponse:
    """Decide every `case`, one or many, each by itself; of a single one that is proposed to be confirmed only the records that
    are ticked (`taken`). `listed` says of each which records it showed.
    """
    verdict = request.POST.get("verdict", "")
    numbers = [n for text in request.POST.getlist("case") if (n := whole_number(text)) is not None]
    single = request.POST.get("single") == "1"
    if verdict not in cases.VERDICTS or (single and len(numbers) > 1):
        return screen.refuse(request, VerdictUnknown("case, verdict"), section="operator")
    if not numbers:
        return screen.refuse(request, NothingTicked(), section="operator")
    listed = dict(text.split(":", 1) for text in request.POST.getlist("listed") if ":" in text)
    shown = {number: listed.get(str(number), "") for number in numbers}
    spared = _spared(request, numbers[0]) if single and verdict == "proposed" else frozenset()
    found = judging.decide(request.user, shown, verdict, request.POST.get("reason", ""), spared=spared)  # type: ignore[arg-type]
    refused = [(one.case, screen.told(one.problem)) for one in found if one.problem]
    done = [
        (one.case, [(event, pick(CAME[came])) for (_, event), came in sorted(one.records.items())])
        for one in found
        if not one.problem
    ]
    if not refused:
        messages.success(request, say("已决定：{n} 件", "Decided: {n}", n=len(done)), extra_tags="good")
        return redirect("anomaly", number=numbers[0]) if len(numbers) == 1 else redirect("anomalies")
    status = 200 if done else max(one.problem.status for one in found if one.problem)
    context = {"done": done, "refused": refused, "verdict": pick(cases.VERDICTS[verdict])}
    return screen.show(request, "anomalies_done", context, section="operator", status=status)


def _spared(request: HttpRequest, number: int) -> frozenset[tuple[int, str]]:
    """The records of the case that were not ticked."""
    taken = set(request.POST.getlist("taken"))
    try:
        rows = queries.records(queries.case(number), opened=False)
    except Problem:
        return frozenset()
    return frozenset(
        (one.party_id, one.event_id)
        for one in rows
        if not one.beside and f"{one.party_id}:{one.event_id}" not in taken
    )


@require_POST
@person_page
def appeal(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """The person says why a confirmed case is wrong; shown again with the record it is about."""
    try:
        actions.appeal(person, number, request.POST.get("words", ""))
    except Problem as problem:
        if problem.status == 404:
            raise Missing from None
        return screen.refuse(request, problem, section="feed")
    messages.success(
        request,
        say("申诉已收到，由另一位工作人员决定。", "Received; somebody else decides about it."),
        extra_tags="good",
    )
    asked = {"party": request.POST.get("party", ""), "event": request.POST.get("event", "")}
    return redirect(f"/why?{urlencode(asked)}" if whole_number(asked["party"]) else "/feed")


urlpatterns = [
    path("operator/anomalies", queue, name="anomalies"),
    path("operator/anomalies/decide", decide, name="anomalies-decide"),
    path("operator/anomalies/<int:number>", case, name="anomaly"),
    path("cases/<int:number>/appeal", appeal, name="anomaly-appeal"),
]
