"""Spending credits on an offer: all or nothing, once, and never more than there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection

from abate.platform.doors import clock
from abate.platform.incentives import actions, errors, queries
from abate.platform.incentives.models import Code, CodeKey, Offer
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.errors import InsufficientCredits
from abate.platform.people.models import Person

pytestmark = pytest.mark.platform
WORKERS = 16


def stock_of(offer: UUID) -> int:
    return Offer.objects.get(id=offer).stock


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-1", "P-7.5.3-3")
def test_credits_become_a_code_and_are_cancelled(make_person, make_acceptor, make_offer) -> None:
    person, (party, _) = make_person(25), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party, price=10), uuid4())
    assert len(code.text) == 14 and code.text.count("-") == 2 and code.state == "active"
    assert ledger.balance(person.pk).credits == 15
    entry = ledger.entry(person.pk, code.entry_id)
    assert entry and entry.credits == -10 and entry.credits_after == 15 and entry.cause == str(code.order_id)
    assert ledger.sums()["credits"].accounts == {"cancellation": 10, "correction": -25}
    assert stock_of(code.offer.id) == 4
    assert code.expires_at - code.issued_at == timedelta(days=30)


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-2")
def test_no_copy_of_the_database_holds_a_code(make_person, make_acceptor, make_offer) -> None:
    person, (party, _) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4())
    row = Code.objects.get(person_id=person.pk, id=code.id)
    signs = code.text.replace("-", "").encode()
    assert signs not in bytes(row.code_enc) and signs not in bytes(row.code_hmac)
    assert CodeKey.objects.get().person_id == person.pk


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-3")
def test_the_same_order_after_a_lost_answer_is_the_same_code(make_person, make_acceptor, make_offer) -> None:
    person, (party, _) = make_person(10), make_acceptor("shop")
    offer, order = make_offer(party, stock=1), uuid4()
    first = actions.redeem(person, offer, order)
    # Neither credits nor stock are left, and the offer has ended: the order is answered all the same.
    with clock.frozen(clock.now() + timedelta(days=100)):
        again = actions.redeem(person, offer, order)
    assert (again.id, again.text) == (first.id, first.text)
    assert ledger.balance(person.pk).credits == 0 and Code.objects.count() == 1


@pytest.mark.django_db
def test_another_offer_under_the_same_order_is_a_conflict(make_person, make_acceptor, make_offer) -> None:
    person, (party, _) = make_person(100), make_acceptor("shop")
    order = uuid4()
    actions.redeem(person, make_offer(party), order)
    with pytest.raises(errors.OrderConflict):
        actions.redeem(person, make_offer(party), order)
    assert ledger.balance(person.pk).credits == 90


@pytest.mark.django_db
def test_two_people_may_use_one_order_id(make_person, make_acceptor, make_offer) -> None:
    (party, _), order = make_acceptor("shop"), uuid4()
    offer = make_offer(party)
    codes = [actions.redeem(person, offer, order) for person in (make_person(10), make_person(10))]
    assert codes[0].text != codes[1].text and stock_of(offer) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-3")
def test_of_sixteen_orders_for_the_last_piece_one_wins(
    make_person, make_acceptor, make_offer, at_once
) -> None:
    party, _ = make_acceptor("shop")
    offer = make_offer(party, stock=1)
    people = [make_person(10) for _ in range(WORKERS)]
    found = at_once([lambda p=p: actions.redeem(p, offer, uuid4()) for p in people])
    assert Counter(found) == {"done": 1, "out-of-stock": WORKERS - 1}
    assert stock_of(offer) == 0 and Code.objects.count() == 1
    assert sum(ledger.balance(p.pk).credits for p in people) == 10 * (WORKERS - 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-3")
def test_sixteen_orders_cannot_overspend_a_balance(make_person, make_acceptor, make_offer, at_once) -> None:
    (party, _), person = make_acceptor("shop"), make_person(35)
    offer = make_offer(party, price=10, stock=100)
    found = at_once([lambda: actions.redeem(person, offer, uuid4())] * WORKERS)
    assert Counter(found) == {"done": 3, "insufficient-credits": WORKERS - 3}
    assert ledger.balance(person.pk).credits == 5 and stock_of(offer) == 97


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-3")
def test_one_order_sent_sixteen_times_at_once_is_one_order(
    make_person, make_acceptor, make_offer, at_once
) -> None:
    (party, _), person, order = make_acceptor("shop"), make_person(10), uuid4()
    offer, codes = make_offer(party, stock=1), []
    found = at_once([lambda: codes.append(actions.redeem(person, offer, order).text)] * WORKERS)
    assert found == ["done"] * WORKERS and len(set(codes)) == 1
    assert ledger.balance(person.pk).credits == 0 and stock_of(offer) == 0


def _queued() -> int:
    """How many leaves wait for the log."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from log_pending")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-3")
@pytest.mark.parametrize("step", ["token_code", "new_key"])
def test_a_crash_on_the_way_leaves_nothing(
    make_person: Callable[[int], Person], make_acceptor, make_offer, monkeypatch, step: str
) -> None:
    """Wherever the transaction breaks, all is as before, and the same order goes through afterwards."""
    (party, _), person, order = make_acceptor("shop"), make_person(10), uuid4()
    offer = make_offer(party)
    before = ledger.entries(person.pk), _queued()

    def crash(*args: object, **values: object) -> None:
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        if step == "token_code":
            patch.setattr(actions.randomness, "token_code", crash)
        else:
            patch.setattr(CodeKey.objects, "create", crash)
        actions.redeem(person, offer, order)
    assert ledger.balance(person.pk).credits == 10 and (ledger.entries(person.pk), _queued()) == before
    assert stock_of(offer) == 5 and not Code.objects.exists()
    assert actions.redeem(person, offer, order).state == "active"


@pytest.mark.django_db
def test_too_few_credits_change_nothing(make_person, make_acceptor, make_offer) -> None:
    (party, _), person = make_acceptor("shop"), make_person(9)
    offer = make_offer(party)
    with pytest.raises(InsufficientCredits):
        actions.redeem(person, offer, uuid4())
    assert stock_of(offer) == 5 and queries.my_codes(person) == []


@pytest.mark.django_db
def test_unknown_and_closed_offers_are_refused(make_person, make_acceptor, make_offer) -> None:
    (party, _), person = make_acceptor("shop"), make_person(10)
    with pytest.raises(errors.OfferUnknown):
        actions.redeem(person, uuid4(), uuid4())
    offer = make_offer(party)
    with clock.frozen(clock.now() + timedelta(days=61)), pytest.raises(errors.OfferClosed):
        actions.redeem(person, offer, uuid4())
    Offer.objects.filter(id=offer).update(active=False)
    with pytest.raises(errors.OfferClosed):
        actions.redeem(person, offer, uuid4())
    assert ledger.balance(person.pk).credits == 10


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [{"price": 0}, {"stock": -1}, {"valid_days": 0}])
def test_an_offer_outside_the_rules_is_refused(make_acceptor, make_offer, fault) -> None:
    party, _ = make_acceptor("shop")
    with pytest.raises(errors.BadOffer):
        make_offer(party, **fault)
