"""An explanation recomputes to its result, names every source, and reads in both languages."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from html import escape
from html.parser import HTMLParser
from math import ceil, floor

import pytest

from abate.quantify import catalogue, explain
from abate.quantify.cases import Case, read_cases
from abate.quantify.explain import Explanation, Step
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome

CATALOGUE = catalogue.load()
CASES = [case for method in CATALOGUE.methods for case in read_cases(method, CATALOGUE)]


def of(case: Case) -> Explanation:
    return quantify_one(case.record, case.method, CATALOGUE, case.setting)[1]


def named(case: Case) -> str:
    return f"{case.method}: {case.name}"


def recompute(text: str) -> Fraction:
    """An expression of numbers, by Python's parser and fractions alone."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant():
                return Fraction(ast.get_source_segment(text, node) or "")
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -value(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value(left) - value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value(left) * value(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return value(left) / value(right)
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments):
                return (min if name == "min" else max)(value(argument) for argument in arguments)
        raise AssertionError(ast.dump(node))

    return value(ast.parse(text, mode="eval").body)


def all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from all_steps(step.steps)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_every_step_recomputes_and_the_rounding_is_the_result(case: Case) -> None:
    explanation = of(case)
    found = list(all_steps(explanation.steps))
    for step in found:
        assert recompute(step.expression) == Fraction(step.value), step.name
    values = {step.name: Fraction(step.value) for step in found}
    for row in explanation.rounding:
        assert Fraction(row.exact_kg) == values[row.name]
        rounded = floor if row.direction == "down" else ceil
        assert rounded(values[row.name] * 1_000_000) == row.mg
    with_amounts = case.expect["outcome"] in (Outcome.COUNTED, Outcome.NOT_BELOW_BASELINE)
    assert bool(explanation.rounding) == with_amounts
    if with_amounts:
        assert explanation.rounding[0].mg == case.expect["er_mg"]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_whatever_the_outcome_it_says_what_why_and_the_remedy(case: Case) -> None:
    explanation = of(case)
    for text in (explanation.what, explanation.why, explanation.remedy):
        assert re.search(r"[\u4e00-\u9fff]", text.zh) and re.search("[a-z]", text.en)
    for lang in ("zh", "en"):
        assert explain.render_text(explanation, lang)
        assert explain.render_html(explanation, lang)


@pytest.mark.clause("P-7.3.3.1", "M-2.3.5-3")
def test_each_figure_names_document_table_grade_and_why_it_was_chosen() -> None:
    counted = [case for case in CASES if case.expect["outcome"] is Outcome.COUNTED]
    for case in counted:
        for step in all_steps(of(case).steps):
            for figure in step.figures:
                assert figure.document.zh and figure.document.en and figure.grade and figure.reason.zh
                if figure.id and not figure.id.startswith("pack:"):
                    assert figure.where_seen and figure.kind and figure.gas


def test_the_factors_of_the_result_are_the_figures_of_the_steps() -> None:
    for case in CASES:
        explanation = of(case)
        shown = {f.id for step in all_steps(explanation.steps) for f in step.figures if f.id}
        assert ";".join(sorted(shown)) == explanation.factors, case.name


MEETING = next(c for c in CASES if c.method == "online-meeting" and c.expect["outcome"] is Outcome.COUNTED)
WALK = next(c for c in CASES if c.method == "walking" and c.expect["outcome"] is Outcome.COUNTED)


@pytest.mark.clause("M-2.3.1")
def test_gases_are_shown_and_a_co2_only_factor_is_marked_as_such() -> None:
    explanation = of(MEETING)
    assert "CO2" in explanation.gases
    assert any("CO2 only" in note.en and "cn-grid-2022-national" in note.en for note in explanation.notes)


@pytest.mark.clause("M-2.3.2", "M-2.3.3", "P-7.2-b")
def test_both_scenarios_and_their_boundary_are_in_the_methodology() -> None:
    method = CATALOGUE.newest("online-meeting")
    left_out = {s.id for s in (*method.baseline.sources, *method.project.sources) if not s.included}
    assert left_out == {"lodging", "offices"}
    assert method.boundary_difference is not None
    explanation = of(MEETING)
    assert "no lodging" in explanation.scenario_baseline.en
    assert "platform" in explanation.scenario_project.en
    for versions in CATALOGUE.methods.values():
        for each in versions:
            same = [{s.id for s in side.sources if s.included} for side in (each.baseline, each.project)]
            assert same[0] == same[1] or each.boundary_difference is not None
            assert each.functional_unit.zh and "CO2" in each.gases


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_illustration_is_marked_in_every_rendering(lang: str) -> None:
    explanation = of(WALK)
    assert explanation.illustration
    word = "示例" if lang == "zh" else "illustration"
    assert word in explain.render_text(explanation, lang)
    assert word in explain.render_html(explanation, lang)
    assert json.loads(explain.render_json(explanation, lang))["explanation"]["illustration"] is True


def test_policy_limits_are_named_as_policy() -> None:
    figures = {f.parameter: f for f in of(WALK).check_figures}
    assert figures["fastest"].policy and figures["fastest"].grade == "policy"
    assert "not emission data" in figures["fastest"].document.en


def test_the_hash_is_of_the_content() -> None:
    one, again = of(MEETING), of(MEETING)
    assert explain.canonical_hash(one) == explain.canonical_hash(again)
    changed = replace(one, day="2025-03-02")
    assert explain.canonical_hash(changed) != explain.canonical_hash(one)
    assert json.loads(explain.render_json(one))["hash"] == explain.canonical_hash(one)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.bad += [tag] if tag in ("script", "style") else []
        self.bad += [name for name, _ in attrs if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("case", CASES[:60], ids=named)
def test_the_html_is_whole_without_script_or_style(case: Case) -> None:
    page = Elements()
    page.feed(explain.render_html(of(case)))
    assert not page.open and not page.bad


def test_what_a_partner_wrote_is_escaped() -> None:
    record = dict(WALK.record) | {"city": "<script>alert(1)</script>"}
    _, explanation = quantify_one(record, "walking", CATALOGUE, WALK.setting)
    assert "<script>" not in explain.render_html(explanation)
    _, refused = quantify_one({"<img onerror=x>": 1}, "walking", CATALOGUE, Setting())
    assert "<img" not in explain.render_html(refused)


@pytest.mark.parametrize(
    ("lang", "prefix"), [("zh", "若不成立，原因是："), ("en", "if it did not, the reason would be: ")]
)
def test_a_rule_that_held_does_not_say_of_the_record_what_would_have_failed_it(
    lang: str, prefix: str
) -> None:
    # "holds · faster than 40 km/h, which does not look like cycling" reads as a reproach to somebody who rode at 20.
    seen = set()
    for explanation in map(of, CASES):
        text, page = explain.render_text(explanation, lang), explain.render_html(explanation, lang)
        for check in explanation.checks:
            why = check.why.zh if lang == "zh" else check.why.en
            seen.add(check.holds)
            assert (f" · {prefix}{why}" in text) is check.holds
            assert (f". {escape(prefix + why)} <cite>" in page) is check.holds
    assert seen == {True, False}
