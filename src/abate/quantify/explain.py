"""The explanation of one result, as data: what was computed, from what, by which clause, and what to do where not.

A tree of steps from ER down to the inputs. Every step carries its expression with the numbers in it, and these
recompute to its value exactly. `render_text`, `render_json` and `render_html` show the same data.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from abate.quantify import explain_words as words
from abate.quantify.evaluation import Evaluation
from abate.quantify.explain_expression import condition, expression, references
from abate.quantify.factors import Chosen, Registry, Resolution, Setting
from abate.quantify.formula import Field, ListSum, Param
from abate.quantify.method import Method, Recognition, Rule, Text
from abate.quantify.outcome import Outcome, Quantity
from abate.quantify.reading_checks import parts
from abate.quantify.record import Problem, Record, canonical_value
from abate.quantify.units import decimal_text


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
    choices: tuple[tuple[str, bool], ...]
    inputs: tuple[Input, ...]
    figures: tuple[FigureShown, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A recognition rule, or the rule that chose the ER formula: its condition with the numbers, and whether it held."""

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
    problems: tuple[tuple[str, str, Text], ...]
    record: tuple[Input, ...]
    checks: tuple[Check, ...]
    rule: Check | None
    steps: tuple[Step, ...]
    rounding: tuple[Rounding, ...]
    missing: tuple[tuple[str, Text, Text], ...]
    factors: str
    illustration: bool
    notes: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """What every explanation of an accepted record begins with."""

    method: Method
    registry: Registry
    setting: Setting
    record: Record


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Plain data for JSON: texts, whole numbers, lists, tables."""
    return asdict(explanation)


def canonical_hash(explanation: Explanation) -> str:
    """SHA-256 (hex) of the explanation's canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(as_data(explanation), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def refused(
    method: Method, setting: Setting, quantity: Quantity, problems: tuple[Problem, ...], record: Record | None
) -> Explanation:
    first = next(p for p in problems if p.reason == quantity.reason)
    place = first.path or first.field
    return _explanation(
        method,
        setting,
        quantity,
        record,
        why=Text(f"{place}：{first.detail.zh}", f"{place}: {first.detail.en}"),
        remedy=words.REMEDIES[first.code],
        problems=tuple((p.reason, p.path or p.field, p.detail) for p in problems),
    )


def needs_figure(start: Start, quantity: Quantity, name: str, resolution: Resolution) -> Explanation:
    parameter = start.method.parameters[name]
    note = resolution.notes[name]
    return _explanation(
        start.method,
        start.setting,
        quantity,
        start.record,
        why=Text(
            f"{parameter.meaning.zh}（{name}）：{note.zh}", f"{parameter.meaning.en} ({name}): {note.en}"
        ),
        remedy=words.SUPPLY,
        missing=tuple(
            (n, start.method.parameters[n].meaning, resolution.notes[n]) for n in resolution.missing
        ),
    )


def not_counted(
    start: Start, quantity: Quantity, failed: Recognition, evaluation: Evaluation, resolution: Resolution
) -> Explanation:
    return _explanation(
        start.method,
        start.setting,
        quantity,
        start.record,
        why=failed.why,
        remedy=Text(
            f"见条款 {failed.clause.id}（{failed.clause.place}）；记录已保留，不计入减排量",
            f"see clause {failed.clause.id} ({failed.clause.place}); the record is kept and counts nothing",
        ),
        checks=_checks(start.method, evaluation, failed),
        illustration=any(resolution.chosen[n].illustration for n in evaluation.read),
    )


def computed(
    start: Start, quantity: Quantity, evaluation: Evaluation, rule: Rule | None, resolution: Resolution
) -> Explanation:
    method = start.method
    er = rule.formula if rule else "ER"
    shown: set[str] = set()
    steps = tuple(
        _step(start, evaluation, resolution, name, shown)
        for name in (er, "BE", "PE", "LE")
        if name not in shown
    )
    amounts = (
        ("BE", quantity.be_mg, "down"),
        ("PE", quantity.pe_mg, "up"),
        ("LE", quantity.le_mg, "up"),
        (er, quantity.er_mg, "down"),
    )
    used = [resolution.chosen[name] for name in sorted(evaluation.read)]
    return _explanation(
        method,
        start.setting,
        quantity,
        start.record,
        why=words.why_computed(quantity, method),
        remedy=words.remedy_computed(quantity),
        checks=_checks(method, Evaluation(method, start.record, evaluation.figures), None),
        rule=_rule(evaluation, rule) if rule else None,
        steps=steps,
        rounding=tuple(
            Rounding(name, decimal_text(evaluation.formulas[name]), way, mg)
            for name, mg, way in amounts
            if mg is not None
        ),
        illustration=any(c.illustration for c in used),
        notes=_notes(used),
    )


def _explanation(
    method: Method,
    setting: Setting,
    quantity: Quantity,
    record: Record | None,
    *,
    why: Text,
    remedy: Text,
    problems: tuple[tuple[str, str, Text], ...] = (),
    checks: tuple[Check, ...] = (),
    rule: Check | None = None,
    steps: tuple[Step, ...] = (),
    rounding: tuple[Rounding, ...] = (),
    missing: tuple[tuple[str, Text, Text], ...] = (),
    illustration: bool = False,
    notes: tuple[Text, ...] = (),
) -> Explanation:
    return Explanation(
        method=method.id,
        version=quantity.method_version,
        method_hash=method.hash if quantity.method_version else "",
        titles=method.titles,
        standard=Text(method.standard, method.standard),
        scenario_baseline=method.baseline.text,
        scenario_project=method.project.text,
        gases=method.gases,
        day=record.day.isoformat() if record else "",
        region=setting.region or "",
        floor=setting.floor,
        pack=setting.pack.id if setting.pack else "",
        factors_by=setting.on.isoformat() if setting.on else "",
        outcome=quantity.outcome.value,
        reason=quantity.reason or "",
        what=words.OUTCOMES[quantity.outcome],
        why=why,
        remedy=remedy,
        problems=problems,
        record=_inputs(method, record) if record else (),
        checks=checks,
        rule=rule,
        steps=steps,
        rounding=rounding,
        missing=missing,
        factors=quantity.factors,
        illustration=illustration,
        notes=notes,
    )


def _inputs(method: Method, record: Record) -> tuple[Input, ...]:
    found = []
    for field in method.activity.fields:
        value = canonical_value(field, record)
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            found.append(Input(field.name, field.meaning, text, field.unit))
    for derived in method.activity.derived:
        value = decimal_text(record.derived[derived.name])
        found.append(Input(derived.name, derived.meaning, value, derived.unit))
    return tuple(found)


def _checks(method: Method, evaluation: Evaluation, failed: Recognition | None) -> tuple[Check, ...]:
    """Every recognition rule up to the one that failed."""
    found = []
    for item in method.recognition:
        numbers = condition(item.test, evaluation)
        holds = item is not failed
        found.append(
            Check(
                item.id,
                item.clause.id,
                item.clause.place,
                item.why,
                condition(item.test, None),
                numbers,
                holds,
            )
        )
        if not holds:
            break
    return tuple(found)


def _rule(evaluation: Evaluation, rule: Rule) -> Check:
    numbers = condition(rule.when, evaluation)
    return Check(
        rule.id, rule.clause.id, rule.clause.place, rule.why, condition(rule.when, None), numbers, True
    )


def _step(start: Start, evaluation: Evaluation, resolution: Resolution, name: str, shown: set[str]) -> Step:
    """The step of one formula; formulas it refers to are its children the first time they appear."""
    shown.add(name)
    formula = start.method.formulas[name]
    taken, choices = references(formula.expr, evaluation)
    nodes = [n for t in taken for n in parts(t)]
    fields = {n.name for n in nodes if isinstance(n, Field | ListSum)}
    figures = sorted({n.name for n in nodes if isinstance(n, Param)})
    refs = [n for n in dict.fromkeys(getattr(t, "name", "") for t in nodes if type(t).__name__ == "Ref")]
    return Step(
        name=name,
        meaning=formula.meaning,
        clause=formula.clause.id,
        place=formula.clause.place,
        formula=formula.text,
        expression=expression(formula.expr, evaluation),
        value=decimal_text(evaluation.formula(name)),
        unit=formula.unit,
        choices=choices,
        inputs=tuple(i for i in _inputs(start.method, start.record) if i.name in fields),
        figures=tuple(_figure(start, resolution.chosen[n]) for n in figures),
        steps=tuple(_step(start, evaluation, resolution, n, shown) for n in refs if n not in shown),
    )


def _figure(start: Start, chosen: Chosen) -> FigureShown:
    parameter = start.method.parameters[chosen.parameter]
    factor = chosen.factor
    review = factor.review_by if factor else None
    return FigureShown(
        parameter=chosen.parameter,
        meaning=parameter.meaning,
        value=decimal_text(chosen.value),
        unit=parameter.unit,
        printed=chosen.printed,
        printed_unit=chosen.printed_unit,
        id=chosen.id,
        document=chosen.document,
        place=chosen.place,
        period=f"{factor.period_from or ''}/{factor.period_to or ''}".strip("/") if factor else "",
        published=factor.published.isoformat() if factor and factor.published else "",
        gas=factor.gas if factor else "",
        gwp_set=factor.gwp_set if factor else "",
        kind=factor.kind if factor else "",
        grade=chosen.grade,
        region=factor.region if factor else "",
        where_seen=factor.where_seen if factor else "",
        confidence=factor.confidence if factor else "",
        review_by=review.isoformat() if review else "",
        overdue=bool(review and (start.setting.on or start.record.day) > review),
        reason=chosen.reason,
        illustration=chosen.illustration,
        policy=parameter.policy,
    )


def _notes(used: list[Chosen]) -> tuple[Text, ...]:
    notes = []
    if any(c.illustration for c in used):
        notes.append(words.ILLUSTRATION)
    alone = [c.id or c.parameter for c in used if c.factor and c.factor.gas == "CO2"]
    if alone:
        notes.append(Text(words.CO2_ONLY.zh + "、".join(alone), words.CO2_ONLY.en + ", ".join(alone)))
    return tuple(notes)


def exact(text: str) -> Fraction:
    """A value of the explanation back to the exact number."""
    return Fraction(text)


def is_refused(explanation: Explanation) -> bool:
    return explanation.outcome == Outcome.REFUSED.value
