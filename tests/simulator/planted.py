"""Bugs that a platform could have, each switched on for one run: the simulator must find every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from abate.platform import pipeline
from abate.platform.credits.actions import SQL as CREDITS
from abate.platform.events.actions import SQL as EVENTS
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions as ledger
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


PLANTED: dict[str, Planted] = {
    "a cap is forgotten": _code(pipeline.rules, "any_cap", lambda *_: False),
    "the widest of several caps decides": _text(CREDITS, "spread", "min(left_mg)), 0)", "max(left_mg)), 0)"),
    "caps are raised by what was asked": _text(
        CREDITS, "grant", "ledger_sum(granted_mg) as mg", "least(sum(asked_mg), min(room_mg)) as mg"
    ),
    "room given back is nobody's": _text(
        CREDITS, "refill", "case when bool_or(place = 0) then %(stood)s else 0 end", "0"
    ),
    "an erased person goes on spending": _text(LEDGER, "erased", "status = 'erased'", "false"),
    "an order is forgotten": _code(ledger, "note", lambda *_: None),
    "the last lot is spent first": _text(
        LEDGER, "draw", "order by expires_on, day, origin", "order by expires_on desc, day desc, origin desc"
    ),
    "a withdrawn authorisation counts": _text(EVENTS, "people", "and given.withdrawn_at is null", ""),
    "credits are rounded entry by entry": _text(
        LEDGER,
        "enter",
        "eligible_after / {rate} - (eligible_after - eligible) / {rate}",
        "eligible / {rate}",
    ),
    "a batch is no transaction": _code(pipeline, "transaction", _NoTransaction),
    "an undone redemption leaves its code": _code(incentives, "reverse", _burnt_and_given_back),
    "a hold does not end by itself": _text(
        LEDGER, "overdue_holds", "expires_at <= %(at)s", "expires_at < '-infinity' and expires_at <= %(at)s"
    ),
    "a receipt proves another entry": _code(log.merkle, "inclusion", _of_another),
}
"""What the bug is, and how it is planted."""
