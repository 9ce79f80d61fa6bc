"""Single values of a record as they come from JSON, CSV or Python: read exactly or not at all."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from abate.quantify.outcome import Refusal

TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
LONGEST = 82
"""Characters of the longest decimal text that is read."""


def read_time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        time = value
    elif isinstance(value, str) and TIME.fullmatch(value):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    if time.tzinfo is None:
        return None
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def read_day(value: object) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def read_number(value: object) -> Fraction | Refusal:
    """The exact value: int, Decimal, decimal text, or a float as the shortest decimal that it prints as."""
    if isinstance(value, bool):
        return Refusal.WRONG_TYPE
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, str):
        readable = len(value) <= LONGEST and DECIMAL.fullmatch(value)
        return Fraction(value) if readable else Refusal.WRONG_TYPE
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            return Refusal.WRONG_TYPE
        if value.is_zero():
            return Fraction(0)
        if value.adjusted() > 40:
            return Refusal.OUT_OF_RANGE
        return Refusal.TOO_MANY_DECIMALS if value.adjusted() < -40 else Fraction(value)
    return Refusal.WRONG_TYPE


def read_json(text: str) -> object:
    """A list that came as JSON text (from CSV); None where it is no strict JSON or an object has a key
    twice."""

    def once(pairs: list[tuple[str, object]]) -> object:
        found = dict(pairs)
        return found if len(found) == len(pairs) else None

    def constant(name: str) -> object:
        raise ValueError(f"{name} is not JSON")

    try:
        found: object = json.loads(text, object_pairs_hook=once, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    return found
