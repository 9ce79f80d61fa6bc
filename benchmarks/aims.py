"""The figures that benchmarks are held against: read from aims.toml, judged, and told as a page."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("aims.toml")
REACHED, SHORT, REGRESSED, MISSING, SKIPPED = "reached", "not reached", "REGRESSED", "MISSING", "skipped"
FAILING = {REGRESSED, MISSING}


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure of one benchmark. Below `floor` (above it, where `most` is aimed at) the run is a failure."""

    bench: str
    figure: str
    what: str
    aim: float
    floor: float
    at_most: bool

    def judge(self, found: Mapping[str, Any]) -> tuple[str, float | None]:
        """What the result of this benchmark says, and the figure; a benchmark that told why it did not run is skipped."""
        if "skipped" in found:
            return SKIPPED, None
        value = _figure(found, self.figure)
        if value is None or value != value:
            return MISSING, None
        short, regressed = (
            value > bound if self.at_most else value < bound for bound in (self.aim, self.floor)
        )
        return (REGRESSED if regressed else SHORT if short else REACHED), value

    def line(self, found: Mapping[str, Any]) -> tuple[str, bool]:
        """The judgement in words, and whether the run fails by it."""
        verdict, value = self.judge(found)
        told = "" if value is None else f" {value:g}"
        why = f" ({found['skipped']})" if verdict == SKIPPED else ""
        bounds = f"aim {self.bound(self.aim)}, floor {self.bound(self.floor)}"
        return f"{verdict}: {self.bench} {self.figure}{told} ({bounds}){why}", verdict in FAILING

    def bound(self, value: float) -> str:
        return f"{'at most' if self.at_most else 'at least'} {value:g}"


def read(path: Path = DATA) -> tuple[list[Aim], dict[str, dict[str, int]]]:
    """Every aim, and the options of the smallest run of each benchmark. Raises ValueError for an aim that cannot be."""
    told = tomllib.loads(path.read_text("utf-8"))
    found = [_aim(**line) for line in told["aim"]]
    if len({(one.bench, one.figure) for one in found}) < len(found):
        raise ValueError("a figure has two aims")
    return found, told["small"]


def _aim(
    *, bench: str, figure: str, what: str, floor: float, least: float | None = None, most: float | None = None
) -> Aim:
    aim = least if most is None else most
    if aim is None or (least is not None and most is not None):
        raise ValueError(f"{bench} {figure}: either at least or at most")
    if (floor < aim) if most is not None else (floor > aim):
        raise ValueError(f"{bench} {figure}: the floor is stricter than the aim")
    return Aim(bench, figure, what, aim, floor, most is not None)


def _figure(found: Mapping[str, Any], path: str) -> float | None:
    value: Any = found
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    if isinstance(value, Mapping):
        return float(len(value))
    return float(value) if isinstance(value, int | float) else None


def page() -> str:
    """Of the reference."""
    rows = [
        "# Figures of the benchmarks",
        "",
        "`abate bench --check` (`make bench`, a part of `make test-all`) measures each and ends with 1 where a floor is",
        "passed or a figure is not there. Where an aim is not reached the run says so: what was measured, and why, stands",
        "in [performance](../explain/performance.md). `abate bench --small` only sees that each figure is there (`make test`).",
        "",
        "| figure | command | aim | floor |",
        "|---|---|---|---|",
    ]
    for one in read()[0]:
        aim, floor = one.bound(one.aim), one.bound(one.floor)
        rows.append(f"| {one.what} (`{one.figure}`) | `abate bench {one.bench} --check` | {aim} | {floor} |")
    return "\n".join(rows) + "\n"
