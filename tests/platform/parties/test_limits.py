"""Limits of parties, keys and addresses: kept by all servers together, told in headers, and never half used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from tests.platform.events.test_intake import post, token, world  # noqa: F401 (a fixture is used by its name)
from tests.platform.pipeline.world import NOW, World, state

from abate.platform.doors import clock
from abate.platform.parties import actions, limits, queries
from abate.platform.parties.errors import LimitReached
from abate.platform.parties.limit_errors import BatchAboveQuota, LimitMalformed
from abate.platform.parties.limits import Limit
from abate.platform.parties.models import Use

pytestmark = [pytest.mark.platform]
TEN = Limit("requests", "party:1", 10, 60)


def used(limit: Limit, times: int) -> int:
    """How many of so many calls were let through."""
    passed = 0
    for _ in range(times):
        try:
            limits.take([limit])
            passed += 1
        except LimitReached:
            pass
    return passed


@pytest.mark.django_db
def test_a_limit_lets_through_what_it_says_and_comes_back_evenly() -> None:
    with clock.frozen(NOW):
        assert used(TEN, 25) == 10
        with pytest.raises(LimitReached) as refused:
            limits.take([TEN])
        assert refused.value.retry_after == 6
    with clock.frozen(NOW + timedelta(seconds=6)):
        assert used(TEN, 5) == 1
    # Never twice the limit at the edge of a window: 60 s after the first ten, six of them were spent again already.
    with clock.frozen(NOW + timedelta(seconds=59)):
        assert used(TEN, 25) == 8
    with clock.frozen(NOW + timedelta(days=1)):
        left = limits.take([TEN])
    assert left and left.headers() == {
        "RateLimit-Policy": '"requests";q=10;w=60',
        "RateLimit": '"requests";r=9;t=6',
    }


@pytest.mark.django_db
def test_two_limits_are_used_together_or_not_at_all() -> None:
    key = Limit("key", "key:a", 2, 60)
    with clock.frozen(NOW):
        assert limits.take([TEN, key]).limit == key  # type: ignore[union-attr]
        limits.take([TEN, key])
        with pytest.raises(LimitReached, match="key"):
            limits.take([TEN, key])
        # Two were used of the party's ten, not three.
        assert used(TEN, 20) == 8
        # More than the whole limit can never be had, and uses nothing.
        with pytest.raises(LimitReached):
            limits.take([Limit("events", "events:1", 5, 60)], cost=6)
        assert not Use.objects.filter(subject="events:1").exists()


@pytest.mark.django_db
def test_a_clock_that_ran_ahead_and_came_back_does_not_refuse_until_then() -> None:
    with clock.frozen(NOW + timedelta(days=365)):
        assert used(TEN, 12) == 10
    with clock.frozen(NOW):
        assert used(TEN, 12) == 10
    # A server whose clock is a little behind does not get the allowance anew.
    with clock.frozen(NOW - timedelta(seconds=30)):
        assert used(TEN, 5) == 0


@pytest.mark.django_db
def test_what_is_left_of_a_quota_is_told_as_it_is_taken() -> None:
    with clock.frozen(NOW + timedelta(days=365)):
        limits.take_events(7, 100, 100)
    with clock.frozen(NOW):
        assert limits.events_left(7, 100) == 100
        with pytest.raises(BatchAboveQuota):
            limits.take_events(7, 100, 101)
        limits.take_events(7, 100, 100)
        assert limits.events_left(7, 100) == 0


@pytest.mark.django_db(transaction=True)
def test_many_connections_together_keep_one_limit() -> None:
    """Nothing is counted in a process: each of these threads is what another server would be."""

    def run(_: int) -> int:
        try:
            return used(Limit("requests", "party:2", 40, 60), 10)
        finally:
            connection.close()

    with clock.frozen(NOW), ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(8))) == 40


@pytest.mark.clause("P-7.3.3.3-a")
def test_a_party_over_its_limit_is_refused_before_its_body_is_read(world: World) -> None:  # noqa: F811
    party = queries.party(world.sender.code)
    actions.set_limits(party, requests_per_minute=3, events_per_day=None)
    bearer, before = token(world), state()
    told = [post(b"[", bearer) for _ in range(3)]
    assert [answer.status_code for answer in told] == [400, 400, 400]
    assert told[0].headers["ratelimit"] == '"requests";r=2;t=20'
    # Another key of the party's does not help it.
    late = post([world.meeting("m")], token(world))
    assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (
        429,
        "limit-reached",
        "20",
    )
    assert state() == before
    with clock.frozen(NOW + timedelta(seconds=20)):
        assert post([world.meeting("m")], bearer).status_code == 200
    with clock.frozen(NOW), pytest.raises(LimitMalformed):
        actions.set_limits(party, requests_per_minute=0, events_per_day=None)


def test_a_quota_of_events_refuses_the_batch_that_passes_it_whole(world: World) -> None:  # noqa: F811
    actions.set_limits(queries.party(world.sender.code), requests_per_minute=None, events_per_day=3)
    bearer = token(world)
    first = post([world.meeting("a"), world.meeting("b")], bearer)
    assert first.status_code == 200 and "ratelimit" not in first.headers
    over = post([world.meeting("c"), world.meeting("d")], bearer)
    assert (over.status_code, over.json()["detail"]) == (429, "events")
    assert int(over.headers["retry-after"]) == 86_400 // 3
    assert post([world.meeting("c")], bearer).status_code == 200
    # More than a whole day's is never let through: who is told to wait for it would wait for ever.
    never = post([world.meeting(f"d{n}") for n in range(4)], bearer)
    assert (never.status_code, never.json()["code"]) == (BatchAboveQuota.status, BatchAboveQuota.code)
    assert "retry-after" not in never.headers


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/identity/o/api/token", "/sign-in", "/sign-in/code", "/register", "/sign-in/link/x"]
)
def test_one_address_cannot_ask_without_end(path: str, settings: object) -> None:
    settings.ABATE_ADDRESS_PER_MINUTE = 5  # type: ignore[attr-defined]
    with clock.frozen(NOW):
        found = [Client(REMOTE_ADDR="192.0.2.7").post(path).status_code for _ in range(7)]
        assert 429 not in found[:5] and found[5:] == [429, 429]
        refused = Client(REMOTE_ADDR="192.0.2.7").post(path)
        assert int(refused["Retry-After"]) == 12
        assert Client(REMOTE_ADDR="192.0.2.8").post(path).status_code != 429
        # A host of IPv6 has a network of addresses.
        many = [Client(REMOTE_ADDR=f"2001:db8::{n}").post(path).status_code for n in range(1, 8)]
        assert many == found and Client(REMOTE_ADDR="2001:db8:0:1::1").post(path).status_code != 429
    # No address stands in the table, and what says nothing any more leaves it.
    assert not any("192" in one.subject for one in Use.objects.all())
    with clock.frozen(NOW + timedelta(hours=1)):
        Client(REMOTE_ADDR="192.0.2.9").post(path)
    assert Use.objects.count() == 1
