"""The one SELECT: raw columns, checked fields, the segment, the leaf, the amounts, the result.

Each stage is a projection over the one before, so rows stream through all of them and nothing is held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import partial
from typing import TypeAlias

from sqlglot import exp

from abate.quantify.columns_checks import NO_FIELD, Checks, Source, among, derived, segment
from abate.quantify.columns_dialect import DUCKDB as DIALECT
from abate.quantify.columns_input import Cell, Column, make_cell
from abate.quantify.columns_labels import Labels
from abate.quantify.columns_plan import Plan, Version, names_of
from abate.quantify.columns_sql import Arithmetic, Whole, as_case
from abate.quantify.columns_tree import Leaf, decision_tree, leaves, params_of
from abate.quantify.formula import If, Num, Test
from abate.quantify.listing import CLOSED
from abate.quantify.method import ActivityField, Method
from abate.quantify.one import HISTORY, NO_REDUCTION, RESULT
from abate.quantify.outcome import Outcome, Refusal

AMOUNTS = ("be_mg", "pe_mg", "le_mg", "er_mg")
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
        self.above = ""
        self.wide = False
        self.names = {v.method.version: names_of(v) for v in plan.versions}
        self.arithmetic = {version: Arithmetic(DIALECT, names) for version, (names, _) in self.names.items()}

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
        yield self._by_versions(derived) | self._changing()
        accepted = self._by_version(lambda m: self.checks[m.version].accepted())
        yield {"ok": f"CASE WHEN {accepted} THEN true ELSE false END"}  # stops at the first that fails
        refusal = self._by_version(lambda m: self.checks[m.version].refusal()) if self.reasons else NO_FIELD
        yield {"refusal": f"CASE WHEN ok THEN NULL ELSE {refusal} END"}
        leaf, amounts = self._leaf(), self._amounts()
        texts = [leaf, self.above, *amounts.values()]
        list_sums, texts = _shared("y", texts, set().union(*(a.list_sums for a in self.arithmetic.values())))
        yield list_sums
        sums = set().union(*(a.sums for a in self.arithmetic.values()))
        shared, (leaf, self.above, *texts) = _shared("x", texts, {s for s in sums if "item" not in s})
        yield shared
        yield {"leaf": leaf}
        if lacks := self._lacks():
            # without its figure a row has no leaf: nothing is computed and `needs_figure` follows
            yield {"lacks": lacks, "leaf": f"CASE WHEN {lacks} IS NULL THEN leaf END"}
        yield dict(zip(amounts, texts, strict=True))
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

    # -- figures and branches ----------------------------------------------------------------------

    def _changing(self) -> dict[str, str]:
        found = {}
        for _, changing in self.names.values():
            for column, values in changing.items():
                whens = _by_value(values)
                found[column] = f"CAST(CASE{whens} END AS BIGINT)"
        return found

    def _arithmetic(self, version: Version) -> Arithmetic:
        return self.arithmetic[version.method.version]

    def _leaf(self) -> str:
        """The number of the row's leaf; -1 - k where recognition rule k fails, and one less than the last of
        these where the behaviour is closed; null where there is nothing to compute.
        """
        whens = []
        for version in self.plan.versions:
            if closed := self.plan.closed(version.method):
                shut = -1 - len(version.method.recognition)
                whens.append(f" WHEN ok AND {among('seg', closed)} THEN {shut}")
            usable = [s.index for s in version.segments if s.usable]
            if not usable:
                continue
            arithmetic = self._arithmetic(version)
            inner = exp.Case()
            for k, recognition in enumerate(version.method.recognition):
                inner = inner.when(
                    exp.not_(self._holds(version, recognition.test)), exp.Literal.number(f"{-1 - k}")
                )
            tree, _ = as_case(version.tree, arithmetic, lambda i: exp.Literal.number(i), version.first_leaf)
            chosen = inner.else_(tree) if version.method.recognition else tree
            whens.append(f" WHEN ok AND {among('seg', usable)} THEN {DIALECT.text(chosen)}")
        return f"CASE{''.join(whens)} END" if whens else "CAST(NULL AS INT)"

    def _holds(self, version: Version, test: Test) -> exp.Expression:
        """A recognition test as a boolean; conditions inside it are branches of their own."""
        tree = decision_tree(version.method, (If(test, _YES, _NO),))
        sides = [leaf.nodes[0] is _YES for leaf in leaves(tree)]
        return as_case(tree, self._arithmetic(version), lambda i: exp.true() if sides[i] else exp.false())[0]

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
                    by_segment[s.index] = f"CASE{_by_value(reasons, 'leaf')} END"
        return f"(CASE{_by_value(by_segment)} END)" if by_segment else ""

    def _overdue(self) -> bool:
        """Whether some segment lacks a figure because it is past its review."""
        usable = [s.usable for s in self.plan.segments if s.usable]
        return any(name in figures.overdue for figures in usable for name in figures.lacking)

    def _amounts(self) -> dict[str, str]:
        """Amounts as whole milligrams (null where a result does not fit 64 bits), and whether an ER that
        shows 0 is above 0.
        """
        written: dict[str, dict[int, str]] = {name: {} for name in (*AMOUNTS, "above")}
        for version in self.plan.versions:
            if not any(s.usable for s in version.segments):
                continue
            arithmetic = self._arithmetic(version)
            for i, leaf in enumerate(version.leaves, version.first_leaf):
                er, be, pe, le = (arithmetic.value(node) for node in leaf.nodes)
                written["be_mg"][i] = _fitted(arithmetic.milligrams(be))
                written["pe_mg"][i] = _fitted(arithmetic.milligrams(pe, up=True))
                written["le_mg"][i] = _fitted(arithmetic.milligrams(le, up=True))
                written["er_mg"][i] = _fitted(arithmetic.milligrams(er))
                written["above"][i] = DIALECT.text(arithmetic.above_zero(er))
        self.wide = any("TRY_CAST" in sql for name in AMOUNTS for sql in written[name].values())
        above = written.pop("above")
        self.above = _by_leaf(above)
        return {name: f"CAST({_by_leaf(sql)} AS BIGINT)" for name, sql in written.items()}

    def _judged(self) -> dict[str, str]:
        """`fits`: no amount passes 64 bits of milligrams and no figure is past its review. `above`: the exact
        ER is above zero, or a total is kept as is.
        """
        fits = "(leaf IS NULL OR leaf < 0 OR (" + " AND ".join(f"{a} IS NOT NULL" for a in AMOUNTS) + "))"
        # a CASE looks at the exact value only on the few rows that show 0; AND and OR would on every row
        above = (
            f"CASE WHEN er_mg > 0 THEN true WHEN er_mg = 0 THEN coalesce({self.above}, false) ELSE false END"
        )
        overdue = f"starts_with(CAST(lacks AS VARCHAR), '{Refusal.FACTOR_PAST_REVIEW}')"
        holds = [fits] if self.wide else []
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
        fitting = {a: f"CASE WHEN fits THEN {a} END" for a in AMOUNTS} if self.wide else {}
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
        lacking = f"CASE{_by_value(missing)} END" if missing else "NULL"
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
        return f"CASE{_by_value(reasons, 'leaf')} END" if reasons else "NULL"

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


def _shared(letter: str, texts: list[str], sums: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Sums that stand in several places, as columns of their own: `<letter>_<k>`.

    Their bounds are proved and a null only makes a null, so they may be computed for every row.
    """
    found: dict[str, str] = {}
    for part in sorted(sums, key=lambda text: (-len(text), text)):
        if sum(text.count(part) for text in texts) > 1:
            name = f"{letter}_{len(found)}"
            texts = [text.replace(f"({part})", name).replace(part, name) for text in texts]
            found[name] = part
    return found, texts


def _read(leaf: Leaf) -> set[str]:
    """The parameters read on the way to a leaf and in it."""
    params = set().union(*(params_of(n) for n in leaf.nodes), *(params_of(t) for t, _ in leaf.path))
    return {p.name for p in params}


def _fitted(amount: Whole) -> str:
    """An amount that may pass 64 bits becomes null there, and the row is refused."""
    assert amount.sql is not None
    sql = DIALECT.text(amount.sql)
    return sql if amount.bounds.fits_int64 else f"TRY_CAST({sql} AS BIGINT)"


def _by_leaf(written: Mapping[int, str]) -> str:
    """CASE over the leaf; leaves that compute the same share it. Null outside the leaves."""
    groups: dict[str, list[int]] = {}
    for i, sql in written.items():
        groups.setdefault(sql, []).append(i)
    if len(groups) == 1:
        return f"(CASE WHEN leaf >= 0 THEN {next(iter(groups))} END)"
    whens = "".join(f" WHEN {among('leaf', leaves)} THEN {sql}" for sql, leaves in groups.items())
    return f"(CASE{whens} END)" if whens else "NULL"


def _constant(texts: Mapping[int, str], column: str, none: str) -> str:
    """CASE over a column, or the one text where they are all the same."""
    values = list(dict.fromkeys(texts.values()))
    if len(values) < 2:
        return values[0] if values else none
    return f"CASE{_by_value(texts, column)} END"


def _by_value(values: Mapping[int, object], column: str = "seg") -> str:
    """WHENs over a column (the segment), one for each different value."""
    groups: dict[object, list[int]] = {}
    for index, value in values.items():
        groups.setdefault(value, []).append(index)
    return "".join(f" WHEN {among(column, where)} THEN {value}" for value, where in groups.items())


_BARE, _QUOTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), re.compile(r'"[^"]+"')
_YES, _NO = Num(Fraction(1)), Num(Fraction(0))
