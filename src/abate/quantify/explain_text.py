"""An explanation as plain text or JSON, in Chinese or English. Words only; nothing is computed here."""

from __future__ import annotations

import json
from collections.abc import Iterator

from abate.quantify.explain_data import (
    Check,
    Explanation,
    FigureShown,
    Step,
    as_data,
    canonical_hash,
)
from abate.quantify.explain_words import CODED, LABELS
from abate.quantify.method import Text


def say(text: Text, lang: str) -> str:
    return text.zh if lang == "zh" else text.en


def reason(check: Check, lang: str) -> str:
    """A recognition rule's words; where it held, as the reason that there would have been: many tell of its failing."""
    return (label("otherwise", lang) if check.holds else "") + say(check.why, lang)


def label(name: str, lang: str) -> str:
    return say(LABELS[name], lang)


def coded(word: str, lang: str) -> str:
    """A closed word of the factor files, in the reader's language; an operator's own word as it stands."""
    return say(CODED[word], lang) if word in CODED else word


def measure(value: str, unit: str) -> str:
    """Figure and unit as people write them: a pure number has none."""
    return value if unit in ("", "1") else f"{value} {unit}"


def grams(mg: int) -> str:
    """Milligrams as grams with all digits: never rounded again."""
    sign, whole = ("-" if mg < 0 else ""), abs(mg)
    return f"{sign}{whole // 1000}.{whole % 1000:03d} g"


def shown_expression(text: str) -> str:
    return text.replace(" * ", " × ").replace(" / ", " ÷ ").replace(" - ", " − ")


def render_json(explanation: Explanation, lang: str = "zh") -> str:
    """The data tree; every text in both languages. `lang` names the preferred one for a reader."""
    data = {"lang": lang, "hash": canonical_hash(explanation), "explanation": as_data(explanation)}
    return json.dumps(data, ensure_ascii=False, indent=2)


def render_text(explanation: Explanation, lang: str = "zh") -> str:
    return "\n".join(_lines(explanation, lang)) + "\n"


def facts(explanation: Explanation, lang: str) -> Iterator[tuple[str, str]]:
    """The head of every rendering: (label, text)."""
    version = f"{label('version', lang)} {explanation.version}" if explanation.version else ""
    yield label("method", lang), f"{say(explanation.titles, lang)} · {explanation.method} {version}".strip()
    yield label("standard", lang), say(explanation.standard, lang)
    yield label("baseline", lang), say(explanation.scenario_baseline, lang)
    yield label("project", lang), say(explanation.scenario_project, lang)
    yield label("gases", lang), ", ".join(explanation.gases)
    if explanation.day:
        yield label("day", lang), explanation.day
    yield label("setting", lang), _setting(explanation, lang)


def figure_facts(figure: FigureShown, lang: str) -> Iterator[tuple[str, str]]:
    """What is known about a figure: (label, text)."""
    yield label("document", lang), say(figure.document, lang)
    if figure.place:
        yield label("place", lang), figure.place
    if figure.printed and (figure.printed, figure.printed_unit) != (figure.value, figure.unit):
        yield label("printed", lang), f"{figure.printed} {figure.printed_unit}"
    for name, text in (("period", figure.period), ("published", figure.published)):
        if text:
            yield label(name, lang), text
    if figure.kind:
        yield label("kind", lang), coded(figure.kind, lang)
    if figure.gas:
        yield label("gas", lang), " · ".join(x for x in (figure.gas, figure.gwp_set) if x)
    if figure.policy:
        yield label("policy", lang), "✓"
    else:
        yield label("grade", lang), coded(figure.grade, lang)
    if figure.where_seen:
        yield label("seen", lang), f"{coded(figure.confidence, lang)}: {figure.where_seen}"
    if figure.review_by:
        late = f" ({label('overdue', lang)})" if figure.overdue else ""
        yield label("review", lang), figure.review_by + late
    yield label("chosen", lang), say(figure.reason, lang)


def _setting(explanation: Explanation, lang: str) -> str:
    parts = [
        f"{label('region', lang)}: {explanation.region or label('national', lang)}",
        f"{label('floor', lang)}: {coded(explanation.floor, lang)} ({explanation.floor})",
    ]
    if explanation.pack:
        parts.append(f"{label('pack', lang)}: {explanation.pack}")
    if explanation.factors_by:
        parts.append(f"{label('factors_by', lang)}: {explanation.factors_by}")
    return ", ".join(parts)


def _lines(explanation: Explanation, lang: str) -> Iterator[str]:
    yield f"{label('result', lang)}: {say(explanation.what, lang)} [{explanation.outcome}]"
    if explanation.rounding:
        yield f"ER = {grams(explanation.rounding[0].mg)} CO2e ({explanation.rounding[0].mg} mg)"
    if explanation.reason:
        yield f"  {explanation.reason}"
    yield f"{label('why', lang)}: {say(explanation.why, lang)}"
    yield f"{label('remedy', lang)}: {say(explanation.remedy, lang)}"
    for note in explanation.notes:
        yield f"! {say(note, lang)}"
    yield ""
    for name, text in facts(explanation, lang):
        yield f"{name}: {text}"
    yield from _section(label("problems", lang), _faults(explanation, lang))
    yield from _section(label("missing", lang), _needed(explanation, lang))
    yield from _section(
        label("record", lang),
        [f"{i.name} = {measure(i.value, i.unit)} · {say(i.meaning, lang)}" for i in explanation.record],
    )
    checks = [line for check in explanation.checks for line in _check(check, reason(check, lang), lang)]
    checks += [line for figure in explanation.check_figures for line in _figure(figure, lang, "  ")]
    yield from _section(label("checks", lang), checks)
    if rule := explanation.rule:
        yield from _section(label("rule", lang), list(_check(rule, say(rule.why, lang), lang)))
    yield from _section(label("steps", lang), [x for s in explanation.steps for x in _step(s, lang, "")])
    yield from _section(
        label("rounding", lang),
        [f"{r.name}: {r.exact_kg} kg → {r.mg} mg ({label(r.direction, lang)})" for r in explanation.rounding],
    )
    if explanation.factors:
        yield from _section(label("factors", lang), explanation.factors.split(";"))
    yield ""
    yield f"{label('hash', lang)}: {canonical_hash(explanation)}"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        for line in lines:
            yield f"  {line}"


def _faults(explanation: Explanation, lang: str) -> list[str]:
    return [f"{f.reason} ({f.path}): {say(f.detail, lang)}" for f in explanation.problems]


def _needed(explanation: Explanation, lang: str) -> list[str]:
    return [
        f"{n.parameter} [{n.unit}] · {say(n.meaning, lang)}: {say(n.note, lang)}" for n in explanation.missing
    ]


def _check(check: Check, why: str, lang: str) -> Iterator[str]:
    verdict = label("holds" if check.holds else "fails", lang)
    yield f"{check.id} [{check.clause}, {check.place}]: {shown_expression(check.test)}"
    yield f"  {shown_expression(check.numbers)} → {verdict} · {why}"


def _step(step: Step, lang: str, indent: str) -> Iterator[str]:
    yield f"{indent}{step.name} · {say(step.meaning, lang)} [{step.clause}, {step.place}]"
    yield f"{indent}  {step.name} = {shown_expression(step.formula)}"
    yield f"{indent}  = {shown_expression(step.expression)}"
    yield f"{indent}  = {measure(step.value, step.unit)}"
    for choice in step.choices:
        verdict = label("holds" if choice.holds else "fails", lang)
        yield f"{indent}  ? {shown_expression(choice.test)} → {verdict}"
    for figure in step.figures:
        yield from _figure(figure, lang, f"{indent}  ")
    for inner in step.steps:
        yield from _step(inner, lang, f"{indent}    ")


def _figure(figure: FigureShown, lang: str, indent: str) -> Iterator[str]:
    mark = f" [{label('illustration', lang)}]" if figure.illustration else ""
    identity = f" ({figure.id})" if figure.id else ""
    amount = f"{figure.parameter} = {measure(figure.value, figure.unit)}"
    yield f"{indent}• {amount}{identity}{mark} · {say(figure.meaning, lang)}"
    yield f"{indent}    " + " · ".join(f"{name}: {text}" for name, text in figure_facts(figure, lang))
