"""Which rows are records, and why the others are not: conditions of one version of a schema, as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from abate.quantify.columns_input import Cell, Column, quoted
from abate.quantify.columns_labels import Labels
from abate.quantify.columns_plan import Plan
from abate.quantify.columns_tree import NotColumnar
from abate.quantify.method import ActivityField, Method
from abate.quantify.outcome import Refusal

NO_FIELD = "CAST(NULL AS VARCHAR)"


@dataclass(frozen=True, slots=True)
class Source:
    """Raw rows: a relation with the columns `r_<field>` and what else is asked of a row."""

    sql: str
    columns: Mapping[str, Column]
    names: tuple[str, ...]
    """Every column of the relation, as it is written in SQL."""
    malformed: str = "false"
    """Condition: the row is no record at all."""
    unknown: str = NO_FIELD
    """The first field that the schema does not know, or null."""
    unknown_names: tuple[str, ...] = ()
    """What `unknown` may be, where that is known beforehand."""


def segment(plan: Plan, zone: str) -> str:
    """The segment of the row's day, null where the day cannot be read.

    A time is compared with the instants at which days begin in the zone, which spares finding its day; the
    number of cuts that it has passed is the segment, which spares a CASE (slow on columns of mixed days).
    """
    dated = plan.newest.activity.field(plan.newest.activity.dated_by)
    day = f"f_{dated.name}"
    kind, midnight = ("TIMESTAMPTZ", f" 00:00:00 {zone}") if dated.kind == "time" else ("DATE", "")
    cuts = [s.start.isoformat() for s in plan.segments if s.start is not None]
    passed = [f"CAST({day} >= {kind} '{cut}{midnight}' AS SMALLINT)" for cut in cuts]
    return " + ".join(passed) or f"CASE WHEN {day} IS NOT NULL THEN 0 END"


def derived(method: Method) -> dict[str, str]:
    """Columns of quantities that come from two times (whole seconds) or two dates (days, both counted)."""
    found = {}
    for d in method.activity.derived:
        if (d.start, d.end) not in method.activity.intervals:
            raise NotColumnar(f"{d.name} is derived from {d.start} and {d.end}, which are not an interval")
        if d.kind == "hours":
            ends = [f"(epoch_us(f_{name}) // 1000000)" for name in (d.end, d.start)]
            found[f"f_{d.name}"] = f"({ends[0]} - {ends[1]})"
        else:
            found[f"f_{d.name}"] = f"CAST(date_diff('day', f_{d.start}, f_{d.end}) + 1 AS BIGINT)"
    return found


@dataclass(frozen=True, slots=True)
class Checks:
    """One version's schema over one source."""

    plan: Plan
    source: Source
    method: Method
    cells: tuple[tuple[ActivityField, Cell], ...]
    labels: Labels

    def accepted(self) -> str:
        """True where the row is a record of a day that the version covers; never null."""
        parts = [c.accepted for _, c in self.cells if c.accepted != "true"]
        parts += [f"NOT ({condition})" for condition in (self._whole() | self._too_long()).values()]
        if self.source.malformed != "false":
            parts.append(f"NOT ({self.source.malformed})")
        unknown, _ = self._strange()
        if unknown != NO_FIELD:
            parts.append(f"({unknown}) IS NULL")
        bad = [s.index for s in self.plan.segments if s.resolution is None or s.resolution.absent]
        parts.append(f"coalesce(NOT {among('seg', bad)}, false)" if bad else "seg IS NOT NULL")
        return " AND ".join(parts)

    def refusal(self) -> str:
        """The reason of a refused row, ordered by `Refusal`, within a code by the schema."""
        whens = [(self.source.malformed, self._reason(Refusal.MALFORMED, "record"))]
        for code in list(Refusal)[1:6]:
            for f, cell in self.cells:
                whens += [(c, self._reason(code, f.name)) for fault, c in cell.faults if fault is code]
            if code is Refusal.UNKNOWN_FIELD:
                whens += self._unknown()
        for reason, condition in (self._whole() | self._too_long()).items():
            whens.append((condition, self.labels.sql("reason", reason)))
        whens += self._not_covered()
        return "CASE" + "".join(f" WHEN {c} THEN {r}" for c, r in whens if c != "false") + " END"

    def _reason(self, code: Refusal, name: str) -> str:
        return self.labels.sql("reason", f"{code}:{name}")

    def _unknown(self) -> list[tuple[str, str]]:
        (unknown, names), code = self._strange(), Refusal.UNKNOWN_FIELD
        if unknown == NO_FIELD:
            return []
        if self.labels.covers("reason"):
            return [(f"({unknown}) = {quoted(name)}", self._reason(code, name)) for name in names]
        return [(f"({unknown}) IS NOT NULL", f"'{code}:' || ({unknown})")]

    def _strange(self) -> tuple[str, tuple[str, ...]]:
        """The first field that this version does not know, and the names it may be, where these are known
        beforehand: one that no version knows, or one of another version."""
        own = {f.name for f in self.method.activity.fields}
        others = {f.name for m in self.plan.methods for f in m.activity.fields} - own
        theirs = sorted(others & set(self.source.columns))
        found = [f"CASE WHEN r_{name} IS NOT NULL THEN {quoted(name)} END" for name in theirs]
        if self.source.unknown != NO_FIELD or not found:
            found.insert(0, self.source.unknown)
        return f"least({', '.join(found)})" if len(found) > 1 else found[0], (
            *self.source.unknown_names,
            *theirs,
        )

    def _not_covered(self) -> list[tuple[str, str]]:
        found = []
        none = [s.index for s in self.plan.segments if s.method is None]
        if none:
            reason = self._reason(Refusal.NO_METHOD_IN_FORCE, self.method.activity.dated_by)
            found.append((among("seg", none), reason))
        for s in self.plan.segments:
            if s.resolution is not None and (lacking := s.resolution.refusal()):
                found.append((f"seg = {s.index}", self._reason(*lacking)))
        return found

    def _whole(self) -> dict[str, str]:
        """What several fields must satisfy together: reason -> condition under which it is given."""
        rank = {f.name: i for i, f in enumerate(self.method.activity.fields)}
        found: dict[str, str] = {}
        for start, end in sorted(self.method.activity.intervals, key=lambda pair: rank[pair[1]]):
            reason, before = f"{Refusal.END_BEFORE_START}:{end}", f"coalesce(f_{end} < f_{start}, false)"
            found[reason] = f"({found[reason]} OR {before})" if reason in found else before
        groups = self.method.activity.one_of
        if groups:
            whole = _count(" AND ".join(map(self._given, g)) for g in groups)
            some = _count(" OR ".join(map(self._given, g)) for g in groups)
            found[f"{Refusal.ONE_OF}:{groups[0][0]}"] = f"NOT ({whole} = 1 AND {some} = 1)"
        return found

    def _given(self, name: str) -> str:
        return f"r_{name} IS NOT NULL" if name in self.source.columns else "false"

    def _too_long(self) -> dict[str, str]:
        """Derived quantities past their limit (looked at last: they need everything else to be good)."""
        found = {}
        for d in self.method.activity.derived:
            most = d.high * (3600 if d.kind == "hours" else 1)
            limit = f"f_{d.name} > {most.numerator // most.denominator}"
            found[f"{Refusal.OUT_OF_RANGE}:{d.name}"] = f"coalesce({limit}, false)"
        return found


def _count(conditions: Iterable[str]) -> str:
    return " + ".join(f"CAST(({c}) AS INT)" for c in conditions)


def among(column: str, values: Sequence[int]) -> str:
    """Whether a column is one of the values, as ranges: the engine turns a longer IN into a join, and behind a
    join the rows of a CSV file change places."""
    low, high = min(values), max(values)
    if high - low + 1 == len(values):
        return f"{column} = {low}" if low == high else f"{column} BETWEEN {low} AND {high}"
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return "(" + " OR ".join(f"{column} BETWEEN {first} AND {last}" for first, last in runs) + ")"
