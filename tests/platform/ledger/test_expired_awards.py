"""An award that is undone after its credits expired unspent leaves no debt, whether or not the job of the day has passed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import translation
from tests.platform.ledger.conftest import DAYS
from tests.platform.ledger.test_actions import each_receipt_opens
from tests.platform.pipeline.world import NOW, World, differences

from abate.bookkeeping.kinds import Kind
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import actions, expiring, queries, reversing, standing
from abate.platform.log import actions as log
from abate.platform.web import story

pytestmark = [pytest.mark.platform]
EXPIRED = NOW + timedelta(days=DAYS)


def job(*, ran: bool) -> None:
    if ran:
        expiring.cut_all(), expiring.expire_due()


@pytest.mark.parametrize("ran", [True, False], ids=["the job ran", "the job is late"])
@pytest.mark.parametrize("part", ["nothing", "one", "all"])
def test_only_what_was_spent_of_it_is_owed(expiring_room: World, ran: bool, part: str) -> None:
    person = expiring_room.people[0].pk
    (got,) = expiring_room.send(expiring_room.meeting("a"))
    spent = {"nothing": 0, "one": 1, "all": got.credits}[part]
    if spent:
        actions.cancel(person, spent, "some of it")
    with clock.frozen(EXPIRED):
        job(ran=ran)
        back = credits.reverse(person, got.entry or 0, "withdrawn")
        seen = standing.standing(person)
        assert (seen.free, seen.owed, back.credits) == (0, spent, -got.credits)
        actions.adjust(person, got.credits + 7, "gift")
        assert standing.standing(person).free == got.credits + 7 - spent
        assert differences() == {}
        assert expiring.expire_due() == 0, "nothing of it is there to expire again"
        assert differences() == {}


@pytest.mark.parametrize("ran", [True, False], ids=["the job ran", "the job is late"])
def test_awards_of_one_lot_share_what_expired_of_it(expiring_room: World, ran: bool) -> None:
    """Two awards of one day are one lot; three of its credits were spent, one expired, and both awards go."""
    person = expiring_room.people[0].pk
    first, second = expiring_room.send(expiring_room.meeting("a"), expiring_room.meeting("b"))
    total = first.credits + second.credits
    actions.cancel(person, total - 1, "all but one")
    with clock.frozen(EXPIRED):
        job(ran=ran)
        for got in (first, second):
            credits.reverse(person, got.entry or 0, "withdrawn")
            assert differences() == {}
        assert standing.standing(person).owed == total - 1
        restored = [row.credits for row in queries.entries(person) if row.kind == Kind.RESTORE]
        assert restored == ([1] if ran else [])


def test_what_came_back_has_a_receipt_that_opens(expiring_room: World) -> None:
    person = expiring_room.people[0]
    (got,) = expiring_room.send(expiring_room.meeting("a"))
    with clock.frozen(EXPIRED):
        job(ran=True)
        credits.reverse(person.pk, got.entry or 0, "withdrawn")
        log.sequence()
        rows = [row for row in queries.entries(person.pk) if row.kind == Kind.RESTORE]
    assert len(rows) == 1
    each_receipt_opens(person, rows)


def test_the_statement_says_what_came_back_and_why(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    (got,) = expiring_room.send(expiring_room.meeting("a"))
    with clock.frozen(EXPIRED):
        job(ran=True)
        credits.reverse(person, got.entry or 0, "withdrawn")
        rows = sorted(queries.entries(person), key=lambda row: row.id)
    assert [row.kind for row in rows] == [Kind.AWARD, Kind.EXPIRE, Kind.RESTORE, Kind.REVERSE]
    assert [row.credits_after for row in rows] == [got.credits, 0, got.credits, 0]
    with translation.override("en"):
        told = story.lines(rows)[2]
        assert (told.title, told.cause) == ("Expired credits put back for a reversal", "withdrawn")
    with translation.override("zh-hans"):
        assert "到期积分" in story.lines(rows)[2].title


PLANTS = {
    "no reversal takes it": "update ledger_entry set cause = cause || 'x' where kind = 10",
    "the reversal took other credits": "update ledger_draw set day = day - 1 where credits < 0 and entry_id ="
    " (select id from ledger_entry where kind = 10)",
    "it had not expired": "update ledger_entry set kind = 4, counter = 2 where kind = 5",
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_is_named(expiring_room: World, plant: str) -> None:
    person = expiring_room.people[0].pk
    (got,) = expiring_room.send(expiring_room.meeting("a"))
    with clock.frozen(EXPIRED):
        job(ran=True)
        credits.reverse(person, got.entry or 0, "withdrawn")
        assert differences() == {}
        with connection.cursor() as cursor:
            cursor.execute(PLANTS[plant])
            assert cursor.rowcount > 0
        assert "restored" in differences()


def test_without_it_the_debt_depends_on_a_job(expiring_room: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: nobody looks what expired."""
    statement = reversing.SQL["gone_lots"].replace("having sum", "having false and sum")
    monkeypatch.setitem(reversing.SQL, "gone_lots", statement)
    person = expiring_room.people[0].pk
    (got,) = expiring_room.send(expiring_room.meeting("a"))
    with clock.frozen(EXPIRED):
        job(ran=True)
        credits.reverse(person, got.entry or 0, "withdrawn")
        assert standing.standing(person).owed == got.credits
