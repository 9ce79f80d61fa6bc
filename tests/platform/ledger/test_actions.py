"""Each movement of the ledger by itself: what it books, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from tests.platform.ledger.conftest import DAYS
from tests.platform.pipeline.world import NOW, World, differences, state

from abate.bookkeeping import checkpoint
from abate.bookkeeping.kinds import Counter, Kind
from abate.bookkeeping.verify import verify_receipt
from abate.platform.credits import actions as credits
from abate.platform.credits.errors import RuleTooLate, TwoExpiries
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.ledger import actions, erasing, errors, expiring, holds, queries, standing
from abate.platform.ledger.actions import Spend, Verdict
from abate.platform.ledger.models import Order
from abate.platform.ledger.queries import EntryRow
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.people.models import Person
from abate.platform.web import openings, receipts

pytestmark = [pytest.mark.platform]
TABLES = ("ledger_lot", "ledger_draw", "ledger_hold", "ledger_order", "ledger_reversal", "ledger_close")


def everything() -> dict[str, list[tuple]]:
    found = state()
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"select * from {table}")
            found[table] = sorted(tuple(map(str, row)) for row in cursor.fetchall())
    return found


def redeem(person: int, amount: int, order: str) -> EntryRow:
    with transaction.atomic(), connection.cursor() as cursor:
        return actions.post_redeem(cursor, person, amount, order)


def free(person: int) -> int:
    return standing.standing(person).free


@pytest.mark.clause("P-7.4")
def test_what_expires_first_is_spent_first_and_a_late_job_changes_nothing(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    world.send(world.meeting("a"))
    first = free(person)
    with clock.frozen(NOW + timedelta(days=2)):
        world.send(world.meeting("b"))
        assert [lot.credits for lot in standing.standing(person).lots] == [first, free(person) - first]
        redeem(person, first + 1, "one")
        (left,) = standing.standing(person).lots
        assert left.expires_on == clock.today() + timedelta(days=DAYS)
    with clock.frozen(NOW + timedelta(days=2 + DAYS)):
        assert free(person) == 0 and queries.balance(person).credits == left.credits
        with pytest.raises(errors.InsufficientCredits):
            redeem(person, 1, "two")
        assert expiring.expire_due() == left.credits and expiring.expire_due() == 0
        assert queries.balance(person).credits == 0
        assert queries.entries(person)[0].kind == Kind.EXPIRE
    assert differences() == {}


def test_the_day_before_it_expires_a_credit_is_good(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    world.send(world.meeting("a"))
    held = free(person)
    with clock.frozen(NOW + timedelta(days=DAYS - 1)):
        assert redeem(person, held, "all").credits == -held


def test_a_rule_begins_in_the_future_and_says_one_thing(expiring_room: World) -> None:
    with pytest.raises(RuleTooLate):
        credits.add_rule(clock.today(), ("", ""), expiry_days=3)
    with pytest.raises(TwoExpiries):
        credits.add_rule(clock.today() + timedelta(days=1), ("", ""), expiry_days=3, expiry_years=1)
    made = credits.add_rule(date(2026, 7, 1), ("次年年底", "End of next year"), expiry_years=1)
    assert made.credits_per_kg == 1000
    with connection.cursor() as cursor:
        cursor.execute("select credits_expires_on('2026-07-01'), credits_expires_on('2026-06-30')")
        assert cursor.fetchone() == (date(2028, 1, 1), date(2026, 7, 5))


@pytest.mark.clause("P-7.4")
def test_an_award_taken_back_frees_its_room_under_the_cap(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "Daily cap"))
    one, two = world.send(world.ride("one", km=1.5), world.ride("two", km=1.5))
    before = queries.balance(person)
    assert before.eligible_mg == 300_000 and two.capped
    undone = credits.reverse(person, one.entry, "returned")
    assert (undone.kind, undone.carbon_mg, undone.counter) == (Kind.REVERSE, -one.er_mg, Counter.CORRECTION)
    after = queries.balance(person)
    assert (after.carbon_mg, after.eligible_mg, after.credits) == (two.er_mg, two.er_mg, two.er_mg // 1000)
    world.send(world.ride("three", km=1.5))
    assert queries.balance(person).eligible_mg == 300_000
    assert differences() == {}


def test_credits_already_spent_become_a_debt_that_earnings_settle_first(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    (got,) = world.send(world.meeting("a"))
    redeem(person, got.credits, "all")
    credits.reverse(person, got.entry, "withdrawn")
    assert queries.balance(person).credits == -got.credits
    assert (free(person), standing.standing(person).owed) == (0, got.credits)
    world.send(world.meeting("b"), world.meeting("c"))
    seen = standing.standing(person)
    assert seen.owed == 0 and seen.free == queries.balance(person).credits > 0
    redeem(person, seen.free, "rest")
    assert differences() == {}


def test_a_spend_given_back_goes_to_the_lots_it_came_from(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    world.send(world.meeting("a"))
    before = standing.standing(person).lots
    made = actions.exchange_out(person, 2, "out")
    credits.reverse(person, made.id, "refused there")
    assert standing.standing(person).lots == before
    assert differences() == {}


def _refusals(world: World) -> dict[str, Callable[[], object]]:
    one, two = world.people[0].pk, world.people[1].pk
    (got,) = world.send(world.meeting("a"))
    spent = actions.cancel(one, 1, "spent")
    redeemed = redeem(one, 1, "redeemed")
    undone = credits.reverse(one, redeemed.id, "undo")
    held = holds.hold(one, 1, "held", NOW + timedelta(hours=1))
    holds.settle(one, held.id, "paid")
    soon, nobody, gone = NOW + timedelta(hours=1), 10**9, world.people[2]
    erasing.erase(gone)
    return {
        "person-unknown": lambda: actions.transfer(one, nobody, 1, "t"),
        "person-unknown ": lambda: actions.transfer(nobody, one, 1, "t"),
        "person-unknown  ": lambda: actions.adjust(nobody, 1, "a"),
        "person-unknown   ": lambda: actions.adjust(nobody, -1, "a"),
        "person-unknown    ": lambda: actions.exchange_in(nobody, 1, "in"),
        "account-erased": lambda: actions.transfer(one, gone.pk, 1, "t"),
        "account-erased ": lambda: actions.adjust(gone.pk, 1, "a"),
        "account-erased  ": lambda: actions.exchange_in(gone.pk, 1, "in"),
        "insufficient-credits": lambda: actions.transfer(one, two, 10**6, "t"),
        "same-person": lambda: actions.transfer(one, one, 1, "t"),
        "order-taken": lambda: actions.cancel(one, 2, "spent"),
        "not-an-amount": lambda: actions.cancel(one, 0, "zero"),
        "entry-unknown": lambda: credits.reverse(one, 10**9, "none"),
        "not-reversible": lambda: credits.reverse(one, spent.id, "for good"),
        "not-reversible ": lambda: credits.reverse(one, undone.id, "reversal of a reversal"),
        "reversed-already": lambda: credits.reverse(one, redeemed.id, "again"),
        "entry-unknown ": lambda: credits.reverse(two, got.entry, "another's"),
        "hold-unknown": lambda: holds.settle(two, held.id, "another's"),
        "hold-ended": lambda: holds.settle(one, held.id, "twice"),
        "hold-ended ": lambda: holds.release(one, held.id, "settled"),
        "hold-time": lambda: holds.hold(one, 1, "past", NOW),
        "insufficient-credits ": lambda: holds.hold(one, 10**6, "much", soon),
        "carbon-retired": lambda: actions.retire(one, got.er_mg + 1, "much"),
    }


def test_every_refusal_has_its_name_and_leaves_everything_as_it_was(expiring_room: World) -> None:
    for code, attempt in _refusals(expiring_room).items():
        before = everything()
        with pytest.raises(Problem) as seen:
            attempt()
        assert seen.value.code == code.strip() and seen.value.remedy("zh") and seen.value.remedy("en")
        assert everything() == before, code
    assert differences() == {}


def test_retired_milligrams_cannot_be_taken_back(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0].pk
    (got,) = world.send(world.meeting("a"))
    assert actions.retire(person, got.er_mg, "project").counter == Counter.RETIREMENT
    with pytest.raises(errors.CarbonRetired):
        credits.reverse(person, got.entry, "late")
    assert differences() == {}


def test_a_refused_large_spend_does_not_block_a_smaller_one_behind_it(expiring_room: World) -> None:
    one, two, three = (person.pk for person in expiring_room.people)
    actions.adjust(one, 10, "a"), actions.adjust(two, 3, "b")
    asked = [Spend(one, 6, "1"), Spend(one, 5, "2"), Spend(two, 3, "3"), Spend(one, 4, "4"), Spend(one, 6, "1"),
             Spend(one, 7, "1"), Spend(three, 1, "5"), Spend(two, 1, "6")]  # fmt: skip
    found = actions.spend_all(Kind.CANCEL, asked)
    codes = [verdict.code for verdict in found]
    assert codes == [
        "done",
        "insufficient",
        "done",
        "done",
        "exists",
        "conflict",
        "insufficient",
        "insufficient",
    ]
    assert found[4] == Verdict("exists", found[0].entry_id)
    again = actions.spend_all(Kind.CANCEL, asked[:1] + asked[3:4])
    assert again == [Verdict("exists", found[0].entry_id), Verdict("exists", found[3].entry_id)]
    assert (queries.balance(one).credits, queries.balance(two).credits) == (0, 0)
    assert differences() == {}


def test_a_hold_of_an_earlier_version_is_found_again_by_its_end(expiring_room: World) -> None:
    """Its order's digest left the end out: what the stored hold says decides, and the reconciliation takes both forms."""
    person = expiring_room.people[0].pk
    actions.adjust(person, 5, "five")
    held = holds.hold(person, 4, "four", NOW + timedelta(hours=1))
    former = actions.digest(Kind.HOLD, 4)
    assert Order.objects.filter(person_id=person, order_id="four").update(digest=former) == 1
    assert holds.hold(person, 4, "four", NOW + timedelta(hours=1)) == held
    with pytest.raises(errors.OrderTaken):
        holds.hold(person, 4, "four", NOW + timedelta(hours=2))
    assert differences() == {}


def test_an_order_of_an_exchange_stands_for_its_party(expiring_room: World) -> None:
    one, party = expiring_room.people[0].pk, expiring_room.sender.party_id
    for book in (actions.exchange_in, actions.exchange_out):
        made = book(one, 5, book.__name__, party)
        assert book(one, 5, book.__name__, party) == made and made.cause_party == party
        for other in (None, party + 1):
            with pytest.raises(errors.OrderTaken):
                book(one, 5, book.__name__, other)
    assert differences() == {}


def test_held_credits_are_not_free_and_come_back_in_time(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    actions.adjust(person, 5, "five")
    held = holds.hold(person, 4, "four", NOW + timedelta(hours=1))
    assert (queries.balance(person).credits, free(person)) == (5, 1)
    assert holds.hold(person, 4, "four", NOW + timedelta(hours=1)) == held, "asked again, held once"
    for number, hours in ((4, 2), (3, 1)):
        with pytest.raises(errors.OrderTaken):
            holds.hold(person, number, "four", NOW + timedelta(hours=hours))
    with clock.frozen(NOW + timedelta(hours=1)):
        assert free(person) == 5, "the job has not run"
        assert holds.lapse_overdue() == 1 and holds.lapse_overdue() == 0
        with pytest.raises(errors.HoldEnded):
            holds.settle(person, held.id, "late")
        assert queries.entries(person)[0].kind == Kind.RELEASE
    assert differences() == {}


def test_held_credits_outlive_their_expiry_as_long_as_they_are_held(expiring_room: World) -> None:
    person = expiring_room.people[0].pk
    actions.adjust(person, 5, "five")
    held = holds.hold(person, 3, "three", NOW + timedelta(days=DAYS + 3))
    with clock.frozen(NOW + timedelta(days=DAYS)):
        assert expiring.expire_due() == 2
        assert holds.settle(person, held.id, "paid").credits == -3
    assert queries.balance(person).credits == 0 and differences() == {}


def test_transferred_credits_keep_their_expiry(expiring_room: World) -> None:
    one, two = expiring_room.people[0].pk, expiring_room.people[1].pk
    actions.adjust(one, 5, "five")
    with clock.frozen(NOW + timedelta(days=2)):
        out = actions.transfer(one, two, 3, "gift")
        assert actions.transfer(one, two, 3, "gift") == out
        (lot,) = standing.standing(two).lots
        assert (lot.credits, lot.origin) == (3, Kind.TRANSFER)
        assert lot.expires_on == clock.day(NOW) + timedelta(days=DAYS)
    assert queries.sums()["credits"].accounts["clearing"] == 0
    assert differences() == {}


def test_every_kind_of_entry_has_a_receipt_that_opens(expiring_room: World) -> None:
    world, person = expiring_room, expiring_room.people[0]
    one, two = person.pk, world.people[1].pk
    (got, more) = world.send(world.meeting("a"), world.meeting("b"))
    actions.adjust(one, 20, '调整 "一"')
    actions.exchange_in(one, 5, "in"), actions.exchange_out(one, 1, "out"), actions.cancel(one, 1, "cancel")
    spent = redeem(one, 1, str(uuid4()))
    actions.transfer(one, two, 1, "t"), actions.retire(one, more.er_mg, "r")
    kept, freed = (holds.hold(one, 1, name, NOW + timedelta(hours=1)) for name in "kf")
    holds.settle(one, kept.id, "paid"), holds.release(one, freed.id, "off")
    credits.reverse(one, spent.id, "undo"), credits.reverse(one, got.entry, "withdrawn")
    with clock.frozen(NOW + timedelta(days=DAYS)):
        expiring.cut_all(), expiring.expire_due()
    log.sequence()
    rows = queries.entries(one, limit=100)
    # Collecting and lapsing need a rule of their own (test_collecting.py), and credits that come back an expiry before
    # (test_expired_awards.py); decisions are of no person (test_proposing.py).
    assert {row.kind for row in rows} == set(Kind) - {
        Kind.CONVERT,
        Kind.ERASED,
        Kind.UNCOLLECTED,
        Kind.COLLECT,
        Kind.LAPSE,
        Kind.DECIDED,
        Kind.AUDITED,
        Kind.RESTORE,
    }
    each_receipt_opens(person, rows)


def each_receipt_opens(person: Person, rows: Sequence[EntryRow]) -> None:
    """Of entries that are in the log."""
    key = checkpoint.read_key(log_queries.public_key())
    for row in rows:
        made = receipts.receipt(person, row)
        assert made is not None
        checks = {check.name: check.status.value for check in verify_receipt(made, key).checks}
        assert checks["opening"] == checks["facts"] == "passed", (Kind(row.kind), checks)
        shown = openings.opening(made["index"])
        assert shown is not None and shown.opening.personal == made["opening"]["personal"]
