"""The change of this room that needs three people (review/changes.py): credits given or taken by hand."""

from __future__ import annotations

from abate.bookkeeping.kinds import Kind
from abate.platform.ledger import actions, errors, queries
from abate.platform.ledger.models import Order
from abate.platform.people import queries as people
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json


def _person(given: Json) -> int:
    found = people.by_pseudonym(given["person"])
    if found is None:
        raise errors.NoPerson(given["person"][:40])
    return found


def _possible(given: Json) -> Json:
    actions.positive(abs(given["credits"]))
    _person(given)
    return given


def _booked(given: Json) -> Json:
    """What was booked under this order: an account moves all the time, the decision's own entry does not."""
    person = _person(given)
    order = Order.objects.filter(person_id=person, order_id=given["order"]).first()
    entry = queries.entry(person, order.entry_id) if order else None
    return {"adjusted": {"kind": Kind(entry.kind).name.lower(), "credits": entry.credits} if entry else None}


def _adjust(given: Json) -> Json:
    actions.adjust(_person(given), given["credits"], given["order"])
    return {}


def register() -> None:
    """Called once, when Django has started."""
    changes.register(
        Action(
            name="ledger.adjust",
            zh="人工调整积分",
            en="give or take credits by hand",
            fields={"person": (str, REQUIRED), "credits": (int, REQUIRED), "order": (str, REQUIRED)},
            normal=_possible,
            look=_booked,
            after=lambda given, _: {"adjusted": {"kind": "adjust", "credits": given["credits"]}},
            execute=_adjust,
        )
    )
