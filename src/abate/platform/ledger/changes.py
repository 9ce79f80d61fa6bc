"""The changes of this room that need three people (review/changes.py): credits by hand, and duties to keep records."""

from __future__ import annotations

from datetime import date

from abate.bookkeeping.kinds import Kind
from abate.platform.ledger import actions, by_hand
from abate.platform.ledger.models import Duty
from abate.platform.people import queries as people
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_DAYS = ("first_day", "last_day", "keep_until")


def _possible(given: Json) -> Json:
    by_hand.named("ledger.adjust", given["order"])
    actions.positive(abs(given["credits"]))
    by_hand.person_of(given["person"])
    return given


def _booked(given: Json) -> Json:
    found = by_hand.order_of(given, actions.digest(Kind.ADJUST, given["credits"]))
    return {"adjusted": found and {name: found[name] for name in ("kind", "credits")}}


def _adjust(given: Json) -> Json:
    actions.adjust(by_hand.person_of(given["person"]), given["credits"], given["order"])
    return {}


def _days(given: Json) -> Json:
    for name in _DAYS:
        try:
            given = given | {name: date.fromisoformat(given[name]).isoformat()}
        except ValueError:
            raise ArgumentsMalformed(f"{name}: a day as 2026-07-01") from None
    return given


def _duty(given: Json) -> Json:
    """The duty of this behaviour and these days."""
    same = {"behaviour": given["behaviour"], **{name: given[name] for name in _DAYS}}
    found = Duty.objects.filter(**same).first()
    return {"duty": {**same, "ground_zh": found.ground_zh, "ground_en": found.ground_en} if found else None}


def _add_duty(given: Json) -> Json:
    first, last, until = (date.fromisoformat(given[name]) for name in _DAYS)
    actions.add_duty(given["behaviour"], first, last, until, (given["ground_zh"], given["ground_en"]))
    return {}


_DUTY = Action(
    name="duty.add",
    zh="规定行为记录的留存义务",
    en="lay down a duty to keep records of a behaviour",
    fields=dict.fromkeys(
        ("behaviour", "first_day", "last_day", "keep_until", "ground_zh", "ground_en"), (str, REQUIRED)
    ),
    normal=_days,
    look=_duty,
    after=lambda given, _: {"duty": given},
    execute=_add_duty,
    stands=lambda given, after: changes.still(after, _duty(given)),
)


def register() -> None:
    """Called once, when Django has started."""
    changes.register(_DUTY)
    changes.register(by_hand.BOOK)
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
            concerns=lambda given, human: people.has_part(by_hand.person_of(given["person"]), human),
        )
    )
