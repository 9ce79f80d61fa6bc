"""What was counted by the day, before caps had balances of their own, is carried over, and back as far as it fits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.platform.credits import actions as credits

pytestmark = [pytest.mark.platform, pytest.mark.slow]
MAY, WHY = date(2026, 5, 1), ("上限", "A cap")
RIDE = 222_915


SHORT = """
select short.* from credits_short short
join ledger_entry entry on (entry.person_id, entry.batch_id, entry.place) = (short.person_id, short.batch_id, short.place)
where not exists (select from ledger_reversal undone
                  where (undone.person_id, undone.entry_id) = (entry.person_id, entry.id))
"""


def rows(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return sorted(tuple(map(str, row)) for row in cursor.fetchall())


def old_days() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select person_id, behaviour, day, counted_mg, eligible_mg, max_mg from credits_day order by 1, 2, 3"
        )
        return cursor.fetchall()  # type: ignore[no-any-return]


@pytest.fixture
def back(world: World) -> Iterator[Any]:
    """Takes the schema back to before; however the test ends it is up to date afterwards."""
    try:
        yield lambda: call_command("migrate", "credits", "0002", verbosity=0)
    finally:
        call_command("migrate", verbosity=0)


def test_days_under_a_cap_are_carried_over_and_counted_on(world: World, back: Any) -> None:
    credits.add_cap("cycling", MAY, 300_000, WHY)
    one, two, _ = (person.pk for person in world.people)
    sent = world.send(
        *(world.ride(name) for name in "abc"),
        world.ride("d", 1),
        world.ride("e", start="2026-05-21T09:00:00+08:00"),
        world.meeting("m"),
    )
    credits.reverse(one, sent[1].entry, "withdrawn")
    used, short, totals = rows("table credits_used"), rows(SHORT), world.totals()
    back()
    day = date(2026, 5, 20)
    # As the old code kept them: what counted of the awards that stand, what of it is eligible, and the most.
    assert old_days() == [
        (one, "cycling", day, 2 * RIDE, 300_000, 300_000),
        (one, "cycling", date(2026, 5, 21), RIDE, RIDE, 300_000),
        (two, "cycling", day, RIDE, RIDE, 300_000),
    ]
    call_command("migrate", verbosity=0)
    assert (rows("table credits_used"), rows(SHORT), world.totals()) == (used, short, totals)
    assert differences() == {}
    # And they go on from there: the day is full, another is not, and what is given back goes to what is short.
    more = world.send(world.ride("f"), world.ride("g", 1))
    assert world.totals()[0][2] == totals[0][2] and world.totals()[1][2] == 300_000
    credits.reverse(one, sent[0].entry, "withdrawn")
    assert world.totals()[0][2] == totals[0][2] and more[0].credits == 0
    assert differences() == {}


def test_rows_that_the_old_code_wrote(world: World, back: Any) -> None:
    """Two caps of one beginning: the lowest held. A day whose cap ended later is kept with the one that then held."""
    credits.add_cap("cycling", MAY, 300_000, WHY)
    world.send(world.ride("a"), world.ride("b"))
    back()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into credits_cap (behaviour, from_day, max_mg, reason_zh, reason_en)"
            " values ('cycling', '2026-05-01', 900000, '更宽', 'wider')"
        )
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("select max_mg from credits_cap")
        assert cursor.fetchall() == [(300_000,)]
        cursor.execute("select used_mg, max_mg from credits_used")
        assert cursor.fetchall() == [(300_000, 300_000)]
        cursor.execute("select sum(cut_mg), sum(short_mg) from credits_short")
        assert cursor.fetchall() == [(2 * RIDE - 300_000, 2 * RIDE - 300_000)]
    assert differences() == {}
