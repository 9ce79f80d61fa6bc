"""The result of an assessment of uncertainty: what was asked, the spreads, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

KG = 1e6
"""Milligrams in a kilogram."""


@dataclass(frozen=True, slots=True)
class Request:
    """`interval` and `percentile` in per cent; percentile None takes the methodology's, if it states one."""

    draws: int = 1000
    seed: int = 1
    interval: float = 95.0
    percentile: float | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """mg CO2e. `conservative` is null where no percentile was asked for."""

    point: int
    mean: float
    sd: float
    low: float
    high: float
    conservative: int | None
    first_order_sd: float
    first_order_half_width: float

    @property
    def relative(self) -> float | None:
        """Half the width of the interval of the draws, in per cent of the point value."""
        return (self.high - self.low) / 2 / abs(self.point) * 100 if self.point else None


@dataclass(frozen=True, slots=True)
class Shown:
    """One record."""

    key: tuple[str, ...]
    outcome: str
    spread: Spread


@dataclass(slots=True)
class Assessment:
    """The result of a run. `apart`: (outcome, reason) of records without amounts -> how many."""

    method: str
    request: Request
    percentile: float | None
    percentile_source: str
    rows: int
    portfolio: Spread
    counted: int
    conservative_sum: int | None
    records: list[Shown]
    apart: dict[tuple[str, str], int]
    stated: list[tuple[str, str, str]]
    exact: tuple[str, ...]
    clipped: dict[str, int]
    unrecognised: dict[str, int]
    warnings: list[str]
    factors: tuple[str, ...]
    illustration: bool


def describe(stated: Any) -> str:
    """The distribution in the words it was stated in."""
    numbers = ", ".join(f"{name} {float(value):g}" for name, value in stated.numbers.items())
    many = f"sample of {len(stated.sample)}" if stated.sample else ""
    table = f"{len(stated.quantiles)} quantiles" if stated.quantiles else ""
    unit = "%" if stated.about == "relative" and stated.kind != "lognormal" else stated.unit
    words = (stated.kind, stated.about, f"{numbers or many or table} {unit}".strip(), stated.centre)
    return " ".join(w for w in words if w)


def shown_records(table: pa.Table, most: int) -> list[Shown]:
    there = table.filter(pc.is_valid(table["er_mg"])).slice(0, most)
    names = there.column_names[: there.column_names.index("outcome")]
    return [
        Shown(
            key=tuple(str(row[n]) for n in names),
            outcome=row["outcome"],
            spread=Spread(
                row["er_mg"], row["mean_mg"], row["sd_mg"], row["low_mg"], row["high_mg"], row["conservative_mg"],
                row["first_order_sd_mg"], row["first_order_half_width_mg"],
            ),
        )
        for row in there.to_pylist()
    ]  # fmt: skip
