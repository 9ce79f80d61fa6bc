"""Which catalogue entries an operator has open in which region and from which day to which (P-7.2-c).

Appendix A lists typical behaviours; a platform takes those that suit its region and adapts the list as work
and technology change. The switches stand in the operator's pack; without any, every methodology is open. A
record of an entry that is closed on its day is kept, named and counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from abate.quantify.method import Clause, Text
from abate.quantify.reading_yaml import Table, Value

CLAUSE = Clause("P-7.2-c", "7.2")
CLOSED = f"closed:{CLAUSE.id}"
"""The reason of a record whose behaviour is switched off in its region on its day."""
UNLISTED = Text("不在运营方开放的名录内", "it is not on the operator's list")


@dataclass(frozen=True, slots=True)
class Switch:
    """One entry of the list: open or closed, in one region or everywhere, from `start` up to and including
    `end`."""

    behaviour: str
    region: str | None
    start: date | None
    end: date | None
    open: bool
    why: Text

    def holds(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Listing:
    """An operator's list. Where no switch holds, a behaviour is as `otherwise` says."""

    otherwise_open: bool
    switches: tuple[Switch, ...]

    def closed(self, behaviour: str, region: str | None, day: date) -> Text | None:
        """Why the behaviour is closed on this day; None where it is open. A region's own switch goes before
        the one for everywhere."""
        holding = [s for s in self.switches if s.behaviour == behaviour and s.holds(day)]
        own = [s for s in holding if s.region is not None and s.region == region]
        for switch in own or [s for s in holding if s.region is None]:
            return None if switch.open else switch.why
        return None if self.otherwise_open else UNLISTED

    def steps(self, behaviour: str) -> set[date]:
        """Every day on which it may open or close."""
        own = [s for s in self.switches if s.behaviour == behaviour]
        starts = {s.start for s in own if s.start}
        return starts | {s.end + timedelta(1) for s in own if s.end and s.end < date.max}


def read_listing(at: Value, known: Callable[[str], str | None]) -> Listing:
    """The section `catalogue` of a pack; `known` gives the code of a region that there is. Raises MethodError."""
    table = at.table()
    word = table["otherwise"]
    if word.text() not in ("open", "closed"):
        raise word.error(f"{word.text()!r} is neither open nor closed", "say what holds where no switch does")
    switches = tuple(_switch(item, known) for item in table["switches"].items())
    table.done()
    _one_at_a_time(at, switches)
    return Listing(word.text() == "open", switches)


def _switch(at: Value, known: Callable[[str], str | None]) -> Switch:
    table = at.table()
    start, end = (table.get(key) for key in ("from", "to"))
    switch = Switch(
        behaviour=table["behaviour"].text(),
        region=_region(table, known),
        start=start.day() if start else None,
        end=end.day() if end else None,
        open=table["open"].truth(),
        why=table["why"].both(),
    )
    table.done()
    if switch.start and switch.end and switch.end < switch.start:
        raise at.error("ends before it begins", "put the earlier day under `from`")
    return switch


def _region(table: Table, known: Callable[[str], str | None]) -> str | None:
    """A misspelt region would leave the behaviour as it was, without a word."""
    value = table.get("region")
    if value is None:
        return None
    found = known(value.text())
    if found is None:
        raise value.error(
            f"region {value.text()!r} is not known",
            "write it as in methods/regions.csv, like CN-北京; leave it out for everywhere",
        )
    return found


def _one_at_a_time(at: Value, switches: tuple[Switch, ...]) -> None:
    rows: dict[tuple[str, str], list[Switch]] = {}
    for switch in switches:
        rows.setdefault((switch.behaviour, switch.region or ""), []).append(switch)
    for (behaviour, region), row in rows.items():
        row.sort(key=lambda s: s.start or date.min)
        for earlier, later in pairwise(row):
            if later.start is None or earlier.end is None or later.start <= earlier.end:
                where = behaviour + (f" in {region}" if region else "")
                raise at.error(
                    f"two switches of {where} hold on one day", "let each begin after the one before"
                )
