"""A person who knows the standard reads one folder: everything that T/CECA-G 0203 asks of a behaviour is there."""

from __future__ import annotations

import re

import pytest

from abate.quantify import catalogue, schema
from abate.quantify.cases import read_cases
from abate.quantify.formula import Num
from abate.quantify.method import Method
from abate.quantify.outcome import Outcome

CATALOGUE = catalogue.load()
METHODS = [versions[-1] for versions in CATALOGUE.methods.values()]
BEHAVIOURS = [m for m in METHODS if m.behaviour is not None]
IDS = [m.id for m in METHODS]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMED_IN_FORMULAS = re.compile(r"\b(baf\w*|TF\w*|ef\w*|acts|COEF)\b")


def texts(m: Method) -> list[tuple[str, str, str]]:
    """Every text of a methodology that people read: where, Chinese, English."""
    found = [("title", m.titles), ("summary", m.summary), ("functional unit", m.functional_unit)]
    found += [("baseline", m.baseline.text), ("project", m.project.text)]
    found += [(s.id, s.name) for side in (m.baseline, m.project) for s in side.sources]
    found += [(s.id, s.why) for side in (m.baseline, m.project) for s in side.sources if s.why]
    found += [(f.name, f.meaning) for f in m.activity.fields]
    found += [(p.name, p.meaning) for p in m.parameters.values()]
    found += [
        (p.name, p.selection.advice) for p in m.parameters.values() if p.selection and p.selection.advice
    ]
    found += [(f.name, f.meaning) for f in m.formulas.values()]
    found += [(r.id, r.why) for r in (*m.recognition, *m.rules)]
    found += [(str(o.behaviour), o.rule) for o in m.overlaps]
    return [(where, text.zh, text.en) for where, text in found]


@pytest.mark.parametrize("m", METHODS, ids=IDS)
def test_every_text_is_there_in_both_languages(m: Method) -> None:
    for where, zh, en in texts(m):
        assert zh.strip() and en.strip(), where
        assert not CHINESE.search(en), f"{where}: the English is Chinese: {en}"
        assert CHINESE.search(zh) or zh == en, f"{where}: the Chinese is English: {zh}"


@pytest.mark.clause("P-A", "P-7.2-b", "P-7.3.3.3-a")
@pytest.mark.parametrize("m", METHODS, ids=IDS)
def test_a_folder_is_whole(m: Method) -> None:
    assert m.recognition or m.activity.one_of, "no recognition rule"
    assert m.baseline.sources and m.project.sources and "CO2" in m.gases
    left, right = ({s.id for s in side.sources if s.included} for side in (m.baseline, m.project))
    assert left == right or m.boundary_difference is not None
    assert m.clauses and m.activity.key and m.functional_unit
    described = schema.json_schema(m)
    assert set(described["properties"]) == {f.name for f in m.activity.fields}
    amounts = {name: m.formulas[name] for name in ("BE", "PE", "LE", "ER")}
    assert not isinstance(amounts["BE"].expr, Num), "the baseline is a constant"


@pytest.mark.clause("P-7.3.2-1", "P-7.3.2-2", "P-7.3.2-3")
@pytest.mark.parametrize("m", BEHAVIOURS, ids=[m.id for m in BEHAVIOURS])
def test_the_formulas_have_the_form_of_the_standard(m: Method) -> None:
    """BE and PE are sums over categories of BAF, TF, EF and AD, written with these names or with the standard
    that governs the behaviour (the guide of online meetings)."""
    if m.standard != "t-ceca-g-0203-2022":
        assert m.id == "online-meeting"
        return
    written = " ".join(f.text for f in m.formulas.values())
    names = set(NAMED_IN_FORMULAS.findall(written))
    assert any(n.startswith("ef") for n in names) or "COEF" in names, f"no EF in {written}"
    assert m.formulas["ER"].text.replace(" ", "").startswith("BE-PE"), m.formulas["ER"].text


@pytest.mark.clause("P-A", "P-7.2-a")
@pytest.mark.parametrize("m", METHODS, ids=IDS)
def test_the_cases_are_worked_at_the_boundary_and_refused(m: Method) -> None:
    cases = read_cases(m.id, CATALOGUE)
    outcomes = {c.expect["outcome"] for c in cases}
    assert {Outcome.COUNTED, Outcome.REFUSED} <= outcomes
    reasons = {str(c.expect.get("reason", "")) for c in cases}
    unproved = [r.id for r in m.recognition if f"{r.id}:{r.clause.id}" not in reasons]
    assert not unproved, f"no case for the recognition rules {unproved}"
    asked = [p for p in m.parameters.values() if p.selection and p.selection.rule == "operator"]
    if any(not p.only_where_read for p in asked):
        assert Outcome.NEEDS_FIGURE in outcomes, "no case without the operator's figure"


@pytest.mark.parametrize("m", METHODS, ids=IDS)
def test_the_operator_is_told_how_to_obtain_each_figure(m: Method) -> None:
    for p in m.parameters.values():
        if p.selection is None or p.selection.rule != "operator":
            continue
        advice = p.selection.advice
        assert advice is not None, f"{p.name}: no advice"
        assert len(advice.zh) >= 10 and len(advice.en.split()) >= 5, f"{p.name}: {advice.en}"
