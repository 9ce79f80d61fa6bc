"""Under 14 only with a guardian (PIPL article 31): opened, looked after, ended by date, passed to its owner."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from tests.platform.people.townspeople import at_once, made_up_person
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as books
from abate.platform.parties.models import Party
from abate.platform.people import actions, children, consents, guardians, identity, queries
from abate.platform.people.errors import IdentityRefused, IdentityTaken, NoticeMissing, TooYoung
from abate.platform.people.family_errors import (
    ChildMayNot,
    ChildrenFirst,
    ConsentMissing,
    GuardianNeeded,
    GuardianTooYoung,
    NotAChild,
    RelationUnknown,
    TooManyChildren,
)
from abate.platform.people.models import Consent, Guardianship, Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
BORN = date(2012, 11, 25)
# Midnight of the 14th birthday in Shanghai.
GROWN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NUMBER = identity.made_up_number(BORN, 7)
VERSION, NEWER = "children-2026-11", "children-2026-11-22"
"""In force at NOW, and from 2026-11-22 on."""
BOTH = {"account", "identity"}


def opened(guardian: Person, number: str = NUMBER) -> Person:
    return guardians.open_for_child(guardian, "parent", "测试童", number, BOTH, VERSION)


@pytest.mark.clause("P-8.4-b", "P-6.5")
def test_a_guardian_opens_it_and_the_consent_is_the_guardians(person: Person) -> None:
    with clock.frozen(NOW):
        with pytest.raises(TooYoung):
            actions.register("测试童", NUMBER, ["13900000007"], "2026-11", True)
        child = opened(person)
        with pytest.raises(IdentityTaken):
            opened(person)
        (row,) = children.of(person.pk)
        assert (row.id, row.name, row.relation, row.until) == (child.pk, "测试童", "parent", GROWN)
        assert row.last_day == BORN.replace(year=2026) - timedelta(days=1) and "测试童" not in repr(row)
        assert consents.agreed_to_current(child.pk, "children")
    given = Consent.objects.filter(person=child)
    assert {(one.purpose, one.notice_version, one.given_by_id) for one in given} == {
        (name, VERSION, person.pk) for name in BOTH
    }
    assert not Consent.objects.filter(person=person).exclude(given_by=None).exists()
    assert queries.own_contacts(child) == [] and child.made_up


def test_what_is_not_a_guardian_or_not_a_consent_opens_nothing(person: Person) -> None:
    with clock.frozen(NOW):
        minor = actions.register(
            "测试少", identity.made_up_number(date(2008, 11, 22), 1), ["13900000001"], "2026-11", True
        )
        for guardian, relation, number, purposes, version, refusal in (
            (person, "parent", NUMBER, {"account"}, VERSION, ConsentMissing),
            (person, "parent", NUMBER, BOTH, "2026-11", NoticeMissing),
            # Known, and not in force yet: nobody was shown it.
            (person, "parent", NUMBER, BOTH, NEWER, NoticeMissing),
            (person, "neighbour", NUMBER, BOTH, VERSION, RelationUnknown),
            (minor, "parent", NUMBER, BOTH, VERSION, GuardianTooYoung),
            (person, "parent", identity.made_up_number(date(2012, 11, 21), 1), BOTH, VERSION, NotAChild),
            (person, "parent", "11010520150101002X", BOTH, VERSION, IdentityRefused),
        ):
            with pytest.raises(refusal):
                guardians.open_for_child(guardian, relation, "测试童", number, purposes, version)
        assert not Guardianship.objects.exists() and Person.objects.count() == 2
        for order in range(5):
            opened(person, identity.made_up_number(BORN, order))
        with pytest.raises(TooManyChildren):
            opened(person, identity.made_up_number(BORN, 6))
    with clock.frozen(NOW + timedelta(days=1)):
        # What was in force a day ago is agreed to no more.
        with pytest.raises(NoticeMissing):
            guardians.open_for_child(minor, "other", "测试童", NUMBER, BOTH, VERSION)
        guardians.open_for_child(minor, "other", "测试童", NUMBER, BOTH, NEWER)


@pytest.mark.clause("P-4.3", "P-8.4-b")
def test_what_the_guardian_authorised_ends_at_the_birthday_by_date_alone(
    person: Person, party: Party
) -> None:
    with clock.frozen(NOW):
        child = opened(person)
        actions.authorise(child, party, ["metro"], VERSION)
    at = [
        queries.is_authorised(child.pk, party.pk, "metro", when)
        for when in (NOW, GROWN - TICK, GROWN, GROWN + timedelta(days=900))
    ]
    assert at == [True, True, False, False]
    with clock.frozen(GROWN - TICK):
        assert queries.authorisations(child.pk)[0].live and children.acted_for(person.pk, child.pk)
    with clock.frozen(GROWN):
        assert not queries.authorisations(child.pk)[0].live
        assert children.acted_for(person.pk, child.pk) is None and children.of(person.pk) == []
        with pytest.raises(GuardianNeeded):
            actions.authorise(child, party, ["bus"], VERSION)
        # The owner takes it over by the same check as anybody, and what was given before is over.
        before = (child.pseudonym, child.pk)
        owner = actions.register("测试童", NUMBER, ["13900000007"], "2026-11-22", True)
        assert (owner.pseudonym, owner.pk) == before and queries.own_contacts(owner)
        assert children.until(owner.pk) is None and consents.agreed_to_current(owner.pk)
        assert queries.authorisations(owner.pk)[0].withdrawn_at == GROWN
        actions.authorise(owner, party, ["metro"], "2026-11")
        assert queries.authorisations(owner.pk)[0].ends_at is None
        with pytest.raises(IdentityTaken):
            actions.register("测试童", NUMBER, ["13900000008"], "2026-11", True)
    (left,) = Guardianship.objects.all()
    assert left.until is None and left.ended_at == GROWN, "the birthday is kept no longer than it is needed"


@pytest.mark.parametrize("lane", ["long", "short"])
@pytest.mark.clause("P-4.3")
@pytest.mark.django_db(transaction=True)
def test_no_event_of_a_child_is_booked_after_the_birthday(lane: str) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        with clock.frozen(NOW - timedelta(days=1)):
            child = opened(city.person)
            acts = [
                stage.meeting(city.partner, child, f"{lane}-{n}", NOW + timedelta(hours=n)) for n in range(2)
            ]
        # The short lane books what is credited alone; an event that is refused goes the long one.
        short = [stage.meeting(city.partner, child, f"{lane}-bad", NOW, replacement_rate="2")]
        first = [acts[0], *(short if lane == "long" else [])]
        assert stage.send(city.partner, first)[0].outcome.text == "credited"
    with clock.frozen(GROWN):
        again = [acts[1], *(short if lane == "long" else [])]
        assert stage.send(city.partner, again)[0].reason == "not_authorised:subject"
    assert len(books.entries(child.pk)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_that_take_it_over_one_does() -> None:
    with clock.frozen(NOW):
        child = opened(made_up_person(1))
    with clock.frozen(GROWN):
        results = at_once(
            16,
            lambda index: actions.register("测试童", NUMBER, [f"139{index:08d}"], "2026-11", True),
        )
    taken = [one for one in results if isinstance(one, Person)]
    assert [one.pk for one in taken] == [child.pk]
    assert [type(one) for one in results if one not in taken] == [IdentityTaken] * 15


@pytest.mark.clause("P-6.5")
def test_what_a_child_may_do_with_credits_is_policy(settings: object) -> None:
    with clock.frozen(NOW):
        city = stage.build()
        child = opened(city.person)
        desk.adjust(child.pk, 1000, "gift")
        for payer, receiver in ((child, city.stranger), (city.stranger, child)):
            with pytest.raises(ChildMayNot):
                ledger.transfer(payer.pk, receiver.pk, 1, "t")
        with pytest.raises(ChildMayNot):
            spend(child, city)
        settings.ABATE_CHILDREN_MAY = ["redeem"]  # type: ignore[attr-defined]
        spend(child, city)
        with pytest.raises(ChildMayNot):
            ledger.transfer(child.pk, city.stranger.pk, 1, "t")
        settings.ABATE_CHILDREN_MAY = ["transfer"]  # type: ignore[attr-defined]
        ledger.transfer(child.pk, city.stranger.pk, 1, "t")
    with clock.frozen(GROWN), pytest.raises(GuardianNeeded):
        ledger.transfer(child.pk, city.stranger.pk, 1, "u")


def spend(child: Person, city: stage.City) -> None:
    incentives.redeem(child, city.offer, uuid4())


@pytest.mark.clause("P-8.4-b")
def test_a_guardian_who_leaves_closes_what_rests_on_their_consent(person: Person, party: Party) -> None:
    with clock.frozen(NOW):
        child = opened(person)
        actions.authorise(child, party, ["metro"], VERSION)
        with pytest.raises(ChildrenFirst):
            actions.destroy(person)
        erasing.erase(person)
    for one in (person, child):
        left = Person.objects.get(pk=one.pk)
        assert left.status == "erased" and bytes(left.identity_enc) == b""
    assert all(row.withdrawn_at for row in consents.of(child.pk))
    assert not Guardianship.objects.filter(until__isnull=False).exists()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from people_authorisation where withdrawn_at is null")
        assert cursor.fetchone() == (0,)
