"""Building the explanation of each outcome from what the evaluation saw."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from abate.quantify import explain_words as words
from abate.quantify.evaluation import Evaluation
from abate.quantify.explain_data import (
    Check,
    Choice,
    Explanation,
    Fault,
    FigureShown,
    Input,
    Needed,
    Rounding,
    Step,
)
from abate.quantify.explain_expression import condition, expression, references
from abate.quantify.factors import Chosen, Registry, Resolution, Setting
from abate.quantify.formula import Field, ListSum, Param, Ref
from abate.quantify.method import Method, Recognition, Rule, Text
from abate.quantify.outcome import Quantity
from abate.quantify.reading_checks import parts
from abate.quantify.record import Problem, Record, canonical_value
from abate.quantify.units import decimal_text


@dataclass(frozen=True, slots=True)
class Start:
    """What every explanation begins with; `record` is None where it was refused."""

    method: Method
    registry: Registry
    setting: Setting
    record: Record | None

    def inputs(self) -> tuple[Input, ...]:
        return _inputs(self.method, self.record) if self.record else ()


def refused(start: Start, quantity: Quantity, problems: tuple[Problem, ...]) -> Explanation:
    first = next(p for p in problems if p.reason == quantity.reason)
    place = first.path or first.field
    return _explanation(
        start,
        quantity,
        why=Text(f"{place}：{first.detail.zh}", f"{place}: {first.detail.en}"),
        remedy=words.REMEDIES[first.code],
        problems=tuple(Fault(p.reason, p.path or p.field, p.detail) for p in problems),
    )


def needs_figure(start: Start, quantity: Quantity, name: str, resolution: Resolution) -> Explanation:
    parameters, notes = start.method.parameters, resolution.notes
    meaning, note = parameters[name].meaning, notes[name]
    return _explanation(
        start,
        quantity,
        why=Text(f"{meaning.zh}（{name}）：{note.zh}", f"{meaning.en} ({name}): {note.en}"),
        remedy=words.SUPPLY,
        missing=tuple(
            Needed(n, parameters[n].meaning, parameters[n].unit, notes[n])
            for n in resolution.missing or (name,)
        ),
    )


def not_counted(
    start: Start, quantity: Quantity, failed: Recognition, evaluation: Evaluation, resolution: Resolution
) -> Explanation:
    place = f"{failed.clause.id} ({failed.clause.place})"
    return _explanation(
        start,
        quantity,
        why=failed.why,
        remedy=Text(
            f"见条款 {place}；仅在 {condition(failed.test, None)} 时计入。若属实则无需处理：记录已保留，不计入减排量",
            f"see clause {place}; it counts only where {condition(failed.test, None)}. Correct the record where it says "
            "otherwise than the facts; if it is right, nothing is to be done: it is kept and counts nothing",
        ),
        checks=_checks(start.method, evaluation, failed),
        figures=_check_figures(start, resolution),
    )


def closed(start: Start, quantity: Quantity, why: Text) -> Explanation:
    """Of a behaviour that the operator's catalogue has closed in the region on the day."""
    return _explanation(start, quantity, why=why, remedy=words.REOPEN)


def computed(
    start: Start, quantity: Quantity, evaluation: Evaluation, rule: Rule | None, resolution: Resolution
) -> Explanation:
    er = rule.formula if rule else "ER"
    amounts = (
        (er, quantity.er_mg, "down"),
        ("BE", quantity.be_mg, "down"),
        ("PE", quantity.pe_mg, "up"),
        ("LE", quantity.le_mg, "up"),
    )
    used = [resolution.chosen[name] for name in sorted(evaluation.read)]
    return _explanation(
        start,
        quantity,
        why=words.why_computed(quantity, start.method),
        remedy=words.remedy_computed(quantity),
        checks=_checks(start.method, evaluation, None),
        rule=_rule(evaluation, rule) if rule else None,
        steps=_Steps(start, evaluation, resolution).roots(name for name, _, _ in amounts),
        rounding=tuple(
            Rounding(name, decimal_text(evaluation.formulas[name]), way, mg or 0) for name, mg, way in amounts
        ),
        figures=_check_figures(start, resolution),
        illustration=any(c.illustration for c in used),
        notes=_notes(used),
    )


def _explanation(
    start: Start,
    quantity: Quantity,
    *,
    why: Text,
    remedy: Text,
    problems: tuple[Fault, ...] = (),
    checks: tuple[Check, ...] = (),
    figures: tuple[FigureShown, ...] = (),
    rule: Check | None = None,
    steps: tuple[Step, ...] = (),
    rounding: tuple[Rounding, ...] = (),
    missing: tuple[Needed, ...] = (),
    illustration: bool = False,
    notes: tuple[Text, ...] = (),
) -> Explanation:
    method, setting, record = start.method, start.setting, start.record
    return Explanation(
        method=method.id,
        version=quantity.method_version,
        method_hash=method.hash if quantity.method_version else "",
        titles=method.titles,
        standard=start.registry.documents[method.standard].title,
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
        record=start.inputs(),
        checks=checks,
        check_figures=figures,
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
    for one in method.activity.fields:
        value = canonical_value(one, record)
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            found.append(Input(one.name, one.meaning, text, one.unit))
    for derived in method.activity.derived:
        text = decimal_text(record.derived[derived.name])
        found.append(Input(derived.name, derived.meaning, text, derived.unit))
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


def _check_figures(start: Start, resolution: Resolution) -> tuple[FigureShown, ...]:
    """The limits that recognition compares with."""
    nodes = [node for item in start.method.recognition for node in parts(item.test)]
    names = dict.fromkeys(node.name for node in nodes if isinstance(node, Param))
    return tuple(_figure(start, resolution.chosen[name]) for name in names)


def _rule(evaluation: Evaluation, rule: Rule) -> Check:
    numbers = condition(rule.when, evaluation)
    return Check(
        rule.id, rule.clause.id, rule.clause.place, rule.why, condition(rule.when, None), numbers, True
    )


class _Steps:
    """The steps of one result; a formula is shown the first time it appears."""

    def __init__(self, start: Start, evaluation: Evaluation, resolution: Resolution) -> None:
        self._start = start
        self._evaluation = evaluation
        self._resolution = resolution
        self._inputs = start.inputs()
        self._shown: set[str] = set()

    def roots(self, names: Iterable[str]) -> tuple[Step, ...]:
        return tuple(self._step(name) for name in names if name not in self._shown)

    def _step(self, name: str) -> Step:
        self._shown.add(name)
        formula = self._start.method.formulas[name]
        taken, choices = references(formula.expr, self._evaluation)
        nodes = [n for t in taken for n in parts(t)]
        fields = {n.name for n in nodes if isinstance(n, Field | ListSum)}
        figures = sorted({n.name for n in nodes if isinstance(n, Param)})
        return Step(
            name=name,
            meaning=formula.meaning,
            clause=formula.clause.id,
            place=formula.clause.place,
            formula=formula.text,
            expression=expression(formula.expr, self._evaluation),
            value=decimal_text(self._evaluation.formula(name)),
            unit=formula.unit,
            choices=tuple(Choice(test, holds) for test, holds in choices),
            inputs=tuple(i for i in self._inputs if i.name in fields),
            figures=tuple(_figure(self._start, self._resolution.chosen[n]) for n in figures),
            steps=self.roots(dict.fromkeys(n.name for n in nodes if isinstance(n, Ref))),
        )


def _figure(start: Start, chosen: Chosen) -> FigureShown:
    parameter = start.method.parameters[chosen.parameter]
    factor = chosen.factor
    review = factor.review_by if factor else chosen.review_by
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
        overdue=_overdue(start, review),
        reason=chosen.reason,
        illustration=chosen.illustration,
        policy=parameter.policy,
    )


def _overdue(start: Start, review: date | None) -> bool:
    """Whether the factor was past its review date on the day its selection went by."""
    day = start.setting.on or (start.record.day if start.record else None)
    return bool(review and day and day > review)


def _notes(used: list[Chosen]) -> tuple[Text, ...]:
    notes = []
    if any(c.illustration for c in used):
        notes.append(words.ILLUSTRATION)
    alone = [c.id or c.parameter for c in used if c.factor and c.factor.gas == "CO2"]
    if alone:
        notes.append(Text(words.CO2_ONLY.zh + "、".join(alone), words.CO2_ONLY.en + ", ".join(alone)))
    return tuple(notes)
