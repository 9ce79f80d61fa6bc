"""Entries that three people book in somebody's account for a decision that the order names.

Credits are given up for good, given to another, set aside for a time, and then spent or freed; milligrams are retired.
What goes to other platforms and comes from them is no entry by hand, and what is only given or taken is `ledger.adjust`.
"""

from __future__ import annotations

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import clock
from abate.platform.ledger import actions, errors, holds
from abate.platform.ledger.models import Hold, Order
from abate.platform.people import queries as people
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

NEEDS = {
    "cancel": {"amount"},
    "transfer": {"amount", "to"},
    "hold": {"amount", "until"},
    "settle": {"hold"},
    "release": {"hold"},
    "retire": {"amount"},
}
"""What each kind takes beside person and order, and nothing else. `amount` is credits, to retire milligrams CO2e."""
LONGEST_ORDER = 128
"""Signs of an order, as of an event's id: our policy."""
_FIELDS = {"amount": (int, 0), "to": (str, ""), "until": (str, ""), "hold": (int, 0)}


def person_of(pseudonym: str) -> int:
    """Raises NoPerson."""
    found = people.by_pseudonym(pseudonym)
    if found is None:
        raise errors.NoPerson(pseudonym[:40])
    return found


def order_of(given: Json, *contents: bytes) -> Json | None:
    """What was booked under this order: an account moves all the time, the decision's own entry does not.

    Raises OrderTaken where it is another movement than `contents` (actions.digest).
    """
    person = person_of(given["person"])
    order = Order.objects.filter(person_id=person, order_id=given["order"]).first()
    if order is None:
        return None
    if bytes(order.digest) not in contents:
        raise errors.OrderTaken(given["order"])
    entry = actions.entry_of(person, order.entry_id)
    return {"kind": Kind(entry.kind).name.lower(), "carbon_mg": entry.carbon_mg, "credits": entry.credits}


def named(action: str, order: str) -> None:
    """An order is found again by what it is called: one line that can be read. Raises ArgumentsMalformed."""
    if not order.strip() or len(order) > LONGEST_ORDER or not order.isprintable():
        raise ArgumentsMalformed(f"{action}: order (1 - {LONGEST_ORDER})")


def _sound(given: Json) -> Json:
    named("ledger.book", given["order"])
    needs = NEEDS.get(given["kind"])
    if needs is None:
        raise ArgumentsMalformed(f"ledger.book: kind ({', '.join(NEEDS)})")
    for name, (_, nothing) in _FIELDS.items():
        if (given[name] != nothing) != (name in needs):
            raise ArgumentsMalformed(f"ledger.book: {name}")
    person = person_of(given["person"])
    if "amount" in needs:
        actions.positive(given["amount"])
    if "to" in needs and person_of(given["to"]) == person:
        raise errors.SamePerson
    if "until" in needs:
        until = changes.moment(given, "until")
        if until <= clock.now():
            raise errors.HoldTooLong
        given = given | {"until": until.isoformat()}
    return given


def _look(given: Json) -> Json:
    """The order's entry; of a hold that is to end, the hold. Raises NoHold, OrderTaken."""
    if not given["hold"]:
        return {"booked": order_of(given, *_contents(given))}
    found = held(given)
    return {"hold": {"credits": found.credits, "state": _STATES[found.state]}}


def held(given: Json) -> Hold:
    """What is set aside and is to end. Raises NoHold."""
    found = Hold.objects.filter(person_id=person_of(given["person"]), entry_id=given["hold"]).first()
    if found is None:
        raise errors.NoHold(str(given["hold"]))
    return found


def _contents(given: Json) -> tuple[bytes, ...]:
    if given["until"]:
        until = changes.moment(given, "until")
        return holds.contents(person_of(given["person"]), given["order"], given["amount"], until)
    receiver = person_of(given["to"]) if given["to"] else 0
    return (actions.digest(Kind[given["kind"].upper()], given["amount"], receiver),)


_STATES = {Hold.OPEN: "open", Hold.SETTLED: "settle", Hold.RELEASED: "release", Hold.LAPSED: "lapsed"}


def _after(given: Json, before: Json) -> Json:
    kind, amount = given["kind"], given["amount"]
    if given["hold"]:
        return {"hold": before["hold"] | {"state": kind}}
    carbon, credits = (-amount if kind in kinds else 0 for kinds in (("retire",), ("cancel", "transfer")))
    return {"booked": {"kind": kind, "carbon_mg": carbon, "credits": credits}}


def _book(given: Json) -> Json:
    person, order, amount = person_of(given["person"]), given["order"], given["amount"]
    match given["kind"]:
        case "cancel":
            actions.cancel(person, amount, order)
        case "transfer":
            actions.transfer(person, person_of(given["to"]), amount, order)
        case "hold":
            holds.hold(person, amount, order, changes.moment(given, "until"))
        case "settle":
            holds.settle(person, given["hold"], order)
        case "release":
            holds.release(person, given["hold"], order)
        case "retire":
            actions.retire(person, amount, order)
    return {}


def _has_part(given: Json, human: bytes) -> bool:
    """Whoever works here has no say in what is booked in their own account, nor in what comes to it."""
    names = [given[name] for name in ("person", "to") if given[name]]
    return any(people.has_part(person_of(name), human) for name in names)


BOOK = Action(
    name="ledger.book",
    zh="人工记账（注销、转出、冻结、结清或解冻积分，核销减排量）",
    en="book by hand: credits given up, given to another, set aside, then spent or freed; milligrams retired",
    fields={"kind": (str, REQUIRED), "person": (str, REQUIRED), "order": (str, REQUIRED), **_FIELDS},
    normal=_sound,
    look=_look,
    after=_after,
    execute=_book,
    concerns=_has_part,
)
