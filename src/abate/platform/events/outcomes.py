"""What can become of an event: a closed list in order of precedence. The numbers are stored for ever."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

QUARANTINE, DISMISSED, LAPSED = "quarantine", "quarantine_dismissed", "quarantine_lapsed"
"""How the reason begins of what is quarantined, was dismissed, was released too late to be booked; the rule follows."""


class Outcome(IntEnum):
    """Outcome of one event; a lower number wins over a higher one."""

    REFUSED = 1
    """Not accepted; nothing was changed and the id stays free. `reason` is `code:field`."""
    CONFLICT = 2
    """The id stands for another content already; nothing was changed."""
    EXISTS = 3
    """Accepted before with the same content; the stored outcome is repeated beside it. Counts as success."""
    QUARANTINED = 4
    """Kept, waiting for a decision; credits nothing yet."""
    NEEDS_FIGURE = 5
    """Kept; a figure is missing or below the platform's grade, so nothing could be quantified."""
    NOT_COUNTED = 6
    """Kept and explained; it does not qualify. `reason` is `rule:clause`."""
    NOT_BELOW_BASELINE = 7
    """Kept and explained; no less was emitted than in the baseline scenario (T/CECA-G 0203, 7.2)."""
    CREDITED = 8
    """Booked in the person's carbon account; `capped` where a cap took part of the credits."""
    WITHDRAWN = 9
    """The event that this one names is taken back; its entry is reversed. Amounts are what that took."""

    @classmethod
    def without_credits(cls) -> tuple[Outcome, ...]:
        """The outcomes of events that are kept and credit nothing."""
        return cls.QUARANTINED, cls.NEEDS_FIGURE, cls.NOT_COUNTED, cls.NOT_BELOW_BASELINE

    @property
    def text(self) -> str:
        return self.name.lower()


@dataclass(slots=True)
class Result:
    """The answer for one event of a batch. Amounts in mg CO2e and whole credits.

    `stored` is the outcome that an `exists` repeats. `reason` is `code:field` or `rule:clause`.
    """

    place: int
    id: str | None
    outcome: Outcome
    reason: str | None = None
    er_mg: int | None = None
    credits: int = 0
    entry: int | None = None
    capped: bool = False
    stored: Outcome | None = None
    undone: int | None = None
    """The entry by which a correction undid the event it corrects."""
    withdrawn_by: str | None = None
    """Beside `exists`: the event that took this one back since."""
    source: dict[str, object] | None = None
    """Of what came from a declared source of public data and is kept: its mark as it travels (sources.py)."""
