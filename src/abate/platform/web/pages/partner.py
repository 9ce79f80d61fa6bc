"""A partner's own page: its keys, where it is told of its events, and what it was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.announcements import queries as announcements
from abate.platform.announcements.models import Announcement
from abate.platform.carbon import sent
from abate.platform.carbon.sent import Asked
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events import sources
from abate.platform.joining import noticing
from abate.platform.parties import actions, collecting, queries, webhooks
from abate.platform.parties.errors import ClientUnknown, EndpointUnknown
from abate.platform.parties.models import Party
from abate.platform.people import groups
from abate.platform.people.family_errors import NotAnEnterprise
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review.proposing import in_sandbox
from abate.platform.sharing import members
from abate.platform.web import screen
from abate.platform.web.access import applicant_of, partner_page
from abate.platform.web.pages.join import about_data
from abate.platform.web.wording import say

OVERLAP = timedelta(days=7)
"""Our policy for what is rotated on the page; another time is the command's."""


class StepUnknown(Problem):
    code = "partner-step-unknown"
    status = 422
    zh = "机构页面没有这一步，什么都没有办理。"
    en = "The partner's page has no such step; nothing was done."
    why_zh = "打开已久的旧页面可能发出系统升级后不再有的步骤，不能当作另一步执行。"
    why_en = (
        "A page left open over an upgrade may send a step that is no more; it is not taken for another one."
    )
    remedy_zh = "请重新打开 /partner，再办理一次；撤销密钥在该页上立即生效。"
    remedy_en = "Open /partner anew and do it there; a key is revoked there at once."


def _page(
    request: HttpRequest, party: Party, *, problem: Problem | None = None, made: tuple[str, str] | None = None
) -> HttpResponse:
    """`made` is a name and a secret, shown this once."""
    asked = request.GET.get("event", "")[:200].replace("\0", "")
    context = {
        "announcements": announcements.shown(Announcement.PARTNERS),
        "asked": asked,
        "found": sent.event_of_party(party.pk, asked) if asked else None,
        "mark": sources.marks([(party.pk, asked)]).get((party.pk, asked)),
        "sent": sent.page(party.pk, Asked(), limit=10).events,
        "party": party,
        "reconciled": bool(reconciliation.sides_of(party)),
        # Of those who act for it the one who looks after it: another has none to hand on.
        "contact": getattr(applicant_of(request), "party_id", None) == party.pk,
        "keys": queries.keys(party.pk),
        "endpoints": [one for one in webhooks.endpoints(party.pk) if one.ended_at is None],
        "messages": webhooks.messages(party.pk, limit=20),
        "kinds": webhooks.KINDS,
        "members": members.newest(party.pk) if party.kind == Party.Kind.ENTERPRISE else None,
        "least": settings.ABATE_SHARING_LEAST_PEOPLE,
        "made": made,
        **about_data(party, months=2),
    }
    status = problem.status if problem else 200
    return screen.show(request, "partner", context, section="partner", status=status, problem=problem)


@require_safe
@partner_page
def partner(request: HttpRequest, party: Party) -> HttpResponse:
    return _page(request, party)


def _secret(made: dict[str, Any]) -> tuple[str, str]:
    return str(made["client_id"]), str(made["client_secret"])


def _done(request: HttpRequest, party: Party, work: Callable[[], tuple[str, str] | None]) -> HttpResponse:
    try:
        made = work()
    except Problem as problem:
        return _page(request, party, problem=problem)
    return _page(request, party, made=made) if made else redirect("partner")


@require_POST
@partner_page
def key(request: HttpRequest, party: Party) -> HttpResponse:
    """`step` is new or rotate; the latter names a key of the party's own (`key`).

    On live a key takes three of the operator's people; in the sandbox the partner makes it here.
    """
    step, client_id = request.POST.get("step", ""), request.POST.get("key", "")[:100]

    def work() -> tuple[str, str] | None:
        if step == "new":
            networks = request.POST.get("addresses", "")[:500].replace(",", " ").split()
            given = {"code": party.code, "label": request.POST.get("label", "")[:200], "addresses": networks}
            return _secret(in_sandbox("party.client", given))
        if step != "rotate":
            raise StepUnknown
        _own(party, client_id)
        given = {"client_id": client_id, "overlap_hours": OVERLAP // timedelta(hours=1)}
        return _secret(in_sandbox("party.rotate", given))

    return _done(request, party, work)


@require_POST
@partner_page
def revoke(request: HttpRequest, party: Party) -> HttpResponse:
    """Revoke a key of the party's own (`key`) at once. An address of its own: whose key is stolen is asked for nothing first."""

    def work() -> None:
        client_id = request.POST.get("key", "")[:100]
        _own(party, client_id)
        actions.revoke_client(client_id)

    return _done(request, party, work)


def _own(party: Party, client_id: str) -> None:
    if client_id not in {one.client_id for one in queries.keys(party.pk)}:
        raise ClientUnknown


@require_POST
@partner_page
def collect(request: HttpRequest, party: Party) -> HttpResponse:
    """Collect a key (`key`) that three people approved: its secret is made now and shown this once, to nobody else."""
    return _done(request, party, lambda: collecting.collect(party.pk, request.POST.get("key", "")[:100]))


@require_POST
@partner_page
def hook(request: HttpRequest, party: Party) -> HttpResponse:
    """`step` is add, rotate, replace (no former secret is good) or end; all but the first name an address of the party's own."""
    step, named = request.POST.get("step", ""), request.POST.get("hook", "")

    def work() -> tuple[str, str] | None:
        if step == "add":
            kinds = request.POST.getlist("kind") or webhooks.KINDS
            number, secret = webhooks.add_endpoint(party, request.POST.get("url", "")[:600], kinds)
            return str(number), secret
        if step not in ("rotate", "replace", "end"):
            raise StepUnknown
        own = {str(one.pk): one.pk for one in webhooks.endpoints(party.pk)}
        if named not in own:
            raise EndpointUnknown
        if step != "end":
            overlap = OVERLAP if step == "rotate" else timedelta(0)
            return named, webhooks.rotate_secret(own[named], overlap=overlap)
        webhooks.end_endpoint(own[named])
        return None

    return _done(request, party, work)


@require_POST
@partner_page
def invite(request: HttpRequest, party: Party) -> HttpResponse:
    """A code by which so many people join the organisation; it is an enterprise's to give."""

    def work() -> tuple[str, str]:
        if party.kind != Party.Kind.ENTERPRISE:
            raise NotAnEnterprise
        typed = request.POST.get("most", "")
        most = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 0
        code, until = groups.invite_to_organisation(party, most)
        return code, say(f"有效至 {clock.day(until)}", f"good until {clock.day(until)}")

    return _done(request, party, work)


@require_POST
@partner_page
def message(request: HttpRequest, party: Party, message_id: int) -> HttpResponse:
    """Tell a message of the party's own once more."""

    def work() -> None:
        webhooks.send_again(min(message_id, 2**63 - 1), party_id=party.pk)

    return _done(request, party, work)


@require_POST
@partner_page
def notice(request: HttpRequest, party: Party, notice_id: int) -> HttpResponse:
    """Answer a notice about the party's own data."""

    def work() -> None:
        noticing.answer(notice_id, party.pk, request.POST.get("text", ""), request.user)  # type: ignore[arg-type]

    return _done(request, party, work)
