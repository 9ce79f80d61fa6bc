"""The demo as a stranger runs it: one command, real HTTP, from a real ride to a burnt voucher that verifies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abate.cli import demo
from abate.demo import madeup, rides
from abate.platform.doors import private_postgres

pytestmark = pytest.mark.platform


EARLIER = "messages.jsonl"
BEGUN = "from pathlib import Path; from abate.platform.config import setup; setup.environment(Path({!r}), begin=True, demo=True)"
"""An earlier demo that was broken off early: it has its secrets and its database."""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DJANGO_", "DATABASE_"))}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=kept)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "abate", "demo", "--once", "--data-dir", str(folder), *options)


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    # Not pytest's own folder: another run of pytest closes that one to the server's user.
    with tempfile.TemporaryDirectory(prefix="abd-") as name:
        folder = Path(name) / "city"
        assert python("-c", BEGUN.format(str(folder))).returncode == 0
        (folder / EARLIER).write_bytes((folder / "secrets.json").read_bytes())
        (folder / "notes.txt").write_text("somebody's own")
        (folder / "work").mkdir()
        assert private_postgres.exists(folder)
        yield folder, run(folder, "--reset", "--json")
        private_postgres.stop(folder)


@pytest.mark.clause("P-7.5.3-2", "P-7.5.3-3", "P-7.4", "P-7.3.3.3-b")
def test_it_ends_with_a_burnt_voucher_that_leads_back_to_a_real_ride(
    played: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = played
    assert result.returncode == 0, result.stderr
    story = json.loads(result.stdout)
    assert story["reconciled"] and story["verified"]
    text = "\n".join(story["chain"])
    for word in ("burnt", "cancelled", "real ride", "arXiv:1909.03679", "pack:demo", "DESNZ"):
        assert word in text, f"{word!r} is missing in the chain:\n{text}"
    assert (folder / "receipt.json").exists()


def test_it_shows_outcomes_of_every_kind_that_real_data_has(
    played: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    story = json.loads(played[1].stdout)
    assert sum(story["outcomes"]["sample-bikes"].values()) == len(rides.rides())
    assert set(story["outcomes"]["sample-bikes"]) == {"credited", "not_below_baseline", "not_counted"}
    assert {"credited", "not_counted"} <= set(story["outcomes"]["sample-meetings"])
    assert set(story["links"]) == {"person", "acceptor", "operator"}


def test_it_tells_its_story_beside_the_json_and_began_where_an_earlier_one_was_removed(
    played: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = played
    assert "every check passed" in result.stderr and "4. Reconciliation" in result.stderr
    assert (folder / "secrets.json").exists() and not (folder / EARLIER).exists()
    assert (folder / "notes.txt").read_text() == "somebody's own" and (folder / "work").is_dir()
    assert "as no demo made it: notes.txt, work" in result.stderr


def test_a_second_run_is_refused(played: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    again = run(played[0])
    assert again.returncode == 1 and "--reset" in again.stderr


@pytest.mark.slow
def test_one_that_was_played_to_its_end_starts_over(
    played: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder = played[0]
    over = run(folder, "--reset")
    assert over.returncode == 0, over.stderr
    assert "every check passed" in over.stdout


def test_reset_touches_no_real_installation(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "secrets.json").write_text('{"demo": false}')
    (folder / "ledger").write_text("people's accounts")
    result = run(folder, "--reset")
    assert result.returncode == 1 and "not a demo's folder" in result.stderr
    assert (folder / "ledger").read_text() == "people's accounts"


@pytest.mark.parametrize("secrets", ["[1]", "{x", "\xff", None])
def test_reset_refuses_a_folder_whose_secret_file_is_no_demo_s_in_words(
    tmp_path: Path, secrets: str | None
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    if secrets is None:
        (folder / "secrets.json").mkdir()
    else:
        (folder / "secrets.json").write_bytes(secrets.encode("latin-1"))
    (folder / "postgres").mkdir()
    result = run(folder, "--reset")
    assert result.returncode == 1 and "not a demo's folder" in result.stderr
    assert "Traceback" not in result.stderr and (folder / "postgres").is_dir()


def test_reset_of_an_empty_folder_has_nothing_to_refuse(tmp_path: Path) -> None:
    demo.reset(tmp_path)
    demo.reset(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_the_sample_is_what_it_says() -> None:
    sample = rides.rides()
    assert len(sample) <= 5000 and len({r.bike_id for r in sample}) == 120
    assert len({r.event_id for r in sample}) == len(sample)
    assert any(r.distance_km == "0.000" for r in sample), "real data has rides of no distance"


def test_made_up_records_say_so_and_repeat() -> None:
    from datetime import date

    one = list(madeup.meetings(date(2026, 3, 2), "x", ["s"], 20))
    assert one == list(madeup.meetings(date(2026, 3, 2), "x", ["s"], 20))
    assert all("madeup" in event["id"] for event in one)


def test_a_file_where_its_folder_should_be_is_named_as_that_and_left_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "city"
    place.write_text("somebody's own")
    for folder in (place, place / "below"):
        refused = run(folder)
        assert refused.returncode == 1 and f"{folder} is no folder" in refused.stderr, refused.stderr
        assert "不是文件夹" in refused.stderr and "settings.env" not in refused.stderr
    assert place.read_text() == "somebody's own"
