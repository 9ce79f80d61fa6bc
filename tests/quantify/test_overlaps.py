"""Of two behaviours that are one act, one counts: both methodologies say so, and say the same."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from abate.quantify import catalogue
from abate.quantify.reading import MethodError
from abate.quantify.reading_overlaps import MIRROR

CATALOGUE = catalogue.load()
PAIRS = [(m[-1], overlap) for m in CATALOGUE.methods.values() for overlap in m[-1].overlaps]


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "methods"
    shutil.copytree(CATALOGUE.folder, folder)
    return folder


STANDARD = (
    # what the standard's own descriptions make one act: by number in Appendix A, B is the purchase of Appendix B
    (1, 49), (2, 50), (3, 51), (5, 53), (8, 52), (8, "B"), (52, "B"), (19, 23), (18, 23), (40, "digital-reading"),
    *((54, trip) for trip in (16, 17, 18, 19, 20, 21, 24)),
)  # fmt: skip
JUDGED = (
    (54, 58), (45, 52), (45, "B"), (8, 12), (8, 9), (9, 12), (11, 12), (10, 13), (10, 52), (28, 34), (29, 34),
    (30, 34), (31, 34), (32, 34), (26, 34), (25, 34), (28, 39), (38, 43), (32, 43), (40, 41), (41, 51), (49, 50),
    (1, 50), (14, 49), (17, 20), (21, 22), (21, 24), (29, 37), (6, 7), (56, 57), (56, 59), (57, 59),
    *((58, trip) for trip in (16, 17, 18, 19, 20, 21, 24)),
)  # fmt: skip


def identity(name: int | str) -> str:
    if name == "B":
        return "green-product-purchase"
    return next((i for i, v in CATALOGUE.methods.items() if name in (i, v[-1].behaviour)), str(name))


@pytest.mark.clause("P-7.2-e")
@pytest.mark.parametrize(("one", "other"), [*STANDARD, *JUDGED])
def test_what_could_be_one_act_is_declared_with_the_rule_that_decides(
    one: int | str, other: int | str
) -> None:
    a, b = identity(one), identity(other)
    (found,) = [o for m, o in PAIRS if m.id == a and o.behaviour == b]
    (back,) = [o for m, o in PAIRS if m.id == b and o.behaviour == a]
    assert back.decides == MIRROR[found.decides]
    assert min(len(text) for o in (found, back) for text in (o.rule.zh, o.rule.en)) > 10


@pytest.mark.clause("P-7.2-e")
def test_every_overlap_names_a_methodology_that_is_there_and_its_pair_agrees() -> None:
    assert len(PAIRS) >= 110
    named = {(m.id, identity(o.behaviour)): o.decides for m, o in PAIRS}
    for (one, other), decides in named.items():
        assert other in CATALOGUE.methods, f"{one} names {other}"
        assert named[(other, one)] == MIRROR[decides]


@pytest.mark.clause("P-7.2-e")
def test_a_version_that_is_no_longer_the_newest_names_the_same_behaviours() -> None:
    """A record is dated into its version: an act of last year overlaps with the same behaviours."""
    for versions in CATALOGUE.methods.values():
        newest = {o.behaviour for o in versions[-1].overlaps}
        assert all({o.behaviour for o in m.overlaps} == newest for m in versions), versions[0].id


@pytest.mark.clause("P-7.2-e")
def test_a_pair_of_which_one_is_silent_is_refused(tmp_path: Path) -> None:
    path = copied(tmp_path) / "idle-goods-trade" / "v1.yaml"
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"  - behaviour: second-hand-clothes\n(?:    .*\n)*", "", text), "utf-8")
    with pytest.raises(MethodError) as refusal:
        catalogue.load(tmp_path / "methods")
    assert (
        "second-hand-clothes overlaps with idle-goods-trade, which does not name second-hand-clothes"
        in str(refusal.value)
    )
    assert "behaviour second-hand-clothes, decides first" in refusal.value.remedy


@pytest.mark.clause("P-7.2-e")
def test_a_pair_that_does_not_agree_is_refused(tmp_path: Path) -> None:
    path = copied(tmp_path) / "walking" / "v1.yaml"
    path.write_text(path.read_text("utf-8").replace("decides: first", "decides: this"), "utf-8")
    with pytest.raises(MethodError, match="do not agree which of the two counts"):
        catalogue.load(tmp_path / "methods")


def test_naming_a_pair_leaves_the_identity_of_a_published_version(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for path in folder.glob("*/v[0-9]*.yaml"):
        path.write_text(re.sub(r"(?m)^overlaps:\n(?:[ #-].*\n|\n)*", "", path.read_text("utf-8")), "utf-8")
    for name, versions in catalogue.load(folder).methods.items():
        assert versions[0].hash == CATALOGUE.methods[name][0].hash
        assert not versions[0].overlaps
