"""The `uncertainty` block of a methodology: what its own document states counts without a file of the operator's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.quantify.uncertainty_files import CATALOGUE, RAIL, lines, meeting, normal, stated

from abate.quantify import catalogue, uncertainty
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting
from abate.quantify.reading_yaml import MethodError

BLOCK = """
uncertainty:
  conservative: {percentile: "5", source: m-guide, place: a place}
  inputs:
    pkm_rail: {distribution: normal, as: relative, sd: "10", source: m-guide, place: a place}
"""


def another(folder: Path, block: str) -> Catalogue:
    """A platform's own methods: online meetings alone, its newest version with this block at its end."""
    mine = folder / "methods"
    shutil.copytree(CATALOGUE.folder / "factors", mine / "factors")
    shutil.copytree(CATALOGUE.folder / "online-meeting", mine / "online-meeting")
    for name in ("sources.yaml", "estimates.yaml", "behaviours.csv", "cn-regions.csv"):
        if (CATALOGUE.folder / name).exists():
            shutil.copy(CATALOGUE.folder / name, mine / name)
    for file in (mine / "online-meeting").glob("v*.yaml"):
        source = CATALOGUE.methods["online-meeting"][0].standard
        file.write_text(file.read_text("utf-8") + block.replace("m-guide", source), "utf-8")
    return catalogue.load(mine)


def assess(folder: Path, own: Catalogue, **parts: object) -> uncertainty.Assessment:
    return uncertainty.assess(
        "online-meeting",
        [lines(folder / "records.jsonl", [meeting(pkm_rail=1000)])],
        own,
        Setting(),
        stated(folder, **parts),
        uncertainty.Request(4000, 7),
    )


@pytest.mark.clause("M-2.4")
def test_what_the_document_states_counts_and_gives_the_conservative_figure(tmp_path: Path) -> None:
    found = assess(tmp_path, another(tmp_path, BLOCK), factors={})
    portfolio = found.portfolio
    assert found.percentile == 5 and "pkm_rail" not in found.exact
    assert portfolio.conservative == pytest.approx(portfolio.point * (1 - 0.1 * 1.645), rel=0.01)
    plain = assess(tmp_path, CATALOGUE, factors={})
    assert plain.portfolio.point == portfolio.point and plain.portfolio.conservative is None
    assert "pkm_rail" in plain.exact


def test_a_statement_of_the_operator_comes_first(tmp_path: Path) -> None:
    """The file speaks of the factor, the block of the input: both count, and neither twice."""
    own = another(tmp_path, BLOCK)
    alone = assess(tmp_path, own, factors={}).portfolio
    both = assess(tmp_path, own, factors={RAIL: normal(10)}).portfolio
    assert both.high - both.low == pytest.approx((alone.high - alone.low) * 2**0.5, rel=0.08)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (("pkm_rail:", "pkm_horse:"), "there is no input pkm_horse"),
        ((", source: m-guide, place: a place}\n  inputs", "}\n  inputs"), "without a source"),
        (('"5"', '"100"'), "percentile 100 is not between 0 and 100"),
        (("source: m-guide", "source: hearsay"), "source hearsay is not in sources.yaml"),
    ],
)
def test_a_block_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, edit: tuple[str, str], words: str
) -> None:
    assert edit[0] in BLOCK
    with pytest.raises(MethodError, match=words):
        another(tmp_path, BLOCK.replace(*edit))
