"""The one SELECT: raw columns, checked fields, the segment, the leaf, the amounts, the result.

Each stage is a projection over the one before, so rows stream through all of them and nothing is held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from abate.quantify.columns_amounts import AMOUNTS, by_value, computed
from abate.quantify.columns_checks import NO_FIELD, Checks, Source, among, derived, segment
from abate.quantify.columns_input import Cell, Column, make_cell
from abate.quantify.columns_labels import Labels
from abate.quantify.columns_plan import Plan
from abate.quantify.columns_tree import Leaf, params_of
from abate.quantify.listing import CLOSED
from abate.quantify.method import ActivityField, Method
from abate.quantify.one import HISTORY, NO_REDUCTION, RESULT
from abate.quantify.outcome import Outcome, Refusal

RESULTS = (*AMOUNTS, "outcome", "reason", "method", "method_version", "factors")


MakeCell: TypeAlias = Callable[[ActivityField, Column | None], Cell]


def write_select(
    plan: Plan,
    source: Source,
    zone: str,
    wanted: Iterable[str] = (),
    cell: MakeCell = make_cell,
    *,
    reasons: bool = True,
    labels: Labels | None = None,
) -> str:
    """A relation with RESULTS and the `wanted` columns of the source or of a stage. Raises NotColumnar.

    Without `reasons` a row that is not `ok` is only known not to be, and its results mean nothing. `labels`
    gathers the texts of the result columns that are to be enumerated.
    """
    return _Writer(plan, source, zone, cell, reasons, labels or Labels()).write({*wanted, *RESULTS})


def names_in(texts: Iterable[str]) -> set[str]:
    """Every column that may be read in these expressions (and words that are none)."""
    text = " ".join(texts)
    return {*_BARE.findall(text), *_QUOTED.findall(text)}


class _Writer:
    def __init__(
        self, plan: Plan, source: Source, zone: str, cell: MakeCell, reasons: bool, labels: Labels
    ) -> None:
        self.plan = plan
        self.labels = labels
        self.cell = cell
        self.reasons = reasons
        self.source = source
        self.zone = zone
        self.newest = plan.newest
        self.dated_by = self.newest.activity.field(self.newest.activity.dated_by)
        self.checks = {
            m.version: Checks(
                plan,
                source,
                m,
                tuple((f, cell(f, source.columns.get(f.name))) for f in m.activity.fields),
                labels,
            )
            for m in plan.methods
        }
        self.computed = computed(plan)

    def write(self, wanted: set[str]) -> str:
        """The stages from the inside out, each carrying on only the columns that a later one reads.

        Binding is most of the cost of a small batch, and it grows with stages times columns.
        """
        stages = [stage for stage in self._stages() if stage]
        read = [names_in(stage.values()) for stage in stages]
        sql, known = self.source.sql, list(self.source.names)
        for k, stage in enumerate(stages):
            later = set().union(*read[k + 1 :], wanted)
            kept = [name for name in known if name in later and name not in stage]
            added = {name: expression for name, expression in stage.items() if name in later}
            written = [*kept, *(f"{expression} AS {name}" for name, expression in added.items())]
            sql = f"SELECT {', '.join(written)} FROM ({sql})"
            known = [*kept, *added]
        return sql

    def _stages(self) -> Iterable[dict[str, str]]:
        first = self.cell(self.dated_by, self.source.columns.get(self.dated_by.name))
        yield from first.steps
        yield {"seg": segment(self.plan, self.zone)}
        done = {name for step in first.steps for name in step}
        depth = max(len(c.steps) for check in self.checks.values() for _, c in check.cells)
        for k in range(depth):
            yield self._step(k, done)
        yield self._by_versions(derived) | dict(self.computed.changing)
        accepted = self._by_version(lambda m: self.checks[m.version].accepted())
        yield {"ok": f"CASE WHEN {accepted} THEN true ELSE false END"}  # stops at the first that fails
        refusal = self._by_version(lambda m: self.checks[m.version].refusal()) if self.reasons else NO_FIELD
        yield {"refusal": f"CASE WHEN ok THEN NULL ELSE {refusal} END"}
        yield dict(self.computed.list_sums)
        yield dict(self.computed.sums)
        yield {"leaf": self.computed.leaf}
        if lacks := self._lacks():
            # without its figure a row has no leaf: nothing is computed and `needs_figure` follows
            yield {"lacks": lacks, "leaf": f"CASE WHEN {lacks} IS NULL THEN leaf END"}
        yield dict(self.computed.amounts)
        yield self._judged()
        yield self._results()

    # -- versions ----------------------------------------------------------------------------------

    def _by_version(self, write: Callable[[Method], str]) -> str:
        """`write(method)` for the version of the row's segment; the newest where no version is in force."""
        texts = {m.version: write(m) for m in self.plan.methods}
        newest = texts[self.newest.version]
        if len(set(texts.values())) == 1:
            return newest
        whens = "".join(
            f" WHEN {among('seg', [s.index for s in self.plan.of(m)])} THEN {texts[m.version]}"
            for m in self.plan.methods
            if texts[m.version] != newest and self.plan.of(m)
        )
        return f"(CASE{whens} ELSE {newest} END)" if whens else newest

    def _by_versions(self, write: Callable[[Method], dict[str, str]]) -> dict[str, str]:
        written = {m.version: write(m) for m in self.plan.methods}
        names = dict.fromkeys(name for columns in written.values() for name in columns)
        return {n: self._by_version(lambda m, n=n: written[m.version].get(n, "NULL")) for n in names}  # type: ignore[misc]

    def _step(self, k: int, done: set[str]) -> dict[str, str]:
        def columns(method: Method) -> dict[str, str]:
            steps = [c.steps[k] for _, c in self.checks[method.version].cells if k < len(c.steps)]
            return {name: sql for step in steps for name, sql in step.items() if name not in done}

        return self._by_versions(columns)

    # -- figures that are lacking ------------------------------------------------------------------

    def _lacks(self) -> str:
        """The reason of a row whose leaf reads a figure that its segment lacks; empty where nothing lacks. An
        overdue one is lacking too, and refuses the row (`_judged`)."""
        by_segment: dict[int, str] = {}
        for version in self.plan.versions:
            for s in version.segments:
                reasons = {}
                for i, leaf in enumerate(version.leaves, version.first_leaf):
                    if s.usable and (name := s.usable.first_lacking(_read(leaf))):
                        reasons[i] = self.labels.sql("reason", s.usable.reason_lacking(name))
                if reasons:
                    by_segment[s.index] = f"CASE{by_value(reasons, 'leaf')} END"
        return f"(CASE{by_value(by_segment)} END)" if by_segment else ""

    def _overdue(self) -> bool:
        """Whether some segment lacks a figure because it is past its review."""
        usable = [s.usable for s in self.plan.segments if s.usable]
        return any(name in figures.overdue for figures in usable for name in figures.lacking)

    def _judged(self) -> dict[str, str]:
        """`fits`: no amount passes 64 bits of milligrams and no figure is past its review. `above`: the exact
        ER is above zero, or a total is kept as is.
        """
        fits = "(leaf IS NULL OR leaf < 0 OR (" + " AND ".join(f"{a} IS NOT NULL" for a in AMOUNTS) + "))"
        # a CASE looks at the exact value only on the few rows that show 0; AND and OR would on every row
        above = f"CASE WHEN er_mg > 0 THEN true WHEN er_mg = 0 THEN coalesce({self.computed.above}, false) ELSE false END"
        overdue = f"starts_with(CAST(lacks AS VARCHAR), '{Refusal.FACTOR_PAST_REVIEW}')"
        holds = [fits] if self.computed.wide else []
        holds += [f"NOT coalesce({overdue}, false)"] if self._overdue() else []
        return {
            "fits": " AND ".join(holds) or "true",
            "above": self._by_version(lambda m: "true" if m.project_total else above),
        }

    # -- results -----------------------------------------------------------------------------------

    def _results(self) -> dict[str, str]:
        refused, needs_figure, not_counted, not_below, counted = (
            self.labels.sql("outcome", outcome) for outcome in Outcome
        )
        outcome = (
            f"CASE WHEN leaf >= 0 THEN CASE WHEN NOT fits THEN {refused} WHEN above THEN {counted} "
            f"ELSE {not_below} END WHEN leaf < 0 THEN {not_counted} WHEN ok AND fits THEN {needs_figure} "
            f"ELSE {refused} END"
        )
        # where one amount does not fit, the record has none
        fitting = {a: f"CASE WHEN fits THEN {a} END" for a in AMOUNTS} if self.computed.wide else {}
        return {**fitting, "outcome": outcome, "reason": self._reason(), **self._marks()}

    def _reason(self) -> str:
        label = partial(self.labels.sql, "reason")
        history = [s.index for s in self.plan.segments if s.history]
        marked = among("seg", history) if history else "false"
        amounts = (
            f"CASE WHEN NOT fits THEN {label(f'{Refusal.OUT_OF_RANGE}:{RESULT}')} WHEN {marked} THEN {label(HISTORY)} "
            f"WHEN above THEN NULL ELSE {label(NO_REDUCTION)} END"
        )
        rules = self._by_version(self._recognition_reasons)
        missing = {
            s.index: label(f"no_figure:{s.resolution.missing[0]}")
            for s in self.plan.segments
            if s.resolution is not None and s.resolution.missing
        }
        lacking = f"CASE{by_value(missing)} END" if missing else "NULL"
        if self._lacks():
            lacking = f"coalesce(lacks, {lacking})"
        without = f"WHEN leaf < 0 THEN {rules} WHEN ok THEN {lacking} ELSE refusal"
        return f"CASE WHEN leaf >= 0 THEN {amounts} {without} END"

    def _recognition_reasons(self, method: Method) -> str:
        reasons = {
            -1 - k: self.labels.sql("reason", f"{r.id}:{r.clause.id}")
            for k, r in enumerate(method.recognition)
        }
        if self.plan.closed(method):
            reasons[-1 - len(method.recognition)] = self.labels.sql("reason", CLOSED)
        return f"CASE{by_value(reasons, 'leaf')} END" if reasons else "NULL"

    def _marks(self) -> dict[str, str]:
        """The version (null only where none is in force) and the figures that were read."""
        version = self._by_version(lambda m: str(m.version))
        uncovered = f"starts_with(CAST(refusal AS VARCHAR), '{Refusal.NO_METHOD_IN_FORCE}')"
        none = self.labels.sql("factors", "")
        factors: dict[int, dict[int, str]] = {}
        for v in self.plan.versions:
            for s in v.segments:
                for i, leaf in enumerate(v.leaves, v.first_leaf):
                    if s.usable:
                        text = self.labels.sql("factors", s.usable.factor_ids(_read(leaf)))
                        factors.setdefault(s.index, {})[i] = text
        by_segment = {index: _constant(texts, "leaf", none) for index, texts in factors.items()}
        used = _constant(by_segment, "seg", none)
        return {
            "method": self.labels.sql("method", self.newest.id),
            "method_version": f"CAST(CASE WHEN ok OR NOT {uncovered} THEN {version} END AS INTEGER)",
            "factors": f"CASE WHEN leaf >= 0 AND fits THEN {used} ELSE {none} END",
        }


def _read(leaf: Leaf) -> set[str]:
    """The parameters read on the way to a leaf and in it."""
    params = set().union(*(params_of(n) for n in leaf.nodes), *(params_of(t) for t, _ in leaf.path))
    return {p.name for p in params}


def _constant(texts: Mapping[int, str], column: str, none: str) -> str:
    """CASE over a column, or the one text where they are all the same."""
    values = list(dict.fromkeys(texts.values()))
    if len(values) < 2:
        return values[0] if values else none
    return f"CASE{by_value(texts, column)} END"


_BARE, _QUOTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), re.compile(r'"[^"]+"')
