"""An offer is taken off the list by three people, at once: nobody redeems it any more, and what was redeemed stays good."""

from __future__ import annotations

from uuid import uuid4

import pytest

from abate.demo import desk
from abate.platform.incentives import actions, queries
from abate.platform.incentives.errors import OfferEnded, OfferUnknown, OutOfStock
from abate.platform.incentives.models import Offer
from abate.platform.ledger import queries as ledger
from abate.platform.parties.models import Party
from abate.platform.parties.tills import NoTills
from abate.platform.review import proposing
from abate.platform.review.errors import ArgumentsMalformed, NothingChanges
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-7.5.3-1", "P-8.4-c")]


def test_an_ended_offer_is_gone_and_its_codes_are_good(make_person, make_acceptor, make_offer) -> None:
    person, (party, cashier) = make_person(30), make_acceptor("shop")
    offer, other, order = make_offer(party), make_offer(party), uuid4()
    held = actions.redeem(person, offer, order)
    desk.decide("offer.end", offer=str(offer).upper())
    assert [one.id for one in queries.offers()] == [other]
    with pytest.raises(OfferEnded):
        actions.redeem(person, offer, uuid4())
    assert ledger.balance(person.pk).credits == 20, "what was refused took nothing"
    # The order of before is answered as before, and its code is burnt at the counter.
    assert actions.redeem(person, offer, order).text == held.text
    assert actions.burn(cashier, held.text).offer.id == offer
    assert Audit.objects.filter(what="offer.end", subject=str(offer)).count() == 1
    assert actions.redeem(person, other, uuid4()).state == "active"


@pytest.mark.parametrize("ends", [True, False])
def test_one_that_ends_while_somebody_redeems_says_so(
    make_person, make_acceptor, make_offer, monkeypatch, ends
) -> None:
    """Between the look at the offer and the piece that is taken: what ended is not what others bought."""
    person, (party, _) = make_person(30), make_acceptor("shop")
    offer, spend = make_offer(party), actions.ledger.post_redeem

    def meanwhile(*given: object) -> object:
        Offer.objects.filter(id=offer).update(**({"active": False} if ends else {"stock": 0}))
        return spend(*given)

    monkeypatch.setattr(actions.ledger, "post_redeem", meanwhile)
    with pytest.raises(OfferEnded if ends else OutOfStock) as refused:
        actions.redeem(person, offer, uuid4())
    assert refused.value.code == ("offer-ended" if ends else "out-of-stock")
    assert ledger.balance(person.pk).credits == 30 and queries.my_codes(person) == []


def test_it_stands_on_the_list_until_the_third_person(make_acceptor, make_offer) -> None:
    offer = make_offer(make_acceptor("shop")[0])
    people = desk.staffed()
    made = proposing.propose(people["entry"], "offer.end", {"offer": str(offer)}, "the shop has no more")
    proposing.check(people["check"], made.pk)
    assert [one.id for one in queries.offers()] == [offer]
    proposing.approve(people["approve"], made.pk)
    assert queries.offers() == []


def test_a_code_given_back_does_not_bring_the_offer_back(make_person, make_acceptor, make_offer) -> None:
    person, (party, cashier) = make_person(10), make_acceptor("shop")
    held = actions.redeem(person, make_offer(party, stock=1), uuid4())
    desk.decide("offer.end", offer=str(held.offer.id))
    actions.give_back(cashier, held.text, "the shop has no more")
    assert ledger.balance(person.pk).credits == 10 and queries.offers() == []


def test_what_cannot_be_ended_is_refused(make_acceptor, make_offer) -> None:
    offer = make_offer(make_acceptor("shop")[0])
    for given, refusal in (("no id", ArgumentsMalformed), (str(uuid4()), OfferUnknown)):
        with pytest.raises(refusal):
            desk.decide("offer.end", offer=given)
    desk.decide("offer.end", offer=str(offer))
    with pytest.raises(NothingChanges):
        desk.decide("offer.end", offer=str(offer))
    with pytest.raises(OfferUnknown):
        actions.end_offer(offer)


@pytest.mark.clause("P-6.2-types", "P-6.3")
@pytest.mark.parametrize("kind", sorted(set(Party.Kind.values) - Party.ACCEPTORS))
def test_who_can_have_no_till_has_no_offer(kind: str, make_offer) -> None:
    """People would pay for a code that nobody can ever burn."""
    party = desk.create_party("no-shop", kind, "某机构", "No shop")
    with pytest.raises(NoTills, match=kind):
        make_offer(party)
    assert queries.offers() == [] and not Offer.objects.exists()
