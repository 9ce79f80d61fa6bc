"""The operator's console of joining: applications, their papers, what is decided of them, quality and notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, noticing, papers, quality, queries
from abate.platform.joining import handing as asking
from abate.platform.joining.errors import ContactRequestEnded, NoticeMalformed
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, ContactRequest, Revision
from abate.platform.parties import queries as parties
from abate.platform.review import changes, proposing, rights
from abate.platform.review import queries as review
from abate.platform.review.models import User
from abate.platform.review.queries import ProposalRow
from abate.platform.web import screen, story
from abate.platform.web.access import operator_page
from abate.platform.web.pages import handing
from abate.platform.web.pages.join import LIVES, NOTICES, PAPERS, STATES
from abate.platform.web.wording import pick, say

_PAGE = 50
_TURNS = 20
OURS = ("party.admit", "party.contact", "party.refuse", "party.renew")
FIELDS = {
    "code": ("机构代码", "Code"),
    "kind": ("类别", "Kind"),
    "grants": ("授权", "Grants"),
    "behaviours": ("行为", "Behaviours"),
    "title_zh": ("中文名称", "Name in Chinese"),
    "title_en": ("英文名称", "Name in English"),
    "registration": ("统一社会信用代码", "Unified social credit code"),
    "contact": ("联系人", "Contact"),
}
ENDED = timedelta(days=365)
"""What the form offers as the agreement's length: our policy; another is written in."""


@require_safe
@operator_page
def applications(request: HttpRequest, role: bool) -> HttpResponse:
    """What waits, and with `all=1` every application, by pages (`beyond`)."""
    everything = request.GET.get("all") == "1"
    found = queries.applications(everything=everything, beyond=_place(request), limit=_PAGE + 1)
    rows = [
        (one, pick((one.title_zh, one.title_en)), pick(kinds().kinds[one.kind].title), pick(STATES[one.state][:2]),
         STATES[one.state][2])
        for one in found[:_PAGE]
    ]  # fmt: skip
    more = {"everything": everything, "further": found[_PAGE - 1].pk if len(found) > _PAGE else None}
    context = rights.shown(request.user, "applications", {"rows": rows}) | more
    return screen.show(request, "applications", context, section="operator")


def _place(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("beyond", ""))
    except ValueError:
        return None


def _proposals(one: Application) -> list[ProposalRow]:
    """What was proposed of this application, the newest first."""
    return review.proposals(ended=True, of=OURS, naming=("application", str(one.pk)))


def _title(row: ProposalRow) -> str:
    action = changes.actions().get(row.action)
    return say(action.zh, action.en) if action else row.action


def _page(request: HttpRequest, one: Application, problem: Problem | None = None) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    told = {
        "rows": one,
        "papers": [
            (row, pick(row.title), pick(PAPERS[row.state][:2]), PAPERS[row.state][2])
            for row in queries.papers(one)
        ],
        "revisions": _revisions(one, user),
        "requests": (asked := queries.contact_requests(one)) and handing.told(asked),
        "contact": None,
        "asked_for": None,
    }
    # Opened for those alone who are shown it: each opening is told.
    if rights.sees(user, "applications", "contact"):
        told["contact"] = queries.contact(one)
    waits = next((row for row in asked if row.state == ContactRequest.State.WAITING), None)
    if waits is not None and rights.sees(user, "applications", "asked_for"):
        told["asked_for"] = queries.asked_for(waits)
    life = LIVES[one.party.status] if one.party else None  # type: ignore[index]
    typed, (grants, behaviours) = _typed(request), _titles(one.grants, one.behaviours)
    context = rights.shown(user, "applications", told) | {
        "grants": grants,
        "behaviours": behaviours,
        "state": (pick(STATES[one.state][:2]), STATES[one.state][2]),
        "kind": pick(kinds().kinds[one.kind].title),
        "life": (pick(life[:2]), life[2]) if life else None,
        "proposals": [(row, _title(row)) for row in _proposals(one)],
        "may_review": rights.may(user, "change", "applications"),
        "may_read": rights.may(user, "view", "papers"),
        "may_proposals": rights.may(user, "view", "proposals"),
        "to_day": typed.get("to_day") or (clock.today() + ENDED).isoformat(),
        "seen": queries.newest_revision(one),
        "waits": waits,
        "turns": _TURNS,
        "typed": typed,
    }
    status = problem.status if problem else 200
    return screen.show(request, "application", context, section="operator", status=status, problem=problem)


def _titles(grants: Iterable[str], behaviours: Iterable[str]) -> tuple[list[str], list[str]]:
    """What grants and behaviours are called; one that is known no more stays as it is."""
    known = kinds().grants
    named = [pick(known[name].title) if name in known else name for name in grants]
    return named, [story.title_of(name) for name in behaviours]


def _typed(request: HttpRequest) -> dict[str, object]:
    """What a refused form gave as its reason, by the form: it is there still. A contact that was typed is kept nowhere."""
    said = request.POST
    if "change" in said:
        form = ("request" if "request" in said else "contact") if said["change"] == "contact" else "change"
        return {form: said.get("why", "")[:600], "to_day": said.get("to_day", "")[:10]}
    note = said.get("note", "")[:600]
    if "document" in said:
        return {"document": _number(said["document"]), "text": note}
    return {"refuse" if "request" in said else "return": note}


def _revisions(one: Application, user: User) -> list[tuple[Revision, list[tuple[str, str, str]], bool]]:
    """Each turn with what it changed (field, before, after), and whether it came after `user` last looked."""
    looked = queries.looked_at(one, user)
    return [
        (row, [_change(name, values) for name, values in row.changed.items()],
         row.kind == Revision.MENDED and looked is not None and row.at > looked)
        for row in queries.revisions(one, _TURNS)
    ]  # fmt: skip


def _change(name: str, values: list[object] | None) -> tuple[str, str, str]:
    """A contact's values are kept nowhere: only that it changed."""
    label = pick(FIELDS[name])
    if values is None:
        return label, "—", say("已更换", "another")
    before, after = (_shown(name, one) for one in values)
    return label, before or "—", after or "—"


def _shown(name: str, value: object) -> str:
    if isinstance(value, list):
        grants, behaviours = _titles(value, value)
        return " · ".join(grants if name == "grants" else behaviours)
    if name == "kind" and value in kinds().kinds:
        return pick(kinds().kinds[str(value)].title)
    return str(value)


@require_safe
@operator_page
def application(request: HttpRequest, role: bool, application_id: UUID) -> HttpResponse:
    """One application with its papers, findings and proposals."""
    return _page(request, queries.application(application_id))


def _done(request: HttpRequest, one: Application, work: Callable[[], object]) -> HttpResponse:
    try:
        work()
    except Problem as problem:
        one.refresh_from_db()
        return _page(request, one, problem)
    return redirect("application", application_id=one.pk)


@require_safe
@operator_page
def paper(request: HttpRequest, role: bool, application_id: UUID, document_id: int) -> HttpResponse:
    """A document as it came, to be saved: nothing of it is shown in a page of ours."""
    row = queries.document(queries.application(application_id), document_id)
    answer = HttpResponse(papers.opened(row), content_type=row.media)
    answer["Content-Disposition"] = (
        f'attachment; filename="{row.kind}-{row.pk}.{row.media.rpartition("/")[2]}"'
    )
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_POST
@operator_page
def finding(request: HttpRequest, role: bool, application_id: UUID) -> HttpResponse:
    """Say of a document that it is in order or not (`document`, `found`, `note`; `seen`: the newest revision on the page), or
    send the application back."""
    one, user = queries.application(application_id), cast(User, request.user)
    note, seen = request.POST.get("note", "")[:600], request.POST.get("seen")

    def work() -> None:
        if request.POST.get("found") == "return":
            actions.send_back(one, note, user)
            return
        fine, place = request.POST.get("found") == "in_order", _number(request.POST.get("document", ""))
        before = None if seen is None else _number(seen)
        actions.find(one, place, in_order=fine, note=note, user=user, seen=before)

    return _done(request, one, work)


@require_POST
@operator_page
def propose(request: HttpRequest, role: bool, application_id: UUID) -> HttpResponse:
    """Propose what is to become of it: `change` admit, refuse, renew or contact, with `why`, `to_day`, of one suspended
    `resume`, and the new `contact`, of which the proposal has a digest alone, or the `request` that asks for one."""
    one = queries.application(application_id)
    why, to_day = request.POST.get("why", "")[:600], request.POST.get("to_day", "")[:10]
    name = f"party.{request.POST.get('change', '')[:10]}"

    def work() -> None:
        given: dict[str, object] = {"to_day": to_day}
        if name == "party.refuse":
            given = {"reason": why[:500]}
        elif name == "party.renew":
            given |= {"resume": request.POST.get("resume") == "1"}
        elif name == "party.contact":
            given = _next_contact(one, request)
        proposing.propose(request.user, name, given | {"application": str(one.pk)}, why)  # type: ignore[arg-type]

    return _done(request, one, work)


def _next_contact(one: Application, request: HttpRequest) -> dict[str, object]:
    """The digest of what was typed, or of what the present contact asked for."""
    number = _number(request.POST.get("request", ""))
    if not number:
        return {"contact": queries.contact_digest(request.POST.get("contact", "")[:300])}
    found = next((row for row in queries.contact_requests(one) if row.pk == number and row.reach), None)
    if found is None:
        raise ContactRequestEnded(str(number))
    return {"contact": bytes(found.reach).hex(), "request": number}


def _number(typed: str) -> int:
    """The number that a form names; 0, which is none, for what is no number."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0


@require_POST
@operator_page
def refuse_contact(request: HttpRequest, role: bool, application_id: UUID) -> HttpResponse:
    """Refuse what the present contact asks about the next one (`request`), saying why (`note`)."""
    one = queries.application(application_id)
    number, note = _number(request.POST.get("request", "")), request.POST.get("note", "")[:600]
    return _done(request, one, lambda: asking.refuse(one, number, note, request.user))  # type: ignore[arg-type]


@require_safe
@operator_page
def standing(request: HttpRequest, role: bool) -> HttpResponse:
    """Every party's quality in a month (`month`), and the notices to parties."""
    return _standing(request)


def _standing(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    try:
        month = date.fromisoformat(f"{request.GET.get('month', '')[:7]}-01")
    except ValueError:
        month = clock.today()
    month = min(month, clock.today()).replace(day=1)
    rows = parties.parties()
    names = {row.code: pick((row.title_zh, row.title_en)) for row in rows}
    told = {
        "quality": [(names[row.party], row) for row in quality.of_month(month)],
        "notices": [
            (row, pick(row.party), pick(NOTICES[row.state][:2]), NOTICES[row.state][2])
            for row in queries.notices()
        ],
    }
    context = rights.shown(request.user, "applications", told) | {
        "month": month,
        "names": sorted(names.items()),
        "may_review": rights.may(request.user, "change", "applications"),
        "answer_by": (clock.today() + timedelta(days=7)).isoformat(),
    }
    status = problem.status if problem else 200
    return screen.show(request, "standing", context, section="operator", status=status, problem=problem)


@require_POST
@operator_page
def notice(request: HttpRequest, role: bool) -> HttpResponse:
    """Open a notice to a party (`party`, `subject`, `text`, `answer_by`), or close or reopen one (`notice`, `step`, `text`)."""
    user: User = request.user  # type: ignore[assignment]
    text, number = request.POST.get("text", "")[:3000], request.POST.get("notice", "")
    try:
        if number:
            step = noticing.close if request.POST.get("step") == "close" else noticing.reopen
            step(_number(number), text, user)
        else:
            party = parties.party(request.POST.get("party", "")[:60])
            subject = request.POST.get("subject", "")[:200]
            noticing.open_notice(party, subject, text, _day(request.POST.get("answer_by", "")), user)
    except Problem as problem:
        return _standing(request, problem)
    return redirect("standing")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise NoticeMalformed("answer_by") from None


urlpatterns = [
    path("operator/applications", applications, name="applications"),
    path("operator/applications/<uuid:application_id>", application, name="application"),
    path(
        "operator/applications/<uuid:application_id>/documents/<int:document_id>",
        paper,
        name="application-paper",
    ),
    path("operator/applications/<uuid:application_id>/finding", finding, name="application-finding"),
    path("operator/applications/<uuid:application_id>/propose", propose, name="application-propose"),
    path(
        "operator/applications/<uuid:application_id>/contact",
        refuse_contact,
        name="application-contact-refuse",
    ),
    path("operator/standing", standing, name="standing"),
    path("operator/notices", notice, name="notice"),
]
