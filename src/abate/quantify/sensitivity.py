"""Which input or figure moves the portfolio's reduction most: one at a time, and by share of the variance.

One at a time (tornado): each quantity is set to the low and the high end of its stated interval, or to its
value less and plus a given per cent where nothing is stated (marked so), everything else at its point; an
input moves on every record at once. By variance: first-order and total Sobol indices of the draws, a figure
being one variable, an input of all records one group, and figures with a stated correlation one group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy import stats

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import compiled, connect
from abate.quantify.distributions import Stated, Uncertainties, UncertaintyError
from abate.quantify.distributions_law import Law
from abate.quantify.draws import Rows
from abate.quantify.factors import Setting
from abate.quantify.formula import Param
from abate.quantify.outcome import Outcome
from abate.quantify.reading_checks import parts
from abate.quantify.uncertainty_draw import TILE, Clipped, Streams, drawn, figures, reductions, shared_draws
from abate.quantify.uncertainty_model import Cut, Input, Model, build, quantities
from abate.quantify.uncertainty_result import KG, describe
from abate.quantify.uncertainty_rows import Slab, point, slabs

FEWEST_DRAWS = 256
"""Fewest draws for indices. This project's policy: below it their noise is of the size of a ranking."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`interval` and `change` in per cent; `draws` 0 leaves the indices out."""

    interval: float = 95.0
    change: float = 10.0
    draws: int = 0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """One quantity: mg CO2e by which the portfolio's reduction moves at its low and at its high end."""

    name: str
    kind: str
    stated: bool
    moved: str
    low_effect: float
    high_effect: float

    @property
    def swing(self) -> float:
        return max(self.low_effect, self.high_effect, 0.0) - min(self.low_effect, self.high_effect, 0.0)


@dataclass(frozen=True, slots=True)
class Index:
    """Share of the portfolio's variance: by the group alone, and with all it interacts in."""

    names: tuple[str, ...]
    first: float
    total: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    method: str
    ask: Ask
    rows: int
    counted: int
    point: int
    bars: tuple[Bar, ...]
    indices: tuple[Index, ...]
    draws: int
    illustration: bool


@dataclass(frozen=True, slots=True)
class _Lever:
    """What is moved: a figure by its key, or an input by its name, to two ends."""

    name: str
    kind: str
    stated: Stated | None
    ends: Callable[[Any, float], tuple[Any, Any]]
    """(value, scale) -> value at the low end, at the high end."""


def rank(
    method_id: str,
    inputs: Sequence[Path],
    catalogue: Catalogue,
    setting: Setting,
    statements: Sequence[Uncertainties],
    ask: Ask,
) -> Sensitivity:
    """Raises UncertaintyError, InputError, NotColumnar, KeyError."""
    _sensible(ask)
    plan = compiled(method_id, catalogue, setting)
    model = build(plan, catalogue, statements)
    tornado = _Tornado(model, ask)
    indices = _Indices(model, ask) if ask.draws and (model.shared or model.inputs) else None
    rows = counted = total = 0
    illustration = model.illustration
    con = connect()
    try:
        for slab in slabs(con, plan, inputs, setting.zone):
            rows += slab.table.num_rows
            counts = np.asarray(slab.table["outcome"].to_pylist()) == Outcome.COUNTED
            counted += int(counts.sum())
            total += sum(int(p) for p in slab.table["er_mg"].to_numpy()[counts])
            used = {f for text in slab.table["factors"].unique().to_pylist() for f in (text or "").split(";")}
            illustration |= bool(setting.pack and setting.pack.illustration) and any(
                f[:5] == "pack:" for f in used
            )
            tornado.add(slab, counts)
            if indices:
                indices.add(slab, counts)
    finally:
        con.close()
    return Sensitivity(
        method_id, ask, rows, counted, total, tornado.bars(), indices.found() if indices else (),
        indices.size if indices else 0, illustration,
    )  # fmt: skip


def _sensible(ask: Ask) -> None:
    if not 0 < ask.interval < 100:
        raise UncertaintyError(
            f"interval {ask.interval:g}", "is not between 0 and 100", "ask for one like 95"
        )
    if not 0 < ask.change < 100:
        raise UncertaintyError(
            f"change {ask.change:g}", "is not between 0 and 100 per cent", "ask for one like 10"
        )
    if 0 < ask.draws < FEWEST_DRAWS:
        raise UncertaintyError(
            f"{ask.draws} draws", "are too few for indices", f"take {FEWEST_DRAWS} or more"
        )


def _counted_groups(slab: Slab, counted: Any, model: Model) -> Iterator[tuple[int, Cut, Rows]]:
    for segment, positions in slab.groups():
        there = positions[counted[positions]]
        if len(there):
            yield segment, model.cuts[segment], point(slab, there, model.cuts[segment])


# -- one at a time ---------------------------------------------------------------------------------


class _Tornado:
    """All ends at once: column 0 is the point, columns 2j+1 and 2j+2 the two ends of lever j."""

    def __init__(self, model: Model, ask: Ask) -> None:
        self.model = model
        self.ask = ask
        self.levers = _levers(model, ask)
        self.width = 2 * len(self.levers) + 1
        self.sums = np.zeros(self.width)
        self.moved: set[str] = set()
        self.params = {k: self._params(cut) for k, cut in model.cuts.items()}

    def _params(self, cut: Cut) -> Mapping[str, Any]:
        found: dict[str, Any] = {n: np.float64(cut.figures.get(n, np.nan)) for n in cut.method.parameters}
        scales = {u.name: u.scale for u in cut.uses}
        for j, lever in enumerate(self.levers):
            for name, key in cut.keys.items():
                parameter = cut.method.parameters[name]
                if lever.kind == "figure" and key == lever.name and parameter.low != parameter.high:
                    row = np.array(np.broadcast_to(found[name], (1, self.width)), dtype=float)
                    ends = lever.ends(cut.figures[name], scales.get(name, 1.0))
                    row[0, 2 * j + 1 : 2 * j + 3] = np.clip(ends, float(parameter.low), float(parameter.high))
                    found[name] = row
        return found

    def add(self, slab: Slab, counted: Any) -> None:
        step = max(1, TILE // self.width)
        for segment, cut, rows in _counted_groups(slab, counted, self.model):
            self.moved |= _read(cut)
            for start in range(0, rows.size, step):
                laid = self._laid(rows.part(start, start + step), cut, self.params[segment])
                values = reductions(cut.method, laid, Counter())
                self.sums += np.broadcast_to(values, (laid.size, self.width)).sum(axis=0)

    def _laid(self, rows: Rows, cut: Cut, params: Mapping[str, Any]) -> Rows:
        ranges = quantities(cut.method)
        scales = {name: one.scale for name, one in cut.inputs.items()}
        by_name = {lever.name: (j, lever) for j, lever in enumerate(self.levers) if lever.kind == "input"}

        def move(name: str, values: Any) -> Any:
            if name not in by_name or not np.isfinite(values).any():
                return values
            j, lever = by_name[name]
            wide = np.repeat(values, self.width, axis=1)
            _, low, high = ranges[name]
            ends = lever.ends(values[:, 0], scales.get(name, 1.0))
            wide[:, 2 * j + 1 : 2 * j + 3] = np.clip(np.stack(ends, axis=1), float(low), float(high))
            return wide

        return rows.moved(move, params)

    def bars(self) -> tuple[Bar, ...]:
        effects = (self.sums - self.sums[0]) * KG
        found = [
            Bar(
                name=lever.name,
                kind=lever.kind,
                stated=lever.stated is not None,
                moved=f"{self.ask.interval:g} % interval: {describe(lever.stated)}" if lever.stated
                else f"±{self.ask.change:g} %, no uncertainty stated",
                low_effect=float(effects[2 * j + 1]),
                high_effect=float(effects[2 * j + 2]),
            )
            for j, lever in enumerate(self.levers)
            if lever.name in self.moved
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda bar: (-bar.swing, bar.name)))


def _levers(model: Model, ask: Ask) -> list[_Lever]:
    tail = (100 - ask.interval) / 200
    share = ask.change / 100

    def stated(law: Law) -> Callable[[Any, float], tuple[Any, Any]]:
        low, high = (float(law.y.ppf(p)) for p in (tail, 1 - tail))
        return lambda value, scale: (law.laid(value, low, scale), law.laid(value, high, scale))

    def assumed(value: Any, scale: float) -> tuple[Any, Any]:
        return value * (1 - share), value * (1 + share)

    found = {s.key: _Lever(s.key, "figure", s.stated, stated(s.law)) for s in model.shared}
    found |= {n: _Lever(n, "input", i.stated, stated(i.law)) for n, i in model.inputs.items()}
    for cut in model.cuts.values():
        for name, key in cut.keys.items():
            if cut.method.parameters[name].low != cut.method.parameters[name].high:
                found.setdefault(key, _Lever(key, "figure", None, assumed))
        for name in quantities(cut.method):
            found.setdefault(name, _Lever(name, "input", None, assumed))
    return list(found.values())


def _read(cut: Cut) -> set[str]:
    """Names of levers that the formulas, rules and recognition of a version read."""
    method = cut.method
    trees: list[Any] = [f.expr for f in method.formulas.values()]
    trees += [r.test for r in method.recognition] + [r.when for r in method.rules]
    names = {p.name for tree in trees for p in parts(tree) if isinstance(p, Param)}
    return {cut.keys[n] for n in names if n in cut.keys} | set(quantities(method))


# -- by variance -----------------------------------------------------------------------------------


class _Indices:
    """Pick-freeze: two sets of draws A and B of everything, and for each group A with the group from B."""

    def __init__(self, model: Model, ask: Ask) -> None:
        self.model = model
        self.ask = ask
        self.size = 1 << (ask.draws.bit_length() - 1)  # the estimators want a power of two
        self.groups = _groups(model)
        seeds = SeedSequence(ask.seed).generate_state(2)
        self.seeds = tuple(int(s) for s in seeds)
        a, b = (shared_draws(model, seed, self.size) for seed in self.seeds)
        at = {s.key: i for i, s in enumerate(model.shared)}
        sets = [a, b]
        for group in self.groups:
            mixed = a.copy()
            for name in group:
                if name in at:
                    mixed[at[name]] = b[at[name]]
            sets.append(mixed)
        self.params = [figures(model, y)[0] for y in sets]
        self.sums = np.zeros((len(sets), self.size))

    def add(self, slab: Slab, counted: Any) -> None:
        a, b = (Streams(seed, slab.number, self.size) for seed in self.seeds)
        step = max(1, TILE // self.size)
        for segment, cut, rows in _counted_groups(slab, counted, self.model):
            for start in range(0, rows.size, step):
                self._tile(rows.part(start, start + step), segment, cut, a, b)

    def _tile(self, rows: Rows, segment: int, cut: Cut, a: Streams, b: Streams) -> None:
        of: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

        def remember(streams: Streams, into: dict[str, Any], one: Input, values: Any) -> Any:
            into[one.name] = streams.draw(one, values)
            return into[one.name]

        for streams, into in zip((a, b), of, strict=True):
            drawn(rows, cut, self.params[0][segment], partial(remember, streams, into), Clipped())
        for k, params in enumerate(self.params):
            swapped = set(of[0]) if k == 1 else set(self.groups[k - 2]) if k > 1 else set()
            take = partial(_pick, of, swapped)
            laid = drawn(rows, cut, params[segment], take, Clipped())
            values = reductions(cut.method, laid, Counter())
            self.sums[k] += np.broadcast_to(values, (laid.size, self.size)).sum(axis=0)

    def found(self) -> tuple[Index, ...]:
        if not self.sums[:2].std() > 1e-12 * abs(self.sums[0]).max():
            return ()
        given = {"f_A": self.sums[0:1], "f_B": self.sums[1:2], "f_AB": self.sums[2:, None, :]}
        result = stats.sobol_indices(func=given, n=self.size)
        found = [
            Index(tuple(group), float(first), float(total))
            for group, first, total in zip(
                self.groups, np.ravel(result.first_order), np.ravel(result.total_order), strict=True
            )
        ]
        return tuple(sorted(found, key=lambda i: (-i.total, i.names)))


def _pick(of: tuple[dict[str, Any], dict[str, Any]], swapped: set[str], one: Input, values: Any) -> Any:
    return of[1 if one.name in swapped else 0][one.name]


def _groups(model: Model) -> list[list[str]]:
    """Figures that are correlated move together; everything else is a group of its own."""
    keys = [s.key for s in model.shared]
    group = list(range(len(keys)))
    for i in range(len(keys)):
        for j in range(i):
            if model.correlation[i, j] != 0:
                group = [group[j] if g == group[i] else g for g in group]
    found = [[keys[i] for i in range(len(keys)) if group[i] == g] for g in dict.fromkeys(group)]
    return found + [[name] for name in model.inputs]
