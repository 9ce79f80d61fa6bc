"""The explanation of one result, as data: what was computed, from what, by which clause, and what to do
where not.

A tree of steps from ER down to the inputs. Every step carries its expression with the numbers in it, and
these recompute to its value exactly.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from abate.quantify.method import Text


@dataclass(frozen=True, slots=True)
class Input:
    """An activity field as it was given, or a quantity derived from such fields."""

    name: str
    meaning: Text
    value: str
    unit: str


@dataclass(frozen=True, slots=True)
class FigureShown:
    """A parameter with the figure it took, its document, and why this one."""

    parameter: str
    meaning: Text
    value: str
    unit: str
    printed: str
    printed_unit: str
    id: str | None
    document: Text
    place: str
    period: str
    published: str
    gas: str
    gwp_set: str
    kind: str
    grade: str
    region: str
    where_seen: str
    confidence: str
    review_by: str
    overdue: bool
    reason: Text
    illustration: bool
    policy: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A condition inside a formula, and whether it held."""

    test: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One formula: as written, with the numbers in it, its exact value, and what it stands on."""

    name: str
    meaning: Text
    clause: str
    place: str
    formula: str
    expression: str
    value: str
    unit: str
    choices: tuple[Choice, ...]
    inputs: tuple[Input, ...]
    figures: tuple[FigureShown, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A recognition rule, or the rule that chose the ER formula: its condition with the numbers, and
    whether it held."""

    id: str
    clause: str
    place: str
    why: Text
    test: str
    numbers: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Rounding:
    """Exact kilograms to whole milligrams; the only rounding there is."""

    name: str
    exact_kg: str
    direction: str
    mg: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem of a refused record; `path` is the place inside it."""

    reason: str
    path: str
    detail: Text


@dataclass(frozen=True, slots=True)
class Needed:
    """A figure that the operator must supply, and what was found instead."""

    parameter: str
    meaning: Text
    unit: str
    note: Text


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one result. `what`, `why` and `remedy` are for people; the rest recomputes it."""

    method: str
    version: int | None
    method_hash: str
    titles: Text
    standard: Text
    scenario_baseline: Text
    scenario_project: Text
    gases: tuple[str, ...]
    day: str
    region: str
    floor: str
    pack: str
    factors_by: str
    outcome: str
    reason: str
    what: Text
    why: Text
    remedy: Text
    problems: tuple[Fault, ...]
    record: tuple[Input, ...]
    checks: tuple[Check, ...]
    check_figures: tuple[FigureShown, ...]
    rule: Check | None
    steps: tuple[Step, ...]
    rounding: tuple[Rounding, ...]
    missing: tuple[Needed, ...]
    factors: str
    illustration: bool
    notes: tuple[Text, ...]


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Plain data for JSON: texts, whole numbers, lists, tables."""
    return asdict(explanation)


def canonical_hash(explanation: Explanation) -> str:
    """SHA-256 (hex) of the explanation's canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(as_data(explanation), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
