"""The household and the organisations of a person: seen, joined by a code and a consent, left by one press."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.people import consents
from abate.platform.people import groups as room
from abate.platform.people.family_errors import MembershipUnknown
from abate.platform.people.models import Person
from abate.platform.web import screen, story
from abate.platform.web.access import person_page
from abate.platform.web.pages.privacy import was_shown
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def _page(
    request: HttpRequest,
    person: Person,
    *,
    problem: Problem | None = None,
    made: tuple[str, object] | None = None,
    offered: tuple[str, room.Offer] | None = None,
    status: int = 200,
) -> HttpResponse:
    """`made`: a code and until when, shown this once. `offered`: a code and what it would let the person into."""
    rows = room.of(person.pk)
    version = consents.current("groups").version
    text = screen.told(problem) if problem else None
    context = {
        "live": [row for row in rows if row.left_at is None],
        "ended": [row for row in rows if row.left_at is not None],
        "household": any(row.kind == room.HOUSEHOLD for row in rows if row.left_at is None),
        "metered": [story.title_of(name) for name in sorted(room.METERED)],
        "least": settings.ABATE_SHARING_LEAST_PEOPLE,
        "made": made,
        "notice": version,
        "to_agree": [
            (row, _terms(row.kind)) for row in rows if row.left_at is None and row.notice_version != version
        ],
        "opening": _terms(room.HOUSEHOLD),
        "terms": _terms(offered[1].kind) if offered else None,
        "offered": offered,
        "field": Field(
            "code",
            say("邀请码", "Invitation"),
            hint=say("12 位，由家人或单位给您", "12 signs, from your family or organisation"),
            error=f"{text.text}{say('', ' ')}{text.remedy}" if text else "",
            autocomplete="off",
            maxlength=40,
            css="code",
        ),
    }
    return screen.show(request, "groups", context, section="authorisations", status=status, at_field=problem)


def _terms(kind: str) -> consents.Purpose:
    """What the notice in force says of joining a group of this kind."""
    return next(one for one in consents.current("groups").purposes if one.name == kind)


@require_safe
@person_page
def groups(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


@require_POST
@person_page
def join(request: HttpRequest, person: Person) -> HttpResponse:
    """First what the code is for; with the tick `agree` the person joins."""
    code = request.POST.get("code", "")[:40]
    try:
        told = consents.current("groups")
        if request.POST.get("agree") != "yes":
            return _page(request, person, offered=(code, room.offered(code)))
        if not was_shown(request, told):
            return _page(request, person, offered=(code, room.offered(code)), status=422)
        room.join(person, code, told.version)
    except Problem as problem:
        return _page(request, person, problem=problem)
    messages.success(request, say("已加入。", "You joined."), extra_tags="good")
    return redirect("groups")


@require_POST
@person_page
def invite(request: HttpRequest, person: Person) -> HttpResponse:
    """A code for one more member of the household; who is in none opens one, and ticks `agree` to the notice shown."""
    if not any(row.kind == room.HOUSEHOLD and row.left_at is None for row in room.of(person.pk)):
        if not was_shown(request, consents.current("groups")):
            return _page(request, person, status=422)
        if request.POST.get("agree") != "yes":
            zh, en = "请先同意上述处理，再邀请家人。", "Agree to what is said above first; then invite."
            messages.warning(request, say(zh, en), extra_tags="wait")
            return _page(request, person, status=422)
    try:
        return _page(request, person, made=room.invite(person))
    except Problem as problem:
        return _page(request, person, problem=problem)


@require_POST
@person_page
def agree(request: HttpRequest, person: Person, member_id: int) -> HttpResponse:
    """To the notice as it is now; who does not agree leaves, or goes on under the one of before."""
    told, member_id = consents.current("groups"), min(member_id, 2**63 - 1)
    if not any(row.id == member_id and row.left_at is None for row in room.of(person.pk)):
        raise MembershipUnknown
    if not was_shown(request, told):
        return _page(request, person, status=422)
    if request.POST.get("agree") != "yes":
        messages.warning(request, say("请先勾选同意。", "Tick that you agree first."), extra_tags="wait")
        return _page(request, person, status=422)
    room.agree(person, member_id, told.version)
    messages.success(request, say("已同意。", "You agreed."), extra_tags="good")
    return redirect("groups")


@require_POST
@person_page
def leave(request: HttpRequest, person: Person, member_id: int) -> HttpResponse:
    room.leave(person, min(member_id, 2**63 - 1))
    messages.success(request, say("已退出。", "You left."), extra_tags="good")
    return redirect("groups")


urlpatterns = [
    path("groups", groups, name="groups"),
    path("groups/join", join, name="groups-join"),
    path("groups/invite", invite, name="groups-invite"),
    path("groups/<int:member_id>/agree", agree, name="groups-agree"),
    path("groups/<int:member_id>/leave", leave, name="groups-leave"),
]
