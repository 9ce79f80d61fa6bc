"""`abate close` by a clock that is wrong: nothing is closed and no credit expires."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from tests.platform.ledger.conftest import DAYS
from tests.platform.pipeline.world import NOW, World

from abate.cli import close
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem

pytestmark = [pytest.mark.platform]
MIDNIGHT = datetime.combine(clock.day(NOW) + timedelta(days=DAYS + 1), datetime.min.time())


@pytest.fixture
def midnight() -> datetime:
    """In the platform's zone; credits of NOW are past their last day."""
    return MIDNIGHT.replace(tzinfo=clock.zone())


def rows() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry union all select count(*) from ledger_closed_day")
        return [count for (count,) in cursor.fetchall()]


def refused(room: World, code: str, *, day: datetime | None = None, month: datetime | None = None) -> None:
    before = rows()
    with pytest.raises(Problem) as problem:
        close.run(day, month)
    assert problem.value.code == code and rows() == before


@pytest.mark.parametrize("ahead", [timedelta(seconds=2), timedelta(days=3), -timedelta(seconds=2)])
def test_a_clock_that_differs_from_the_databases_closes_nothing(
    expiring_room: World, midnight: datetime, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    expiring_room.send(expiring_room.meeting("a"))
    with clock.frozen(midnight + timedelta(hours=1)):
        monkeypatch.setattr(clock, "of_database", lambda: clock.now() - ahead)
        refused(expiring_room, "clocks-apart")
        refused(expiring_room, "clocks-apart", month=datetime(NOW.year - 1, 1, 1))
        monkeypatch.setattr(clock, "of_database", lambda: clock.now() - timedelta(seconds=1.9))
        assert close.run(None, None)["expired"] > 0


def test_a_day_that_is_over_by_one_clock_only_is_not_over(
    expiring_room: World, midnight: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiring_room.send(expiring_room.meeting("a"))
    second = timedelta(seconds=1)
    for here, there in ((midnight, midnight - second), (midnight - second, midnight)):
        monkeypatch.setattr(clock, "of_database", lambda at=there: at)
        with clock.frozen(here):
            refused(expiring_room, "day-not-over", day=MIDNIGHT - timedelta(days=1))
    monkeypatch.setattr(clock, "of_database", lambda: midnight)
    with clock.frozen(midnight):
        refused(expiring_room, "day-not-over", month=MIDNIGHT.replace(day=1))
        assert close.run(MIDNIGHT - timedelta(days=1), None)["accounts"]


def test_the_databases_clock_is_asked(transactional_db: None) -> None:
    with clock.frozen(NOW):
        there = clock.of_database()
    assert abs((there - clock.now()).total_seconds()) < 60
