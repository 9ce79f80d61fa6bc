"""An acceptor that cannot hand out the goods gives the credits back: once, before use, for a reason, its own codes only."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.platform.web.conftest import enter

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.incentives import actions, errors, queries, reconciling
from abate.platform.incentives.models import Offer
from abate.platform.ledger import queries as ledger
from abate.platform.ledger import standing
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-7.5.3-2")]
__all__ = ["enter"]


def test_the_credits_are_the_person_s_again_and_the_code_is_void(
    make_person, make_acceptor, make_offer
) -> None:
    person, (party, user) = make_person(30), make_acceptor("shop")
    offer = make_offer(party, price=10, stock=2)
    before = standing.standing(person.pk).free
    code = actions.redeem(person, offer, uuid4())
    assert standing.standing(person.pk).free == before - 10
    assert actions.give_back(user, code.text, "sold out").id == offer
    assert standing.standing(person.pk).free == before and Offer.objects.get(pk=offer).stock == 2
    assert [row.state for row in queries.my_codes(person)] == ["cancelled"]
    for again in (
        lambda: actions.give_back(user, code.text, "sold out"),
        lambda: actions.burn(user, code.text),
    ):
        with pytest.raises(errors.CodeCancelled):
            again()
    assert standing.standing(person.pk).free == before
    assert all(sums.even for sums in ledger.sums().values()) and not any(reconciling.differences().values())
    assert Audit.objects.filter(what="code.give-back").count() == 1


def test_a_burnt_code_s_credits_are_not_given_back(make_person, make_acceptor, make_offer) -> None:
    person, (party, user) = make_person(30), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4())
    actions.burn(user, code.text)
    left = standing.standing(person.pk).free
    with pytest.raises(errors.CodeBurnt):
        actions.give_back(user, code.text, "brought back")
    assert standing.standing(person.pk).free == left and [r.state for r in queries.my_codes(person)] == [
        "burnt"
    ]


def test_only_the_own_acceptor_with_a_reason_and_guessing_is_counted(
    make_person, make_acceptor, make_offer
) -> None:
    person, (party, own), (_, foreign) = make_person(30), make_acceptor("shop"), make_acceptor("other")
    code = actions.redeem(person, make_offer(party), uuid4())
    with pytest.raises(errors.NotAcceptor):
        actions.give_back(person.user, code.text, "x")
    for reason in ("", "  ", "x" * 201, "two\nlines"):
        with pytest.raises(errors.GivingBackNeedsReason):
            actions.give_back(own, code.text, reason)
    for _ in range(actions.WRONG_CODES_ALLOWED):
        with pytest.raises(errors.CodeUnknown):
            actions.give_back(foreign, code.text, "x")
    with pytest.raises(errors.TooManyWrongCodes):
        actions.burn(foreign, code.text)
    assert [row.state for row in queries.my_codes(person)] == ["active"]
    with clock.frozen(clock.now() + timedelta(days=1)):
        actions.give_back(own, code.text, "sold out")


def test_the_acceptor_s_page_gives_back(make_person, make_acceptor, make_offer, enter) -> None:
    person, (party, user) = make_person(30), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4())
    browser = enter(user, "en")
    lacking = browser.post("/acceptor", {"code": code.text, "step": "back"})
    assert lacking.status_code == 422 and "sold out" in lacking.content.decode()
    made = browser.post("/acceptor", {"code": code.text, "step": "back", "reason": "sold out"})
    assert made.status_code == 200 and 'id="given-back"' in made.content.decode()
    again = browser.post("/acceptor", {"code": code.text})
    assert again.status_code == 409 and [row.state for row in queries.my_codes(person)] == ["cancelled"]


@pytest.mark.clause("P-6.1-d")
def test_a_leaving_acceptor_gives_any_number_of_codes_back_in_as_many_statements(
    make_person, make_acceptor, make_offer
) -> None:
    """Row by row, a hundred thousand codes held their accounts and the approval for half an hour."""
    taken = []
    for shop, people, each in (("few", 1, 1), ("many", 3, 4)):
        (party, user), holders = make_acceptor(shop), [make_person(100) for _ in range(people)]
        offers = [make_offer(party, price=price, stock=20) for price in (3, 5)]
        for person in holders:
            for number in range(each):
                actions.redeem(person, offers[number % 2], uuid4())
        burnt = actions.redeem(holders[0], offers[1], uuid4())
        actions.burn(user, burnt.text)
        owing = holders[-1].pk
        desk.adjust(owing, -standing.standing(owing).free - 2, "debt")
        stocks = {offer: Offer.objects.get(pk=offer).stock for offer in offers}
        with CaptureQueriesContext(connection) as asked:
            assert actions.give_back_open(party, "left") == people * each
        taken.append(len(asked))
        for place, person in enumerate(holders):
            states = sorted(row.state for row in queries.my_codes(person))
            assert states == ["burnt"] * (place == 0) + ["cancelled"] * each
        half = (each + 1) // 2 * people
        assert [Offer.objects.get(pk=offer).stock - stocks[offer] for offer in offers] == [
            half, people * each - half,
        ]  # fmt: skip
        # What came back settled the debt of two first.
        cost = sum((3, 5)[number % 2] for number in range(each))
        assert standing.standing(owing).free == cost - 2
        assert [standing.standing(one.pk).free for one in holders[:-1]] == [
            100 - 5 * (place == 0) for place in range(people - 1)
        ]
        assert actions.give_back_open(party, "again") == 0
    assert taken[0] == taken[1], taken
    assert all(sums.even for sums in ledger.sums().values()) and not any(reconciling.differences().values())
    assert not any(ledger.differences().values())
