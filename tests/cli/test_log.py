"""`abate log`: export, proofs between heads, access of verifiers, and the record of who was shown what."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.review import shell

from abate.cli import log as module
from abate.cli import verify
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.log import actions, queries
from abate.platform.parties import actions as parties

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    # The commands start Django on a data folder of their own; here the test's database is the one.
    monkeypatch.setattr(module, "_start", lambda _: None)
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path_factory.mktemp("home") / "session"))
    with clock.frozen(NOW):
        made = make_world()
        made.send(*[made.meeting(f"m-{n}", n % 3, f"2026-05-{10 + n}T09:00:00+08:00") for n in range(5)])
        actions.sequence()
        made.send(*[made.meeting(f"n-{n}", n % 3, f"2026-05-{10 + n}T15:00:00+08:00") for n in range(4)])
        actions.sequence()
        yield made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(module.command, [str(one) for one in arguments])


@pytest.mark.clause("P-8.5-e")
def test_an_export_with_openings_verifies_to_the_last_figure(world: World, tmp_path: Path) -> None:
    (tmp_path / "log.pub").write_text(queries.public_key())
    shell.sign_in(desk.staffed()["entry"])
    done = run("export", tmp_path / "log", "--openings", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"folder": str(tmp_path / "log"), "size": 9, "opened": 9}
    assert stat.S_IMODE((tmp_path / "log/openings.jsonl").stat().st_mode) == 0o600
    assert (tmp_path / "log/rules.jsonl").read_bytes() == b"", "no rule was approved in this log"
    checked = CliRunner().invoke(verify.command, [str(tmp_path / "log"), "--key", str(tmp_path / "log.pub")])
    assert checked.exit_code == 0, checked.output
    assert "rates       9 awards, none above what the rate approved for its day gives" in checked.output
    assert "9 of 9 awards give the booked milligrams again" in checked.output
    assert [(row.what, row.first, row.last, row.party_id) for row in queries.readings()] == [
        ("openings", 0, 8, None),
        ("leaves", 0, 8, None),
    ]
    public = run("export", tmp_path / "public")
    assert public.exit_code == 0 and not (tmp_path / "public/tile/entries").exists()
    assert len(queries.readings()) == 2, "tiles are hashes: nobody was shown anything"
    assert "openings.jsonl" not in public.stderr
    # What was opened before stays there, and whoever gives the folder to others is told.
    again = run("export", tmp_path / "log")
    assert again.exit_code == 0 and (tmp_path / "log/openings.jsonl").exists()
    assert "still holds openings.jsonl, rules.jsonl, zones.jsonl of an earlier export" in again.stderr
    assert "只给核查人员" in again.stderr


def test_a_proof_between_two_heads_is_written_and_checked(world: World, tmp_path: Path) -> None:
    (tmp_path / "log.pub").write_text(queries.public_key())
    assert run("prove", "--from", 5, "-o", tmp_path / "proof.json").exit_code == 0
    checked = CliRunner().invoke(
        verify.command, [str(tmp_path / "proof.json"), "--key", str(tmp_path / "log.pub")]
    )
    assert (checked.exit_code, "begins with the 5 of the older head" in checked.output) == (0, True)
    assert run("prove", "--from", 9, "--to", 5).exit_code == 2
    missing = run("prove", "--from", 7)
    assert (missing.exit_code, "log-no-head" in missing.stderr) == (1, True)


def test_access_is_given_listed_and_ended(world: World) -> None:
    parties.create_party("verify-co", "verifier", "核查机构", "Verifier")
    shell.sign_in(desk.staffed()["audit_admin"])
    given = run("access", "verify-co", "--entries", "0-3", "--reason", "抽样 2026", "--json")
    assert given.exit_code == 0, given.output
    number = json.loads(given.stdout)["access"]
    (row,) = json.loads(run("accesses", "--json").stdout)
    assert (row["id"], row["party"], row["first"], row["last"], row["ended_at"]) == (
        number,
        "verify-co",
        0,
        3,
        None,
    )
    assert run("end", number).exit_code == 0
    assert json.loads(run("accesses", "--json").stdout)[0]["ended_at"] is not None
    for wrong, code, words in (
        (("access", world.sender.code, "--entries", "0-3", "--reason", "x"), 1, "party-not-a-verifier"),
        (("access", "nobody-here", "--entries", "0-3", "--reason", "x"), 1, "party-unknown"),
        (("access", "verify-co", "--entries", "3-0", "--reason", "x"), 1, "log-access-malformed"),
        (("access", "verify-co", "--entries", "all", "--reason", "x"), 2, "not like 0-99"),
        (("end", "4711"), 1, "log-access-unknown"),
    ):
        done = run(*wrong)
        assert (done.exit_code, words in done.stderr) == (code, True), done.stderr


def test_an_export_over_another_history_is_refused_by_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("not a checkpoint\n")
    done = run("export", tmp_path)
    assert (done.exit_code, "log-other-history" in done.stderr) == (1, True)
    assert run("readings").exit_code == 0
