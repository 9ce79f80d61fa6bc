"""`abate methods publish` and `derive-coef` from the command line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli import methods_change
from abate.cli.main import main
from abate.quantify import catalogue, published
from abate.quantify.catalogue import Catalogue
from abate.quantify.reading import read_method


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["methods", *(str(w) for w in words)])
    return result.exit_code, result.output


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A folder of methodologies of which nothing is published yet."""
    for name in ("factors", "packs", "walking"):
        shutil.copytree(catalogue.SHIPPED / name, tmp_path / name)
    for name in ("behaviours.csv", "regions.csv", "sources.yaml"):
        shutil.copy(catalogue.SHIPPED / name, tmp_path / name)
    loaded = catalogue.load(tmp_path)
    monkeypatch.setattr(methods_change, "load", lambda: loaded)
    return loaded


def test_publishing_lists_each_version_once(mine: Catalogue) -> None:
    code, text = run("publish", "walking")
    assert code == 0 and f"walking v1 {mine.newest('walking').hash}" in text and "1 newly published" in text
    assert published.read_published(mine.folder) == {("walking", 1): mine.newest("walking").hash}
    assert run("publish", "--all") == (0, "0 newly published\n")
    assert run("publish")[0] == 2
    assert run("publish", "walking", "--all")[0] == 2


def test_publishing_over_an_edit_is_refused(mine: Catalogue) -> None:
    (mine.folder / published.FILE).write_text(f"id,version,hash\nwalking,1,{'0' * 64}\n", "utf-8")
    code, text = run("publish", "walking")
    assert code == 1 and "is published and was edited" in text and "an edit is a new version" in text


@pytest.mark.clause("P-7.3.2-4")
def test_formula_4_is_derived_shown_to_agree_and_written_as_the_next_version(tmp_path: Path) -> None:
    out = tmp_path / "v2.yaml"
    code, text = run("derive-coef", "walking", "--from", "2027-01-01", "--operator-pack", "demo", "-o", out)
    assert code == 0, text
    assert "per km of distance_km: BE 0.14861, PE 0, LE 0, ER 0.14861 kgCO2e" in text
    assert re.search(r"agrees with \(1\) to \(3\): as polynomials, and on [1-9][0-9]* sample records", text)
    method = read_method(out, catalogue.load().registry)
    assert (method.id, method.version, str(method.in_force_from)) == ("walking", 2, "2027-01-01")
    assert "coef" in method.parameters and "coef" in " ".join(f.text for f in method.formulas.values())
    code, text = run("derive-coef", "walking", "--from", "2027-01-01", "--operator-pack", "demo", "-o", out)
    assert code == 1 and "is there already" in text


def test_what_is_not_proportional_is_refused_with_the_part_in_the_way() -> None:
    code, text = run("derive-coef", "car-left-parked", "--from", "2027-01-01", "--operator-pack", "demo")
    assert code == 1 and "usual_day * day_of_car" in text and "--fix FIELD=VALUE" in text
