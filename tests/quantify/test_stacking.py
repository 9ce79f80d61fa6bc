"""A behaviour that saves in several classes shows each class as a formula of its own (7.3.1)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from abate.quantify import catalogue
from abate.quantify.cases import read_cases
from abate.quantify.explain import render_text
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome

CATALOGUE = catalogue.load()
STACKED = {
    "e-invoice": ("BE_paper", "BE_printing", "BE_delivery"),
    "online-bill-payment": ("BE_transport", "BE_paper", "BE_printing"),
    "online-tax-refund": ("BE_transport", "BE_paper", "BE_printing", "BE_delivery"),
    "green-flight": ("BE_paper", "BE_printing", "BE_food", "BE_waste", "BE_luggage"),
    "own-cup": ("BE_paper", "BE_plastic", "BE_waste"),
    "drinking-water": ("BE_plastic", "BE_transport", "BE_waste"),
}


@pytest.mark.clause("P-7.3.1")
@pytest.mark.parametrize("method_id", sorted(STACKED))
def test_the_explanation_shows_each_class(method_id: str) -> None:
    case = next(c for c in read_cases(method_id, CATALOGUE) if c.expect["outcome"] == Outcome.COUNTED)
    _, explanation = quantify_one(case.record, method_id, CATALOGUE, case.setting)
    lines = [line.strip() for line in render_text(explanation, "en").splitlines()]
    assert f"BE = {' + '.join(STACKED[method_id])}" in lines
    after = lines[lines.index(f"BE = {' + '.join(STACKED[method_id])}") + 1 :]
    parts = [Fraction(p) for p in after[0].removeprefix("= ").split(" + ")]
    assert len(parts) == len(STACKED[method_id]) and min(parts) > 0
    assert sum(parts) == Fraction(after[1].removeprefix("= ").removesuffix(" kgCO2e"))


@pytest.mark.clause("P-A")
@pytest.mark.parametrize("number", range(20, 49))
def test_travel_and_everyday_goods_have_a_methodology_each(number: int) -> None:
    found = [m[-1] for m in CATALOGUE.methods.values() if m[-1].behaviour == number]
    assert len(found) == 1
    assert found[0].recognition or found[0].activity.one_of
    asked = [p for p in found[0].parameters.values() if p.selection and p.selection.rule == "operator"]
    assert asked and all(p.selection and p.selection.advice for p in asked)
