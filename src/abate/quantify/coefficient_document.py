"""The methodology version that uses formula (4), written as a document that reads and computes.

Everything that formula (4) does not touch is taken over as it stands: titles, scenarios, record, recognition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from abate.quantify.coefficient import AMOUNTS, NAMES, Derivation, Stretch
from abate.quantify.formula import Param
from abate.quantify.method import Method
from abate.quantify.polynomial import NotPolynomial
from abate.quantify.reading_checks import parts
from abate.quantify.reading_yaml import Loader
from abate.quantify.units import decimal_text

CLAUSE = "P-7.3.2-4"
PLACE = "7.3.2 (4)"
MOST_DECIMALS = 12
MEANINGS = {
    "coef_baseline": ("基准线排放系数，由公式 (2) 推导", "coefficient of the baseline, derived from (2)"),
    "coef_project": ("项目排放系数，由公式 (3) 推导", "coefficient of the project, derived from (3)"),
    "coef_leakage": ("泄漏排放系数，由公式 (1) 推导", "coefficient of the leakage, derived from (1)"),
    "coef": ("减排系数 COEF，由公式 (1)–(3) 推导", "reduction coefficient COEF, derived from (1) to (3)"),
}


class Writer(yaml.SafeDumper):
    """Writes node trees with the same rules for bare words as the reader."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def document(derivation: Derivation, source: Path, version: int) -> str:
    """The text of the new version, in force from the first stretch. Raises NotPolynomial where a
    coefficient has no end
    as a decimal."""
    method, start = derivation.method, derivation.stretches[0].start
    top: Any = yaml.compose(source.read_text("utf-8"), Loader=Loader)
    sections: dict[str, Any] = {str(key.value): value for key, value in top.value}
    sections["version"] = _node(version)
    sections["published"] = _node(start)
    sections["in_force"] = _node({"from": start, "to": None})
    clauses = sections["clauses"]
    if CLAUSE not in {str(k.value) for k, _ in clauses.value}:
        clauses.value.append((_node(CLAUSE), _node(PLACE)))
    sections["parameters"] = _parameters(derivation, sections["parameters"], start)
    sections["formulas"] = _node(_formulas(derivation))
    _recognition(derivation, sections)
    for name in ("rules", "sets"):
        sections.pop(name, None)
    sections["summary"] = _summary(method)
    top.value = [(_node(name), value) for name, value in sections.items()]
    text = str(yaml.serialize(top, Dumper=Writer, allow_unicode=True, width=110))
    return _head(derivation) + text


def pack(derivation: Derivation) -> str | None:
    """The operator pack that holds the coefficients, where they are not the methodology's own."""
    if derivation.own:
        return None
    method = derivation.method
    figures = []
    origin = f"{method.id} v{method.version} {method.hash}"
    for name, amount in _coefficients(derivation):
        for s in derivation.stretches:
            figures.append(
                {"method": method.id, "parameter": name, "from": s.start, "to": s.end}
                | {"value": _decimal(s.coefficients[amount], name), "unit": _unit(derivation)}
                | {"source": {"document": origin, "place": _place(s, derivation)}}
            )  # fmt: skip
    titles = {"zh": f"{method.titles.zh}：推导的系数", "en": f"{method.titles.en}: derived coefficients"}
    content: dict[str, object] = {"pack": f"{method.id}-coef", "titles": titles}
    content |= {"illustration": derivation.illustration, "figures": figures}
    return str(yaml.serialize(_node(content), Dumper=Writer, allow_unicode=True, width=110))


def _head(d: Derivation) -> str:
    m = d.method
    return (
        f"# {m.titles.en}, by formula (4): ER = COEF * AD with AD = {d.quantity}. Derived by `abate methods\n"
        f"# derive-coef` from version {m.version}, {m.hash}.\n"
    )


def _summary(method: Method) -> Any:
    return _node(
        {
            "zh": f"{method.summary.zh} 采用公式 (4)：减排量 = 减排系数 × 活动水平。",
            "en": f"{method.summary.en} By formula (4): reduction = coefficient x activity level.",
        }
    )


def _coefficients(d: Derivation) -> list[tuple[str, str]]:
    """(parameter, amount) of every coefficient that is not zero all the time; COEF itself always."""
    return [(NAMES[a], a) for a in AMOUNTS if a == "ER" or any(s.coefficients[a] for s in d.stretches)]


def _unit(d: Derivation) -> str:
    return "kgCO2e" if d.unit == "1" else f"kgCO2e/{d.unit}" if d.unit.isalnum() else f"kgCO2e/({d.unit})"


def _decimal(value: Fraction, name: str) -> str:
    text = decimal_text(value)
    if "/" in text or len(text.partition(".")[2]) > MOST_DECIMALS:
        raise NotPolynomial(
            f"{name} = {text} does not end within {MOST_DECIMALS} decimals",
            "a coefficient is never rounded; fix figures that multiply out, or keep formulas (1) to (3)",
        )
    return text


def _place(stretch: Stretch, d: Derivation) -> str:
    figures = [
        f"{c.parameter} = {c.printed} {c.printed_unit}{f' ({c.id})' if c.id else ''}" for c in stretch.figures
    ]
    figures += [f"{n} = {decimal_text(v)} (fixed)" for n, v in {**d.figures, **d.fields}.items()]
    figures += [f"{n} = {v} (fixed)" for n, v in d.texts.items()] + [f"{n} absent (fixed)" for n in d.absent]
    return f"{PLACE}, derived by (1)-(3) from {d.method.id} v{d.method.version}: {', '.join(figures)}"


def _parameters(d: Derivation, old: Any, start: date) -> Any:
    kept = {p.name for r in d.method.recognition for p in parts(r.test) if isinstance(p, Param)}
    pairs = [(key, value) for key, value in old.value if str(key.value) in kept]
    for name, amount in _coefficients(d):
        pairs.append((_node(name), _node(_coefficient(d, name, amount))))
    for name, value in d.fields.items():
        pairs.append((_node(f"fixed_{name}"), _node(_fixed_field(d, name, value, start))))
    old.value = pairs
    return old


def _coefficient(d: Derivation, name: str, amount: str) -> dict[str, object]:
    values = [s.coefficients[amount] for s in d.stretches]
    texts = [_decimal(v, name) for v in values]
    decimals = max(len(t.partition(".")[2]) for t in texts)
    low, high = min([Fraction(0), *values]), max([Fraction(0), *values])
    zh, en = MEANINGS[name]
    found: dict[str, object] = {"unit": _unit(d), "meaning": {"zh": zh, "en": en}, "decimals": decimals}
    found |= {"low": decimal_text(low), "high": decimal_text(high)}
    if d.own:
        found["values"] = [
            {
                "from": s.start,
                "to": s.end,
                "value": text,
                "source": d.method.standard,
                "place": _place(s, d),
            }
            for s, text in zip(d.stretches, texts, strict=True)
        ]
        return found
    return found | {"select": {"rule": "operator", "advice": _advice(d, texts[-1])}}


def _advice(d: Derivation, text: str) -> dict[str, str]:
    place = _place(d.stretches[-1], d)
    made_up = ("（示例，虚构）", " (an illustration, made up)") if d.illustration else ("", "")
    return {
        "zh": f"由公式 (1)–(3) 推导得 {text}{made_up[0]}，依据 {place}；"
        "所用数值属运营方，系数也由运营方提供。",
        "en": f"Formulas (1) to (3) give {text}{made_up[1]}, from {place}; the figures "
        "are the operator's, so the coefficient is too.",
    }


def _fixed_field(d: Derivation, name: str, value: Fraction, start: date) -> dict[str, object]:
    field = d.method.activity.field(name)
    text = decimal_text(value)
    return {
        "unit": field.unit,
        "meaning": {"zh": f"推导系数时固定的 {name}", "en": f"{name} as fixed for the coefficient"},
        "decimals": field.decimals,
        "low": text,
        "high": text,
        "values": [
            {
                "from": start,
                "to": None,
                "value": text,
                "source": d.method.standard,
                "place": f"{PLACE}, fixed",
            }
        ],
    }


def _recognition(d: Derivation, sections: dict[str, Any]) -> None:
    """A record that differs in what was fixed is not computed with this coefficient."""
    tests: Mapping[str, str] = {
        **{name: f"{name} == fixed_{name}" for name in d.fields},
        **{name: f'{name} == "{text}"' for name, text in d.texts.items()},
        **{name: f"not given({name})" for name in d.absent},
    }
    entries = [
        {
            "id": f"other_{name}",
            "test": test,
            "clause": CLAUSE,
            "why": {
                "zh": f"系数只适用于推导时固定的 {name}",
                "en": f"the coefficient holds only for the {name} it was derived with",
            },
        }
        for name, test in tests.items()
    ]
    if entries:
        old = sections.get("recognition")
        if old is None or old.id != "sequence":
            sections["recognition"] = _node(entries)
        else:
            old.value.extend(_node(entries).value)


def _formulas(d: Derivation) -> dict[str, object]:
    names = {amount: name for name, amount in _coefficients(d)}
    words = {
        "BE": ("基准线排放 = 系数 × AD", "baseline = coefficient x AD"),
        "PE": ("项目排放 = 系数 × AD", "project = coefficient x AD"),
        "LE": ("泄漏排放 = 系数 × AD", "leakage = coefficient x AD"),
        "ER": ("减排量 = COEF × AD", "reduction = COEF x AD"),
    }
    return {
        amount: {
            "text": f"{names[amount]} * {d.quantity}" if amount in names else "0",
            "unit": "kgCO2e",
            "clause": CLAUSE,
            "meaning": {"zh": words[amount][0], "en": words[amount][1]},
        }
        for amount in AMOUNTS
    }


def _node(value: object) -> Any:
    """Plain data as a node tree; texts that would read as something else are quoted."""
    if isinstance(value, dict):
        return yaml.MappingNode(
            "tag:yaml.org,2002:map", [(_node(k), _node(v)) for k, v in value.items()], flow_style=False
        )
    if isinstance(value, list):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", [_node(v) for v in value], flow_style=False)
    if isinstance(value, str):
        return yaml.ScalarNode("tag:yaml.org,2002:str", value)
    kind = {bool: "bool", int: "int", type(None): "null", date: "timestamp"}[type(value)]
    text = value.isoformat() if isinstance(value, date) else json.dumps(value)
    return yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", text)
