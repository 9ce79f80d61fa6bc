"""Units at load: parse, compare and convert them. Nothing here runs per record.

The vocabulary is closed and small. A passenger is a dimension of its own, so kg per passenger-kilometre
times kilometres is not kilograms; currencies likewise. A factor that counts CO2 alone (`kgCO2`) is taken
as CO2e, a lower bound; which gas it counted stays with the factor and is shown.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from threading import Lock
from tokenize import TokenError
from typing import Any

import pint

DEFINITIONS = (
    "kgCO2e = [carbon]",
    "gCO2e = 1e-3 * kgCO2e",
    "mgCO2e = 1e-6 * kgCO2e",
    "tCO2e = 1000 * kgCO2e",
    "kgCO2 = kgCO2e",
    "gCO2 = 1e-3 * kgCO2e",
    "tCO2 = 1000 * kgCO2e",
    "km = [length]",
    "m = 1e-3 * km",
    "kg = [mass]",
    "g = 1e-3 * kg",
    "t = 1000 * kg",
    "h = [time]",
    "min = h / 60",
    "s = h / 3600",
    "day = 24 * h",
    "year = [year]",
    "kWh = [energy]",
    "MWh = 1000 * kWh",
    "Wh = 1e-3 * kWh",
    "kW = kWh / h",
    "W = 1e-3 * kW",
    "MJ = kWh / 3.6",
    "litre = [volume]",
    "m3 = 1000 * litre",
    "passenger = [passenger]",
    "vehicle = [vehicle]",
    "pkm = passenger * km",
    "vkm = vehicle * km",
    "act = [act]",
    "household = [household]",
    "person = [person]",
    "item = [item]",
    "room_night = [room_night]",
    "currency = [currency]",
    "PUE = []",
)

WRITTEN = re.compile(r"[A-Za-z0-9_*/() ]{1,80}")
WRITTEN_OTHERWISE = {"vehicle-km": "vkm", "room-night": "room_night", "1": "", "%": ""}


class UnitError(ValueError):
    """A unit that is not in the vocabulary, or two that do not go together."""


def _made() -> Any:
    """Our own small vocabulary with exact numbers; Pint's default file is neither needed nor exact (and
    loads slowly)."""
    registry: Any = pint.UnitRegistry(None, non_int_type=Decimal)
    registry.load_definitions(list(DEFINITIONS))
    return registry


# Made at import, once for the process: units of two registries never compare, and threads that each made one would leave
# both kinds in the caches below for good. Pint's parser is not made for threads either.
_REGISTRY = _made()
_PARSING = Lock()


@lru_cache(maxsize=4096)
def parse(text: str) -> Any:
    """The unit as a Pint unit; '' is the number one."""
    for odd, plain in WRITTEN_OTHERWISE.items():
        if odd and text == odd:
            text = plain
        elif "-" in odd:
            text = text.replace(odd, plain)
    if not text:
        return _REGISTRY.dimensionless
    if not WRITTEN.fullmatch(text) or text.count("(") != text.count(")"):
        raise UnitError(f"unit {text!r} is not in the vocabulary")
    try:
        with _PARSING:
            unit = _REGISTRY.parse_units(text)
    except (pint.PintError, SyntaxError, TokenError, ArithmeticError, LookupError, AttributeError,
            TypeError, ValueError, AssertionError, RecursionError) as error:  # fmt: skip
        raise UnitError(f"unit {text!r} is not in the vocabulary") from error
    if any(power != int(power) for power in unit._units.values()):
        raise UnitError(f"unit {text!r} has a power that is no whole number; it is not in the vocabulary")
    return unit


@lru_cache(maxsize=4096)
def ratio(source: str, target: str) -> Fraction:
    """How many `target` make one `source`, exactly. Raises UnitError where the two measure different
    things."""
    return unit_ratio(parse(source), parse(target))


def unit_ratio(source: Any, target: Any) -> Fraction:
    if source == target:
        return Fraction(1)
    if source.dimensionality != target.dimensionality:
        raise UnitError(f"{show(source)} is not {show(target)}: they measure different things")
    return _size(source) / _size(target)


@lru_cache(maxsize=4096)
def _size(unit: Any) -> Fraction:
    """The exact size of a unit in base units, from the definitions as written (a decimal quotient would
    be inexact)."""
    size = Fraction(1)
    for name, power in unit._units.items():
        size *= _base(name) ** int(power)
    return size


@lru_cache(maxsize=128)
def _base(name: str) -> Fraction:
    for definition in DEFINITIONS:
        defined, _, body = (part.strip() for part in definition.partition("="))
        if defined == name:
            return _product(body)
    raise UnitError(f"unit {name!r} is not in the vocabulary")


def _product(body: str) -> Fraction:
    if body.startswith("["):
        return Fraction(1)
    size, divide = Fraction(1), False
    for word in body.split():
        if word in "*/":
            divide = word == "/"
            continue
        part = Fraction(word) if word[0].isdigit() else _base(word)
        size = size / part if divide else size * part
    return size


@lru_cache(maxsize=4096)
def show(unit: Any) -> str:
    """The unit as text, `1` for a plain number."""
    text = f"{unit:~C}" if unit is not None else ""
    return text or "1"


def decimal_text(value: Fraction) -> str:
    """An exact number as text: a decimal where it ends, else a quotient `n/d`."""
    if value.denominator == 1:
        return str(value.numerator)
    digits = _digits(value.denominator)
    if digits is None:
        return f"{value.numerator}/{value.denominator}"
    scaled = value.numerator * (10**digits // value.denominator)
    text = str(abs(scaled)).rjust(digits + 1, "0")
    return f"{'-' if scaled < 0 else ''}{text[:-digits]}.{text[-digits:]}"


@lru_cache(maxsize=4096)
def _digits(denominator: int) -> int | None:
    """How many digits after the point a fraction with this denominator needs; None where it never ends."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 else None
