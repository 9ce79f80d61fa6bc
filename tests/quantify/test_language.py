"""The formula language: what it reads, with which units, and that it computes what it says."""

from __future__ import annotations

from fractions import Fraction

import pytest

from abate.quantify.formula import If, Is, Mul, Num, Param
from abate.quantify.language import LanguageError, Names, read_test, read_value

NAMES = Names(
    numbers={"a": "km", "b": "km", "n": "1", "w": "W", "h": "h"},
    texts={"mode": ("bus", "car"), "city": ()},
    present=frozenset({"a", "b", "n", "mode", "city", "list"}),
    lists={"list": {"w": "W", "h": "h"}},
    params={"ef_bus": "kgCO2e/km", "ef_car": "gCO2e/km", "ef": "kgCO2e/kWh", "price": "1"},
    formulas={"F": "kgCO2e"},
    sets={"modes": ("bus", "car")},
)


def test_a_conversion_is_written_into_the_tree() -> None:
    node = read_value("w * h * ef", NAMES, "kgCO2e")
    assert isinstance(node, Mul)
    assert Num(Fraction(1, 1000)) in node.terms


def test_a_look_up_by_a_closed_text_becomes_an_if() -> None:
    node = read_value("a * ef[mode]", NAMES, "kgCO2e")
    assert isinstance(node, Mul)
    choice = node.terms[1]
    assert isinstance(choice, If)
    assert choice.test == Is("mode", "bus")
    assert choice.then == Param("ef_bus")


def test_a_sum_over_a_set_takes_each_member() -> None:
    assert read_value("sum(a * ef[m] for m in modes)", NAMES, "kgCO2e") == read_value(
        "a * ef_bus + a * ef_car", NAMES, "kgCO2e"
    )


def test_tiers_are_nested_ifs_with_the_limit_inside() -> None:
    tiers = read_value("tier(n, (10, 1), (20, 2), 3)", NAMES, "1")
    assert tiers == read_value("1 if n <= 10 else (2 if n <= 20 else 3)", NAMES, "1")


def test_a_chain_of_comparisons_is_an_and() -> None:
    assert read_test("1 < n <= 10", NAMES) == read_test("1 < n and n <= 10", NAMES)


def test_zero_goes_with_any_unit_and_no_other_number_does() -> None:
    read_value("max(0, F)", NAMES, "kgCO2e")
    with pytest.raises(LanguageError, match="units do not go together"):
        read_value("max(1, F)", NAMES, "kgCO2e")


@pytest.mark.parametrize(
    "text",
    [
        "a ** 2",
        "a // b",
        "a % b",
        "abs(a)",
        "min(a)",
        "[a]",
        "'text'",
        "True",
        "a.b",
        "a if mode else b",
        "lambda: a",
        "(a := b)",
        "sum([a, b])",
        "sum(a for m in modes if m)",
        "list[0]",
        "1e3",
        "0x10",
        "1_000",
        "1 if not_given(a) else 2",
        "mode == 'bus'",
        "a; b",
        "n" + "+n" * 3000,
    ],
)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(LanguageError):
        read_value(text, NAMES, "1")


@pytest.mark.parametrize(
    "text", ["a", "a < 'x'", "given(unknown)", "given(1)", "mode in city", "a is b", "1"]
)
def test_a_condition_is_a_condition(text: str) -> None:
    with pytest.raises(LanguageError):
        read_test(text, NAMES)
