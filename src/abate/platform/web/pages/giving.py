"""Giving credits to somebody who shows a code for them, and making such a code. (P-6.5)"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform.credits import giving as room
from abate.platform.credits.errors import ReceivingCodeUnknown
from abate.platform.doors import randomness
from abate.platform.doors.errors import Problem
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import standing
from abate.platform.ledger.errors import NotAnAmount, SamePerson
from abate.platform.people import children
from abate.platform.people.models import Person
from abate.platform.web import screen
from abate.platform.web.access import person_page
from abate.platform.web.paging import whole_number
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def _page(
    request: HttpRequest,
    person: Person,
    *,
    problem: Problem | None = None,
    made: tuple[str, datetime] | None = None,
    asked: tuple[str, int] | None = None,
) -> HttpResponse:
    """`made`: a code and until when, shown this once. `asked`: the code and the credits of a gift to be confirmed."""
    children.require_open(person.pk, room.ACT)
    free = standing.standing(person.pk).free
    at_field = problem if isinstance(problem, (ReceivingCodeUnknown, SamePerson, NotAnAmount)) else None
    context = {
        "made": made,
        "asked": asked,
        "free": free,
        "rest": free - asked[1] if asked else 0,
        "short": asked[1] - free if asked else 0,
        "order_id": randomness.new_uuid() if asked else "",
        "fields": _fields(request, at_field),
    }
    return screen.show(
        request,
        "giving",
        context,
        section="home",
        status=problem.status if problem else 200,
        problem=None if at_field else problem,
        at_field=at_field,
    )


def _fields(request: HttpRequest, problem: Problem | None) -> list[Field]:
    told = screen.told(problem) if problem else None
    error = f"{told.text}{say('', ' ')}{told.remedy}" if told else ""
    of_amount = isinstance(problem, NotAnAmount)
    return [
        Field(
            "credits",
            say("转赠积分", "Credits to give"),
            value=request.POST.get("credits", "")[:19],
            error=error if of_amount else "",
            inputmode="numeric",
            autocomplete="off",
            maxlength=19,
        ),
        Field(
            "code",
            say("对方的收分码", "The other's receiving code"),
            value=request.POST.get("code", "")[:40],
            hint=say("12 位，由对方在此页生成", "12 signs, made by them on this page"),
            error="" if of_amount else error,
            autocomplete="off",
            maxlength=40,
            css="code",
        ),
    ]


def _asked(request: HttpRequest) -> tuple[str, int]:
    """Raises NotAnAmount."""
    amount = whole_number(request.POST.get("credits", "").strip())
    ledger.positive(amount or 0)
    return request.POST.get("code", "")[:40], amount or 0


@require_safe
@person_page
def giving(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


@require_POST
@person_page
def look(request: HttpRequest, person: Person) -> HttpResponse:
    """What the gift takes and what remains, before anything moves. The page carries the order's id: sent twice, it is one."""
    try:
        asked = _asked(request)
        room.look(person, asked[0])
    except Problem as problem:
        return _page(request, person, problem=problem)
    return _page(request, person, asked=asked)


@require_POST
@person_page
def confirm(request: HttpRequest, person: Person) -> HttpResponse:
    try:
        code, credits = _asked(request)
        order_id = UUID(request.POST.get("order_id", ""))
        made = room.give(person, code, credits, order_id)
    except ValueError:
        return look(request)
    except Problem as problem:
        return _page(request, person, problem=problem)
    messages.success(request, say("已转赠。", "Given."), extra_tags="good")
    return redirect("entry", entry_id=made.id)


@require_POST
@person_page
def receive(request: HttpRequest, person: Person) -> HttpResponse:
    try:
        return _page(request, person, made=room.receive(person))
    except Problem as problem:
        return _page(request, person, problem=problem)


urlpatterns = [
    path("giving", giving, name="giving"),
    path("giving/look", look, name="giving-look"),
    path("giving/confirm", confirm, name="giving-confirm"),
    path("giving/receive", receive, name="giving-receive"),
]
