"""`abate methods show`: one methodology as a page of text, everything in it with its clause or document."""

from __future__ import annotations

from typing import Any

from abate.quantify.explain_expression import condition
from abate.quantify.factors import Resolution
from abate.quantify.method import Method, Parameter, Scenario, Text


def both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def detail(method: Method, found: Resolution) -> dict[str, Any]:
    """All of a version; figures as `found` has them."""
    return {
        "hash": method.hash,
        "in_force": [str(method.in_force_from), str(method.in_force_to) if method.in_force_to else None],
        "summary": both(method.summary),
        "functional_unit": both(method.functional_unit),
        "gases": list(method.gases),
        "baseline": both(method.baseline.text),
        "project": both(method.project.text),
        "scenario_clauses": {"baseline": method.baseline.clause.id, "project": method.project.clause.id},
        "boundary_difference": both(method.boundary_difference) if method.boundary_difference else None,
        "sources": [*_sources("baseline", method.baseline), *_sources("project", method.project)],
        "record": [
            {"field": f.name, "kind": f.kind, "unit": f.unit, "decimals": f.decimals, "required": f.required,
             "meaning": both(f.meaning)}
            for f in method.activity.fields
        ],
        "one_of": [list(g) for g in method.activity.one_of],
        "figures": [_figure(p, found) for p in method.parameters.values()],
        "recognition": [
            {"id": r.id, "test": condition(r.test, None), "clause": r.clause.id, "why": both(r.why)}
            for r in method.recognition
        ],
        "formulas": [
            {"name": f.name, "formula": f.text, "unit": f.unit, "clause": f.clause.id,
             "meaning": both(f.meaning)}
            for f in method.formulas.values()
        ],
        "rules": [
            {"id": r.id, "when": condition(r.when, None), "formula": r.formula, "clause": r.clause.id,
             "why": both(r.why)}
            for r in method.rules
        ],
        "overlaps": [
            {"behaviour": o.behaviour, "decides": o.decides, "rule": both(o.rule)} for o in method.overlaps
        ],
    }  # fmt: skip


def _sources(side: str, scenario: Scenario) -> list[dict[str, Any]]:
    return [
        {"scenario": side, "id": s.id, "included": s.included, "name": both(s.name), "gases": list(s.gases),
         "why": both(s.why) if s.why else None}
        for s in scenario.sources
    ]  # fmt: skip


def _figure(parameter: Parameter, found: Resolution) -> dict[str, Any]:
    chosen, note = found.chosen.get(parameter.name), found.notes.get(parameter.name)
    return {
        "parameter": parameter.name,
        "unit": parameter.unit,
        "meaning": both(parameter.meaning),
        "value": chosen.printed if chosen else None,
        "printed_unit": chosen.printed_unit if chosen else None,
        "id": chosen.id if chosen else None,
        "document": both(chosen.document) if chosen else None,
        "place": chosen.place if chosen else None,
        "grade": chosen.grade if chosen else None,
        "illustration": chosen.illustration if chosen else None,
        "note": both(note) if note else None,
    }


def lines(data: dict[str, Any]) -> list[str]:
    titles = data["titles"]
    shown = [f"{titles['zh']} · {titles['en']} ({data['id']} v{data['version']}, {data['status']})"]
    shown += [data["summary"]["zh"], data["summary"]["en"], ""]
    shown += [f"standard {data['standard']}, published {data['published']}, hash {data['hash']}"]
    shown += [f"functional unit: {_say(data['functional_unit'])}; gases: {', '.join(data['gases'])}", ""]
    for side in ("baseline", "project"):
        shown += [f"{side.capitalize()}  [{data['scenario_clauses'][side]}]", f"  {_say(data[side])}"]
        shown += [_source(s) for s in data["sources"] if s["scenario"] == side]
    if data["boundary_difference"]:
        shown += ["Why the boundaries differ", f"  {_say(data['boundary_difference'])}"]
    shown += ["", "Record"]
    for f in data["record"]:
        need = "required" if f["required"] else "optional"
        shown.append(f"  {f['field']:<24} {f['kind']:<8} {f['unit']:<9} {need:<9} {_say(f['meaning'])}")
    for group in data["one_of"]:
        shown.append(f"  one of: {', '.join(group)}")
    shown += ["", "Figures"]
    for p in data["figures"]:
        shown += [f"  {p['parameter']:<24} {_say(p['meaning'])}", f"  {'':<24} {_value(p)}"]
    sections = (
        ("Recognition", "recognition", "id", "test"),
        ("Formulas", "formulas", "name", "formula"),
        ("Rules", "rules", "id", "when"),
    )
    for title, key, left, right in sections:
        if data[key]:
            shown += ["", title]
        for x in data[key]:
            text = " ".join(str(x[right]).split())
            shown += [
                f"  {x[left]:<24} {text}  [{x['clause']}]",
                f"  {'':<24} {_say(x.get('why') or x['meaning'])}",
            ]
    if data["overlaps"]:
        shown += ["", "Acts that may be the same  [P-7.2-e]"]
        shown += [f"  {o['behaviour']:<24} {o['decides']}: {_say(o['rule'])}" for o in data["overlaps"]]
    return shown


def _say(text: dict[str, str]) -> str:
    return f"{text['zh']} / {text['en']}"


def _source(source: dict[str, Any]) -> str:
    why = f" ({_say(source['why'])})" if source["why"] else ""
    mark = "in " if source["included"] else "out"
    return f"    {mark} {_say(source['name'])}: {', '.join(source['gases'])}{why}"


def _value(p: dict[str, Any]) -> str:
    if p["value"] is None:
        return f"— {_say(p['note'])}"
    mark = ", 示例 / illustration" if p["illustration"] else ""
    document = p["document"]["zh"] if p["document"]["zh"] == p["document"]["en"] else _say(p["document"])
    return f"{p['value']} {p['printed_unit']} ({p['id'] or 'own value'}, {p['grade']}{mark}) — {document}, {p['place']}"
