"""What a restore refuses before anything is laid out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from abate.cli import restore
from abate.platform.doors import settings_file

pytestmark = [pytest.mark.platform]


@pytest.mark.parametrize("name", ["DATABASE_URL", "ABATE_OWNER_URL"])
def test_copied_settings_that_lead_to_the_old_database_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The restored one came up, and `abate reconcile` and `abate serve` opened the old one."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    into = tmp_path / "new"
    settings_file.write(into / settings_file.NAME, {name: "postgresql://a:planted-word@db/abate"})
    done = CliRunner().invoke(restore.command, [str(tmp_path), "--into", str(into)])
    assert done.exit_code == 1 and f"names a database ({name})" in done.stderr, done.output
    assert "planted-word" not in done.output and [one.name for one in into.iterdir()] == [settings_file.NAME]


def test_those_of_the_private_server_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    settings_file.write(
        tmp_path / settings_file.NAME, {"DATABASE_URL": "embedded", "ABATE_ZONE": "Asia/Tokyo"}
    )
    done = CliRunner().invoke(restore.command, [str(tmp_path), "--into", str(tmp_path)])
    assert done.exit_code == 1 and "has no base copy" in done.stderr, "the next thing that is looked for"
