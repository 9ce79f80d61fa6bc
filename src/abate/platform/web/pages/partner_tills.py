"""An acceptor's people at the till on its page, and the page of an invitation. (P-6.2-types)"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST

from abate.platform.doors.errors import Problem
from abate.platform.incentives import queries as codes
from abate.platform.parties import tills
from abate.platform.parties.models import Party
from abate.platform.signin import actions as signing
from abate.platform.signin import proofs
from abate.platform.web import qr, screen
from abate.platform.web.access import partner_page
from abate.platform.web.pages.partner import StepUnknown
from abate.platform.web.pages.signin import enter
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def number_of(typed: str) -> int:
    """The till that a form names; 0, which is none, for what is no number."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0


def _page(
    request: HttpRequest, party: Party, *, problem: Problem | None = None, made: str = ""
) -> HttpResponse:
    """`made` is the address of a link, shown this once."""
    rows, today = tills.of_party(party.pk), codes.burnt_today_by(party.pk)
    at_work = {row.user_id: row for row in rows if row.user_id is not None}
    last, gone = codes.last_burnt_by(list(at_work)), sorted(set(today) - set(at_work))
    names = tills.names(party.pk, gone)
    inviting = request.POST.get("step") == "invite"
    wrong = (
        {tills.TillNameUnfit: "name", tills.TillHolderUnfit: "number"}.get(type(problem))
        if inviting
        else None
    )
    told = screen.told(problem).text if problem else ""
    field = Field(
        "name",
        say("收银台或收银员", "Till or person"),
        request.POST.get("name", "")[:200] if problem else "",
        hint=say(
            "例如：1 号收银台。同名的未用邀请会换发新链接，原链接作废。",
            "Such as: till 1. An open invitation of the same name gets a new link, and the earlier one is void.",
        ),
        error=told if wrong == "name" else "",
        autocomplete="off",
        maxlength=40,
    )
    # Never sent back into the page: it is typed again.
    number = Field(
        "number",
        say("使用人的证件号码", "Number of their identity document"),
        hint=say(
            "请先告知本人。号码不保存，只留密钥摘要，用来不让本人审批与贵机构有关的事项。",
            "Tell them first. The number is not kept, only a keyed digest: by it they have no say in what the operator"
            " decides about you.",
        ),
        error=told if wrong == "number" else "",
        autocomplete="off",
        maxlength=40,
    )
    context = {
        "party": party,
        "fields": [field, number],
        "made": made,
        "qr": qr.svg(made) if made else "",
        "seats": [(row, last.get(user), today.get(user, 0)) for user, row in at_work.items()],
        "invited": [row for row in rows if row.user_id is None],
        "gone": [(names.get(user, ""), today[user]) for user in gone],
        "most": settings.ABATE_TILLS_PER_PARTY,
    }
    if wrong:
        return screen.show(request, "partner_tills", context, section="partner", at_field=problem)
    status = problem.status if problem else 200
    return screen.show(request, "partner_tills", context, section="partner", status=status, problem=problem)


@require_http_methods(["GET", "HEAD", "POST"])
@partner_page
def own(request: HttpRequest, party: Party) -> HttpResponse:
    """The party's tills. POST makes a link: `step` invite for a new one (`name`, and `number`, of the
    identity document of whoever takes it), link for the holder of a seat (`till`; `number` where it is not known whose it is)."""
    tills.check_kind(party)
    if request.method != "POST":
        return _page(request, party)
    step, number = request.POST.get("step", ""), request.POST.get("number", "")[:40]
    try:
        if step == "invite":
            _, token = tills.invite(party, request.POST.get("name", "")[:200], number)
            there = reverse("till", kwargs={"token": token})
        elif step == "link":
            token = tills.link(party, number_of(request.POST.get("till", "")), number)
            there = reverse("sign-in-link", kwargs={"token": token})
        else:
            raise StepUnknown
    except Problem as problem:
        return _page(request, party, problem=problem)
    return _page(request, party, made=f"{settings.ABATE_ORIGIN}{there}")


@require_POST
@partner_page
def end(request: HttpRequest, party: Party) -> HttpResponse:
    """End a seat or an invitation of the party's own (`till`) at once: whose phone was stolen is asked for nothing first."""
    tills.check_kind(party)
    try:
        tills.end(number_of(request.POST.get("till", "")), party.pk)
    except Problem as problem:
        return _page(request, party, problem=problem)
    return redirect("partner-tills")


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def till(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation: opening it takes nothing, the button does, and signs in; with all that it does, or not at all."""
    try:
        if request.method != "POST":
            return screen.show(request, "till", {"one": tills.offered(token)})
        user = tills.take(token)
    except Problem as problem:
        return screen.refuse(request, problem)
    if request.user.is_authenticated:
        logout(request)
    signing.entered(user)
    return enter(request, user, proofs.LINK)


urlpatterns = [
    path("partner/tills", own, name="partner-tills"),
    path("partner/tills/end", end, name="partner-till-end"),
    path("till/<str:token>", till, name="till"),
]
