"""Which quantities of a methodology are uncertain under a setting, by whose statement, and which are exact.

A figure is one variable however many records and parameters take it: the factor's id names it, so records
that share a factor are fully correlated through it. An input is a variable of each record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from abate.quantify import units
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns_plan import Plan, Segment
from abate.quantify.distributions import (
    Correlation,
    OfMethod,
    Percentile,
    Stated,
    Uncertainties,
    UncertaintyError,
)
from abate.quantify.distributions_law import Law, law
from abate.quantify.factors import Chosen
from abate.quantify.formula import Field, Item, ListSum, Param
from abate.quantify.method import Method
from abate.quantify.reading_checks import parts


@dataclass(frozen=True, slots=True)
class Shared:
    """A figure of the portfolio: one draw of it serves all records."""

    key: str
    law: Law
    stated: Stated


@dataclass(frozen=True, slots=True)
class Use:
    """How parameter `name` takes the shared figure number `index`: laid about `value`, kept in its range."""

    name: str
    index: int
    law: Law
    value: float
    scale: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Input:
    """A quantity of each record (`name`, or `list.item`), drawn for each record (or item) on its own."""

    name: str
    law: Law
    stated: Stated
    scale: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cut:
    """One segment: the version in force, its figures, and what of both is uncertain."""

    method: Method
    figures: Mapping[str, float]
    uses: tuple[Use, ...]
    inputs: Mapping[str, Input]
    keys: Mapping[str, str]
    """Parameter -> the key by which a figure is known (a factor id where it is one)."""


@dataclass(frozen=True, slots=True)
class Model:
    """All segments of a run in which records can have amounts."""

    cuts: Mapping[int, Cut]
    shared: tuple[Shared, ...]
    correlation: Any
    correlated: bool
    conservative: Percentile | None
    illustration: bool

    def exact(self, segments: Collection[int]) -> tuple[str, ...]:
        """Every input and figure that the formulas of these segments read and that has no distribution."""
        uncertain = {s.key for s in self.shared}
        return tuple(sorted(_exact([cut for k, cut in self.cuts.items() if k in segments], uncertain)))

    @property
    def inputs(self) -> dict[str, Input]:
        """By name, over all versions."""
        return {name: one for cut in self.cuts.values() for name, one in cut.inputs.items()}


def build(plan: Plan, catalogue: Catalogue, statements: Sequence[Uncertainties]) -> Model:
    """`statements` best first; after them comes what the methodology itself states. Raises
    UncertaintyError."""
    for statement in statements:
        _known(statement, catalogue)
    builder = _Builder(statements)
    cuts = {s.index: builder.cut(s) for s in plan.segments if s.usable}
    shared = tuple(builder.shared.values())
    entries = [c for statement in statements for c in statement.correlations]
    matrix, whole = _correlation(entries, [s.key for s in shared])
    used = [s.stated for s in shared] + [i.stated for cut in cuts.values() for i in cut.inputs.values()]
    newest = plan.newest
    return Model(
        cuts=cuts,
        shared=shared,
        correlation=matrix,
        correlated=whole,
        conservative=next((o.conservative for o in _of(newest, statements) if o.conservative), None),
        illustration=any(s.illustration for s in used),
    )


def _of(method: Method, statements: Sequence[Uncertainties]) -> list[OfMethod]:
    found = [s.methods[method.id] for s in statements if method.id in s.methods]
    return [*found, *([method.uncertainty] if method.uncertainty else [])]


def _known(statement: Uncertainties, catalogue: Catalogue) -> None:
    """Every name of a statement stands for something."""
    for name in statement.factors:
        if name not in catalogue.registry.factors and not name.startswith("pack:"):
            raise UncertaintyError(
                f"{statement.id}: factors.{name}", "there is no such factor", "see `abate factors list`"
            )
    for method_id, of in statement.methods.items():
        if method_id not in catalogue.methods:
            raise UncertaintyError(
                f"{statement.id}: {method_id}", "no such methodology", "see `abate methods list`"
            )
        versions = catalogue.methods[method_id]
        for kind, names, known in (
            ("input", of.inputs, {n for m in versions for n in quantities(m)}),
            ("parameter", of.parameters, {n for m in versions for n in m.parameters}),
        ):
            for name in names:
                if name not in known:
                    raise UncertaintyError(
                        f"{statement.id}: {method_id}.{name}", f"there is no such {kind}",
                        f"{kind}s: {', '.join(sorted(known))}",
                    )  # fmt: skip


def quantities(method: Method) -> dict[str, tuple[str, Fraction, Fraction]]:
    """Name -> (unit, lowest, highest) of every numeric quantity of a record; an open end is one step in."""
    found: dict[str, tuple[str, Fraction, Fraction]] = {}
    for f in method.activity.fields:
        fields = (
            [(f.name, f)] if f.kind in ("number", "integer") else [(f"{f.name}.{i.name}", i) for i in f.items]
        )
        for name, one in fields:
            assert one.low is not None and one.high is not None
            step = Fraction(1, 10**one.decimals) if one.low_open else Fraction(0)
            found[name] = one.unit, one.low + step, one.high
    return found | {d.name: (d.unit, Fraction(0), d.high) for d in method.activity.derived}


class _Builder:
    def __init__(self, statements: Sequence[Uncertainties]) -> None:
        self.statements = statements
        self.shared: dict[str, Shared] = {}
        self._order: dict[str, int] = {}

    def cut(self, segment: Segment) -> Cut:
        method, resolution = segment.method, segment.usable
        assert method is not None and resolution is not None
        uses = []
        keys = {}
        for name, chosen in resolution.chosen.items():
            keys[name] = _key(method, name, chosen)
            stated = self._stated(method, name, keys[name])
            if stated:
                uses.append(self._use(method, name, chosen, keys[name], stated))
        figures = {name: float(chosen.value) for name, chosen in resolution.chosen.items()}
        return Cut(method, figures, tuple(uses), self._inputs(method), keys)

    def _stated(self, method: Method, name: str, key: str) -> Stated | None:
        """The first statement that speaks of the figure, by its id or by the parameter."""
        for statement in self.statements:
            own = (
                statement.methods[method.id].parameters.get(name) if method.id in statement.methods else None
            )
            found = [s for s in (statement.factors.get(key), own) if s]
            if len(found) == 2 and found[0] != found[1]:
                raise UncertaintyError(
                    f"{statement.id}: {key}", f"has one distribution of its own and one as {method.id}.{name}",
                    "keep one of the two",
                )  # fmt: skip
            if found:
                return found[0]
        block = method.uncertainty
        return block.parameters.get(name) if block else None

    def _use(self, method: Method, name: str, chosen: Chosen, key: str, stated: Stated) -> Use:
        parameter = method.parameters[name]
        where = f"{method.id}.{name} ({key})"
        if parameter.low == parameter.high:
            raise UncertaintyError(where, "the methodology fixes its one value", "leave the statement out")
        one = Shared(key, law(stated), stated)
        if key in self.shared and self.shared[key].stated != stated:
            raise UncertaintyError(where, "another parameter takes it with another distribution",
                                   f"state one under `factors: {key}`")  # fmt: skip
        self.shared.setdefault(key, one)
        self._order.setdefault(key, len(self._order))
        scale = _scale(where, stated, parameter.unit)
        _about(where, one.law, float(chosen.value), scale)
        return Use(
            name,
            self._order[key],
            one.law,
            float(chosen.value),
            scale,
            float(parameter.low),
            float(parameter.high),
        )

    def _inputs(self, method: Method) -> dict[str, Input]:
        ranges = quantities(method)
        found: dict[str, Input] = {}
        for of in reversed(_of(method, self.statements)):
            for name, stated in of.inputs.items():
                if name not in ranges:
                    continue  # a quantity of another version
                unit, low, high = ranges[name]
                where = f"{method.id}.{name}"
                if stated.about == "absolute":
                    raise UncertaintyError(where, "an absolute distribution of an input",
                                           "each record has a value of its own: state it `relative` or as a "
                                           "`deviation`")  # fmt: skip
                one = law(stated)
                scale = _scale(where, stated, unit)
                _about(where, one, 1.0 if one.about == "ratio" else 0.0, scale)
                found[name] = Input(name, one, stated, scale, float(low), float(high))
        return found


def _key(method: Method, name: str, chosen: Chosen) -> str:
    return chosen.factor.id if chosen.factor else chosen.id or f"{method.id}.{name}"


def _scale(where: str, stated: Stated, unit: str) -> float:
    if stated.about == "relative":
        return 1.0
    try:
        return float(units.ratio(stated.unit, unit))
    except units.UnitError as error:
        raise UncertaintyError(where, str(error), f"state it in {unit}") from error


def _about(where: str, one: Law, value: float, scale: float) -> None:
    """A distribution that leaves no room for the figure it is stated of belongs to another figure."""
    low, high = (float(one.laid(value, one.y.ppf(p), scale)) for p in (0.0005, 0.9995))
    slack = 1e-9 * max(abs(low), abs(high), abs(value))
    if not low - slack <= value <= high + slack:
        raise UncertaintyError(
            where, f"the figure {value:g} lies outside the distribution stated of it ({low:g} to {high:g})",
            "state the distribution of this figure",
        )  # fmt: skip


def _correlation(entries: Sequence[Correlation], keys: list[str]) -> tuple[Any, bool]:
    """The matrix of the figures in use, cut out of the whole that is stated (checked as a whole)."""
    names = list(dict.fromkeys([*keys, *(n for e in entries for n in e.names)]))
    at = {name: i for i, name in enumerate(names)}
    whole = np.eye(len(names))
    told: set[tuple[str, str]] = set()
    for entry in entries:
        for i, a in enumerate(entry.names):
            for j, b in enumerate(entry.names[:i]):
                pair = (min(a, b), max(a, b))
                if pair in told:
                    raise UncertaintyError(
                        f"{a}, {b}", "their correlation is stated twice", "keep one statement"
                    )
                told.add(pair)
                whole[at[a], at[b]] = whole[at[b], at[a]] = float(entry.matrix[i][j])
    lowest = float(np.linalg.eigvalsh(whole)[0]) if len(names) else 0.0
    if lowest < -1e-9:
        raise UncertaintyError(
            ", ".join(n for n in names if any(n in e.names for e in entries)),
            f"the correlation matrix is not positive semidefinite (lowest eigenvalue {lowest:.3g})",
            "no quantities can be correlated so; pairs that are not stated count as 0",
        )
    matrix = whole[: len(keys), : len(keys)]
    return matrix, bool(np.any(matrix != np.eye(len(keys))))


def _exact(cuts: Iterable[Cut], uncertain: set[str]) -> set[str]:
    found = set()
    for cut in cuts:
        tests = [r.test for r in cut.method.recognition] + [r.when for r in cut.method.rules]
        for tree in [*(f.expr for f in cut.method.formulas.values()), *tests]:
            for part in parts(tree):
                if isinstance(part, Field) and part.name not in cut.inputs:
                    found.add(part.name)
                elif isinstance(part, Param) and cut.keys.get(part.name, part.name) not in uncertain:
                    found.add(_shown(cut, part.name))
                elif isinstance(part, ListSum):
                    items = {f"{part.name}.{p.name}" for p in parts(part.body) if isinstance(p, Item)}
                    found |= items - set(cut.inputs)
    return found


def _shown(cut: Cut, name: str) -> str:
    key = cut.keys.get(name, name)
    return name if key.endswith(f".{name}") else f"{name} ({key})"
