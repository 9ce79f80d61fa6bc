"""Acts that two partners tell of, and who of them knows whom."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.platform.pipeline.world import GIVEN, World, make_world

from abate.platform.doors import clock
from abate.platform.parties.models import Party
from abate.platform.people import actions as people

BEHAVIOURS = (
    "cycling",
    "electric-two-wheeler",
    "metro",
    "online-meeting",
    "car-left-parked",
    "efficient-appliance",
    "green-product-purchase",
    "e-payment",
    "online-ticket",
    "book-borrowing",
    "paperless-reading",
)
AT = "2026-05-20T09:00:00+08:00"


def two_partners(size: int = 2) -> tuple[World, World]:
    """Two partners that know the same people."""
    first = make_world(size, BEHAVIOURS)
    second = make_world(0, BEHAVIOURS)
    with clock.frozen(GIVEN):
        party = Party.objects.get(pk=second.sender.party_id)
        for person in first.people:
            second.subjects.append(people.authorise(person, party, BEHAVIOURS, notice_version="1"))
    second.people = first.people
    return first, second


def later(minutes: float, at: str = AT) -> str:
    return (datetime.fromisoformat(at) + timedelta(minutes=minutes)).isoformat()


def trip(
    world: World, id: str, start: str = AT, who: int = 0, behaviour: str = "cycling", **more: object
) -> dict:
    """Twenty minutes on the way."""
    data = {"trip_id": id, "start": start, "end": later(20, start), "distance_km": 3, **more}
    return world.event(id, behaviour, who, start, data)


def fridge(world: World, id: str, order: str, at: str = AT, who: int = 0) -> dict:
    data = {"order_id": order, "bought_at": at, "appliance": "refrigerator", "grade": "1"}
    data |= {"label_number": "demo-0001", "pieces": "1", "status": "completed"}
    return world.event(id, "efficient-appliance", who, at, data)


def labelled(world: World, id: str, order: str, at: str = AT, who: int = 0, item: str = "i") -> dict:
    data = {"order_id": order, "item_id": item, "bought_at": at, "appliance": "fridge", "grade": "1"}
    data |= {"label_kwh_year": "200", "quantity": "1", "status": "completed"}
    return world.event(id, "green-product-purchase", who, at, data)


def payment(world: World, id: str, at: str = AT, who: int = 0) -> dict:
    data = {"payment_id": id, "paid_at": at, "place": "online", "method": "electronic", "paper_copy": "no"}
    return world.event(id, "e-payment", who, at, data)


def ticket(world: World, id: str, at: str = AT, who: int = 0) -> dict:
    data = {"order_id": id, "ordered_at": at, "channel": "online", "kind": "train", "paper_copy": "no"}
    return world.event(id, "online-ticket", who, at, data)


def borrowed(world: World, id: str, number: str, at: str = AT, who: int = 0) -> dict:
    return world.event(
        id, "book-borrowing", who, at, {"loan_id": number, "borrowed_at": at, "kind": "first", "books": "1"}
    )
