"""The switch for the national algorithms: heads signed by SM2 too, refused by name where that cannot be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from abate.bookkeeping import checkpoint, consistency, sm2
from abate.bookkeeping.verify import verify_receipt
from abate.cli import log as module
from abate.cli import verify
from abate.platform.config import doctor
from abate.platform.doors import keyring as keys
from abate.platform.doors.errors import SetupError
from abate.platform.log import actions, export, national, queries
from abate.platform.log.models import Checkpoint

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def secrets(settings: Any, tmp_path: Path) -> Path:
    """A secret file of the test's own, from before there was an SM2 key."""
    path = tmp_path / "secrets.json"
    keys.create(path, log_origin="abate.test/log")
    settings.ABATE_SECRET_FILE = str(path)
    return path


@pytest.fixture
def made(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The verifier key that `abate log sm2-key --make` prints."""
    monkeypatch.setattr(module, "_start", lambda _: None)
    monkeypatch.setenv("ABATE_SECRET_FILE", str(secrets))
    done = CliRunner().invoke(module.command, ["sm2-key", "--make"])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def run(*arguments: object) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(verify.command, [*map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_heads_carry_a_second_signature_and_who_has_the_key_checks_it(
    fill: Callable[..., None], made: str, settings: Any, tmp_path: Path
) -> None:
    fill(1, 3)
    actions.sequence()
    settings.ABATE_LOG_SM = True
    fill(4, 8)
    actions.sequence()
    (tmp_path / "log.pub").write_text(queries.public_key())
    (tmp_path / "sm2.pub").write_text(made)
    export.write_files(tmp_path / "log", entries=True)
    by = (tmp_path / "log", "--key", tmp_path / "log.pub", "--sm2-key", tmp_path / "sm2.pub")
    code, seen = run(*by)
    assert (code, seen["checks"][1]["name"], seen["checks"][1]["status"]) == (0, "sm2", "passed")
    document = queries.receipt(7, 5)
    assert document is not None
    key = checkpoint.read_key(queries.public_key())
    assert verify_receipt(document, key, sm2_key=sm2.read_key(made)).ok
    assert verify_receipt(document, key).ok, "who does not know the key leaves its line alone"
    # From a head of before the switch to one of after it.
    older, newer = (queries.checkpoint_of(size) for size in (3, 8))
    proof = consistency.document(older, newer, queries.nodes())
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert run(tmp_path / "proof.json", *by[1:])[0] == 0
    note = (tmp_path / "log/checkpoint").read_text().splitlines(keepends=True)
    (tmp_path / "log/checkpoint").write_text("".join(note[:-1]))
    code, seen = run(*by)
    assert (code, seen["first_failure"]) == (1, "sm2")
    assert "no line is signed by the SM2 key" in seen["checks"][1]["detail"]
    assert run(*by[:3])[0] == 0


def test_the_key_is_made_once_and_kept_with_the_others(made: str, secrets: Path) -> None:
    before = keys.read(secrets)
    assert before.log_sm2 is not None and str(national.key()) == made
    assert secrets.stat().st_mode & 0o077 == 0
    again = CliRunner().invoke(module.command, ["sm2-key", "--make"])
    assert again.exit_code == 1 and "holds an SM2 key already" in again.stderr
    assert keys.read(secrets) == before
    assert CliRunner().invoke(module.command, ["sm2-key"]).stdout.strip() == made


def test_on_without_a_key_nothing_is_signed_and_it_says_why(
    fill: Callable[..., None], secrets: Path, settings: Any
) -> None:
    settings.ABATE_LOG_SM = True
    fill(1, 3)
    with pytest.raises(SetupError, match="no SM2 key"):
        actions.sequence()
    assert Checkpoint.objects.count() == 0
    assert [one.state for one in doctor.algorithms()] == ["fault"]


def test_on_without_the_library_it_is_refused_by_name(
    made: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ABATE_LOG_SM = True
    national.check()
    assert [one.state for one in doctor.algorithms()] == ["ok"]

    def absent() -> Any:
        raise sm2.Sm2Missing

    monkeypatch.setattr(sm2, "library", absent)
    with pytest.raises(SetupError, match=r"sm2-missing.*\n.*\n.*abate\[sm\]"):
        national.check()


def test_a_key_cut_short_is_refused(secrets: Path) -> None:
    document = json.loads(secrets.read_text()) | {"log_sm2": "AAAA"}
    secrets.write_text(json.dumps(document))
    os.chmod(secrets, 0o600)
    with pytest.raises(SetupError, match="96 for the log's SM2 key"):
        keys.read(secrets)
