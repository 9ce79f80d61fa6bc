"""Joining, the applicant's side: the public form, and the page of one's own application until the first live event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, conformance, noticing, quality, queries, trying
from abate.platform.joining.errors import ApplicationMalformed, DocumentRefused, ReportRefused
from abate.platform.joining.kinds import Role, kinds
from abate.platform.joining.models import Application
from abate.platform.parties import queries as party_queries
from abate.platform.parties import standing
from abate.platform.parties.errors import NotASandbox, PartyUnknown
from abate.platform.parties.models import Party
from abate.platform.web import amounts, screen, story
from abate.platform.web.access import applicant_page
from abate.platform.web.joining import last_day
from abate.platform.web.screen import Field
from abate.platform.web.state_words import APPLICATIONS as STATES
from abate.platform.web.wording import pick, say

PAPERS = {
    "missing": ("待上传", "Missing", "wait"),
    "expired": ("已过期", "Expired", "bad"),
    "new": ("待审核", "Not reviewed yet", "wait"),
    "faulty": ("需更正", "Not in order", "bad"),
    "in_order": ("已审核", "In order", "good"),
    "approved": ("已生效", "Approved", "good"),
}
NOTICES = {
    "open": ("待答复", "To be answered", "wait"),
    "answered": ("已答复", "Answered", "part"),
    "closed": ("已关闭", "Closed", "good"),
}
LIVES = {
    Party.Status.TRIAL: ("等待沙箱自检", "Waits for its sandbox run", "wait"),
    Party.Status.ACTIVE: ("正常", "Active", "good"),
    Party.Status.SUSPENDED: ("已暂停", "Suspended", "bad"),
    Party.Status.LEFT: ("已退出", "Left", "none"),
}


TEXTS = ("code", "title_zh", "title_en", "registration", "contact_name", "contact")
KEPT = ("contact_name", "contact")
"""What one who mends may leave empty: it stays."""


def _fields(values: Mapping[str, str], wrong: str, *, mending: bool) -> list[Field]:
    words = {
        "code": (("机构代码（英文小写，永久不变）", "Code (lower case, for ever)"), "city-bikes", 40),
        "title_zh": (("中文名称", "Name in Chinese"), "", 120),
        "title_en": (("英文名称", "Name in English"), "", 120),
        "registration": (("统一社会信用代码", "Unified social credit code"), "", 18),
        "contact_name": (("联系人", "Contact person"), "", 120),
        "contact": (("联系邮箱或手机", "Contact's e-mail or mobile"), "", 254),
    }
    fault = say("请检查此项。", "Please check this.")
    stays = say("留空则不变", "left empty, it stays")
    return [
        Field(
            name,
            pick(label),
            values.get(name, ""),
            hint=stays
            if mending and name in KEPT
            else say("例如 {e}", "such as {e}", e=hint)
            if hint
            else "",
            error=fault if wrong == name else "",
            maxlength=most,
            optional=mending and name in KEPT,
        )
        for name, (label, hint, most) in words.items()
    ]


def given_in(request: HttpRequest) -> dict[str, object]:
    """What a form says of an organisation, cut to what a field may hold."""
    given: dict[str, object] = {name: request.POST.get(name, "")[:300] for name in (*TEXTS, "kind")}
    return given | {name: request.POST.getlist(name)[:100] for name in ("grants", "behaviours")}


def form(given: Mapping[str, Any], problem: Problem | None, *, mending: bool = False) -> dict[str, object]:
    """The form of an organisation's particulars, filled in with `given`, for parts/particulars.html."""
    found = kinds()
    wrong = problem.detail if isinstance(problem, ApplicationMalformed) else ""
    return {
        "fields": _fields(given, wrong, mending=mending),
        "kind": given.get("kind") or "data_provider",
        "kinds": [(name, pick(role.title), _papers_of(role)) for name, role in found.kinds.items()],
        "grants": [(name, pick(role.title), _papers_of(role)) for name, role in found.grants.items()],
        "behaviours": [(name, story.title_of(name)) for name in sorted(basis.catalogue().methods)],
        "chosen": {name: given.get(name, ()) for name in ("grants", "behaviours")},
        "faults": {wrong: _fault_of_lists(wrong, found.kinds.get(str(given.get("kind"))))},
    }


def _fault_of_lists(wrong: str, role: Role | None) -> str:
    """What to change where it is the kind, the grants or the behaviours that do not go together; nothing for another field."""
    if wrong == "kind":
        return say("请选择一个类别。", "Choose a kind.")
    if wrong == "behaviours":
        return say(
            "提供行为数据的授权须至少选一个行为；没有这项授权时一个也不选。",
            "The grant to provide behaviour data needs at least one behaviour; without that grant there is none.",
        )
    if wrong != "grants" or role is None:
        return ""
    must, may = (
        say("、", ", ").join(pick(kinds().grants[name].title) for name in sorted(names)) or say("无", "none")
        for names in (role.must, role.may)
    )
    return say(
        "这一类别必须申请的授权：{must}；可以申请的授权：{may}。",
        "Grants that this kind needs: {must}. Grants that it may have: {may}.",
        must=must,
        may=may,
    )


def _papers_of(role: Role) -> list[tuple[str, str]]:
    return [(pick(kinds().documents[name].title), clause) for name, clause in role.documents.items()]


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """The public form. What it makes is a draft; its sign-in link goes to the contact. (P-6.1-d)"""
    problem, sent = None, False
    if request.method == "POST":
        try:
            actions.apply(actions.particulars(given_in(request)), basis.catalogue().methods)
        except Problem as refused:
            problem = refused
        else:
            sent = True
    context = form(given_in(request), problem) | {"sent": sent}
    return screen.show(request, "join", context, status=problem.status if problem else 200, problem=problem)


@require_POST
def link(request: HttpRequest) -> HttpResponse:
    """Send a new link to the contact; the answer is the same where there is no application."""
    problem = None
    try:
        actions.send_links(request.POST.get("contact", "")[:300])
    except Problem as refused:
        problem = refused
    context = form({}, None) | {"sent": problem is None}
    return screen.show(request, "join", context, status=problem.status if problem else 200, problem=problem)


def _page(
    request: HttpRequest,
    one: Application,
    *,
    problem: Problem | None = None,
    made: tuple[str, str] | None = None,
    unsure: bool = False,
) -> HttpResponse:
    """`made` is the first key, shown this once; `unsure`: to withdraw, without the tick."""
    zh, en, tone = STATES[one.state]
    party = one.party
    context = {
        "one": one,
        "state": (pick((zh, en)), tone),
        "kind": pick(kinds().kinds[one.kind].title),
        "papers": [
            (row, pick(row.title), pick(PAPERS[row.state][:2]), PAPERS[row.state][2])
            for row in queries.papers(one)
        ],
        "can_change": one.state in ("draft", "returned", "admitted")
        and (party is None or party.status != "left"),
        "can_submit": one.state in ("draft", "returned"),
        "terms": kinds().terms,
        "duties": [
            (pick(kinds().duties[name].title), kinds().duties[name].clause)
            for name in kinds().duties_of(one.kind, one.grants)
        ],
        "party": party,
        "origin": settings.ABATE_ORIGIN,
        "made": made,
        "unsure": unsure,
    }
    if party is not None:
        life_zh, life_en, life_tone = LIVES[Party.Status(party.status)]
        context |= {
            "life": (pick((life_zh, life_en)), life_tone),
            "agreement": queries.agreement(party.pk),
            "keys": party_queries.keys(party.pk),
            "sandbox": conformance.known_sandbox() if party.status == Party.Status.TRIAL else "",
            "conformed_at": queries.conformed_at(party.pk),
            **about_data(party),
        }
    status = problem.status if problem else 422 if unsure else 200
    return screen.show(request, "joining", context, section="joining", status=status, problem=problem)


def about_data(party: Party, months: int = 6) -> dict[str, object]:
    """What a party is shown of its data: quality of the last months, and notices to answer."""
    return {
        "quality": [(amounts.month(row.month), row) for row in quality.months(party.pk, months)],
        "notices": [
            (row, pick(NOTICES[row.state][:2]), NOTICES[row.state][2]) for row in queries.notices(party.pk)
        ],
    }


@require_safe
@applicant_page
def joining(request: HttpRequest, one: Application) -> HttpResponse:
    """How the application stands, and what comes next."""
    return _page(request, one)


def _done(request: HttpRequest, one: Application, work: Callable[[], object]) -> HttpResponse:
    try:
        made = work()
    except Problem as problem:
        one.refresh_from_db()
        return _page(request, one, problem=problem)
    if isinstance(made, tuple):
        return _page(request, one, made=made)
    return redirect("joining")


def _file(request: HttpRequest, refusal: type[Problem]) -> tuple[str, bytes]:
    """Name and bytes of the one file of a form."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise refusal("size, or no file")
    return file.name or "", file.read()


@require_POST
@applicant_page
def document(request: HttpRequest, one: Application) -> HttpResponse:
    """Bring a document: `kind`, `file`, and `valid_until` where it runs out."""

    def work() -> None:
        name, data = _file(request, DocumentRefused)
        until = last_day(request.POST.get("valid_until", "")[:20])
        actions.add_document(one, request.POST.get("kind", "")[:60], name, data, until)

    return _done(request, one, work)


@require_POST
@applicant_page
def submit(request: HttpRequest, one: Application) -> HttpResponse:
    """Hand in with the agreement accepted, or withdraw (`step`), which is asked about first (`sure`)."""
    if request.POST.get("step") == "withdraw":
        if request.POST.get("sure") != "yes":
            return _page(request, one, unsure=True)
        return _done(request, one, lambda: actions.withdraw(one))
    return _done(request, one, lambda: actions.submit(one, request.POST.get("terms", "")[:20]))


def _own_party(one: Application) -> Party:
    if one.party is None:
        raise PartyUnknown(one.code)
    return one.party


@require_POST
@applicant_page
def report(request: HttpRequest, one: Application) -> HttpResponse:
    """Hand in the conformance report that the sandbox signed."""

    def work() -> None:
        _, data = _file(request, ReportRefused)
        actions.take_report(_own_party(one), data)

    return _done(request, one, work)


@require_POST
@applicant_page
def key(request: HttpRequest, one: Application) -> HttpResponse:
    """Collect the first live key: shown this once, to nobody else."""
    return _done(request, one, lambda: standing.first_client(_own_party(one)))


@require_POST
@applicant_page
def notice(request: HttpRequest, one: Application, notice_id: int) -> HttpResponse:
    """Answer a notice about the party's own data."""

    def work() -> None:
        text = request.POST.get("text", "")
        noticing.answer(notice_id, _own_party(one).pk, text, request.user)  # type: ignore[arg-type]

    return _done(request, one, work)


@require_http_methods(["GET", "HEAD", "POST"])
def try_(request: HttpRequest) -> HttpResponse:
    """In the sandbox: a party, a key and people to try with, for whoever asks, and the commands of the first event."""
    problem, made = None, None
    code = request.POST.get("code", "")[:60].strip()
    known = basis.catalogue().methods
    # What no methodology is about is none that could be tried.
    chosen = [name for name in request.POST.getlist("behaviours")[:100] if name in known]
    try:
        if not settings.ABATE_SANDBOX:
            raise NotASandbox
        if request.method == "POST":
            made = trying.let_in(code, chosen, new=True)
    except Problem as refused:
        problem = refused
    fields = [Field("code", say("机构代码", "Code of your organisation"), code, maxlength=40)]
    context = {
        "made": made,
        "fields": fields,
        "here": settings.ABATE_SANDBOX,
        "behaviours": [(name, story.title_of(name), name in chosen) for name in sorted(known)],
    }
    return screen.show(request, "try", context, status=problem.status if problem else 200, problem=problem)


urlpatterns = [
    path("try", try_, name="try"),
    path("join", join, name="join"),
    path("join/link", link, name="join-link"),
    path("joining", joining, name="joining"),
    path("joining/document", document, name="joining-document"),
    path("joining/submit", submit, name="joining-submit"),
    path("joining/report", report, name="joining-report"),
    path("joining/key", key, name="joining-key"),
    path("joining/notices/<int:notice_id>", notice, name="joining-notice"),
]
