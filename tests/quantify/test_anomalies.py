"""The rules of anomalies: a figure has its source or is the operator's; a file that says too little or too much is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.quantify import anomalies, catalogue
from abate.quantify.reading_yaml import MethodError

pytestmark = pytest.mark.clause("P-7.3.3.3-b")
CATALOGUE = catalogue.load()
SHIPPED = anomalies.shipped(CATALOGUE)
RULES = anomalies.read(SHIPPED, CATALOGUE)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_every_kind_is_shipped_and_no_figure_is_without_a_source() -> None:
    assert {rule.kind for rule in RULES.rules} == set(anomalies.KINDS)
    for rule in RULES.rules:
        assert (rule.limit is None) == (rule.source is None)
        assert rule.source is None or min(len(rule.source.zh), len(rule.source.en)) > 5
    idle = {rule.id for rule in RULES.rules} - {rule.id for rule in RULES.active}
    assert idle == {
        "own-pace",
        "long-way",
        "next-meal",
        "payments-of-a-day",
        "recycled-of-a-month",
        "devices-of-a-month",
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      clean-plate: {from: eaten_at}", "      clean-dish: {from: eaten_at}", "there is no methodology clean-dish"),
        ("clean-plate: {from: eaten_at}", "clean-plate: {from: noon}", "no required field noon"),
        ("distance: distance_km, from: start", "distance: city, from: start", "no required field city"),
        ("clean-plate: {from: eaten_at}", "clean-plate: {from: eaten_at, at: eaten_at}", "unknown key `at`"),
        ("unit: km/h\n", "unit: m/s\n", "is in km/h, the limit in m/s"),
        ("amount: weight_kg}\n    limit: {unit: kg", "amount: weight_kg}\n    limit: {unit: g", "is in kg, the limit in g"),
        ("limit: {unit: min, operator: true}", 'limit: {unit: min, value: "30"}', "the figure has no source"),
        ("limit: {unit: min, operator: true}", "limit: {unit: min, operator: false}", "says both"),
        ("limit: {unit: min, operator: true}", 'limit: {unit: min, operator: true, value: "3"}', "says both"),
        ("limit: {unit: min, operator: true}", "limit: {unit: min}", "`value` is missing"),
        ('value: "25"', "value: 25", "is not written as text"),
        ('value: "25"', 'value: "-1"', "is no limit"),
        ("kind: speed", "kind: haste", "'haste' is not known"),
        ("grade: note", "grade: certain", "'certain' is not known"),
        ("among: person", "among: friends", "'friends' is not known"),
        ("id: own-pace", "id: long-way", "two rules have one id"),
        ("id: own-pace", "id: Own Pace", "is not an id"),
        ("fields: [start, end, charged_kwh]", "fields: []", "names no field"),
        ("walking: {from: start, to: end}", "car-left-parked: {from: day, to: day}", "no required field day"),
        ("days: 60", "days: 0", "no period"),
        ("appeal:\n  days: 60", "appeal:\n  weeks: 9\n  days: 60", "unknown key `weeks`"),
    ],
)  # fmt: skip
def test_a_file_that_says_too_little_or_too_much_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(MethodError, match=said) as refusal:
        anomalies.read(changed(tmp_path, old, new), CATALOGUE)
    assert refusal.value.remedy and refusal.value.line


def test_a_limit_of_the_operators_own_is_read_and_is_another_version(tmp_path: Path) -> None:
    own = anomalies.read(
        changed(tmp_path, "limit: {unit: min, operator: true}",
                'limit: {unit: min, value: "90", source: {zh: 运营方决定, en: decided by the operator}}'), CATALOGUE)  # fmt: skip
    rule = next(rule for rule in own.active if rule.id == "next-meal")
    before = next(rule for rule in RULES.rules if rule.id == "next-meal")
    assert own.digest != RULES.digest and rule.version != before.version and rule.shown_limit == "90"
    same = next(rule for rule in own.rules if rule.id == "own-pace")
    assert same.version == next(rule for rule in RULES.rules if rule.id == "own-pace").version
