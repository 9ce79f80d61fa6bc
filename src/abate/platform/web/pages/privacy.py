"""The person's privacy centre: notice and consents, who read what, a copy, requests with their clock, and leaving."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.ledger import keeping, standing
from abate.platform.log import queries as log
from abate.platform.notices import queries as notices
from abate.platform.notices.incidents import SAID
from abate.platform.notices.models import Incident
from abate.platform.parties import queries as parties
from abate.platform.people import children, consents, correcting, queries, requests
from abate.platform.people.models import Person
from abate.platform.sharing import people as sharing
from abate.platform.web import access, own_data, own_data_pdf, screen
from abate.platform.web.access import person_page
from abate.platform.web.own_data_words import REQUESTS
from abate.platform.web.pages.shared import listed
from abate.platform.web.paging import page
from abate.platform.web.readers import opened_by_others, times_opened
from abate.platform.web.wording import pick, say

CORRECTED = {"name": ("姓名", "Name"), "number": ("证件号码", "Number")}
INCIDENT = {
    "happened": ("发生了什么", "What happened"),
    "data": ("涉及您的哪些信息", "Which of your data"),
    "follows": ("可能的影响", "What may follow"),
    "done": ("已采取的措施", "What was done"),
    "advice": ("您可以做什么", "What you can do"),
    "contact": ("联系人", "Whom to ask"),
}
_LISTED = 50
_FORMS = {
    "json": ("application/json", own_data.as_json),
    "zip": ("application/zip", own_data.as_tables),
    "pdf": ("application/pdf", own_data_pdf.render),
}


def said_of(incident: Incident) -> list[tuple[str, str]]:
    """What an incident's own people read of it: (heading, text) in the language of the page."""
    texts = {name: pick((getattr(incident, f"{name}_zh"), getattr(incident, f"{name}_en"))) for name in SAID}
    return [(pick(INCIDENT[name]), text) for name, text in (texts | {"contact": incident.contact}).items()]


def _incidents(person: Person) -> list[tuple[Incident, list[tuple[str, str]], list[str]]]:
    """What somebody was told of, the newest first, each once: (incident, its words, whom it concerns if not them alone).

    What concerns a child is told to its guardian, in a message that leads here (PIPL articles 31 and 57).
    """
    you = say("您本人", "you")
    found = {one.pk: one for one in notices.incidents(person.user_id)}
    whom = {number: [you] for number in found}
    for child in children.of(person.pk):
        for one in notices.incidents(*queries.users_of([child.id])):
            found[one.pk] = one
            whom.setdefault(one.pk, []).append(child.name)
    newest = sorted(found.values(), key=lambda one: one.told_at, reverse=True)
    return [(one, said_of(one), whom[one.pk] if whom[one.pk] != [you] else []) for one in newest]


def _lists(request: HttpRequest, person: Person) -> dict[str, object]:
    """Who read, was told and opened what: each list page by page, with how many there are before it."""
    names = {row.code: pick((row.title_zh, row.title_en)) for row in parties.parties()}
    codes = parties.codes()
    read = page(
        request, "read", _LISTED, partial(log.readings_of, person.pk), partial(log.times_read, person.pk)
    )
    told = page(
        request,
        "told",
        _LISTED,
        partial(sharing.readings_of, person.pk),
        partial(sharing.times_told, person.pk),
    )
    opened = page(
        request, "opened", _LISTED, partial(opened_by_others, person), partial(times_opened, person)
    )
    return {
        "readings": [
            (
                one.at,
                names.get(codes.get(one.party_id or 0, ""), say("平台运营方", "The operator")),
                one.what,
                one.leaves,
            )
            for one in read.rows
        ],
        "told": [
            (one.at, pick(one.titles), pick(listed(one.request.fields)), one.request) for one in told.rows
        ],
        "opened_by_others": [
            (one.at, pick(one.roles), pick(one.field), pick(one.purpose)) for one in opened.rows
        ],
        "pages": {"read": read, "told": told, "opened": opened},
    }


def _page(
    request: HttpRequest, person: Person, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    guardian = children.guardian_of(person.pk)
    about = "children" if guardian else "people"
    told = consents.current(about)
    given = {row.purpose: row for row in consents.of(person.pk) if row.withdrawn_at is None}
    context = {
        "incidents": _incidents(person),
        "notice": told,
        "agreed": consents.agreed_to_current(person.pk, about),
        "purposes": [
            (pick(one.text), pick(one.data), pick(one.kept), one.sensitive, given.get(one.name), one.name)
            for one in told.purposes
        ],
        "partners": [row for row in queries.authorisations(person.pk) if row.live],
        **_lists(request, person),
        "own": not guardian,
        "corrected": [(pick(CORRECTED[what]), at) for what, at in correcting.history(person.pk)],
        "requests": [(row, pick(REQUESTS[row.kind])) for row in requests.own(person)],
        "kinds": [(name, pick(words)) for name, words in REQUESTS.items()],
    }
    return screen.show(request, "privacy", context, section="authorisations", status=status, problem=problem)


@require_safe
@person_page
def privacy(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


def was_shown(request: HttpRequest, notice: consents.Notice) -> bool:
    """Whether the form that was sent showed this notice: nobody agrees to one that came into force since. Says so if not."""
    if request.POST.get("notice") == notice.version:
        return True
    zh, en = (
        "告知书已更新，没有记录同意；请再阅读后决定。",
        "The notice has changed and nothing was noted; read it and decide.",
    )
    messages.warning(request, say(zh, en), extra_tags="wait")
    return False


@require_POST
@person_page
def agree(request: HttpRequest, person: Person) -> HttpResponse:
    """Agree to the notice in force, each purpose by its own tick; a guardian agrees for the child."""
    child = access.child_of(request) is not None
    told = consents.current(access.notice_about(request))
    if was_shown(request, told):
        if set(request.POST.getlist("purpose")) >= {one.name for one in told.purposes}:
            consents.give(person, told.version, by=access.signed_in_person(request) if child else None)
            messages.success(request, say("已记录您的同意。", "Your consent is noted."), extra_tags="good")
        else:
            zh, en = (
                "没有逐项勾选，没有记录同意；原先同意的继续有效。",
                "Not each purpose was ticked and nothing was noted; what you agreed to before goes on.",
            )
            messages.warning(request, say(zh, en), extra_tags="wait")
    return redirect("privacy")


@require_safe
@person_page
def copy(request: HttpRequest, person: Person, form: str) -> HttpResponse:
    """Everything held about the person, for the person."""
    kind, write = _FORMS[form]
    answer = HttpResponse(write(own_data.gather(person)), content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="abate-own-data-{clock.today()}.{form}"'
    return answer


@require_POST
@person_page
def ask(request: HttpRequest, person: Person) -> HttpResponse:
    try:
        made = requests.ask(person, request.POST.get("kind", ""), request.POST.get("text", ""))
    except Problem as problem:
        return _page(request, person, problem.status, problem)
    text = say("已收到，最迟 {d} 答复。", "Received; the answer is due by {d}.", d=made.due)
    messages.success(request, text, extra_tags="good")
    return redirect("privacy")


@require_POST
@person_page
def correct(request: HttpRequest, person: Person) -> HttpResponse:
    """The right `name`, or the right `number`; what is left empty stays."""
    try:
        correcting.correct(person, *(request.POST.get(name, "")[:200] for name in ("name", "number")))
    except Problem as problem:
        return _page(request, person, problem.status, problem)
    text = say(
        "已核验并更正，原信息留存在您的副本中。", "Checked and corrected; the old one stays in your copy."
    )
    messages.success(request, text, extra_tags="good")
    return redirect("privacy")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def leave(request: HttpRequest, person: Person) -> HttpResponse:
    """Cancel the account: what names the person is destroyed, amounts and proofs stay. A guardian closes a child's here."""
    if request.method == "POST" and request.POST.get("sure") == "yes":
        child = access.child_of(request)
        kept = keeping.leave(person)
        if child:
            access.act_for(request, None)
            text = say("孩子的账户已注销。", "The child's account is closed.")
            messages.success(request, text, extra_tags="good")
            return redirect("family")
        logout(request)
        return screen.show(request, "left", {"kept": kept})
    context = {
        "kept": keeping.held(person.pk),
        "children": children.of(person.pk),
        "standing": standing.standing(person.pk),
        "unsure": request.method == "POST",
    }
    status = 422 if request.method == "POST" else 200
    return screen.show(request, "leave", context, section="authorisations", status=status)


urlpatterns = [
    path("privacy", privacy, name="privacy"),
    path("privacy/agree", agree, name="privacy-agree"),
    re_path(r"^privacy/copy\.(?P<form>json|zip|pdf)$", copy, name="privacy-copy"),
    path("privacy/identity", correct, name="privacy-correct"),
    path("privacy/requests", ask, name="privacy-ask"),
    path("privacy/leave", leave, name="privacy-leave"),
]
