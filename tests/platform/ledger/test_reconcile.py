"""What is planted behind the ledger's back, by the owner of the database, is found and named; a sound ledger is even."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import override_settings
from tests.platform.ledger.conftest import DAYS
from tests.platform.pipeline.world import NOW, World, make_world

from abate.bookkeeping.kinds import Kind
from abate.cli import reconcile
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions, closing, erasing, expiring, holds, queries, standing
from abate.platform.log import actions as log
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions as review
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform]
MONTH = timedelta(days=30)


@pytest.fixture
def booked(books: World, db: None, settings: Any) -> Iterator[World]:
    """The books a month later, for a test to plant what it wants in them."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW + MONTH):
        yield books


@pytest.fixture(scope="module")
def books(module_db: None) -> World:
    """Entries of every kind, under a cap, with credits that expire; the days up to yesterday and their month closed."""
    with override_settings(ABATE_OPERATOR_PACK="demo"):
        return write_books()


def write_books() -> World:
    first = clock.day(NOW)
    with clock.frozen(NOW - MONTH):
        credits.add_rule(first, ("五天有效", "Good for five days"), expiry_days=DAYS)
        credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "A day's cap"))
    with clock.frozen(NOW):
        world = make_world()
        one, two, _ = (person.pk for person in world.people)
        got = world.send(world.meeting("m"), world.meeting("n"), *(world.ride(f"r{n}") for n in "abc"))
        history = world.meeting("early", start="2023-05-01T09:00:00+08:00")
        world.send(
            history, world.meeting("saved nothing", pkm_coach=0), world.meeting("short", duration_min=30)
        )
        actions.adjust(one, 50, "gift"), actions.adjust(two, 5, "gift")
        code = incentives.redeem(world.people[0], _offer(price=7), uuid4())
        incentives.burn(_till(), code.text)
        out = actions.exchange_out(one, 3, "out")
        actions.exchange_in(one, 2, "in"), actions.cancel(one, 1, "off"), actions.retire(one, 1000, "retired")
        actions.transfer(one, two, 4, "t")
        spent, freed, *_ = [holds.hold(one, 2, name, NOW + timedelta(days=2)) for name in "sfl"]
        holds.settle(one, spent.id, "paid"), holds.release(one, freed.id, "not wanted")
        credits.reverse(one, out.id, "came back"), credits.reverse(one, got[2].entry, "withdrawn")
        actions.adjust(two, -20, "mistake")
        log.sequence()
    with clock.frozen(NOW + timedelta(days=1)):
        world.send(world.meeting("later", who=1), world.ride("later ride"))
    with clock.frozen(NOW + timedelta(days=DAYS)):
        expiring.cut_all(), holds.lapse_overdue(), expiring.expire_due()
        world.send(world.meeting("last"))
    with clock.frozen(NOW + MONTH):
        closing.close_day(clock.today() - timedelta(days=1)), closing.close_month(first)
    return world


def _till() -> User:
    """Who works at the counter of the one merchant."""
    till = review.create_user("till", made_up=True)
    parties.add_member(till, Party.objects.get(code="a-shop"), "acceptor")
    return till


def _offer(price: int) -> UUID:
    shop = parties.create_party("a-shop", "merchant", "某店", "A shop", made_up=True)
    span = {"from_at": NOW - MONTH, "to_at": NOW + MONTH}
    texts = {"title": ("咖啡券", "Coffee voucher"), "detail": ("一杯", "One cup")}
    return incentives.create_offer(
        party_id=shop.pk, price_credits=price, stock=1, valid_days=30, made_up=True, **texts, **span
    )


def found(*, recompute: bool = False) -> dict[str, int]:
    report = reconcile.report(recompute=recompute)
    sums = {asset: int(not one["even"]) for asset, one in report["assets"].items()}
    return {name: rows for name, rows in (report["differences"] | sums).items() if rows}


def plant(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0, "nothing was planted"


def elsewhere(kind: int) -> str:
    """The draws of the entries of one kind are written to awards of the same people: no lot, no balance changes."""
    return (
        "update ledger_draw draw set entry_id = (select max(award.id) from ledger_entry award"
        " where award.person_id = draw.person_id and award.kind = 1)"
        f" where entry_id in (select id from ledger_entry where kind = {kind})"
    )


MOVED_LOTS = (
    "with draw as (update ledger_draw set expires_on = expires_on + 30 where origin = 1)"
    " update ledger_lot set expires_on = expires_on + 30 where origin = 1"
)
DIGEST = "update ledger_order set digest = sha256(convert_to({}, 'UTF8')) where order_id = '{}'"
CLOSE = "update ledger_close set {} where period = 'day' and account = '{}' and asset = 'credits'"
OTHER_HEAD = (
    "update ledger_close set tree_size = (select max(size) from log_checkpoint where size {}) where {}"
)
# What is planted, and the rules that must name it.
PLANTED = {
    "update credits_used set used_mg = used_mg - 1": {"caps", "room"},
    "update credits_used set max_mg = max_mg + 5": {"caps", "room"},
    "delete from credits_used": {"caps", "room"},
    "update credits_short set short_mg = short_mg - 1 where short_mg > 0": {"caps", "short"},
    "update credits_short set cut_mg = cut_mg + 1": {"short"},
    "delete from credits_short": {"caps", "short"},
    "update ledger_entry set record = replace(record, '200', '201') where kind = 1": {
        "commitment",
        "event",
        "recomputed",
    },
    "update carbon_kept set record = replace(record, 'early', 'later')": {"event"},
    "update ledger_entry set be_mg = be_mg + 1 where kind = 1": {"recomputed"},
    "update ledger_entry set reason = 'made up' where kind = 1": {"recomputed"},
    # No other record stands for an award, whatever its reason says.
    "update ledger_entry set reason = 'same_act:one:two' where kind = 1": {"recomputed"},
    "update carbon_kept set reason = 'made up'": {"recomputed"},
    "update carbon_kept set reason = null where reason is not null": {"recomputed"},
    "update ledger_entry set cause = cause || 'x' where kind = 1": {"commitment"},
    "update ledger_entry set act_day = act_day - 1 where kind = 1": {"event"},
    "update ledger_entry set cause = 'another' where kind = 4": {"booked", "orders"},
    "update ledger_entry set at = at + interval '1 s' where kind = 11": {"booked"},
    "update ledger_entry set day = day - 40 where kind = 1": {"day", "close"},
    "update ledger_entry set day = day + 40 where kind = 3": {"day", "close"},
    "delete from ledger_reversal where kind <> 1": {"reversal"},
    "delete from ledger_reversal where kind = 1": {"reversal", "caps", "short"},
    "delete from ledger_order where order_id = 't'": {"orders"},
    "delete from ledger_order where order_id = 'retired'": {"orders"},
    # Its award would be found by nobody who takes it back, nor by who asks whether the act counts.
    "update ledger_batch set last_entry = first_entry": {"entry"},
    "update ledger_batch set first_entry = last_entry": {"entry"},
    "delete from ledger_batch": {"entry"},
    "update ledger_order set entry_id = entry_id + 1": {"orders"},
    DIGEST.format("'HOLD 3 0'", "s"): {"digests"},
    DIGEST.format("'CANCEL 2 0'", "off"): {"digests"},
    DIGEST.format("'ADJUST 20 0'", "mistake"): {"digests"},
    DIGEST.format("'RETIRE 1001 0'", "retired"): {"digests"},
    DIGEST.format("'EXCHANGE_IN 3 0'", "out"): {"digests"},
    DIGEST.format("'TRANSFER 4 ' || person_id", "t"): {"digests"},
    "update ledger_entry set credits = credits + 1 where kind = 6 and credits > 0": {"digests", "running"},
    "update incentives_code set order_id = gen_random_uuid()": {"codes"},
    "delete from incentives_code": {"codes"},
    "update ledger_hold set state = 3 where state = 2": {"holds"},
    "update ledger_hold set expires_at = expires_at + interval '1 d' where state = 3": {"digests"},
    "update ledger_hold set state = 2 where state = 4": {"holds"},
    "delete from ledger_hold where state = 3": {"holds"},
    MOVED_LOTS: {"expiry"},
    MOVED_LOTS.replace("origin = 1", "origin = 6"): {"expiry"},
    "update ledger_lot set credits_in = credits_in + 1 where origin = 1": {"brought"},
    "update ledger_lot set credits_in = credits_in + 1 where origin = 11": {"brought"},
    CLOSE.format("closing = closing + 1, came_in = came_in + 1", "issuance"): {"close"},
    CLOSE.format("closing = closing + 1, opening = opening + 1", "cancellation"): {"close"},
    CLOSE.format("came_in = came_in + 1, went_out = went_out + 1", "people"): {"close"},
    CLOSE.format("entries = entries + 1", "people"): {"close"},
    "delete from ledger_close where account = 'retirement'": {"close"},
    "update ledger_close set tree_size = tree_size + 1": {"close_head"},
    "update ledger_close set tree_size = 0 where first_day > '2026-06-03'": {"close_head"},
    # A head that was signed, and does not cover what was booked, or came only after it did.
    OTHER_HEAD.format("< (select max(size) from log_checkpoint)", "period = 'month'"): {"close_head"},
    OTHER_HEAD.format("< (select max(size) from log_checkpoint)", "tree_size > 0"): {"close_head"},
    OTHER_HEAD.format("> 0", "first_day = '2026-06-01'"): {"close_head"},
    "update ledger_close set at = at + interval '1 s' where account = 'people'": {"close_head"},
    "update ledger_entry set cause_party = null where kind = 10": {"party"},
    "update ledger_entry set cause_party = 1 where kind = 3": {"party"},
    "update ledger_entry set cause_party = 1 where kind = 12": {"digests"},
    "update ledger_entry set eligible_mg = 5 where kind = 11": {"bare"},
    "update incentives_code set issued_at = issued_at - interval '1 d', expires_at = expires_at - interval '1 d'": {
        "terms"
    },
    "delete from ledger_close where period = 'day' and first_day = '2026-06-03'": {"close"},
    # A day that is not over, or one far ahead of the last: all that is booked from now on would carry the day after it.
    "insert into ledger_closed_day (day, at) select max(day) + 1, max(at) from ledger_closed_day": {"close"},
    "insert into ledger_closed_day (day, at) select max(day) + 9, max(at) + interval '20 d' from ledger_closed_day": {
        "close"
    },
    # Found so far by monitors and verifiers alone.
    "update log_leaf set leaf = set_byte(leaf, 5, 99) where idx = 3": {"numbered"},
    "update log_leaf set idx = idx + 100 where idx = 3": {"numbered"},
    "update log_leaf set idx = idx + 1000000000000 where idx = (select max(idx) from log_leaf)": {"numbered"},
    "update log_leaf set hash = sha256(hash), leaf = set_byte(leaf, 5, 99) where idx = 4": {"numbered"},
    "insert into log_tile (level, n, hashes) values (0, 9223372036854775807, sha256('x'))": {"tree"},
    "update log_tile set hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)": {"numbered", "heads"},
    "update log_tile set hashes = substr(hashes, 33)": {"numbered", "tree", "heads"},
    "delete from log_tile": {"numbered", "tree", "heads"},
    "insert into log_tile (level, n, hashes) select 1, 0, substr(hashes, 1, 32) from log_tile": {"tree"},
    "update log_checkpoint set root = set_byte(root, 0, get_byte(root, 0) # 1)": {"heads"},
    "update log_checkpoint set note = replace(note, E'\n', E' \n')": {"heads"},
    "delete from log_checkpoint where size > 0": {"heads"},
    "update incentives_code set burnt_at = null, burnt_by_id = null": {"burnt"},
    "update incentives_code set expires_at = expires_at + interval '1 day'": {"terms"},
    "update incentives_offer set price_credits = price_credits + 1": {"terms"},
    "update incentives_offer set valid_days = valid_days + 1": {"terms"},
    "update incentives_codekey set code_id = code_id + 1": {"signs"},
    "update incentives_codekey set person_id = person_id + 1": {"signs"},
    "delete from incentives_codekey": {"signs"},
    "update incentives_code set code_hmac = sha256(code_hmac)": {"signs"},
    "insert into incentives_codekey (code_hmac, person_id, code_id) select sha256('x'), person_id, id from incentives_code": {
        "signs"
    },
    # Burnt by no deed: it is paid to its acceptor, and its person has it no more.
    "delete from review_audit where what = 'code.burn'": {"burnt"},
    # A row of no code, in whatever words: told, and no end of the report.
    "insert into review_audit (at, account, role, via, act, what, subject, detail)"
    " values (now(), '', '', 'page', 'write', 'code.burn', 'of no code', '{}')": {"burnt"},
    **{elsewhere(kind): {"spends"} for kind in (3, 4, 5, 6, 7, 9, 10, 11, 12, 13)},
    "update ledger_draw draw set entry_id = hold.end_entry_id from ledger_hold hold"
    " where hold.state = 2 and draw.entry_id = hold.entry_id": {"spends"},
}


def test_a_sound_ledger_is_even(booked: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select array_agg(distinct kind order by kind) from ledger_entry")
        assert cursor.fetchone()[0] == [1, *range(3, 15)]
    report = reconcile.report(recompute=True)
    assert report["even"] and report["recomputed"] == 11
    assert set(report["differences"]) == set(reconcile.WORDS)
    # The digest of the event outlives the key; what the key alone could open is no longer compared.
    erasing.erase(booked.people[0])
    assert found() == {}
    plant(
        "update ledger_entry set record = replace(record, '200', '201') where kind = 1 and record like '%200%'"
    )
    assert {"event", "recomputed"} <= found(recompute=True).keys()


@pytest.mark.parametrize("statement", PLANTED)
def test_what_is_planted_is_named(booked: World, statement: str) -> None:
    plant(statement)
    assert PLANTED[statement] <= found(recompute="recomputed" in PLANTED[statement]).keys()


def test_the_first_wrong_order_and_code_are_named(booked: World) -> None:
    assert reconcile.report()["first"] == {}
    plant(DIGEST.format("'nothing'", "gift"))
    plant("update incentives_code set order_id = gen_random_uuid()")
    told = reconcile.report()
    one = booked.people[0].pk
    gift = next(row for row in queries.entries(one, limit=100) if row.cause == "gift")
    assert told["differences"]["digests"] == 2 and not told["even"]
    assert told["first"]["digests"] == f"person {one}, order 'gift', entry {gift.id}"
    (spent,) = [row for row in queries.entries(one, limit=100) if row.kind == Kind.REDEEM]
    assert told["first"]["codes"] == f"person {one}, entry {spent.id}"


def test_a_debt_paid_by_a_lapsed_hold_is_drawn_by_its_release(booked: World) -> None:
    """Whatever entry was the newest one before: an expiry here, which draws what expired and nothing else."""
    payer, person = (one.pk for one in make_world(2).people)
    begun = clock.now()
    actions.adjust(payer, 4, "gift")
    with clock.frozen(begun + timedelta(days=2)):
        actions.adjust(person, 5, "gift")
        holds.hold(person, 5, "held", begun + timedelta(days=DAYS + 1))
        actions.transfer(payer, person, 4, "soon over")
    with clock.frozen(begun + timedelta(days=DAYS)):
        actions.adjust(person, -3, "mistake")
        expiring.expire_due()
        assert queries.entries(person, limit=1)[0].credits == -4
    with clock.frozen(begun + timedelta(days=DAYS + 1)):
        assert holds.lapse_overdue() == 1
        assert (standing.standing(person).free, standing.standing(person).owed) == (2, 0)
        assert found() == {}
