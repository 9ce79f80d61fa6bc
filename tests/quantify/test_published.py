"""Published versions are frozen: the list holds every shipped one, and an edit is refused as a new version."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli.main import main
from abate.quantify import catalogue, published
from abate.quantify.reading import MethodError

CATALOGUE = catalogue.load()


def test_every_shipped_version_is_published_and_none_was_edited_since() -> None:
    listed = published.read_published(CATALOGUE.folder)
    assert set(listed) == {(m.id, m.version) for versions in CATALOGUE.methods.values() for m in versions}
    assert published.check(CATALOGUE.folder, CATALOGUE.methods) == []


def test_an_edit_of_a_published_version_is_refused_as_a_new_version(tmp_path: Path) -> None:
    text = (CATALOGUE.folder / "walking" / "v1.yaml").read_text("utf-8")
    path = tmp_path / "walking" / "v1.yaml"
    path.parent.mkdir()
    path.write_text("# a remark changes nothing\n" + text, "utf-8")
    assert CliRunner().invoke(main, ["methods", "check", str(path)]).exit_code == 0
    path.write_text(text.replace('value: "10"', 'value: "11"'), "utf-8")
    done = CliRunner().invoke(main, ["methods", "check", str(path)])
    assert done.exit_code == 1
    assert "walking version 1 is published and was edited" in done.output
    assert "an edit is a new version: take it back and write v2.yaml" in done.output


def test_an_edited_version_is_never_published_over_and_one_that_is_gone_is_missed(tmp_path: Path) -> None:
    (tmp_path / published.FILE).write_bytes((CATALOGUE.folder / published.FILE).read_bytes())
    walking = CATALOGUE.newest("walking")
    edited = replace(walking, hash="0" * 64)
    mine = replace(CATALOGUE, folder=tmp_path, methods={**CATALOGUE.methods, "walking": (edited,)})
    with pytest.raises(MethodError, match="is published and was edited"):
        published.publish(mine.folder, [edited])
    (error,) = published.check(mine.folder, mine.methods)
    assert error.reason.startswith("walking version 1 is published and was edited")
    without = replace(mine, methods={k: v for k, v in CATALOGUE.methods.items() if k != "walking"})
    assert [e.reason for e in published.check(without.folder, without.methods)] == [
        "published version walking v1 is gone"
    ]
    new = replace(walking, version=2)
    assert published.publish(mine.folder, [new]) == (new,)
    assert published.publish(mine.folder, [new]) == ()


def test_a_catalogue_with_an_edited_version_is_not_loaded(tmp_path: Path) -> None:
    """Every command reads it through `load`, so a changed version computes nothing anywhere."""
    folder = tmp_path / "methods"
    shutil.copytree(CATALOGUE.folder, folder)
    assert len(catalogue.load(folder).methods) == len(CATALOGUE.methods)
    file = folder / "walking" / "v1.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace('value: "10"', 'value: "11"'), "utf-8")
    catalogue._load.cache_clear()
    with pytest.raises(
        MethodError, match=r"walking version 1 is published and was edited.*\n.*write v2\.yaml"
    ):
        catalogue.load(folder)
    file.write_text(text, "utf-8")
    (folder / "bus" / "v1.yaml").rename(folder / "bus" / "kept.yaml")
    with pytest.raises(MethodError, match=r"(bus|overlaps)"):
        catalogue.load(folder)
