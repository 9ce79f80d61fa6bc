"""A month of refusals leaves for a file and comes back; a month of entries does not leave."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.platform.config.test_months import ask, unturned  # noqa: F401 (a fixture)
from tests.platform.pipeline.world import World, differences

from abate.platform.config import archiving
from abate.platform.doors import clock, rotation
from abate.platform.doors.months import Month, MonthUnfit
from abate.platform.events.models import Archived
from abate.platform.events.queries import count_refusals

pytestmark = pytest.mark.platform
MAY, JUNE = Month(316), Month(317)
ROWS = "select * from events_refusal order by id"


@pytest.fixture
def refused(unturned: None, world: World) -> Iterator[World]:  # noqa: F811
    """Two refusals of May and one of June, and an entry of each month."""
    for moment, count in ((datetime(2026, 5, 20, tzinfo=UTC), 2), (datetime(2026, 6, 20, tzinfo=UTC), 1)):
        with clock.frozen(moment):
            rotation.keep_ahead()
            late = "2030-01-01T00:00:00+08:00"
            world.send(
                *(world.ride(f"{moment.month} \t\\{n}", start=late) for n in range(count)),
                world.ride(f"good {moment.month}", start="2026-05-01T09:00:00+08:00"),
            )
    yield world


def test_a_month_leaves_with_its_digest_and_comes_back_as_it_was(refused: World, tmp_path: Path) -> None:
    before = ask(ROWS)
    assert len(before) == 3
    done = archiving.leave(MAY, tmp_path)
    assert (done.rows, count_refusals(), [p.name for p in tmp_path.iterdir()]) == (
        2,
        1,
        ["events_refusal_m202605.csv.gz"],
    )
    kept = Archived.objects.get()
    assert (kept.month, kept.rows, bytes(kept.sha256).hex()) == ("2026-05", 2, done.sha256)
    assert differences() == {}
    with pytest.raises(MonthUnfit, match="no partition"):
        archiving.leave(MAY, tmp_path / "again")
    archiving.come_back(done.path, MAY)
    assert ask(ROWS) == before and not Archived.objects.exists()


def test_a_changed_file_does_not_come_back(refused: World, tmp_path: Path) -> None:
    done = archiving.leave(MAY, tmp_path)
    forged = tmp_path / "forged.csv.gz"
    forged.write_bytes(gzip.compress(gzip.decompress(done.path.read_bytes()).replace(b"cycling", b"walking")))
    with pytest.raises(archiving.ArchiveDiffers):
        archiving.come_back(forged, MAY)
    with pytest.raises(MonthUnfit, match="in no archive"):
        archiving.come_back(done.path, JUNE)
    assert count_refusals() == 1 and Archived.objects.count() == 1


@pytest.mark.clause("D-7.3")
def test_months_of_entries_and_months_still_open_stay(refused: World, tmp_path: Path) -> None:
    with pytest.raises(archiving.MonthStays, match="first entry on"):
        archiving.leave(MAY, tmp_path, "ledger_entry")
    for month in (JUNE, JUNE.plus(1)):
        with pytest.raises(MonthUnfit, match="still come"):
            archiving.leave(month, tmp_path)
    assert not list(tmp_path.iterdir()) and count_refusals() == 3


def test_a_file_that_misses_a_row_is_found_before_the_month_goes(
    refused: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: a row is written between the file and the taking away."""
    sync = archiving._sync

    def late(path: Path) -> None:
        sync(path)
        ask("insert into events_refusal select %s, batch_id, party_id, event_id, at, behaviour, code, detail"
            " from events_refusal limit 1", MAY.plus(1).first_id - 1)  # fmt: skip

    monkeypatch.setattr(archiving, "_sync", late)
    with pytest.raises(archiving.ArchiveDiffers):
        archiving.leave(MAY, tmp_path)
    assert count_refusals() == 4 and not list(tmp_path.iterdir()) and not Archived.objects.exists()
