"""Nobody has a say in a change that they have a part in, under whatever account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from tests.platform.joining.applicants import PARTICULARS, admitted, draft, later, reviewed, submitted
from tests.platform.people.townspeople import made_up_person
from tests.platform.review.test_proposing import refusal, second_account

from abate.cli import staff
from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.joining import actions as joining_actions
from abate.platform.joining import mending
from abate.platform.joining import queries as joining
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Member, Party
from abate.platform.people import actions as persons
from abate.platform.people import consents, groups, queries
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Guardianship, Identity, Person
from abate.platform.review import actions, proposing
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import Audit, Proposal, Staff, Step, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]


@pytest.fixture
def people() -> dict[str, User]:
    return desk.staffed()


def _clerk(person: Person) -> User:
    """An account of the staff's that checks, whose holder is this person too."""
    user = actions.create_user("staff", made_up=True)
    actions.enrol_digest(user, bytes(Identity.objects.get(person=person).identity_hmac))
    actions.grant(user, "check")
    return user


def _about_a_person(person: Person) -> list[tuple[str, dict[str, Any]]]:
    entry = desk.adjust(person.pk, 300, "gift-1").id
    given = {"person": person.pseudonym}
    return [
        ("ledger.adjust", given | {"credits": 500, "order": "gift-2"}),
        ("entry.reverse", given | {"entry": entry, "reason": "x"}),
    ]


NUMBER = next(number for n in range(999) if (number := made_up_number(date(1990, 1, 1), n)).endswith("X"))
SPELLED = {
    "a small x": NUMBER.lower(),
    "spaces": f" {NUMBER[:6]} {NUMBER[6:14]}\u3000{NUMBER[14:]} ",
    "full width": "".join(chr(ord(sign) + 0xFEE0) for sign in NUMBER.lower()),
}


@pytest.mark.parametrize("spelled", SPELLED.values(), ids=SPELLED)
def test_a_holder_is_the_same_person_however_the_number_is_written(spelled: str) -> None:
    """Of staff it was taken as it came: whoever was enrolled with a small x decided about the own account."""
    own = persons.register("某甲", NUMBER, ["own@example.org"], "1", made_up=True)
    user, second = actions.create_user("staff", made_up=True), actions.create_user("staff", made_up=True)
    actions.enrol(user, spelled)
    actions.enrol(second, NUMBER)
    ((human,),) = set(Staff.objects.values_list("human_id"))
    assert queries.has_part(own.pk, bytes(human))


@pytest.mark.parametrize("spelled", SPELLED.values(), ids=SPELLED)
def test_an_enrolment_is_proposed_for_the_same_person_however_it_is_written(
    spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(staff, "propose", lambda _, given, __: asked.append(given))
    monkeypatch.setattr(staff, "run", lambda _, work: work())
    for number in (NUMBER, spelled):
        made = CliRunner().invoke(staff.command, ["enrol", "--identity", number, "--why", "joins"])
        assert made.exit_code == 0, made.output
    assert asked[0] == asked[1]


@pytest.mark.parametrize("how", ["ended", "past its day"])
@pytest.mark.parametrize("who", ["guardian", "ward"])
def test_who_was_a_guardian_decides_about_the_grown_child_as_about_anybody(
    people: dict[str, User], who: str, how: str
) -> None:
    """What ended, or is past the 14th birthday, ties nobody: neither to credits nor to records of the other."""
    person, other = made_up_person(1), made_up_person(2)
    child, guardian = (person, other) if who == "guardian" else (other, person)
    now = clock.now()
    Guardianship.objects.create(
        child=child,
        guardian=guardian,
        relation="parent",
        name_enc=b"",
        given_at=now - timedelta(days=9),
        until=None if how == "ended" else now,
        ended_at=now if how == "ended" else None,
    )
    asked = [
        proposing.propose(people["entry"], name, given, "x").pk for name, given in _about_a_person(person)
    ]
    told, _ = proposing.decide_all(_clerk(other), Step.CHECK, asked)
    assert [one.code for one in told] == [""] * len(asked)


@pytest.mark.parametrize("who", ["the person", "the guardian", "the ward"])
def test_nobody_decides_about_credits_of_their_own_or_of_their_ward(
    people: dict[str, User], who: str
) -> None:
    """Decisions about anomalies and quarantine held to this; credits given by hand, and entries undone, did not."""
    person, other = made_up_person(1), made_up_person(2)
    asked = [
        proposing.propose(people["entry"], name, given, "x").pk for name, given in _about_a_person(person)
    ]
    if who != "the person":
        child, guardian = (person, other) if who == "the guardian" else (other, person)
        Guardianship.objects.create(
            child=child,
            guardian=guardian,
            relation="parent",
            name_enc=b"",
            given_at=clock.now(),
            until=clock.now() + timedelta(days=9),
        )
    told, _ = proposing.decide_all(_clerk(person if who == "the person" else other), Step.CHECK, asked)
    assert [one.code for one in told] == ["concerns-oneself"] * len(asked)
    told, _ = proposing.decide_all(people["check"], Step.CHECK, asked)
    assert [one.code for one in told] == [""] * len(asked)


def test_nobody_ends_what_is_proposed_about_them_unless_they_proposed_it(people: dict[str, User]) -> None:
    """Who checks could reject what was to be taken from their own account, each time that it was proposed."""
    person = made_up_person(1)
    clerk = _clerk(person)
    actions.grant(clerk, "entry")
    given = {"person": person.pseudonym, "credits": -5, "order": "too-much"}
    theirs = proposing.propose(people["entry"], "ledger.adjust", given, "x").pk
    assert refusal(lambda: proposing.reject(clerk, theirs, "no")) == "concerns-oneself"
    proposing.reject(people["check"], theirs, "no")
    own = proposing.propose(clerk, "ledger.adjust", given | {"order": "mine"}, "x").pk
    proposing.reject(clerk, own, "a slip")


def test_nobody_hands_a_party_to_their_own_contact(people: dict[str, User]) -> None:
    person = made_up_person(1, "taking-over@example.org")
    clerk, one = _clerk(person), draft()
    (digest,) = queries.contacts_of(bytes(Identity.objects.get(person=person).identity_hmac))
    given = {"application": str(one.pk), "contact": digest.hex()}
    asked = proposing.propose(people["entry"], "party.contact", given, "x").pk
    assert refusal(lambda: proposing.check(clerk, asked)) == "concerns-oneself"
    other = proposing.propose(people["entry"], "party.contact", given | {"contact": "0" * 64}, "x").pk
    proposing.check(clerk, other)


def test_nobody_decides_about_a_party_that_they_act_for(people: dict[str, User]) -> None:
    """Not under the account that has the seat, nor under another of theirs; nor about a seat that they shall have."""
    shop = desk.create_party("some-shop", "merchant", "某店", "A shop", ["online-meeting"])
    term = {"from_at": clock.now(), "to_at": clock.now() + timedelta(days=9), "valid_days": 9}
    texts = {"title": ("咖啡券", "Coffee"), "detail": ("任意门店", "Any shop")}
    offer = desk.create_offer(party_id=shop.pk, price_credits=300, stock=5, **texts, **term)  # type: ignore[arg-type]
    key, _ = desk.issue_client(shop)
    code = {"code": shop.code}
    made = json.loads(Proposal.objects.get(action="offer.create").arguments)
    to_come = made | {"offer": "", "title_en": "Tea"}
    asked = [
        proposing.propose(people["entry"], name, given, "x").pk
        for name, given in (
            ("party.client", code),
            ("party.conditions", {"client_id": key, "label": "other"}),
            ("party.limits", code | {"requests_per_minute": None}),
            ("party.leave", code | {"despite": True}),
            ("offer.create", to_come),
            ("offer.end", {"offer": str(offer)}),
        )
    ]
    joins = code | {"account": people["check"].handle, "role": "partner"}
    asked.append(proposing.propose(people["entry"], "party.member", joins, "x").pk)
    assert refusal(lambda: proposing.check(people["check"], asked[-1])) == "concerns-oneself"
    seat = second_account(people["check"])
    parties.add_member(seat, shop, "partner")
    told, _ = proposing.decide_all(people["check"], Step.CHECK, asked)
    assert [one.code for one in told] == ["concerns-oneself"] * len(asked)
    parties.remove_member(seat, shop, "partner")
    told, _ = proposing.decide_all(people["check"], Step.CHECK, asked[:-1])
    assert [one.code for one in told] == [""] * (len(asked) - 1)


def test_who_applied_for_a_party_by_a_contact_of_their_own_decides_nothing_about_it(
    people: dict[str, User],
) -> None:
    """The applicant's account has no row of the staff's: it is known by the contact that was proved."""
    clerk = _clerk(made_up_person(1, contact="own@example.org"))
    one = reviewed(contact="own@example.org")
    assert not Staff.objects.filter(user=one.user).exists()
    given = {"application": str(one.pk), "to_day": later().isoformat()}
    joins = proposing.propose(people["entry"], "party.admit", given, "x").pk
    assert refusal(lambda: proposing.check(clerk, joins)) == "concerns-oneself"
    proposing.check(people["check"], joins)
    proposing.approve(people["approve"], joins)
    party = Party.objects.get(code=one.code)
    asked = [
        proposing.propose(people["entry"], name, {"code": party.code} | more, "x").pk
        for name, more in (("party.client", {}), ("party.limits", {"requests_per_minute": None}))
    ]
    told, _ = proposing.decide_all(clerk, Step.CHECK, asked)
    assert [one.code for one in told] == ["concerns-oneself"] * len(asked)
    told, _ = proposing.decide_all(people["check"], Step.CHECK, asked)
    assert [one.code for one in told] == [""] * len(asked)


def test_a_contact_that_a_stranger_typed_keeps_nobody_from_deciding(people: dict[str, User]) -> None:
    """Only what came by the link that was sent there says whose it is."""
    clerk = _clerk(made_up_person(1, contact="own@example.org"))
    one = draft(contact="own@example.org")
    refused = proposing.propose(
        people["entry"], "party.refuse", {"application": str(one.pk), "reason": "x"}, "x"
    ).pk
    proposing.check(clerk, refused)


def test_a_person_s_own_user_at_a_party_keeps_their_account_of_the_staff_s_from_deciding(
    people: dict[str, User],
) -> None:
    person = made_up_person(1)
    shop = desk.create_party("some-shop", "merchant", "某店", "A shop", ["online-meeting"])
    Member.objects.create(user=person.user, party=shop, role="acceptor", since=clock.now())
    asked = proposing.propose(people["entry"], "party.client", {"code": shop.code}, "x").pk
    assert refusal(lambda: proposing.check(_clerk(person), asked)) == "concerns-oneself"


def test_who_shares_a_household_decides_about_nobody_s_credits_in_it(people: dict[str, User]) -> None:
    """One of a household collects for all of it, so what is decided about one is decided about them all."""
    person, other = made_up_person(1), made_up_person(2)
    home, clerk, (change, given) = groups.invite(other)[0], _clerk(other), _about_a_person(person)[0]
    before = proposing.propose(people["entry"], change, given, "x").pk
    joined = groups.join(person, home, consents.current("groups").version)
    assert refusal(lambda: proposing.check(clerk, before)) == "concerns-oneself"
    # Who left is anybody again.
    groups.leave(person, joined.pk)
    proposing.check(clerk, before)


def test_who_looked_after_a_party_and_who_shall_decide_nothing_about_it_after_a_hand_over(
    people: dict[str, User],
) -> None:
    """The former contact is known by the digest that was kept, the new one by that which three people decided on."""
    former = _clerk(made_up_person(1, contact="own@example.org"))
    coming = _clerk(made_up_person(2, contact="taking-over@example.org"))
    one = Application.objects.get(party=admitted(contact="own@example.org"))
    code = {"code": one.code}
    desk.decide(
        "party.contact", application=str(one.pk), contact=joining.contact_digest("taking-over@example.org")
    )
    asked = [
        proposing.propose(people["entry"], name, given, "x").pk
        for name, given in (
            ("party.client", code),
            ("party.leave", code | {"despite": True}),
            ("party.contact", {"application": str(one.pk), "contact": "0" * 64}),
        )
    ]
    for clerk in (former, coming):
        told, _ = proposing.decide_all(clerk, Step.CHECK, asked)
        assert [each.code for each in told] == ["concerns-oneself"] * len(asked)
    # Twice handed on, all who came are known.
    desk.decide("party.contact", application=str(one.pk), contact="1" * 64)
    again = proposing.propose(people["entry"], "party.client", code, "x").pk
    assert refusal(lambda: proposing.check(former, again)) == "concerns-oneself"
    shop = desk.create_party("some-shop", "merchant", "某店", "A shop", ["online-meeting"])
    other = proposing.propose(people["entry"], "party.client", {"code": shop.code}, "x").pk
    proposing.check(former, other)


def test_an_applicant_who_mends_the_contact_is_still_known(people: dict[str, User]) -> None:
    clerk = _clerk(made_up_person(1, contact="own@example.org"))
    one = reviewed(contact="own@example.org")
    joining_actions.send_back(one, "x", people["entry"])
    given = replace(PARTICULARS, contact="firm@example.org")
    mending.mend(one, given, basis.catalogue().methods)
    joining_actions.prove(one.user)
    joining_actions.submit(one, kinds().terms)
    asked = proposing.propose(
        people["entry"], "party.refuse", {"application": str(one.pk), "reason": "no"}, "x"
    ).pk
    assert refusal(lambda: proposing.check(clerk, asked)) == "concerns-oneself"


def test_nobody_finds_the_papers_of_their_own_application_in_order_or_sends_it_back(
    people: dict[str, User],
) -> None:
    clerk = _clerk(made_up_person(1, contact="own@example.org"))
    one, other = submitted(contact="own@example.org"), submitted(code="made-up-other")
    row = joining.newest(one)["registration"]
    steps = (
        lambda: joining_actions.find(one, row.pk, in_order=True, note="", user=clerk),
        lambda: joining_actions.send_back(one, "x", clerk),
    )
    for step in steps:
        # In no transaction around it, or the row that tells of it would go too.
        with pytest.raises(ConcernsOneself):
            step()
    told = Audit.objects.filter(act="refused", subject=str(one.pk)).order_by("id")
    assert [each.what for each in told] == ["application.find", "application.return"]
    one.refresh_from_db()
    assert one.state == "submitted" and joining.papers(one)[0].state == "new"
    row = joining.newest(other)["registration"]
    joining_actions.find(other, row.pk, in_order=True, note="", user=clerk)
    joining_actions.send_back(other, "x", clerk)
