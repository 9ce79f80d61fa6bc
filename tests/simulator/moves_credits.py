"""What people, shops and staff do with credits; every verdict is compared, and a refused request takes the model back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from uuid import NAMESPACE_OID, uuid5

from tests.platform.ledger.accounts import Held
from tests.simulator.city import PEOPLE, PRICES, Answer, City, same
from tests.simulator.model import Spent, copied
from tests.simulator.moves_events import closing

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions, collecting, expiring, holds

ADJUST, EXCHANGE_IN, TRANSFER = 11, 13, 6


def day_jobs() -> None:
    """What `abate serve` runs once a day, in its order."""
    expiring.cut_all()
    holds.lapse_overdue()
    expiring.expire_due()
    collecting.lapse_due()


def amount(dice: Random) -> int:
    return dice.choice((1, 3, 10, 40, 120, 700))


def entry_of(city: City, who: int, found: Answer) -> int:
    """The entry's id that was answered; or, where the answer was lost, the person's newest."""
    return getattr(found.value, "id", None) or city.newest(who)


def redeem(city: City, dice: Random) -> None:
    """An offer is bought, and bought again by the same order; a second order of the same id for another is refused."""
    who, offer = dice.randrange(PEOPLE), dice.randrange(len(PRICES))
    undo, order = city.trial(), uuid5(NAMESPACE_OID, city.order())
    account = city.model.ready(who, city.now)
    short = account.free(city.now) < PRICES[offer]
    expected = "insufficient-credits" if short else "out-of-stock" if city.model.stock[offer] == 0 else ""
    expected = "account-erased" if who in city.model.erased else expected
    person = city.partners[0].people[who]
    found = city.attempt("redeeming", expected, lambda: incentives.redeem(person, city.offers[offer], order))
    if expected:
        return undo()
    row = found.value
    city.model.stock[offer] -= 1
    drawn = city.model.spend(who, "redeem", PRICES[offer], city.now)
    city.model.spent[who, row.entry_id] = Spent(who, PRICES[offer], drawn, row.text)  # type: ignore[attr-defined]
    city.spends.append((who, row.entry_id))  # type: ignore[attr-defined]
    city.model.codes[row.text] = (who, row.entry_id, row.expires_at, "issued")  # type: ignore[attr-defined]
    again = city.attempt("the same order", "", lambda: incentives.redeem(person, city.offers[offer], order))
    same("the code of the same order", again.value.text, row.text)  # type: ignore[attr-defined]
    other = city.offers[1 - offer]
    city.attempt("an order id for two", "order-conflict", lambda: incentives.redeem(person, other, order))


def burn(city: City, dice: Random) -> None:
    if not city.model.codes:
        return
    text = dice.choice(list(city.model.codes)[-3:])
    who, entry, expires, state = city.model.codes[text]
    expected = {"burnt": "code-burnt", "cancelled": "code-cancelled"}.get(state, "")
    if not expected and expires <= city.now:
        expected = "code-expired"
    city.attempt("burning a code", expected, lambda: incentives.burn(city.shop, text))
    if not expected:
        city.model.codes[text] = (who, entry, expires, "burnt")


def spend(city: City, dice: Random) -> None:
    """Cancelled, or given to another platform; asked twice, and the same order for more."""
    who, credits, order = dice.randrange(PEOPLE), amount(dice), city.order()
    kind, do = dice.choice((("cancel", actions.cancel), ("exchange_out", actions.exchange_out)))
    undo, account = city.trial(), city.model.ready(who, city.now)
    expected = "insufficient-credits" if account.free(city.now) < credits else ""
    expected = "account-erased" if who in city.model.erased else expected
    found = city.attempt(kind, expected, lambda: do(city.person(who), credits, order))
    if expected:
        return undo()
    drawn = city.model.spend(who, kind, credits, city.now)
    entry = entry_of(city, who, found)
    if kind == "exchange_out":
        city.model.spent[who, entry] = Spent(who, credits, drawn)
    city.spends.append((who, entry))
    same("the same order", city.call(lambda: do(city.person(who), credits, order)).value.id, entry)  # type: ignore[attr-defined]
    city.attempt("an order for more", "order-taken", lambda: do(city.person(who), credits + 1, order))


def bring(city: City, dice: Random) -> None:
    """Credits arrive, are given or taken by a decision."""
    who, credits, order = dice.randrange(PEOPLE), amount(dice), city.order()
    taken, undo = dice.random() < 0.4, city.trial()
    account = city.model.ready(who, city.now)
    expected = "account-erased" if who in city.model.erased else ""
    if taken:
        city.attempt("taking", expected, lambda: actions.adjust(city.person(who), -credits, order))
        if expected:
            return undo()
        free = min(account.free(city.now), credits)
        account.draw(free, city.now)
        account.owed += credits - free
        account.credits -= credits
        city.model.note("adjust", -credits)
        return
    origin, do = dice.choice(((ADJUST, actions.adjust), (EXCHANGE_IN, actions.exchange_in)))
    city.attempt("giving", expected, lambda: do(city.person(who), credits, order))
    if expected:
        return undo()
    account.credits += credits
    account.back({city.model.key(city.now, origin): credits})
    account.settle(city.now)
    city.model.note("adjust" if origin == ADJUST else "exchange_in", credits)


def transfer(city: City, dice: Random) -> None:
    payer, receiver = dice.sample(range(PEOPLE), 2)
    credits, order, undo = amount(dice), city.order(), city.trial()
    one, two = city.model.ready(payer, city.now), city.model.ready(receiver, city.now)
    expected = "insufficient-credits" if one.free(city.now) < credits else ""
    expected = "account-erased" if {payer, receiver} & city.model.erased else expected

    def do() -> object:
        return actions.transfer(city.person(payer), city.person(receiver), credits, order)

    city.attempt("a transfer", expected, do)
    if expected:
        return undo()
    for (expires, day, _), moved in city.model.spend(payer, "transfer", credits, city.now).items():
        two.back({(expires, day, TRANSFER): moved})
    two.credits += credits
    two.settle(city.now)
    city.model.note("transfer", credits)
    city.attempt("the same transfer", "", do)


def hold(city: City, dice: Random) -> None:
    who, credits, order = dice.randrange(PEOPLE), amount(dice), city.order()
    ends = city.now + timedelta(hours=dice.randint(1, 40))
    undo, account = city.trial(), city.model.ready(who, city.now)
    expected = "insufficient-credits" if account.free(city.now) < credits else ""
    expected = "account-erased" if who in city.model.erased else expected
    found = city.attempt("a hold", expected, lambda: holds.hold(city.person(who), credits, order, ends))
    if expected:
        return undo()
    entry = entry_of(city, who, found)
    account.holds[entry] = Held(credits, ends, account.draw(credits, city.now))
    city.holds.append((who, entry))


def end_hold(city: City, dice: Random) -> None:
    if not city.holds:
        return
    who, entry = dice.choice(city.holds)
    spend, undo = dice.random() < 0.5, city.trial()
    account = city.model.ready(who, city.now)
    do = holds.settle if spend else holds.release
    known = entry in account.holds
    found = city.attempt(
        "settling" if spend else "releasing",
        "" if known else "hold-ended",
        lambda: do(city.person(who), entry, "done"),
    )
    if not known:
        return undo()
    gone = account.holds.pop(entry)
    if not spend:
        account.back(gone.drawn)
        account.settle(city.now)
        return
    account.credits -= gone.credits
    city.model.note("settle", -gone.credits)
    made = entry_of(city, who, found)
    city.model.spent[who, made] = Spent(who, gone.credits, gone.drawn)
    city.spends.append((who, made))


def retire(city: City, dice: Random) -> None:
    who, order = dice.randrange(PEOPLE), city.order()
    undo, account = city.trial(), city.model.ready(who, city.now)
    carbon = max(account.carbon // dice.randint(1, 8) + dice.randint(-1, 1), 1)
    expected = "carbon-retired" if account.carbon < carbon else ""
    expected = "account-erased" if who in city.model.erased else expected
    city.attempt("retiring", expected, lambda: actions.retire(city.person(who), carbon, order))
    if expected:
        return undo()
    account.carbon -= carbon
    city.model.note("retire", 0, -carbon)


def reverse_spend(city: City, dice: Random) -> None:
    if not city.spends:
        return
    who, entry = dice.choice(city.spends)
    spent, undo = city.model.spent.get((who, entry)), city.trial()
    city.model.ready(who, city.now)
    text = spent.code if spent else ""
    burnt = text and city.model.codes[text][3] == "burnt"
    if (who, entry) in city.model.returned:
        expected = "reversed-already"
    elif who in city.model.erased:
        expected = "account-erased"
    else:
        expected = "not-reversible" if spent is None else "code-burnt" if burnt else ""
    city.attempt(
        "giving a spend back", expected, lambda: incentives.reverse(city.person(who), entry, "returned")
    )
    if expected or spent is None:
        return undo()
    city.model.returned.add((who, entry))
    city.model.give_back(spent, city.now)
    if text:
        city.model.codes[text] = (*city.model.codes[text][:3], "cancelled")
        city.model.stock[PRICES.index(spent.credits)] += 1


def reverse_award(city: City, dice: Random) -> None:
    """A withdrawn event, a returned purchase."""
    if not city.model.booked:
        return
    booked = city.model.booked[dice.choice(sorted(city.model.booked))]
    if booked.er_mg is None or booked.barred:
        return
    who = booked.ride.who
    undo, account = city.trial(), city.model.ready(who, city.now)
    expected = "carbon-retired" if account.carbon < booked.er_mg else ""
    expected = "account-erased" if who in city.model.erased else expected
    expected = "reversed-already" if booked.undone else expected
    city.attempt(
        "taking an award back",
        expected,
        lambda: incentives.reverse(city.person(who), booked.entry, "withdrawn"),
    )
    if expected:
        return undo()
    city.model.take_back(booked, city.now)


def spend_or_expire(city: City, dice: Random) -> None:
    """Midnight: the job posts what expires while its owner spends. One of the two orders, and nothing twice."""
    who, credits, order = dice.randrange(PEOPLE), amount(dice), city.order()
    before, person = copied(city.model), city.person(who)
    refused = "erased" if who in city.model.erased else "insufficient"

    def ask() -> str:
        (verdict,) = actions.spend_all(Kind.CANCEL, [actions.Spend(person, credits, order)])
        return verdict.code

    with clock.frozen(city.now), ThreadPoolExecutor(2) as pool:
        job = pool.submit(closing(day_jobs))
        asked = pool.submit(closing(ask))
        job.result()
        verdict = asked.result()
    for first in (True, False):
        city.model = copied(before)
        if first:
            city.model.expire(city.now)
        account = city.model.ready(who, city.now)
        fits = who not in city.model.erased and account.free(city.now) >= credits
        if fits:
            city.model.spend(who, "cancel", credits, city.now)
        if not first:
            city.model.expire(city.now)
        if verdict == ("done" if fits else refused):
            break
    same("verdict of the spend at midnight", verdict, "done" if fits else refused)
