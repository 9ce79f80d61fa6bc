"""What a factor is, what an operator's pack is, and the registry that holds them. Nothing is chosen here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from abate.quantify.distributions import Uncertainties
from abate.quantify.estimate_document import Estimate
from abate.quantify.listing import Listing
from abate.quantify.method import Text
from abate.quantify.outcome import Refusal

GRADES = ("official-cn", "standard", "literature", "foreign-official", "programme", "survey", "operator")
"""Grades of a figure, best first. A floor admits its own grade and those before it."""

KINDS = (
    "emission-factor",
    "carbon-footprint",
    "reduction",
    "market-reporting",
    "residual-mix",
    "fossil-mix",
    "gwp",
    "efficiency-limit",
)
"""Kinds of factors. Only an `emission-factor` may be selected, unless the methodology names the clause
that names it."""


class FactorError(Exception):
    """A setting that cannot be used: what and where, why, what to do."""

    def __init__(self, where: str, reason: str, remedy: str) -> None:
        super().__init__(f"{where}: {reason}\n  {remedy}")
        self.where = where
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Document:
    """A source document that a methodology's own values may name."""

    key: str
    title: Text
    publisher: Text
    year: int


@dataclass(frozen=True, slots=True)
class Factor:
    """One published figure. `value_text` is the value exactly as its source prints it."""

    id: str
    name: Text
    value: Fraction
    value_text: str
    unit: str
    region: str
    kind: str
    grade: str
    gas: str
    gwp_set: str
    period_from: date | None
    period_to: date | None
    published: date | None
    superseded_by: str
    family: str
    source: str
    table: str
    where_seen: str
    confidence: str
    review_by: date | None
    notes: str

    @property
    def place(self) -> str:
        """Table or section of the source; where only a copy was seen that does not give it, that copy."""
        return self.table or f"no table is known / 表号不详; seen in / 见于: {self.where_seen}"

    @property
    def decimals(self) -> int:
        _, _, after = self.value_text.partition(".")
        return len(after)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an operator: a value of its own with a source, the lower bound of an estimate, or a
    factor that it adopts."""

    method: str
    parameter: str
    region: str | None
    start: date | None
    end: date | None
    value: Fraction | None
    value_text: str
    factor: str
    unit: str
    document: str
    place: str
    note: Text | None
    estimate: Estimate | None = None
    """The estimate whose lower bound is the value: the value stands nowhere else."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The figures an operator supplies. An `illustration` pack marks every result that used it."""

    id: str
    titles: Text
    illustration: bool
    figures: tuple[Figure, ...] = field(repr=False)
    hash: str = ""
    uncertainty: Uncertainties | None = field(default=None, repr=False)
    """What the operator states of the uncertainty of inputs and figures."""
    listing: Listing | None = field(default=None, repr=False)
    """Which catalogue entries the operator has open where and when; without it, all."""

    def __hash__(self) -> int:
        """By the digest of what it was read from: every request looks up a setting, and with it a pack of hundreds of figures."""
        return hash((self.id, self.hash))


@lru_cache(maxsize=32)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Setting:
    """How a platform or a run computes.

    `region` selects regional factors where a parameter allows them; `floor` is the lowest grade it
    credits with; `on` fixes the day by which factors must have been published (else each record's own day
    decides). Days are counted in `zone`.
    """

    region: str | None = None
    floor: str = "standard"
    pack: Pack | None = None
    on: date | None = None
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.floor not in GRADES:
            raise FactorError(
                "setting", f"grade {self.floor!r} is not known", f"choose one of: {', '.join(GRADES)}"
            )
        if not _is_zone(self.zone):
            raise FactorError("setting", f"zone {self.zone!r} is not known", "name it like Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The figure one parameter takes. `value` is in the parameter's unit.

    `id` stands in the `factors` string of a result: a factor id or `pack:<pack>/<method>.<parameter>`;
    None for a value that the methodology itself states, which the methodology's version already fixes.
    """

    parameter: str
    value: Fraction
    id: str | None
    printed: str
    printed_unit: str
    document: Text
    place: str
    grade: str
    illustration: bool
    reason: Text
    factor: Factor | None = None
    review_by: date | None = None
    """The day by which an operator's estimate is to be made again; a factor carries its own."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What every parameter of a methodology takes on a day; nothing where the operator has it `closed` then.

    `missing` parameters make a record `needs_figure`, `absent` ones make it `refused`
    (`no_factor:<parameter>`, or `factor_past_review:<parameter>` for those in `overdue`), whatever the record
    says; all in the methodology's order, with the reason in `notes`. `lacking` ones make only those records
    `needs_figure` that read them; until it is known which do, `stand_ins` let the formulas be walked, and no
    result is ever made of one; an overdue one makes them `refused`.
    """

    chosen: Mapping[str, Chosen]
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    notes: Mapping[str, Text] = field(default_factory=dict)
    overdue: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()
    stand_ins: Mapping[str, Fraction] = field(default_factory=dict)
    closed: Text | None = None
    """Why no record of the day counts, whatever it says."""

    @property
    def walked_with(self) -> Mapping[str, Fraction]:
        """The figures, and stand-ins for the lacking ones."""
        return {**self.values, **self.stand_ins}

    def first_lacking(self, read: Collection[str]) -> str | None:
        """The first lacking parameter among those that were read."""
        return next((name for name in self.lacking if name in read), None)

    def reason_lacking(self, name: str) -> str:
        """The reason of a record that reads a lacking parameter."""
        code = Refusal.FACTOR_PAST_REVIEW.value if name in self.overdue else "no_figure"
        return f"{code}:{name}"

    def refusal(self) -> tuple[Refusal, str] | None:
        """Why every record of the day is refused, and the parameter; None where all figures are there."""
        if not self.absent:
            return None
        name = self.absent[0]
        return (Refusal.FACTOR_PAST_REVIEW if name in self.overdue else Refusal.NO_FACTOR), name

    @property
    def values(self) -> Mapping[str, Fraction]:
        return {name: chosen.value for name, chosen in self.chosen.items()}

    def factor_ids(self, names: Iterable[str]) -> str:
        """The `factors` string of a branch that uses these parameters: ids sorted, joined with `;`."""
        ids = {self.chosen[name].id for name in names if name in self.chosen}
        return ";".join(sorted(i for i in ids if i is not None))


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (None: from the beginning) until the next period's start, `resolution` holds."""

    start: date | None
    resolution: Resolution


class Registry:
    """All factors by id and family, the documents methodologies name, and the names of regions."""

    def __init__(
        self,
        factors: Iterable[Factor],
        documents: Iterable[Document] = (),
        regions: Mapping[str, str] | None = None,
        content_hash: str = "",
    ) -> None:
        self.factors: dict[str, Factor] = {f.id: f for f in factors}
        self.documents: dict[str, Document] = {d.key: d for d in documents}
        self.hash = content_hash
        self._aliases = dict(regions or {})
        self._families: dict[str, tuple[Factor, ...]] = {}
        for factor in self.factors.values():
            if factor.family:
                self._families[factor.family] = (*self._families.get(factor.family, ()), factor)
        self._timelines: dict[tuple[object, ...], tuple[Period, ...]] = {}

    def with_factors(self, factors: Iterable[Factor], content_hash: str) -> Registry:
        """The same documents and regions with other factors (a comparison, a what-if)."""
        return Registry(factors, self.documents.values(), self._aliases, content_hash)

    def family(self, name: str) -> tuple[Factor, ...]:
        return self._families.get(name, ())

    def region(self, name: str | None) -> str | None:
        """The region code for a name as people write it (`CN-北京`, `北京`, `beijing`); unknown names stay as
        they are."""
        if name is None:
            return None
        return self._aliases.get(name.strip().lower(), name.strip())

    def known_region(self, name: str) -> str | None:
        """The code of a region that `regions.csv` names; None for any other."""
        return self._aliases.get(name.strip().lower())

    def ends(self, factor: Factor) -> date | None:
        """The day from which `factor` no longer applies, if something published supersedes it."""
        after = self.factors.get(factor.superseded_by)
        return after.published if after else None

    def remembered(self, key: tuple[object, ...]) -> tuple[Period, ...] | None:
        return self._timelines.get(key)

    def remember(self, key: tuple[object, ...], periods: tuple[Period, ...]) -> tuple[Period, ...]:
        self._timelines[key] = periods
        return periods


def admits(floor: str, grade: str) -> bool:
    """Whether a figure of `grade` may be used where `floor` is the lowest grade credited with."""
    return GRADES.index(grade) <= GRADES.index(floor)
