"""A page for every methodology in Chinese and in English, made from the documents alone.

What it counts, the formula, the figures with document and table, a worked case with its milligrams, the
grade, and what the operator must supply. `pages` gives names and texts; writing them is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator

from abate.quantify.cases import Case, read_cases
from abate.quantify.catalogue import Catalogue
from abate.quantify.explain_expression import condition
from abate.quantify.factors import Resolution, Setting, timeline
from abate.quantify.method import Method, Parameter, Text
from abate.quantify.outcome import Outcome
from abate.quantify.units import decimal_text

LANGUAGES = ("zh", "en")
WORDS = {
    "catalogue": ("方法学目录", "Catalogue of methodologies"),
    "counts": ("计什么", "What it counts"),
    "unit": ("功能单位", "Functional unit"),
    "baseline": ("基准线情景", "Baseline"),
    "project": ("项目情景", "Project"),
    "in": ("计入", "counted"),
    "out": ("不计入", "left out"),
    "recognition": ("认定条件", "When it counts"),
    "formulas": ("计算公式", "Formulas"),
    "figures": ("数值与来源", "Figures and their sources"),
    "needs": ("需要运营方数值", "Needs your figure"),
    "record": ("活动记录", "The record"),
    "case": ("算例", "Worked case"),
    "overlaps": ("可能重复的行为", "Acts that may be the same"),
    "ready": ("可直接计算", "computes as shipped"),
    "required": ("必填", "required"),
    "optional": ("可选", "optional"),
    "other": ("English", "中文"),
    "when": ("当", "when"),
    "published": ("公布", "published"),
    "version": ("版本", "version"),
    "grade": ("等级", "grade"),
}


def pages(catalogue: Catalogue) -> dict[str, str]:
    """File name -> Markdown, for a folder of its own: `index.zh.md`, `cycling.en.md`, ..."""
    found = {}
    for lang in LANGUAGES:
        found[f"index.{lang}.md"] = _index(catalogue, lang)
        for versions in catalogue.methods.values():
            found[f"{versions[-1].id}.{lang}.md"] = _page(catalogue, versions[-1], lang)
    return found


def _word(key: str, lang: str) -> str:
    return WORDS[key][LANGUAGES.index(lang)]


def _say(text: Text, lang: str) -> str:
    return text.zh if lang == "zh" else text.en


def _newest(catalogue: Catalogue, method: Method) -> Resolution:
    return timeline(method, catalogue.registry, Setting())[-1].resolution


def _status(catalogue: Catalogue, method: Method, lang: str) -> str:
    missing = _newest(catalogue, method).missing
    return f"{_word('needs', lang)}: {', '.join(missing)}" if missing else _word("ready", lang)


def _index(catalogue: Catalogue, lang: str) -> str:
    other = LANGUAGES[1 - LANGUAGES.index(lang)]
    lines = [f"# {_word('catalogue', lang)}", "", f"[{_word('other', lang)}](index.{other}.md)", ""]
    lines += ["| | | |", "|---:|---|---|"]
    newest = [versions[-1] for versions in catalogue.methods.values()]
    for m in sorted(newest, key=lambda m: (m.behaviour or 99, m.id)):
        number = m.behaviour if m.behaviour is not None else ""
        title = f"[{_say(m.titles, lang)}]({m.id}.{lang}.md)"
        lines.append(f"| {number} | {title} | {_status(catalogue, m, lang)} |")
    return "\n".join(lines) + "\n"


def _page(catalogue: Catalogue, m: Method, lang: str) -> str:
    other = LANGUAGES[1 - LANGUAGES.index(lang)]
    lines = [f"# {_say(m.titles, lang)}", ""]
    lines += [f"[{_word('other', lang)}]({m.id}.{other}.md) · `{m.id}` {_word('version', lang)} {m.version}, "
              f"{_word('published', lang)} {m.published} · {m.standard} · `{m.hash[:16]}`", ""]  # fmt: skip
    lines += [
        f"**{_status(catalogue, m, lang)}**",
        "",
        f"## {_word('counts', lang)}",
        "",
        _say(m.summary, lang),
        "",
    ]
    lines += [f"{_word('unit', lang)}: {_say(m.functional_unit, lang)}. {', '.join(m.gases)}.", ""]
    for key, scenario in (("baseline", m.baseline), ("project", m.project)):
        lines += [
            f"**{_word(key, lang)}.** {_say(scenario.text, lang)} "
            f"({scenario.clause.id}, {scenario.clause.place})",
            "",
        ]
        for s in scenario.sources:
            why = f" — {_say(s.why, lang)}" if s.why else ""
            lines.append(f"- {_word('in' if s.included else 'out', lang)}: {_say(s.name, lang)}{why}")
        lines.append("")
    if m.recognition:
        lines += [f"## {_word('recognition', lang)}", ""]
        lines += [
            f"- {rendered(condition(r.test, None))} — {_say(r.why, lang)} ({r.clause.id})"
            for r in m.recognition
        ]
        lines.append("")
    lines += [
        *_formulas(m, lang),
        *_figures(catalogue, m, lang),
        *_record(m, lang),
        *_case(catalogue, m, lang),
    ]
    if m.overlaps:
        lines += [f"## {_word('overlaps', lang)}", ""]
        lines += [f"- {o.behaviour} ({o.decides}): {_say(o.rule, lang)}" for o in m.overlaps] + [""]
    return "\n".join(lines)


def rendered(text: str) -> str:
    """A formula as people write it."""
    for plain, sign in ((" * ", " × "), (" - ", " − "), (" <= ", " ≤ "), (" >= ", " ≥ "), (" != ", " ≠ ")):
        text = text.replace(plain, sign)
    return f"`{text.replace('sum(', 'Σ(').replace('|', '/')}`"


def _formulas(m: Method, lang: str) -> Iterator[str]:
    yield f"## {_word('formulas', lang)}"
    yield ""
    for f in m.formulas.values():
        clause = f"{f.clause.id}, {f.clause.place}"
        yield f"- **{f.name}** = {rendered(f.text)} [{f.unit}] — {_say(f.meaning, lang)} ({clause})"
    for r in m.rules:
        test = rendered(condition(r.when, None))
        yield f"- {_word('when', lang)} {test}: ER = **{r.formula}** — {_say(r.why, lang)} ({r.clause.id})"
    yield ""


def _figures(catalogue: Catalogue, m: Method, lang: str) -> Iterator[str]:
    newest = _newest(catalogue, m)
    yield f"## {_word('figures', lang)}"
    yield ""
    for name, p in m.parameters.items():
        yield f"- {_figure(newest, name, p, lang)}"
    yield ""


def _figure(newest: Resolution, name: str, p: Parameter, lang: str) -> str:
    head = f"`{name}` {_say(p.meaning, lang)}"
    chosen = newest.chosen.get(name)
    if chosen is None:
        note = newest.notes.get(name)
        return f"{head}: **{_word('needs', lang)}** ({p.unit}). {_say(note, lang) if note else ''}"
    identity = f", `{chosen.id}`" if chosen.id else ""
    source = f"{_say(chosen.document, lang)}, {chosen.place}"
    value = f"{chosen.printed} {chosen.printed_unit}{identity}"
    return f"{head}: {value} — {source}; {_word('grade', lang)} {chosen.grade}"


def _record(m: Method, lang: str) -> Iterator[str]:
    yield f"## {_word('record', lang)}"
    yield ""
    for f in m.activity.fields:
        need = _word("required" if f.required else "optional", lang)
        low, high = f.low, f.high
        limits = (
            f", {decimal_text(low)}–{decimal_text(high)} {f.unit}"
            if low is not None and high is not None
            else ""
        )
        yield f"- `{f.name}` {f.kind}, {need}{limits}: {_say(f.meaning, lang)}"
    yield ""


def _case(catalogue: Catalogue, m: Method, lang: str) -> Iterator[str]:
    """The first counted case, with its exact milligrams."""
    found: Case | None = next(
        (c for c in read_cases(m.id, catalogue) if c.expect["outcome"] is Outcome.COUNTED), None
    )
    if found is None:
        return
    yield f"## {_word('case', lang)}"
    yield ""
    pack = found.setting.pack
    yield f"{found.name}." + (f" (`{pack.id}`: {_say(pack.titles, lang)})" if pack else "")
    yield ""
    yield "| | |"
    yield "|---|---|"
    for key, value in found.record.items():
        yield f"| `{key}` | {value} |"
    for key in ("be_mg", "pe_mg", "le_mg", "er_mg"):
        yield f"| **{key.removesuffix('_mg').upper()}** (mg CO2e) | {found.expect[key]:,} |"
    yield ""
