"""What can become of a record: a closed list, in order of precedence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Outcome of one record; earlier members win over later ones."""

    REFUSED = "refused"
    """A bad record: no amounts. The reason is `code:field`."""
    NEEDS_FIGURE = "needs_figure"
    """A figure is missing or below the grade floor: no amounts. The reason names the parameter."""
    NOT_COUNTED = "not_counted"
    """The record does not qualify: no amounts. The reason is `rule-id:clause`."""
    NOT_BELOW_BASELINE = "not_below_baseline"
    """Amounts are filled, ER is zero or less; credits nothing (T/CECA-G 0203, 7.2)."""
    COUNTED = "counted"
    """Amounts are filled and ER is positive."""


class Refusal(StrEnum):
    """Why a record is refused, in the order the checks run. A reason reads `code:field`."""

    MALFORMED = "malformed"
    UNKNOWN_FIELD = "unknown_field"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    TOO_MANY_DECIMALS = "too_many_decimals"
    OUT_OF_RANGE = "out_of_range"
    END_BEFORE_START = "end_before_start"
    ONE_OF = "one_of"
    NO_METHOD_IN_FORCE = "no_method_in_force"
    NO_FACTOR = "no_factor"
    FACTOR_PAST_REVIEW = "factor_past_review"


@dataclass(frozen=True, slots=True)
class Quantity:
    """The stored result of one record. Amounts are whole milligrams CO2e, or None where nothing was
    quantified.

    `er_mg` is the exact result floored; `be_mg` is floored, `pe_mg` and `le_mg` are rounded up, for
    display only: the shown parts need not add up to ER and never feed it.
    """

    outcome: Outcome
    reason: str | None
    be_mg: int | None
    pe_mg: int | None
    le_mg: int | None
    er_mg: int | None
    method: str
    method_version: int | None
    factors: str
    """Ids of the factors and figures the applied formula uses, sorted, joined with `;`."""
