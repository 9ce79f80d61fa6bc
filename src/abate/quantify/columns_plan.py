"""All versions of a methodology under one setting, cut at every day on which something changes.

Between two cuts the version, every figure and every mark of a result are constants: such a stretch of days
is a segment. The SQL first finds a row's segment from its day; what differs between segments is then a CASE
over small whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, lcm

from sqlglot import exp

from abate.quantify.bounds import Bounds, covering
from abate.quantify.catalogue import Catalogue
from abate.quantify.columns_dialect import ITEM
from abate.quantify.columns_input import field_bounds
from abate.quantify.columns_sql import ONE, Names, Ratio, Whole
from abate.quantify.columns_tree import Leaf, Tree, applied, decision_tree, leaves
from abate.quantify.factors import Resolution, Setting, timeline
from abate.quantify.formula import Param, Ref
from abate.quantify.method import ActivityField, Method


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` (None: ever) until the next segment's start."""

    index: int
    start: date | None
    method: Method | None
    resolution: Resolution | None

    @property
    def usable(self) -> Resolution | None:
        """The figures of the segment where all of them are there."""
        found = self.resolution
        lacks = found is None or found.closed or found.missing or found.absent
        return None if lacks else found

    @property
    def history(self) -> bool:
        """Dated before the version was published: computed, but marked (P-7.2-d)."""
        return self.method is not None and (self.start or date.min) < self.method.published


@dataclass(frozen=True, slots=True)
class Version:
    """One version with its decision tree; its leaves are numbered from `first_leaf`."""

    method: Method
    segments: tuple[Segment, ...]
    tree: Tree
    first_leaf: int

    @property
    def leaves(self) -> list[Leaf]:
        return leaves(self.tree)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Plan:
    """Everything the SQL is written from. `versions`: those in force on some day; `methods`: all. One is equal to itself
    alone: what is written from it is kept beside it."""

    methods: tuple[Method, ...]
    versions: tuple[Version, ...]
    segments: tuple[Segment, ...]

    @property
    def newest(self) -> Method:
        return self.methods[-1]

    def closed(self, method: Method) -> list[int]:
        """The segments in which the operator has the behaviour closed."""
        return [s.index for s in self.of(method) if s.resolution and s.resolution.closed]

    def of(self, method: Method) -> tuple[Segment, ...]:
        return tuple(s for s in self.segments if s.method is method)


def make_plan(catalogue: Catalogue, method_id: str, setting: Setting) -> Plan:
    """Raises NotColumnar where a version cannot be computed as columns; KeyError for an unknown
    methodology.
    """
    methods = catalogue.methods[method_id]
    segments = tuple(_segments(catalogue, methods, setting))
    versions: list[Version] = []
    first = 0
    for method in methods:
        own = tuple(s for s in segments if s.method is method)
        if own:
            tree = decision_tree(method, (applied(method), Ref("BE"), Ref("PE"), Ref("LE")))
            versions.append(Version(method, own, tree, first))
            first += len(leaves(tree))
    return Plan(methods, tuple(versions), segments)


def _segments(catalogue: Catalogue, methods: Sequence[Method], setting: Setting) -> Iterable[Segment]:
    cuts: set[date] = set()
    for method in methods:
        ends = (method.in_force_from, method.published, _after(method.in_force_to))
        cuts |= {d for d in ends if d is not None}
        cuts |= {p.start for p in timeline(method, catalogue.registry, setting) if p.start is not None}
    for index, start in enumerate([None, *sorted(cuts)]):
        day = start or date.min
        found = catalogue.in_force(methods[0].id, day)
        yield Segment(index, start, found, _on(found, catalogue, setting, day) if found else None)


def _on(method: Method, catalogue: Catalogue, setting: Setting, day: date) -> Resolution:
    periods = timeline(method, catalogue.registry, setting)
    return [p for p in periods if (p.start or date.min) <= day][-1].resolution


def _after(day: date | None) -> date | None:
    return day + timedelta(1) if day is not None else None


def names_of(version: Version) -> tuple[Names, dict[str, dict[int, int]]]:
    """What the names in the version's formulas stand for, and the parameters that change: column -> segment
    -> whole.

    A figure that is the same in every segment is a constant of the SQL; one that changes is a column of
    whole numbers.
    """
    method = version.method
    fields: dict[str, Ratio] = {}
    lists: dict[str, tuple[int, dict[str, Ratio]]] = {}
    for f in method.activity.fields:
        if f.kind in ("number", "integer"):
            fields[f.name] = _field(f)
        elif f.kind == "list":
            lists[f.name] = (f.max_items, {i.name: _field(i, ITEM) for i in f.items})
    for d in method.activity.derived:
        steps = 3600 if d.kind == "hours" else 1
        column = exp.column(f"f_{d.name}")
        fields[d.name] = Ratio(Whole(column, Bounds(0, ceil(d.high * steps))), Fraction(1, steps))
    params: dict[Param, Ratio] = {}
    changing: dict[str, dict[int, int]] = {}
    usable = [(s.index, s.usable) for s in version.segments if s.usable]
    for name in method.parameters if usable else ():
        values = {index: figures.walked_with[name] for index, figures in usable}
        if len(set(values.values())) == 1:
            params[Param(name)] = Ratio(ONE, next(iter(values.values())))
            continue
        steps = lcm(*(v.denominator for v in values.values()))
        column_name = f"p_{version.method.version}_{name}"
        changing[column_name] = {index: int(v * steps) for index, v in values.items()}
        whole = Whole(exp.column(column_name), covering(changing[column_name].values()))
        params[Param(name)] = Ratio(whole, Fraction(1, steps))
    return Names(fields, params, lists=lists), changing


def _field(f: ActivityField, table: str | None = None) -> Ratio:
    """An absent field that counts as zero is zero here; every other one is read only where it is there."""
    column: exp.Expression = exp.column(f"_{f.name}", table) if table else exp.column(f"f_{f.name}")
    bounds = field_bounds(f)
    if f.absent_zero:
        column = exp.Coalesce(this=column, expressions=[exp.Literal.number(0)])
        bounds = bounds.with_zero()
    return Ratio(Whole(column, bounds), Fraction(1, 10**f.decimals))
