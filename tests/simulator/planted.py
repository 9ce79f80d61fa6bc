"""Bugs that a platform could have, each switched on for one run: the simulator must find every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import pytest

from abate.platform import pipeline, revaluing
from abate.platform.carbon.queries import SQL as CARBON
from abate.platform.credits import room, taking
from abate.platform.credits.actions import SQL as CREDITS
from abate.platform.credits.room import SQL as ROOM
from abate.platform.events.actions import SQL as EVENTS
from abate.platform.events.withdrawals import WITHDRAWN
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import collecting, holds, posting
from abate.platform.ledger.posting import SQL as LEDGER
from abate.platform.log import queries as log

Planted = Callable[[], AbstractContextManager[object]]


def _text(statements: Any, name: str, old: str, new: str) -> Planted:
    """One of the platform's statements says something else."""

    @contextmanager
    def plant() -> Iterator[None]:
        assert old in statements[name], f"{name} reads otherwise now: plant the bug anew"
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(statements, name, statements[name].replace(old, new))
            yield

    return plant


def _code(where: Any, name: str, new: Any) -> Planted:
    """A function does something else."""

    @contextmanager
    def plant() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, name, new)
            yield

    return plant


def _together(*plants: Planted) -> Planted:
    @contextmanager
    def plant() -> Iterator[None]:
        with ExitStack() as stack:
            for one in plants:
                stack.enter_context(one())
            yield

    return plant


class _NoTransaction:
    """Every statement of a batch commits by itself."""

    atomic = staticmethod(nullcontext)


def _burnt_and_given_back(person_id: int, entry_id: int, reason: str) -> Any:
    """A redemption is undone and its code still works."""
    return incentives.credits.reverse(person_id, entry_id, reason)


_inclusion = log.merkle.inclusion


def _of_another(nodes: Any, index: int, size: int) -> list[bytes]:
    """The receipt of one entry proves its neighbour."""
    return _inclusion(nodes, index ^ 1 if index ^ 1 < size else index, size)


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _withdrawals_only(read: Any) -> Any:
    """A correction leaves what it corrects."""
    return [one for one in _takings(read) if one.kind == WITHDRAWN]


def _whoever(one: Any, target: Any) -> str | None:
    """Nobody looks whose event it is that a partner takes back."""
    return _unfit(one, target and target._replace(subject=one.subject))


def _all_stand(cursor: Any, person: int, entry: int, gone: Any = ()) -> Any:
    """Room goes to an award that goes too."""
    return _claims_of(cursor, person, entry)


def _any_proposal(_: str, __: Any) -> bytes:
    """What is booked need not be what was shown."""
    return b"\0" * 32


_takings, _unfit, _claims_of = taking.takings, taking._unfit, room.claims_of
PLANTED: dict[str, tuple[Planted, tuple[str, ...]]] = {
    "a cap is forgotten": (_code(pipeline.rules, "any_cap", lambda *_: False), ()),
    "the widest of several caps decides": (
        _text(ROOM, "spread", "min(left_mg)), 0)", "max(left_mg)), 0)"),
        (),
    ),
    "caps are raised by what was asked": (
        _text(CREDITS, "grant", "ledger_sum(granted_mg) as mg", "least(sum(asked_mg), min(room_mg)) as mg"),
        (),
    ),
    "room given back is nobody's": (
        _text(ROOM, "refill", "case when bool_or(place = 0) then %(stood)s else 0 end", "0"),
        ("reverse_award",),
    ),
    "room goes to an award that goes too": (_code(room, "claims_of", _all_stand), ("take_back",)),
    "an erased person goes on spending": (
        _text(LEDGER, "erased", "status <> 'active'", "false"),
        ("erase", "spend", "bring"),
    ),
    "an order is forgotten": (_code(ledger, "note", _nothing), ("spend",)),
    "the last lot is spent first": (
        _text(
            LEDGER,
            "draw",
            "order by expires_on, day, origin",
            "order by expires_on desc, day desc, origin desc",
        ),
        ("spend", "bring"),
    ),
    "a withdrawn authorisation counts": (
        _text(EVENTS, "people", "and given.withdrawn_at is null", ""),
        ("withdraw",),
    ),
    "credits are rounded entry by entry": (
        _text(
            LEDGER,
            "enter",
            "earned_after / 1000000 - (earned_after - eligible * {rate}) / 1000000",
            "eligible * {rate} / 1000000",
        ),
        (),
    ),
    "a batch is no transaction": (_code(pipeline, "transaction", _NoTransaction), ()),
    "an undone redemption leaves its code": (
        _code(incentives, "reverse", _burnt_and_given_back),
        ("redeem", "reverse_spend"),
    ),
    "a hold does not end by itself": (
        _together(_code(posting, "_lapse", _nothing), _code(holds, "lapse_overdue", _nothing)),
        ("hold", "wait"),
    ),
    "what is taken back can be taken back again": (_code(taking, "_note", _nothing), ("take_back",)),
    "a correction leaves what it corrects": (_code(taking, "takings", _withdrawals_only), ("take_back",)),
    "a partner takes back what is not this person's": (_code(taking, "_unfit", _whoever), ("take_back",)),
    "what was taken back is computed again": (
        _text(CARBON, "standing", "undone.entry_id is not null or gone.event_id is not null", "false"),
        ("take_back", "revalue"),
    ),
    "what was not shown is booked": (
        _code(revaluing.reading, "proposal", _any_proposal),
        ("take_back", "revalue"),
    ),
    "an award that is computed again stands beside the new one": (
        _code(revaluing, "_reverse", _nothing),
        ("revalue",),
    ),
    "retired milligrams are computed again": (
        _code(revaluing, "_not_retired", lambda _, changed: changed),
        ("retire", "revalue"),
    ),
    "what waits settles debts": (
        _text(LEDGER, "cut", "case when dated.origin = 1 then greatest(", "case when true then greatest("),
        ("bring", "wait", "deliver"),
    ),
    "what was not collected in time stays": (
        _code(collecting, "lapse_due", _nothing),
        ("wait", "deliver", "jobs"),
    ),
    "collected credits settle no debt": (
        _code(collecting.posting, "settle_after", _nothing),
        ("collect", "bring", "wait"),
    ),
    "a receipt proves another entry": (_code(log.merkle, "inclusion", _of_another), ("sequence",)),
}
"""What the bug is: how it is planted, and the moves that meet it, which come more often then."""
