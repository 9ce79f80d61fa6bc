"""A methodology as read: frozen records, nothing computed, nothing defaulted.

`reading.py` is the only maker of these. Numbers are exact fractions; texts come as `Text(zh, en)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from abate.quantify.formula import Node, Test

if TYPE_CHECKING:  # its texts are `Text` of this module
    from abate.quantify.distributions import OfMethod


@dataclass(frozen=True, slots=True)
class Text:
    """A text people read, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A demand of a standard: its row id in this project (`M-2.3.4`) and the place in the text."""

    id: str
    place: str


FieldKind = Literal["id", "text", "time", "date", "number", "integer", "list"]


@dataclass(frozen=True, slots=True)
class ActivityField:
    """One field of the activity record.

    `number` and `integer` fields are exact decimals with at most `decimals` digits after the point,
    between `low` and `high` (both included; `low_open` excludes the lower end). `absent_zero` marks the
    fields whose absence means "not used"; any other absent optional field is simply not there, never
    zero. `id` and `text` fields hold printable text of at most `max_length` characters without control
    characters; `choices` closes the list. `because` says which clause asks for the field or its limits, and
    what to do where it is refused.
    """

    name: str
    kind: FieldKind
    required: bool
    meaning: Text
    unit: str = ""
    decimals: int = 0
    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    absent_zero: bool = False
    personal: bool = False
    max_length: int = 128
    choices: tuple[str, ...] = ()
    max_items: int = 0
    items: tuple[ActivityField, ...] = ()
    because: Because | None = None


@dataclass(frozen=True, slots=True)
class Because:
    """The clause behind a field, and what it asks for."""

    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Derived:
    """A quantity computed from two time or date fields: whole days between dates, or hours between times.

    `hours` is exact to the second as a fraction with denominator 3600; `days` counts both end dates.
    """

    name: str
    kind: Literal["hours", "days"]
    start: str
    end: str
    unit: str
    meaning: Text
    high: Fraction


@dataclass(frozen=True, slots=True)
class FieldHint:
    """Why fields whose name matches `pattern` (shell-style) are refused: shown beside
    `unknown_field:<name>`."""

    pattern: str
    why: Text
    clause: Clause


@dataclass(frozen=True, slots=True)
class Activity:
    """The activity record: its fields in order, which of them identify it, and which one dates it."""

    fields: tuple[ActivityField, ...]
    key: tuple[str, ...]
    dated_by: str
    derived: tuple[Derived, ...] = ()
    intervals: tuple[tuple[str, str], ...] = ()
    """Pairs (start, end) of time or date fields where the end must not be before the start."""
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of fields of which exactly one whole group must be given; empty where there is no such
    choice."""
    refused: tuple[FieldHint, ...] = ()
    """Fields that are refused like any unknown one, but for a reason worth telling (out of boundary)."""

    def field(self, name: str) -> ActivityField:
        return next(f for f in self.fields if f.name == name)


@dataclass(frozen=True, slots=True)
class DatedValue:
    """One value of a parameter with its own source, in force from `start` up to and including `end`."""

    start: date
    end: date | None
    value: Fraction
    decimals: int
    source: str
    place: str


@dataclass(frozen=True, slots=True)
class Selection:
    """How a parameter finds its factor.

    `fixed` names one factor. `newest_published` takes, of `family`, the newest published by the record's
    date: the factor of the run's region where `regional` and one is published, else the national one;
    before the first publication, `before`. `operator` takes nothing by itself: the figure is the
    operator's, and `candidates` are shown as what was found but is below the grade floor; where the floor
    is set low enough for some, the `conservative` one of these is taken (the lowest in a baseline, the
    highest in a project).
    """

    rule: Literal["fixed", "newest_published", "operator"]
    factor: str = ""
    family: str = ""
    before: str = ""
    regional: bool = False
    candidates: tuple[str, ...] = ()
    conservative: Literal["low", "high", ""] = ""
    advice: Text | None = None
    least: str = ""
    """The lowest grade an operator's figure may have here, whatever the floor of the run (D-6.6-3)."""
    estimate: Literal["rate", "eta", ""] = ""
    """The quantity whose estimate (`abate estimate`) may supply the operator's figure."""
    own_values: bool = False
    """The operator's own figure, where the pack has one, goes before the factor (M-2.3.4: national and own
    values)."""
    past_review: Literal["keep", "refuse"] = "keep"
    """`refuse`: after the factor's review date a record is refused (`factor_past_review`), not computed."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named figure of the methodology: dated values of its own, or a factor selection. Never both, never
    neither.

    `low` and `high` bound every value it may take (operator figures are checked against them), and
    `decimals` is the finest digit; from these the overflow proof is made. `grade` overrides the factor's
    grade where a standard itself names the document (`named_by` says which clause). `policy` marks a
    limit that this project chose (a plausibility threshold), which no emission source states. With
    `only_where_read` a lacking figure holds up the records whose formulas read it, and no others.
    """

    name: str
    unit: str
    meaning: Text
    decimals: int
    low: Fraction
    high: Fraction
    values: tuple[DatedValue, ...] = ()
    selection: Selection | None = None
    grade: str = ""
    named_by: Clause | None = None
    policy: bool = False
    only_where_read: bool = False


@dataclass(frozen=True, slots=True)
class Recognition:
    """A record counts only where `test` holds; otherwise it is `not_counted` with reason `id:clause`."""

    id: str
    test: Test
    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds, ER is the formula named `formula` instead of `ER`. First match wins."""

    id: str
    when: Test
    formula: str
    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Formula:
    """A named expression in kg CO2e (or the unit it declares). `expr` has unit conversions written in."""

    name: str
    text: str
    unit: str
    expr: Node
    meaning: Text
    clause: Clause


@dataclass(frozen=True, slots=True)
class Source:
    """One greenhouse-gas source or sink of a scenario's boundary."""

    id: str
    name: Text
    gases: tuple[str, ...]
    included: bool
    why: Text | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """The baseline or the project scenario: what happens, and its boundary."""

    text: Text
    clause: Clause
    sources: tuple[Source, ...]


Decides = Literal["first", "this", "other", "larger"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another behaviour that may be the same act: of such a pair one is counted, never both (P-7.2-e).

    `behaviour` is the id of the other methodology, or its number in Appendix A. `decides` names the one
    that counts: the one recorded `first`, always `this` behaviour, always the `other`, or the one with the
    `larger` reduction. `rule` tells people how to see that two records are one act, and which counts.
    Both methodologies of a pair name each other: `this` here is `other` there (checked when the catalogue
    is loaded).
    """

    behaviour: str | int
    rule: Text
    decides: Decides


@dataclass(frozen=True, slots=True)
class Apart:
    """Records that differ in `field` are never added (`Totals.apart`), or may not differ in it at all within
    one run (`Totals.one`)."""

    field: str
    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Once:
    """Records alike in `fields` whose days `start` to `end` overlap are one thing counted twice."""

    fields: tuple[str, ...]
    start: str
    end: str
    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Void:
    """Where one record fulfils `where`, no record with the same `of` is counted, of whatever day or phase."""

    of: str
    where: Test
    clause: Clause
    why: Text


@dataclass(frozen=True, slots=True)
class Totals:
    """What the records of a methodology come to together: rules that no record alone can keep.

    `project` names the field of the project, `per` those by which the net is shown (source and gas). `shared`:
    overlaps that no rule decides are stated, not refused (S-5.5.2); its first part tells the sides apart.
    """

    clause: Clause
    project: str
    per: tuple[str, ...]
    apart: tuple[Apart, ...]
    one: tuple[Apart, ...]
    once: tuple[Once, ...]
    shared: tuple[tuple[str, Once], ...]
    void: tuple[Void, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """One published version of a methodology."""

    id: str
    version: int
    titles: Text
    behaviour: int | None
    standard: str
    clauses: tuple[Clause, ...]
    published: date
    in_force_from: date
    in_force_to: date | None
    summary: Text
    functional_unit: Text
    gases: tuple[str, ...]
    baseline: Scenario
    project: Scenario
    boundary_difference: Text | None
    activity: Activity
    parameters: Mapping[str, Parameter]
    recognition: tuple[Recognition, ...]
    formulas: Mapping[str, Formula]
    rules: tuple[Rule, ...]
    overlaps: tuple[Overlap, ...]
    project_total: bool
    """True for a project's yearly total (a negative year stays negative); False for a person's behaviour."""
    hash: str
    """SHA-256 (hex) of the version file's canonical content but for `overlaps`: the version's identity in
    every result and receipt."""
    path: str
    uncertainty: OfMethod | None = None
    """What the document itself states of the uncertainty of its inputs and parameters."""
    totals: Totals | None = None
    """The rules that span records; without them the total of a year is the sum of what was counted."""
