"""A fault at every single database call of a batch: nothing half done, and the same batch goes through afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from psycopg import Cursor, errors
from tests.platform.pipeline.world import World, differences, state

from abate.platform import together
from abate.platform.events.errors import Busy
from abate.platform.events.outcomes import Outcome

together_exchange = together.exchange
pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("lane")]
MOST = 100


@contextmanager
def fault_at(
    number: int, fault: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    """Before the `number`-th statement on any psycopg cursor, once, do `fault`; yields the count of statements so far."""
    seen = [0]

    def before(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            seen[0] += 1
            if seen[0] == number:
                fault(self)
            return plain(self, *args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("execute", "executemany", "copy"):
            patch.setattr(Cursor, name, before(getattr(Cursor, name)))
        exchange = before(lambda _, *args: together_exchange(*args))
        patch.setattr(together, "exchange", lambda *args: exchange(Cursor(connection.connection), *args))
        yield seen


def broken(_: Any) -> None:
    raise errors.InternalError_("planted: the server failed here")


def cut(cursor: Any) -> None:
    """The server ends this very connection, as a restart or a broken line would."""
    url = cursor.connection.info
    with psycopg.connect(
        host=url.host, port=url.port, user=url.user, password=url.password, dbname=url.dbname, autocommit=True
    ) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", (url.backend_pid,))


def deadlock(_: Any) -> None:
    raise errors.DeadlockDetected("planted: this side was chosen")


def batch(world: World) -> list[dict]:
    """Awards of several people and behaviours, a refusal, a repeat and an event that credits nothing."""
    return [
        *(world.meeting(f"m{n}", n % 3) for n in range(5)),
        *(world.ride(f"r{n}", n % 3) for n in range(4)),
        world.meeting("m1", 1),
        world.meeting("bad", 0, duration_min=-5),
        world.meeting("none", 1, pkm_coach=0, electricity_kwh=1),
    ]


@pytest.mark.parametrize("fault", [broken, cut], ids=lambda f: f.__name__)
def test_at_whichever_call_the_database_fails_nothing_is_half_done(
    world: World, fault: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = batch(world)
    start = state()
    for number in range(1, MOST):
        with fault_at(number, fault, monkeypatch) as seen:
            try:
                world.send(*events)
            except (Busy, DatabaseError, psycopg.Error):
                assert seen[0] >= number
            else:
                assert seen[0] < number, "a call failed and nobody said so"
                break
        connection.close()
        assert state() == start, f"call {number}"
    else:
        pytest.fail(f"a batch makes more than {MOST} calls")
    assert number > 8, "the faults did not reach the statements of a batch"
    counted = [r.outcome for r in world.send(*events)]
    assert counted.count(Outcome.EXISTS) == 11 and counted.count(Outcome.REFUSED) == 1
    assert differences() == {}


def test_a_lost_race_is_tried_again_and_never_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock or a serialization failure at any call inside the transaction is the database's affair."""
    tried = 0
    for number in range(1, MOST):
        events = [world.meeting(f"d{number}-{n}", n % 3) for n in range(3)]
        with fault_at(number, deadlock, monkeypatch) as seen:
            try:
                found = world.send(*events)
            except errors.DeadlockDetected:
                # Outside the transaction's statements (making the workspace) there is no race to lose.
                continue
        assert {r.outcome for r in found} == {Outcome.CREDITED}
        if seen[0] < number:
            break
        tried += 1
    # One statement where the batch is small, and many where it goes step by step.
    assert tried > (0 if together.FEW else 5)
    assert differences() == {}
