"""What a restore refuses before anything is laid out."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

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


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_settings_is_said_to_run_on_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """It came up on another port, without the operator's name and pack, and nothing had said so."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    into = tmp_path / "new"
    into.mkdir()
    if there:
        settings_file.write(into / settings_file.NAME, {"ABATE_OPERATOR_NAME": "made up"})
    for room, name, answer in (
        (restore.reopening, "secrets_fit", into),
        (restore.recovery, "choose", SimpleNamespace(folder=tmp_path / "base-1")),
        (restore.recovery, "restoring", nullcontext(into)),
        (restore.recovery, "recover", "postgresql:///restored"),
        (restore.reopening, "make_safe", {"sessions_ended": 0}),
    ):
        monkeypatch.setattr(room, name, lambda *_, said=answer, **__: said)
    done = CliRunner().invoke(restore.command, [str(tmp_path), "--into", str(into)])
    assert done.exit_code == 0 and "base: base-1" in done.output, done.output
    for words in (f"{into / settings_file.NAME} 不存在", "runs on the defaults (127.0.0.1:8000"):
        assert (words in done.output) is not there
