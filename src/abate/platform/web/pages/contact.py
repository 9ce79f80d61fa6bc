"""Change one's phone or e-mail: freshly proved, the new one confirmed by a code, the old one told."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.people import actions, changing, contacts, queries, recovering
from abate.platform.people.models import Person
from abate.platform.people.policy import Step
from abate.platform.web import screen
from abate.platform.web.access import person_page
from abate.platform.web.pages.signin import code_field
from abate.platform.web.pages.staff_signin import address_of
from abate.platform.web.screen import Field
from abate.platform.web.wording import say

_ASKED = "contact-change"


def _field(value: str = "", error: str = "") -> Field:
    return Field(
        "contact",
        say("新的手机号或邮箱", "The new phone or e-mail"),
        value,
        hint=say("验证码会发往这里。", "A code is sent to it."),
        error=error,
        maxlength=254,
    )


def _said(problem: Problem) -> str:
    text = screen.told(problem)
    return f"{text.text}{say('', ' ')}{text.remedy}"


def _asked(request: HttpRequest) -> tuple[str, str]:
    """(old, new) of a change that waits for its code; empty where none does."""
    old, new = request.session.get(_ASKED) or ("", "")
    return contacts.unseal(old), contacts.unseal(new)


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def contact(request: HttpRequest, person: Person) -> HttpResponse:
    """Choose which, name the new one, enter its code."""
    old, new = _asked(request)
    if request.method == "POST" and "again" in request.POST:
        request.session.pop(_ASKED, None)
        return redirect("privacy-contact")
    if request.method == "POST":
        return _confirm(request, person, old, new) if "code" in request.POST else _ask(request, person)
    return _code_page(request, new) if old and new else _page(request, person)


def _page(
    request: HttpRequest, person: Person, place: int = 0, field: Field | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "recoveries": recovering.going_on(person.pk),
        "contacts": list(enumerate(queries.own_contacts(person))),
        "place": place,
        "field": field or _field(),
        "sent": False,
    }
    return screen.show(request, "contact", context, section="authorisations", status=status)


def _code_page(request: HttpRequest, new: str, problem: Problem | None = None) -> HttpResponse:
    context = {
        "sent": True,
        "contact": contacts.masked(contacts.normal(new)),
        "field": code_field(_said(problem) if problem else ""),
        "adapter": settings.ABATE_MESSAGES.rpartition(".")[2],
    }
    return screen.show(request, "contact", context, section="authorisations", at_field=problem)


def _ask(request: HttpRequest, person: Person) -> HttpResponse:
    given, place = request.POST.get("contact", ""), request.POST.get("place", "")
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else 0
    try:
        old = changing.at_place(person, number).value
        new = changing.check(person, old, given).value
        actions.request_code(new, address_of(request), Step.CONTACT)
    except Problem as problem:
        return _page(request, person, number, _field(given[:254], _said(problem)), problem.status)
    request.session[_ASKED] = [contacts.seal(old), contacts.seal(new)]
    return redirect("privacy-contact")


def _confirm(request: HttpRequest, person: Person, old: str, new: str) -> HttpResponse:
    if not (old and new):
        return redirect("privacy-contact")
    try:
        proved = actions.prove_contact(new, request.POST["code"], Step.CONTACT)
    except Problem as problem:
        return _code_page(request, new, problem)
    request.session.pop(_ASKED, None)
    try:
        changing.change(person, old, new, proved)
    except Problem as problem:
        return _page(request, person, 0, _field("", _said(problem)), problem.status)
    text = say("已更换，原联系方式已收到通知。", "Changed; the old contact was told.")
    messages.success(request, text, extra_tags="good")
    return redirect("privacy")


urlpatterns = [path("privacy/contact", contact, name="privacy-contact")]
