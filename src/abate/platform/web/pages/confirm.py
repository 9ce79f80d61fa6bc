"""Once more, before what is sensitive: a passkey, a code of the app, or for a person a code to the own contact; where there is no
factor yet, a new link."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.joining import actions as joining
from abate.platform.people import actions as people
from abate.platform.people import queries
from abate.platform.people.models import Person
from abate.platform.review.models import User
from abate.platform.signin import factors, proofs
from abate.platform.signin.policy import policy
from abate.platform.web import proving, screen, sessions
from abate.platform.web.access import applicant_of, signed_in_person, user_page
from abate.platform.web.pages.signin import own_address
from abate.platform.web.pages.staff_signin import address_of, shown
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


@require_http_methods(["GET", "HEAD", "POST"])
@user_page
def confirm(request: HttpRequest, user: User) -> HttpResponse:
    """Ask, and go back to where the person was."""
    there = own_address(request, request.GET.get("next", "") or request.POST.get("next", ""))
    person = signed_in_person(request)
    if person is None:
        if factors.has_factor(user):
            return shown(request, user, "sign_in_second", {"again": True}, there)
        if not factors.may_change(request.session, user):
            return _by_new_link(request)
        # Who just came by a link has none yet: the first is made there, and shows them; then they are back.
        request.session[proving.GO_ON] = there
        return redirect("security")
    contacts = list(enumerate(queries.own_contacts(person)))
    context = {"contacts": contacts, "person": True}
    if request.method == "POST" and not request.POST.get("credential"):
        return _by_contact(request, person, there, context)
    context["sent"] = False
    return shown(request, user, "confirm", context, there)


def _by_new_link(request: HttpRequest) -> HttpResponse:
    """An open session makes no first factor: a party's contact has a new link sent to it, others ask for one."""
    one, problem, sent = applicant_of(request), None, False
    if request.method == "POST" and one is not None:
        try:
            joining.send_own_link(one)
        except Problem as refused:
            problem = refused
        else:
            sent = True
    values = {"own": one is not None, "sent": sent, "minutes": policy().fresh_minutes}
    status = problem.status if problem else 200
    return screen.show(request, "confirm_link", values, status=status, problem=problem)


def _by_contact(request: HttpRequest, person: Person, there: str, context: dict[str, object]) -> HttpResponse:
    sent = "code" in request.POST
    place = request.POST.get("contact", "0")
    place = int(place) if place.isdigit() and len(place) < 3 else 0
    problem = None
    try:
        if not sent:
            people.request_own_code(person, place, address_of(request))
        else:
            people.confirm_own_code(person, place, request.POST["code"])
            request.session.cycle_key()
            proofs.note(request.session, proofs.CODE)
            sessions.used(request, person.user)
            return redirect(there)
    except Problem as refused:
        problem = refused
    text = screen.told(problem) if problem else None
    field = Field(
        "code",
        say("验证码", "Code"),
        hint=say("6 位数字，10 分钟内有效", "6 digits, good for 10 minutes"),
        error=f"{text.text}{say('', ' ')}{text.remedy}" if text else "",
        autocomplete="one-time-code",
        inputmode="numeric",
        maxlength=12,
        css="code",
    )
    values = {**context, "next": there, "field": field, "sent": True, "place": place}
    return screen.show(request, "confirm", values, at_field=problem)
