"""Spending credits: the offers, one offer to confirm, and the person's codes."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors import clock, randomness
from abate.platform.doors.errors import Problem
from abate.platform.incentives import actions, queries
from abate.platform.incentives.errors import OfferUnknown
from abate.platform.ledger import standing
from abate.platform.people.models import Person
from abate.platform.web import qr, screen
from abate.platform.web.access import Missing, person_page


@require_safe
@person_page
def offers(request: HttpRequest, person: Person) -> HttpResponse:
    context = {"offers": queries.offers(), "standing": standing.standing(person.pk)}
    return screen.show(request, "offers", context, section="offers")


def _confirm(
    request: HttpRequest, person: Person, offer_id: UUID, order_id: UUID, problem: Problem | None = None
) -> HttpResponse:
    found = queries.offer(offer_id)
    if found is None:
        raise OfferUnknown
    held = standing.standing(person.pk).free
    context = {
        "offer": found,
        "open": found.open_at(clock.now()) and found.stock > 0,
        "held": held,
        "rest": held - found.price_credits,
        "short": found.price_credits - held,
        "order_id": order_id,
    }
    status = problem.status if problem else 200
    return screen.show(request, "offer", context, section="offers", status=status, problem=problem)


@require_safe
@person_page
def offer(request: HttpRequest, person: Person, offer_id: UUID) -> HttpResponse:
    """What it costs and what remains, before anything is spent. The page carries the order's id: sent twice,
    it is one order."""
    return _confirm(request, person, offer_id, randomness.new_uuid())


@require_POST
@person_page
def redeem(request: HttpRequest, person: Person, offer_id: UUID) -> HttpResponse:
    try:
        order_id = UUID(request.POST.get("order_id", ""))
    except ValueError:
        order_id = randomness.new_uuid()
        return _confirm(request, person, offer_id, order_id)
    try:
        made = actions.redeem(person, offer_id, order_id)
    except OfferUnknown:
        raise
    except Problem as problem:
        return _confirm(request, person, offer_id, randomness.new_uuid(), problem)
    return redirect("code", code_id=made.id)


@require_safe
@person_page
def codes(request: HttpRequest, person: Person) -> HttpResponse:
    return screen.show(request, "codes", {"codes": queries.my_codes(person)}, section="codes")


@require_safe
@person_page
def code(request: HttpRequest, person: Person, code_id: int) -> HttpResponse:
    """One code, big enough to be read or scanned. Another person's is not there."""
    found = queries.code(person, code_id)
    if found is None:
        raise Missing
    context: dict[str, object] = {"code": found}
    if found.state == "active":
        context["qr"] = qr.svg(qr.code_address(found.text))
    return screen.show(request, "code", context, section="codes")
