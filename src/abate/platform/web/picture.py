"""The week as a picture: bars of avoided mass by day, with the figures in words beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from abate.platform.doors import clock
from abate.platform.web import amounts
from abate.platform.web.wording import say

WIDTH, HEIGHT = 336, 150
_TOP, _BASE = 24, 122
_STEP, _BAR = 48, 28


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar stands in the picture, and its figures."""

    day: date
    er_mg: int
    credits: int
    middle: int
    x: int
    y: int
    height: int
    value: str
    value_y: int
    name: str
    today: bool


@dataclass(frozen=True, slots=True)
class Week:
    bars: tuple[Bar, ...]
    er_mg: int
    credits: int
    label: str
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE
    name_y: int = HEIGHT - 8
    bar: int = _BAR


def week(days: Iterable[tuple[date, int, int]]) -> Week:
    """The picture of (day, mg, credits), oldest first; days without a line are days without a behaviour."""
    given = {day: (er, credits) for day, er, credits in days}
    last = max(given, default=clock.today())
    line = [last - timedelta(days=back) for back in range(6, -1, -1)]
    most = max([er for er, _ in given.values()], default=0)
    bars = []
    for place, day in enumerate(line):
        er, credits = given.get(day, (0, 0))
        # At least 3 units where something was avoided, so that a small day beside a big one is still seen.
        height = max(3, (_BASE - _TOP) * er // most) if er > 0 else 2
        middle = place * _STEP + _STEP // 2
        bars.append(
            Bar(
                day=day,
                er_mg=er,
                credits=credits,
                middle=middle,
                x=middle - _BAR // 2,
                y=_BASE - height,
                height=height,
                value=amounts.short(er) if er > 0 else "",
                value_y=_BASE - height - 6,
                name=say("今天", "Today") if day == clock.today() else amounts.weekday(day),
                today=day == clock.today(),
            )
        )
    total = sum(bar.er_mg for bar in bars)
    label = say("近七天共减排 {total}", "Avoided in the last seven days: {total}", total=amounts.mass(total))
    return Week(tuple(bars), total, sum(bar.credits for bar in bars), label)


@dataclass(frozen=True, slots=True)
class Compare:
    """Both scenarios and what is recognised, side by side: (mg, length in percent of the longest bar)."""

    baseline: tuple[int, int]
    project: tuple[int, int]
    recognised: tuple[int, int]
    partly: bool
    """The methodology recognises less than the difference of the two."""


def compare(be_mg: int | None, pe_mg: int | None, le_mg: int | None, er_mg: int | None) -> Compare | None:
    """None where nothing was quantified. The parts are rounded for display: 3 mg apart is rounding."""
    if be_mg is None or pe_mg is None or er_mg is None:
        return None
    emitted = pe_mg + (le_mg or 0)
    most = max(be_mg, emitted, er_mg, 1)
    bars = [(mg, 100 * max(mg, 0) // most) for mg in (be_mg, emitted, er_mg)]
    return Compare(bars[0], bars[1], bars[2], er_mg >= 0 and be_mg - emitted - er_mg > 3)
