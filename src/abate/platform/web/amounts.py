"""Figures as people read them: rounded down, never above what is booked (P-4.1)."""

from __future__ import annotations

from datetime import date, datetime

from abate.platform.doors import clock
from abate.platform.web.wording import english

# The thin space between figure and unit keeps the two on one line.
_GAP = "\u202f"
_WEEKDAYS = (
    ("周一", "Mon"),
    ("周二", "Tue"),
    ("周三", "Wed"),
    ("周四", "Thu"),
    ("周五", "Fri"),
    ("周六", "Sat"),
    ("周日", "Sun"),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _decimal(units: int, places: int) -> str:
    """`units` of 10**-places, with thousands separators. Exact: no float takes part."""
    sign, units = ("−" if units < 0 else ""), abs(units)
    whole, rest = divmod(units, 10**places)
    return f"{sign}{whole:,}" + (f".{rest:0{places}d}" if places else "")


def parts(mg: int) -> tuple[str, str]:
    """(figure, unit) of `mg` milligrams: mg below 1 g, then g, kg, t; the last digit shown is floored."""
    size = abs(mg)
    if size < 1_000:
        return _decimal(mg, 0), "mg"
    if size < 1_000_000:
        return _decimal(mg // 100, 1), "g"
    if size < 1_000_000_000:
        return _decimal(mg // 10_000, 2), "kg"
    return _decimal(mg // 1_000_000, 3), "t"


def mass(mg: int) -> str:
    """`26.9 g`; never more than `mg`."""
    return _GAP.join(parts(mg))


def exact(mg: int) -> str:
    """Every milligram: `26,912 mg`."""
    return f"{_decimal(mg, 0)}{_GAP}mg"


def grams(mg: int) -> str:
    """Every milligram, in grams, without the unit: `26.912`."""
    return _decimal(mg, 3)


def count(number: int) -> str:
    """A whole number with separators and a true minus sign."""
    return _decimal(number, 0)


def credits(number: int) -> str:
    """`1,200 积分`, `1 credit`."""
    return f"{count(number)} {('credit' if abs(number) == 1 else 'credits') if english() else '积分'}"


def signed(number: int) -> str:
    return ("+" if number > 0 else "") + _decimal(number, 0)


def weekday(day: date) -> str:
    return _WEEKDAYS[day.weekday()][english()]


def day(value: date) -> str:
    """`11月21日`, `21 Nov`; with the year where it is another one."""
    year = value.year != clock.today().year
    if english():
        return f"{value.day} {_MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")
    return (f"{value.year}年" if year else "") + f"{value.month}月{value.day}日"


def month(value: date) -> str:
    """`2026年11月`, `Nov 2026`, of any day in it."""
    if english():
        return f"{_MONTHS[value.month - 1]} {value.year}"
    return f"{value.year}年{value.month}月"


def moment(value: datetime) -> str:
    """Day and time of day in the platform's zone."""
    local = value.astimezone(clock.zone())
    return f"{day(local.date())} {local:%H:%M}"


def stamp(value: datetime) -> str:
    """`2026-11-21 09:32` in the platform's zone, for paper: with its year, the same in both languages."""
    return f"{value.astimezone(clock.zone()):%Y-%m-%d %H:%M}"


def time_of_day(value: datetime) -> str:
    return f"{value.astimezone(clock.zone()):%H:%M}"


def short(mg: int) -> str:
    """For narrow places: at most four signs and the unit, floored: `1.2kg`, `350g`."""
    if mg < 1_000_000:
        return f"{mg // 1_000}g" if mg >= 1_000 else f"{mg}mg"
    if mg < 100_000_000:
        return f"{_decimal(mg // 100_000, 1)}kg"
    if mg < 1_000_000_000:
        return f"{mg // 1_000_000}kg"
    return f"{_decimal(mg // 100_000_000, 1)}t"
