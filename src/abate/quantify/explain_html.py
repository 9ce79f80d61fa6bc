"""An explanation as an HTML fragment: semantic elements and class names, no script, no inline style, all
escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from abate.quantify.explain_data import Check, Explanation, FigureShown, Step, canonical_hash
from abate.quantify.explain_text import (
    facts,
    figure_facts,
    grams,
    label,
    measure,
    reason,
    say,
    shown_expression,
)


def render_html(explanation: Explanation, lang: str = "zh") -> str:
    """One `<article>`; the page around it brings the style."""
    code = "zh-Hans" if lang == "zh" else "en"
    parts = [
        f'<article class="explanation outcome-{escape(explanation.outcome)}" lang="{code}">',
        _head(explanation, lang),
        _definitions("explanation-facts", facts(explanation, lang)),
        _faults(explanation, lang),
        _needed(explanation, lang),
        _record(explanation, lang),
        _checks(explanation, lang),
        _steps(explanation, lang),
        _rounding(explanation, lang),
        f'<footer class="explanation-hash">{_e(label("hash", lang))}: '
        f"<code>{canonical_hash(explanation)}</code></footer>",
        "</article>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _e(text: str) -> str:
    return escape(text, quote=True)


def _section(name: str, title: str, body: str) -> str:
    if not body:
        return ""
    return f'<section class="explanation-{name}">\n<h3>{_e(title)}</h3>\n{body}\n</section>'


def _definitions(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f"<div><dt>{_e(term)}</dt><dd>{_e(text)}</dd></div>" for term, text in pairs)
    return f'<dl class="{name}">{inner}</dl>'


def _head(explanation: Explanation, lang: str) -> str:
    parts = [f"<h2>{_e(say(explanation.what, lang))}</h2>"]
    if explanation.rounding:
        mg = explanation.rounding[0].mg
        parts.append(f'<p class="explanation-amount"><data value="{mg}">{grams(mg)}</data> CO2e</p>')
    if explanation.illustration:
        parts.append(f'<p class="explanation-illustration">{_e(label("illustration", lang))}</p>')
    parts.append(f'<p class="explanation-why">{_e(say(explanation.why, lang))}</p>')
    if explanation.reason:
        parts.append(f'<p class="explanation-reason"><code>{_e(explanation.reason)}</code></p>')
    remedy = f"<strong>{_e(label('remedy', lang))}</strong> {_e(say(explanation.remedy, lang))}"
    parts.append(f'<p class="explanation-remedy">{remedy}</p>')
    parts += [f'<p class="explanation-note">{_e(say(note, lang))}</p>' for note in explanation.notes]
    return "<header>" + "\n".join(parts) + "</header>"


def _faults(explanation: Explanation, lang: str) -> str:
    items = "".join(
        f"<li><code>{_e(f.reason)}</code> {_e(f.path)}: {_e(say(f.detail, lang))}</li>"
        for f in explanation.problems
    )
    return _section("problems", label("problems", lang), f"<ul>{items}</ul>" if items else "")


def _needed(explanation: Explanation, lang: str) -> str:
    items = "".join(
        f"<li><code>{_e(n.parameter)}</code> [{_e(n.unit)}] {_e(say(n.meaning, lang))}: "
        f"{_e(say(n.note, lang))}</li>"
        for n in explanation.missing
    )
    return _section("missing", label("missing", lang), f"<ul>{items}</ul>" if items else "")


def _record(explanation: Explanation, lang: str) -> str:
    pairs = [(f"{say(i.meaning, lang)} ({i.name})", measure(i.value, i.unit)) for i in explanation.record]
    return _section(
        "record", label("record", lang), _definitions("explanation-inputs", pairs) if pairs else ""
    )


def _checks(explanation: Explanation, lang: str) -> str:
    rows = "".join(_check(check, reason(check, lang), lang) for check in explanation.checks)
    figures = "".join(_figure(figure, lang) for figure in explanation.check_figures)
    body = (f"<ul>{rows}</ul>" if rows else "") + (f"<ul>{figures}</ul>" if figures else "")
    applied = explanation.rule
    rule = f"<ul>{_check(applied, say(applied.why, lang), lang)}</ul>" if applied else ""
    return _section("checks", label("checks", lang), body) + _section("rule", label("rule", lang), rule)


def _check(check: Check, why: str, lang: str) -> str:
    verdict = label("holds" if check.holds else "fails", lang)
    state = "holds" if check.holds else "fails"
    return (
        f'<li class="check-{state}"><code>{_e(shown_expression(check.numbers))}</code> → {_e(verdict)}. '
        f"{_e(why)} <cite>{_e(check.clause)}, {_e(check.place)}</cite></li>"
    )


def _steps(explanation: Explanation, lang: str) -> str:
    items = "".join(_step(step, lang) for step in explanation.steps)
    return _section("steps", label("steps", lang), f"<ol>{items}</ol>" if items else "")


def _step(step: Step, lang: str) -> str:
    choices = "".join(
        f"<li>{_e(shown_expression(c.test))} → {_e(label('holds' if c.holds else 'fails', lang))}</li>"
        for c in step.choices
    )
    figures = "".join(_figure(figure, lang) for figure in step.figures)
    inner = "".join(_step(below, lang) for below in step.steps)
    return (
        f'<li class="step"><h4>{_e(step.name)} · {_e(say(step.meaning, lang))} '
        f"<cite>{_e(step.clause)}, {_e(step.place)}</cite></h4>"
        f'<p class="step-formula"><code>{_e(step.name)} = {_e(shown_expression(step.formula))}</code></p>'
        f'<p class="step-numbers"><code>= {_e(shown_expression(step.expression))}</code></p>'
        f'<p class="step-value"><code>= {_e(step.value)} {_e(step.unit)}</code></p>'
        + (f'<ul class="step-choices">{choices}</ul>' if choices else "")
        + (f'<ul class="step-figures">{figures}</ul>' if figures else "")
        + (f"<ol>{inner}</ol>" if inner else "")
        + "</li>"
    )


def _figure(figure: FigureShown, lang: str) -> str:
    mark = ""
    if figure.illustration:
        mark = f' <strong class="explanation-illustration">{_e(label("illustration", lang))}</strong>'
    identity = f" <code>{_e(figure.id)}</code>" if figure.id else ""
    summary = f"{_e(say(figure.meaning, lang))}: {_e(measure(figure.value, figure.unit))}{identity}{mark}"
    inner = _definitions("figure-facts", figure_facts(figure, lang))
    return f'<li class="figure"><details><summary>{summary}</summary>{inner}</details></li>'


def _rounding(explanation: Explanation, lang: str) -> str:
    items = "".join(
        f"<li>{_e(r.name)}: {_e(r.exact_kg)} kg → {r.mg} mg ({_e(label(r.direction, lang))})</li>"
        for r in explanation.rounding
    )
    return _section("rounding", label("rounding", lang), f"<ul>{items}</ul>" if items else "")
