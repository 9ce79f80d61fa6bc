"""An account that can hold no more: the event that goes beyond is refused by name, and nothing else is."""

from __future__ import annotations

import pytest
from django.db import connection
from tests.platform.pipeline.world import World, differences

from abate.platform.carbon import staging
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-b")]
ONE = 2_712_694
"""What a meeting comes to, in mg."""


def raise_to(person: int, carbon_mg: int, earned: int) -> None:
    """Planted: an account that a hundred years of the largest meetings would make."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger_balance set carbon_mg = %s, earned = %s where person_id = %s",
            [carbon_mg, earned, person],
        )
        assert cursor.rowcount == 1


@pytest.mark.parametrize(
    "full",
    [(staging.MOST - ONE, 1000 * ONE), (2 * ONE, staging.MOST - 1000 * ONE)],
    ids=["milligrams", "earned"],
)
@pytest.mark.parametrize("size", [1, 5])
def test_beyond_64_bits_each_event_is_judged_alone(world: World, full: tuple[int, int], size: int) -> None:
    first, *_ = world.send(world.meeting("before"), world.meeting("other", 1))
    assert first.er_mg == ONE
    person = world.people[0].pk
    raise_to(person, *full)
    others = [world.meeting(f"fine {n}", 1) for n in range(size)]
    sent = [
        world.meeting("last", 0),
        others[0],
        world.meeting("before"),
        world.meeting("beyond"),
        *others[1:],
    ]
    got = world.send(*sent)
    assert [one.outcome for one in got[:4]] == [
        Outcome.CREDITED,
        Outcome.CREDITED,
        Outcome.EXISTS,
        Outcome.REFUSED,
    ]
    assert got[3].reason == "total_too_large:er_mg" and all(one.er_mg == ONE for one in got[4:])
    now = ledger.balance(person)
    assert max(now.carbon_mg, now.earned) == staging.MOST
    (again,) = world.send(world.meeting("beyond"))
    assert again.reason == "total_too_large:er_mg"
    with connection.cursor() as cursor:
        cursor.execute("select code, detail, count(*) from events_refusal group by code, detail")
        assert cursor.fetchall() == [("total_too_large", "er_mg", 2)]
    # Once there is room, the same id is booked: a refusal does not use it up.
    raise_to(person, 2 * ONE, 2000 * ONE)
    assert world.send(world.meeting("beyond"))[0].outcome == Outcome.CREDITED


def test_one_batch_of_more_than_an_account_can_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MOST", 3 * ONE)
    got = world.send(*[world.meeting(f"m{n}", n % 2) for n in range(10)], world.ride("r", 2, km=0.01))
    assert [one.outcome.text for one in got] == [*["credited"] * 6, *["refused"] * 4, "credited"]
    assert [mg for mg, _, _ in world.totals()[:2]] == [3 * ONE, 3 * ONE] and differences() == {}
    repeated = world.send(*[world.meeting(f"m{n}", n % 2) for n in range(10)])
    assert [one.outcome.text for one in repeated] == [*["exists"] * 6, *["refused"] * 4]
    assert differences() == {}
