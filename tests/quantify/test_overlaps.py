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


@pytest.mark.clause("P-7.2-e")
def test_both_of_a_pair_name_each_other_and_agree() -> None:
    named = {(m.id, o.behaviour): o.decides for m, o in PAIRS}
    for (one, other), decides in named.items():
        if other in CATALOGUE.methods:
            assert named[(str(other), one)] == MIRROR[decides]


@pytest.mark.clause("P-7.2-e")
def test_a_pair_of_which_one_is_silent_is_refused(tmp_path: Path) -> None:
    path = copied(tmp_path) / "walking" / "v1.yaml"
    path.write_text(path.read_text("utf-8").partition("overlaps:")[0], "utf-8")
    with pytest.raises(MethodError) as refusal:
        catalogue.load(tmp_path / "methods")
    assert "online-meeting overlaps with walking, which does not name online-meeting" in str(refusal.value)
    assert "behaviour online-meeting, decides first" in refusal.value.remedy


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
