"""What is stated about the uncertainty of an input or a figure: a distribution as its document gives it.

Nothing is defaulted and nothing is drawn here. What has no statement is exact, and every output lists it as
such. The clauses ask for the assessment and fix no figure (M-2.4, D-8, S-7), so each number has its own
source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from abate.quantify.method import Text

CLAUSES = "M-2.4, D-8, S-7"
"""The rows that ask for uncertainty and sensitivity; every refusal here names them."""

KINDS = ("normal", "lognormal", "triangular", "uniform", "empirical")
ABOUT = ("relative", "deviation", "absolute")

Kind = Literal["normal", "lognormal", "triangular", "uniform", "empirical"]
About = Literal["relative", "deviation", "absolute"]

FEWEST = 20
"""Fewest members of an empirical sample. This project's policy: below it the 5th and the 95th percentile are
the smallest and the largest member and say nothing of the tails."""


class UncertaintyError(Exception):
    """A statement or a request that is refused: where, why (with its clause), what to do."""

    def __init__(self, where: str, reason: str, remedy: str) -> None:
        super().__init__(f"{where}: {reason} ({CLAUSES})\n  {remedy}")
        self.where = where
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Stated:
    """One distribution with its source.

    `about` says what the numbers are: `relative`, per cent of the figure's own value; `deviation`, to be
    added to it, in `unit`; `absolute`, values in `unit`. A lognormal one is a factor by which the value is
    multiplied, of which the `centre` (its median or its mean) is 1, or `absolute` with the median stated.
    `numbers` are as stated: a half width stays a half width with its level.
    """

    kind: Kind
    about: About
    numbers: Mapping[str, Fraction]
    document: Text
    place: str
    unit: str = ""
    centre: Literal["", "median", "mean"] = ""
    sample: tuple[Fraction, ...] = ()
    quantiles: tuple[tuple[Fraction, Fraction], ...] = ()
    illustration: bool = False


@dataclass(frozen=True, slots=True)
class Percentile:
    """The percentile that a conservative figure is taken at, with the document that sets it."""

    value: Fraction
    document: Text
    place: str


@dataclass(frozen=True, slots=True)
class OfMethod:
    """What is stated for one methodology: inputs (`field`, or `list.item`), parameters, the percentile."""

    inputs: Mapping[str, Stated] = field(default_factory=dict)
    parameters: Mapping[str, Stated] = field(default_factory=dict)
    conservative: Percentile | None = None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of factors: of the normal scores behind them, which for normal ones is their own."""

    names: tuple[str, ...]
    matrix: tuple[tuple[Fraction, ...], ...]
    document: Text
    place: str


@dataclass(frozen=True, slots=True)
class Uncertainties:
    """A whole statement: a file, or a section of an operator's pack."""

    id: str
    titles: Text
    illustration: bool
    factors: Mapping[str, Stated] = field(default_factory=dict)
    methods: Mapping[str, OfMethod] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    hash: str = ""
