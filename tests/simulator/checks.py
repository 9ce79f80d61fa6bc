"""The invariants, after every step: from the platform's own statements, and from the model without them."""

from __future__ import annotations

from datetime import date

from django.db import connection
from tests.platform.pipeline.world import differences
from tests.simulator.city import City, Wrong, same
from tests.simulator.model import copied

from abate.bookkeeping.checkpoint import read_key
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.verify import verify_receipt
from abate.platform.doors import clock
from abate.platform.incentives import reconciling as incentives
from abate.platform.ledger import queries as ledger
from abate.platform.ledger import standing
from abate.platform.log import queries as log

# What the issued credits have become: sum over all entries of a kind, per asset.
BY_KIND = "select kind, sum(carbon_mg)::bigint, sum(credits)::bigint from ledger_entry group by kind"
# Each id, order and code once; of an id's awards one stands, whatever was computed again.
TWO_ENDS = """
select (select count(*) from (select cause_party, cause from ledger_entry award where kind = 1
                              and not exists (select from ledger_reversal undone
                                              where (undone.person_id, undone.entry_id) = (award.person_id, award.id))
                              group by 1, 2 having count(*) > 1) twice)
     + (select count(*) from incentives_code where burnt_at is not null and cancelled_at is not null)
     + (select count(*) from (select entry_id from incentives_code group by 1 having count(*) > 1) twice)
     + (select count(*) from (select code_hmac from incentives_code group by 1 having count(*) > 1) twice)
     + (select count(*) from (select person_id, entry_id from ledger_reversal group by 1, 2 having count(*) > 1) twice)
"""


def check(city: City) -> None:
    with clock.frozen(city.now):
        _accounts(city)
        _sums(city)
        _codes(city)
        found = {
            name: number for name, number in (differences() | incentives.differences()).items() if number
        }
    same("what reconcile finds", found, {})


def _accounts(city: City) -> None:
    for who, account in enumerate(city.model.accounts):
        person, name = city.person(who), f"person {who}"
        told = (account.carbon, account.credits, account.eligible, account.earned)
        same(f"balance of {name}", ledger.balance(person), ledger.Balance(*told))
        seen, ready = standing.standing(person), copied(account)
        ready.ready(city.now)
        waits = ready.waiting(city.now)
        live = {k: n for k, n in ready.lots.items() if n and k[0] > clock.day(city.now) and k not in waits}
        same(f"lots of {name}", _lots(seen.lots), live)
        same(f"what {name} can collect", _lots(seen.uncollected), waits)
        held = sum(one.credits for one in ready.holds.values())
        same(
            f"free, owed, held of {name}",
            (seen.free, seen.owed, seen.held),
            (sum(live.values()), ready.owed, held),
        )
        dead = sum(n for k, n in ready.lots.items() if k[0] <= clock.day(city.now))
        if account.credits != seen.free + seen.waiting + dead + held - ready.owed:
            raise Wrong(f"{name}: {account.credits} credits are not free, waiting, expired, held less owed")


def _lots(found: tuple[standing.LotRow, ...]) -> dict[tuple[date, date, int], int]:
    return {(one.expires_on, one.day, one.origin): one.credits for one in found}


def _sums(city: City) -> None:
    with connection.cursor() as cursor:
        cursor.execute(BY_KIND)
        found = {
            (Kind(kind).name.lower(), asset): number
            for kind, carbon, credits in cursor.fetchall()
            for asset, number in (("carbon_mg", carbon), ("credits", credits))
            if number
        }
        cursor.execute(TWO_ENDS)
        (double,) = cursor.fetchone()
    same("sums by kind", found, {name: n for name, n in city.model.moved.items() if n})
    same("codes, orders and grams with two ends", double, 0)
    for asset, one in ledger.sums().items():
        same(f"{asset} over all accounts", one.people + sum(one.accounts.values()), 0)
        total = sum(n for (_, name), n in city.model.moved.items() if name == asset)
        same(f"{asset} of people", one.people, total)
    for who, account in enumerate(city.model.accounts):
        theirs = [one for one in city.model.booked.values() if one.ride.who == who and one.stands]
        eligible = sum(one.er_mg or 0 for one in theirs)
        if account.eligible > eligible:
            raise Wrong(f"person {who}: {account.eligible} mg are eligible of {eligible} mg quantified")
        if account.eligible != sum(one.eligible for one in theirs):
            raise Wrong(f"person {who}: {account.eligible} mg are eligible, and not what of each award is")
        if account.earned != sum(one.eligible * one.rate for one in theirs):
            raise Wrong(
                f"person {who}: {account.earned} millionths are earned, and not what each award earns at its rate"
            )


def _codes(city: City) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select case when burnt_at is not null then 'burnt' when cancelled_at is not null then 'cancelled'"
            " else 'issued' end, count(*) from incentives_code group by 1"
        )
        found = dict(cursor.fetchall())
        cursor.execute("select id, stock from incentives_offer")
        stock = dict(cursor.fetchall())
    expected: dict[str, int] = {}
    for _, _, _, state in city.model.codes.values():
        expected[state] = expected.get(state, 0) + 1
    same("codes by state", found, expected)
    same(
        "stock",
        [stock[offer] for offer in city.offers],
        [city.model.stock[n] for n in sorted(city.model.stock)],
    )


def remember(city: City) -> None:
    """Keep what everybody holds now; and look at an older moment, which must still be what it was.

    While the clock runs behind where it was, a moment's state is that of another step for each account (posting order
    decides, ledger/standing.py, tried in test_actions.py); nothing is kept of that time.
    """
    if city.now >= city.latest:
        city.past[city.now] = [(one.carbon, one.credits) for one in city.model.accounts]
    moments = sorted(city.past)
    if not moments:
        return
    moment = moments[len(moments) * 7 // 11]
    with clock.frozen(city.now):
        for who, told in enumerate(city.past[moment]):
            seen = standing.at_moment(city.person(who), moment)
            same(f"person {who} at {moment}", (seen.carbon_mg, seen.credits), told)


def receipts(city: City) -> None:
    """Every receipt that was ever handed out verifies, whatever happened since."""
    key = read_key(log.public_key())
    for receipt in city.receipts:
        verdict = verify_receipt(receipt, key)
        if not verdict.ok:
            raise Wrong(f"a receipt that was handed out no longer verifies: {verdict}")
