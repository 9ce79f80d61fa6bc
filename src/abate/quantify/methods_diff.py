"""Two versions of a methodology side by side, section by section, and what the change does to recorded data.

For the effect both versions are taken as if each had been in force on the day of every record, so that a
version
can be judged before it is approved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from abate.quantify.catalogue import Catalogue
from abate.quantify.effects import Effect, Side, compare
from abate.quantify.explain_expression import condition
from abate.quantify.factors_registry import FactorError, Setting
from abate.quantify.method import ActivityField, Method, Parameter, Scenario, Text
from abate.quantify.reading import read_method
from abate.quantify.units import decimal_text

SECTIONS = (
    "dates",
    "texts",
    "clauses",
    "scenarios",
    "record",
    "parameters",
    "recognition",
    "formulas",
    "rules",
    "overlaps",
)
EVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the difference; `before` is empty where it was added, `after` where it was removed."""

    section: str
    name: str
    before: str
    after: str


def read_version(name: str, catalogue: Catalogue) -> Method:
    """`cycling@1`, `cycling` (the newest) or a path. Raises FactorError and MethodError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_method(path, catalogue.registry)
    method_id, _, version = name.partition("@")
    versions = catalogue.methods.get(method_id)
    if versions is None:
        raise FactorError(name, "there is no such methodology", f"known: {', '.join(catalogue.methods)}")
    for method in versions:
        if not version or str(method.version) == version:
            return versions[-1] if not version else method
    known = ", ".join(f"{method_id}@{m.version}" for m in versions)
    raise FactorError(name, "there is no such version", f"known: {known}")


def diff(a: Method, b: Method) -> tuple[Change, ...]:
    """Every difference, in the order of SECTIONS and of the documents."""
    found = []
    one, two = _sections(a), _sections(b)
    for section in SECTIONS:
        left, right = one[section], two[section]
        for name in [*left, *(n for n in right if n not in left)]:
            before, after = left.get(name, ""), right.get(name, "")
            if before != after:
                found.append(Change(section, name, before, after))
        order = [n for n in left if n in right], [n for n in right if n in left]
        if section in ("rules", "recognition", "record") and order[0] != order[1]:
            found.append(Change(section, "order", ", ".join(order[0]), ", ".join(order[1])))
    return tuple(found)


def effect(
    a: Method, b: Method, data: Sequence[Path], catalogue: Catalogue, setting: Setting, examples: int = 5
) -> Effect:
    """Recorded data computed by each version, each as if in force on every day. Raises InputError."""
    before, after = (Side(m.id, _alone(m, catalogue), setting) for m in (a, b))
    return compare(data, before, after, examples)


def _alone(method: Method, catalogue: Catalogue) -> Catalogue:
    """A catalogue in which only this version of the methodology exists and is always in force."""
    parameters = {name: _always(p) for name, p in method.parameters.items()}
    alone = replace(
        method,
        parameters=parameters,
        in_force_from=EVER,
        in_force_to=None,
        published=EVER,
        hash=f"as-if-in-force:{method.hash}",
    )
    return replace(catalogue, methods={**catalogue.methods, method.id: (alone,)})


def _always(parameter: Parameter) -> Parameter:
    """Its first value holds from the beginning and its last for good."""
    values = list(parameter.values)
    if not values:
        return parameter
    values[0] = replace(values[0], start=min(values[0].start, EVER))
    values[-1] = replace(values[-1], end=None)
    return replace(parameter, values=tuple(values))


def _sections(m: Method) -> dict[str, Mapping[str, str]]:
    return {
        "dates": {
            "published": m.published.isoformat(),
            "in force from": m.in_force_from.isoformat(),
            "in force to": m.in_force_to.isoformat() if m.in_force_to else "open",
        },
        "texts": {
            "title": _both(m.titles),
            "summary": _both(m.summary),
            "functional unit": _both(m.functional_unit),
            "boundary difference": _both(m.boundary_difference) if m.boundary_difference else "",
            "gases": ", ".join(m.gases),
            "standard": m.standard,
            "yearly total": str(m.project_total),
        },
        "clauses": {c.id: c.place for c in m.clauses},
        "scenarios": {**_scenario("baseline", m.baseline), **_scenario("project", m.project)},
        "record": _record(m),
        "parameters": {name: _parameter(p) for name, p in m.parameters.items()},
        "recognition": {
            r.id: f"{condition(r.test, None)} [{r.clause.id}] {_both(r.why)}" for r in m.recognition
        },
        "formulas": {
            name: f"{f.text} in {f.unit} [{f.clause.id}] {_both(f.meaning)}" for name, f in m.formulas.items()
        },
        "rules": {
            r.id: f"{r.formula} when {condition(r.when, None)} [{r.clause.id}] {_both(r.why)}"
            for r in m.rules
        },
        "overlaps": {str(o.behaviour): f"{o.decides}: {_both(o.rule)}" for o in m.overlaps},
    }


def _both(text: Text) -> str:
    return f"{text.zh} · {text.en}"


def _scenario(name: str, scenario: Scenario) -> dict[str, str]:
    found = {name: f"{_both(scenario.text)} [{scenario.clause.id}]"}
    for s in scenario.sources:
        why = f" ({_both(s.why)})" if s.why else ""
        inside = "in" if s.included else "out"
        found[f"{name}: {s.id}"] = f"{inside}: {_both(s.name)}, {', '.join(s.gases)}{why}"
    return found


def _record(m: Method) -> dict[str, str]:
    found = {}
    for f in m.activity.fields:
        found[f.name] = _field(f)
        found |= {f"{f.name}.{i.name}": _field(i) for i in f.items}
    for d in m.activity.derived:
        found[d.name] = f"{d.kind} from {d.start} to {d.end}, at most {decimal_text(d.high)} {d.unit}"
    found["key"] = ", ".join(m.activity.key)
    found["dated by"] = m.activity.dated_by
    found["intervals"] = ", ".join("-".join(pair) for pair in m.activity.intervals)
    found["one of"] = " | ".join("+".join(g) for g in m.activity.one_of)
    found["refused"] = ", ".join(f"{h.pattern} [{h.clause.id}]" for h in m.activity.refused)
    return found


def _field(f: ActivityField) -> str:
    parts = [f.kind, "required" if f.required else "optional"]
    if f.low is not None and f.high is not None:
        low = ">" if f.low_open else ">="
        parts.append(
            f"{low} {decimal_text(f.low)}, <= {decimal_text(f.high)} {f.unit}, {f.decimals} decimals"
        )
    parts += [f"one of {', '.join(f.choices)}"] if f.choices else []
    parts += ["absent is zero"] if f.absent_zero else []
    parts += ["personal"] if f.personal else []
    return f"{'; '.join(parts)}; {_both(f.meaning)}"


def _parameter(p: Parameter) -> str:
    limits = f"{p.unit}, {decimal_text(p.low)}..{decimal_text(p.high)}, {p.decimals} decimals"
    marks = [f"grade {p.grade}" if p.grade else "", f"named by {p.named_by.id}" if p.named_by else ""]
    marks.append("policy" if p.policy else "")
    if p.values:
        how = "; ".join(
            f"{decimal_text(v.value)} from {v.start}{f' to {v.end}' if v.end else ''} ({v.source}, {v.place})"
            for v in p.values
        )
    else:
        assert p.selection is not None
        s = p.selection
        named = (s.factor, s.family, s.before, *s.candidates)
        how = f"{s.rule}: {', '.join(n for n in named if n) or 'asked for'}"
        marks += ["regional" if s.regional else "", "own values" if s.own_values else ""]
        marks += ["refused past review" if s.past_review == "refuse" else "", s.conservative]
    return "; ".join([how, limits, *(m for m in marks if m), _both(p.meaning)])
