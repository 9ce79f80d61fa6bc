"""Who decides on an entry by hand is shown the account before and after it, and that is what the booking then does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.ledger import actions, holds, weighing
from abate.platform.people.models import Person
from abate.platform.review import proposing
from abate.platform.review.models import Audit, Proposal, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
PERSON = "person.account"


@pytest.fixture
def person() -> Person:
    desk.staffed()
    return stage.build().person


def browsing(user: User, language: str = "zh") -> Client:
    browser = Client(headers={"accept-language": language})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def proposed(action: str, person: Person, **given: object) -> Proposal:
    return proposing.propose(
        desk.staffed()["entry"], action, {"person": person.pseudonym, "order": "o-1", **given}, "tried"
    )


def book(number: int) -> None:
    by_role = desk.staffed()
    proposing.check(by_role["check"], number)
    proposing.approve(by_role["approve"], number)


@pytest.mark.parametrize(("before", "credits"), [(100, 30), (100, -30), (100, -170), (-50, 20), (-50, 80)])
def test_an_adjustment_is_weighed_as_it_is_booked(person: Person, before: int, credits: int) -> None:
    actions.adjust(person.pk, before, "first")
    found = weighing.weigh("ledger.adjust", {"person": person.pseudonym, "credits": credits})
    book(proposed("ledger.adjust", person, credits=credits).pk)
    assert weighing.weigh("ledger.adjust", {"person": person.pseudonym, "credits": 1}).now == found.after


@pytest.mark.parametrize("kind", ["cancel", "hold", "settle", "release"])
def test_an_entry_by_hand_is_weighed_as_it_is_booked(person: Person, kind: str) -> None:
    actions.adjust(person.pk, 100, "first")
    until = clock.now() + timedelta(days=3)
    held = holds.hold(person.pk, 40, "held", until)
    actions.adjust(person.pk, -90, "owing")
    given: dict[str, object] = {"kind": kind, "hold": held.id}
    if kind in ("cancel", "hold"):
        actions.adjust(person.pk, 90, "paid")
        given = {"kind": kind, "amount": 25} | ({"until": until.isoformat()} if kind == "hold" else {})
    made = proposed("ledger.book", person, **given)
    arguments = {"person": person.pseudonym, "amount": 0, "hold": 0, **given}
    found = weighing.weigh("ledger.book", arguments)
    assert found.after is not None and not found.too_little and found.after != found.now
    book(made.pk)
    assert weighing.weigh("ledger.adjust", {"person": person.pseudonym, "credits": 1}).now == found.after


@pytest.mark.clause("P-8.4-c")
def test_checker_and_approver_are_shown_balance_and_debt_and_nobody_else(person: Person) -> None:
    actions.adjust(person.pk, 1200, "first")
    made = proposed("ledger.adjust", person, credits=-1500)
    by_role = desk.staffed()
    address = f"/operator/proposals/{made.pk}"
    page = browsing(by_role["check"]).get(address).content.decode()
    assert "账户现状与办理后" in page and ">1,200</td>" in page and "<strong>−300</strong>" in page
    assert "<strong>300</strong>" in page and "欠账" in page
    assert Audit.objects.filter(
        what=PERSON, subject=person.pseudonym, account=by_role["check"].handle
    ).exists()
    proposing.check(by_role["check"], made.pk)
    assert "Debt, settled first" in browsing(by_role["approve"], "en").get(address).content.decode()
    other = browsing(desk.hire("made-up reader", "query")).get(address)
    assert other.status_code == 200 and "账户现状" not in other.content.decode()
    proposing.approve(by_role["approve"], made.pk)
    assert "账户现状" not in browsing(by_role["check"]).get(address).content.decode()


@pytest.mark.clause("P-8.4-c")
def test_what_an_account_has_too_little_for_is_told_before_the_approval(person: Person) -> None:
    actions.adjust(person.pk, 10, "first")
    made = proposed("ledger.book", person, kind="cancel", amount=11)
    page = browsing(desk.staffed()["check"], "en").get(f"/operator/proposals/{made.pk}").content.decode()
    assert "has too little now" in page
