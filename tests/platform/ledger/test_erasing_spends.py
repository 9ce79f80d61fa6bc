"""Whoever was erased spends, holds, retires and undoes nothing more; what ends by itself goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from tests.platform.ledger.conftest import DAYS
from tests.platform.ledger.test_actions import everything, redeem
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.pipeline.world import NOW, World, differences

from abate.bookkeeping.kinds import Kind
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import actions, erasing, errors, expiring, holds, posting, queries
from abate.platform.ledger.actions import Spend, Verdict
from abate.platform.ledger.queries import EntryRow

pytestmark = [pytest.mark.platform]
SOON = NOW + timedelta(hours=1)


class Leaving:
    """A person with credits, milligrams, a spend, an award and an open hold, and another who stays."""

    def __init__(self, world: World) -> None:
        self.person, self.who, self.other = world.people[0], world.people[0].pk, world.people[1].pk
        (got,) = world.send(world.meeting("award"))
        self.award: int = got.entry
        actions.adjust(self.who, 100, "opening")
        self.spent = redeem(self.who, 5, "spent")
        self.held = holds.hold(self.who, 7, "held", SOON)

    def requests(self) -> dict[str, Callable[[], object]]:
        """Eight, of which each could be booked, whatever was booked before it."""
        who = self.who
        return {
            "redeem": lambda: redeem(who, 1, "r"),
            "cancel": lambda: actions.cancel(who, 1, "c"),
            "exchange_out": lambda: actions.exchange_out(who, 1, "x"),
            "retire": lambda: actions.retire(who, 1, "m"),
            "transfer": lambda: actions.transfer(who, self.other, 1, "t"),
            "adjust": lambda: actions.adjust(who, -1, "a"),
            "hold": lambda: holds.hold(who, 1, "h", SOON),
            "reverse": lambda: credits.reverse(who, self.spent.id, "returned"),
        }

    def late(self) -> list[EntryRow]:
        """Entries that no erased leaf names, or that came after one."""
        rows = queries.entries(self.who, limit=1000)
        said = [row for row in rows if row.kind == Kind.ERASED]
        named, first = [row.cause for row in said], min(row.id for row in said)
        assert len(set(named)) == len(named)
        own = [row for row in rows if row.kind != Kind.ERASED]
        return [row for row in own if str(row.id) not in named or row.id > first]


@pytest.fixture
def leaving(expiring_room: World) -> Leaving:
    return Leaving(expiring_room)


KINDS = ("redeem", "cancel", "exchange_out", "retire", "transfer", "adjust", "hold", "reverse")


def test_each_request_is_booked_for_the_living(leaving: Leaving) -> None:
    """So that no refusal below comes from anything but erasing."""
    assert tuple(leaving.requests()) == KINDS
    for do in leaving.requests().values():
        do()
    erasing.erase(leaving.person)
    assert leaving.late() == [] and differences() == {}


@pytest.mark.parametrize("when", [NOW, NOW + timedelta(hours=2)], ids=["at once", "with a hold overdue"])
def test_each_refusal_has_its_name_and_changes_no_row(leaving: Leaving, when: Any) -> None:
    erasing.erase(leaving.person)
    more = {
        "more than there is": lambda: actions.cancel(leaving.who, 10**6, "much"),
        "the award": lambda: credits.reverse(leaving.who, leaving.award, "withdrawn"),
        "what is for good": lambda: credits.reverse(leaving.who, leaving.held.id, "a hold"),
    }
    before = everything()
    with clock.frozen(when):
        for name, do in (leaving.requests() | more).items():
            with pytest.raises(errors.AccountErased):
                do()
            assert everything() == before, name
    assert differences() == {}


def test_of_many_spends_only_those_of_the_erased_are_refused(leaving: Leaving) -> None:
    actions.adjust(leaving.other, 10, "opening")
    first = actions.cancel(leaving.who, 2, "first")
    erasing.erase(leaving.person)
    before = queries.entries(leaving.who, limit=1000)
    asked = [
        Spend(leaving.who, 1, "a"),
        Spend(leaving.other, 4, "b"),
        Spend(leaving.who, 10**6, "c"),
        Spend(leaving.who, 2, "first"),
        Spend(leaving.other, 7, "d"),
    ]
    found = actions.spend_all(Kind.CANCEL, asked)
    assert [one.code for one in found] == ["erased", "done", "erased", "exists", "insufficient"]
    assert found[3] == Verdict("exists", first.id), "answered from the first time"
    assert queries.entries(leaving.who, limit=1000) == before
    assert differences() == {}


def test_what_ends_by_itself_goes_on(leaving: Leaving) -> None:
    paid = holds.hold(leaving.who, 3, "paid", NOW + timedelta(days=30))
    erasing.erase(leaving.person)
    holds.settle(leaving.who, paid.id, "delivered")
    with clock.frozen(NOW + timedelta(hours=2)):
        assert holds.lapse_overdue() == 1
    with clock.frozen(NOW + timedelta(days=DAYS)):
        expiring.cut_all()
        assert expiring.expire_due() > 0
        assert queries.balance(leaving.who).credits == 0
    assert differences() == {}


def wait_for(number: int) -> None:
    """Until so many backends of this database wait for a lock."""
    pause = threading.Event()
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= number:
                return
        pause.wait(0.01)
    raise AssertionError(f"{number} were to wait for a lock")


def together(
    first: Callable[[], object], others: Sequence[Callable[[], object]], still: Any, patch: pytest.MonkeyPatch
) -> tuple[list[Any], list[Any]]:
    """What `first` and the others came to; the first call of `still` waits until all the others wait for its locks."""
    where, name = still
    really, reached, go, found, came = getattr(where, name), threading.Event(), threading.Event(), [], []

    def pause(*arguments: Any) -> Any:
        if not reached.is_set():
            reached.set()
            assert go.wait(20)
        return really(*arguments)

    with patch.context() as inner:
        inner.setattr(where, name, pause)
        threads = [beside(first, found)]
        assert reached.wait(20)
        threads += [beside(do, came) for do in others]
        try:
            wait_for(len(others))
        finally:
            go.set()
            for thread in threads:
                thread.join(20)
    return found, came


@pytest.mark.parametrize("first", KINDS)
def test_who_asks_first_is_booked_and_erased_with_the_rest(
    leaving: Leaving, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has seen a living person and is not booked yet; seven more and erasing wait, and come in any order."""
    asked = leaving.requests()
    others = [lambda: erasing.erase(leaving.person), *(do for name, do in asked.items() if name != first)]
    found, came = together(asked[first], others, (posting, "post"), monkeypatch)
    assert isinstance(found[0], EntryRow), "booked"
    refused = [one for one in came if isinstance(one, str)]
    assert len(came) == 8 and set(refused) <= {"account-erased"}
    assert leaving.late() == [] and differences() == {}


def erase_first(leaving: Leaving, patch: pytest.MonkeyPatch) -> list[Any]:
    """Erasing has said everything and is not committed; all eight wait for it."""
    found, came = together(
        lambda: erasing.erase(leaving.person),
        list(leaving.requests().values()),
        (erasing.people, "destroy"),
        patch,
    )
    assert type(found[0]) is int
    return came


def test_who_erases_first_has_all_eight_refused(leaving: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    balance, other = queries.balance(leaving.who), queries.balance(leaving.other)
    assert erase_first(leaving, monkeypatch) == ["account-erased"] * 8
    assert leaving.late() == [] and differences() == {}
    assert (queries.balance(leaving.who), queries.balance(leaving.other)) == (balance, other)


def test_a_status_read_before_the_lock_is_seen(leaving: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the verdict is from before the account's lock. What needs no other lock is then booked late."""
    ready, erased, seen = posting.ready, actions.erased, threading.local()

    def early(cursor: Any, persons: Sequence[int]) -> posting.Ready:
        seen.by = erased(cursor, persons)
        return ready(cursor, persons)

    with monkeypatch.context() as planted:
        planted.setattr(posting, "ready", early)
        planted.setattr(actions, "erased", lambda *_: seen.by)
        came = erase_first(leaving, monkeypatch)
    assert sorted(one for one in came if isinstance(one, str)) == ["account-erased"] * 2, "transfer, adjust"
    assert len(leaving.late()) == 6
