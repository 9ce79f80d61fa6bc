"""The changes that need three people: each room registers its own here, by name, and this room knows none of them.

An action tells how things stand (`look`), how they will (`after`), and does it (`execute`). It is done by
proposing.approve alone, in the transaction of the approval; tests/house/test_governed.py finds any other caller. Clause
P-8.4-c.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from abate.platform.review.errors import ActionUnknown, ArgumentsMalformed

Json = dict[str, Any]
REQUIRED = object()
_LARGEST = 2**63 - 1
"""What the widest column of whole numbers holds; a narrower one refuses at approval, by name."""
_DEEPEST = 20
"""Lists in lists: our policy, far more than any change needs and far less than a reader of JSON can follow."""


def _same(arguments: Json) -> Json:
    return arguments


def _nothing(arguments: Json) -> None:
    return None


def _nobody(arguments: Json, human: bytes) -> bool:
    return False


def _no_one_thing(arguments: Json) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of change.

    `fields`: argument -> (type, default or REQUIRED); no other arguments are taken. `normal` completes checked arguments
    (an id made now) and refuses what can never be. `look` gives the state the change is about, as JSON; at approval it
    must still be what the proposal saw. `after` says what `look` will give then, and is held to it. `execute` does the
    change and returns what the approver is shown once. `concerns`: whether somebody, by the digest of their identity, has a part
    in it: it is about them, their account or a party that they act for. They have no say. `rejected`: what follows where somebody
    else than its proposer ends it, in the same transaction.
    `stands`: by the arguments and what it was decided to become, whether what it made is still so (`still`), where nothing may
    ever change that; reconciliation asks. `of`: what it settles, where a later decision may settle it otherwise (empty:
    nothing): of those about the same only the newest is asked. `at_opening`: done once, with the default arguments, when the
    empty system is opened.
    """

    name: str
    zh: str
    en: str
    fields: Mapping[str, tuple[type, Any]]
    look: Callable[[Json], Json]
    after: Callable[[Json, Json], Json]
    execute: Callable[[Json], Json]
    normal: Callable[[Json], Json] = field(default=_same)
    concerns: Callable[[Json, bytes], bool] = field(default=_nobody)
    rejected: Callable[[Json], None] = field(default=_nothing)
    stands: Callable[[Json, Json], bool] | None = None
    of: Callable[[Json], str] = field(default=_no_one_thing)
    at_opening: bool = False


_ACTIONS: dict[str, Action] = {}


def register(action: Action) -> None:
    """Make a change known, once, when Django starts."""
    if _ACTIONS.setdefault(action.name, action) is not action:
        raise ValueError(f"two changes are called {action.name}")


def actions() -> dict[str, Action]:
    """Every registered change by name."""
    return dict(sorted(_ACTIONS.items()))


def action(name: str) -> Action:
    """Raises ActionUnknown."""
    found = _ACTIONS.get(name)
    if found is None:
        raise ActionUnknown(name[:60])
    return found


def canonical(value: object) -> str:
    """JSON with sorted members and no spaces: equal values have one text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def still(decided: object, now: object) -> bool:
    """Whether things are as they were decided to become, in all that both tell: an earlier version may have told less or more."""
    if isinstance(decided, dict) and isinstance(now, dict):
        return all(still(decided[name], now[name]) for name in decided.keys() & now.keys())
    return decided == now


def arguments_of(chosen: Action, given: Mapping[str, Any]) -> Json:
    """`given` with defaults, every value of its field's type. Raises ArgumentsMalformed naming the first that is not."""
    unknown = sorted(set(given) - set(chosen.fields))
    if unknown:
        raise ArgumentsMalformed(f"{chosen.name}: {unknown[0][:60]}")
    made: Json = {}
    for name, (kind, default) in chosen.fields.items():
        value = given.get(name, default)
        missing = value is REQUIRED
        if missing or not (value is default or _is(kind, value)):
            raise ArgumentsMalformed(f"{chosen.name}: {name}")
        made[name] = value
    return chosen.normal(made)


def moment(given: Json, name: str) -> datetime:
    """The argument `name` as a moment in UTC. Raises ArgumentsMalformed where it is none, has no offset, or lies so near
    the ends of the calendar that some zone has no day for it."""
    try:
        found = datetime.fromisoformat(given[name])
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1 < found.year < 9999:
        raise ArgumentsMalformed(f"{name}: a moment with its offset, such as 2026-07-01T00:00:00+08:00")
    return found.astimezone(UTC)


def _is(kind: type, value: object) -> bool:
    """JSON's true is no number, though Python's is."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool)) and kept(value)


def kept(value: object, depth: int = 0) -> bool:
    """Whether a table can hold it: no number is larger than a column, no text has NUL or half of a sign, no list is
    deeper than _DEEPEST."""
    if depth > _DEEPEST:
        return False
    match value:
        case bool() | None | float():
            return True
        case int():
            return abs(value) <= _LARGEST
        case str():
            return "\x00" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
        case dict():
            return all(kept(one, depth + 1) for pair in value.items() for one in pair)
        case list():
            return all(kept(one, depth + 1) for one in value)
    return False
