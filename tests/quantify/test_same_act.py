"""The rules of one act: every pair of the methodologies is compared or unseen, and a file that says less is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.quantify import catalogue, same_act
from abate.quantify.reading_yaml import MethodError

pytestmark = pytest.mark.clause("P-7.2-e")
CATALOGUE = catalogue.load()
SHIPPED = same_act.shipped(CATALOGUE)
RULES = same_act.read(SHIPPED, CATALOGUE)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_every_pair_of_the_methodologies_is_told() -> None:
    lines = {(line["rule"], line["behaviour"]): line for line in RULES.lines}
    compared = {
        frozenset((str(line["behaviour"]), other))
        for line in RULES.lines
        for other in line["others"]  # type: ignore[attr-defined]
    }
    pairs = same_act.pairs(CATALOGUE)
    assert len(pairs) - len(compared & set(pairs)) == 6 and compared <= set(pairs)
    for (rule, behaviour), line in lines.items():
        for other in line["others"]:  # type: ignore[attr-defined]
            back = lines[rule, other]
            assert behaviour in back["others"]  # type: ignore[operator]
            assert (other in line["above"]) == (behaviour in back["below"])  # type: ignore[operator]


@pytest.mark.parametrize("pair", [("efficient-appliance", "green-product-purchase"), ("metro", "car-left-parked"),
                                  ("textile-recycling", "green-recycling"), ("second-hand-clothes", "idle-goods-trade"),
                                  ("clothes-rental", "shared-rental"), ("near-expiry-food", "near-expiry-goods"),
                                  ("paperless-reading", "digital-reading"), ("online-meeting", "walking")])  # fmt: skip
def test_the_pairs_that_the_standard_makes_are_compared(pair: tuple[str, str]) -> None:
    assert [rule for rule in RULES.rules if same_act._compares(rule, frozenset(pair))]


def test_what_two_partners_may_tell_of_names_its_behaviours_and_says_why() -> None:
    for trip in ("walking", "cycling", "bus", "metro"):
        assert [rule for rule in RULES.rules if trip in rule.itself]
    for rule in RULES.rules:
        assert min(map(len, (rule.says.zh, rule.says.en, rule.why.zh, rule.why.en))) > 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - pair: [public-charging, new-energy-car]\n", "  - pair: [walking, metro]\n", "no methodology names this pair"),
        ("{from: day, days: 1}", "{from: day}", "does not say one end"),
        ("{from: day, days: 1}", "{from: day, days: 1, minutes: 1}", "does not say one end"),
        ("{from: day, days: 1}", "{from: day, days: 99999}", "no span"),
        ("{from: day, days: 1}", "{from: noon, days: 1}", "no required field noon"),
        ("key: purchase_id}", "key: content_l}", "no required field content_l"),
        ("key: purchase_id}", "days: 30}", "stands twice"),
        (", days: 30, key: purchase_id}", ", days: 30}", "some of its behaviours have a key"),
        ("itself: [car-left-parked]", "itself: [car-left-parked, walking]", "not among its behaviours"),
        ("id: parked-day", "id: one-place", "two rules have one id"),
        ("      car-left-parked: {from: day, days: 1}\n", "", "not among its behaviours"),
        ("      second-hand-clothes: {from: bought_at, days: 30, key: order_id}\n      idle-goods-trade",
         "      textile-recycling: {from: handed_over_at, days: 30, key: handover_id}\n      idle-goods-trade",
         "not among its behaviours"),
        ("      no-disposable-tableware: {from: eaten_at, minutes: 90}\n    itself: [no-disposable-tableware]",
         "    itself: [green-takeaway]", "nothing here says how that is seen"),
        ("across: [saving-electricity]", "across: []", "compared by a rule and listed as unseen"),
    ],
)  # fmt: skip
def test_a_file_that_says_too_little_or_too_much_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(MethodError, match=said) as refusal:
        same_act.read(changed(tmp_path, old, new), CATALOGUE)
    assert refusal.value.remedy


def test_a_window_of_the_operators_own_is_read_and_another_basis(tmp_path: Path) -> None:
    own = same_act.read(changed(tmp_path, "waste-sorting: {from: dropped_at, minutes: 60}",
                                "waste-sorting: {from: dropped_at, minutes: 15}"), CATALOGUE)  # fmt: skip
    assert own.digest != RULES.digest
    assert '"seconds":900' in own.compared(["waste-sorting"])
    assert own.compared(["clean-plate"]) == "" and own.says("handover") and own.says("nothing") is None
