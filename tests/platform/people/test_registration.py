"""One real person, one account: also when sixteen try at once, and nothing stays when one is refused."""

from __future__ import annotations

import secrets
from datetime import date
from threading import Barrier

import pytest
from django.db import connection
from tests.platform.people.townspeople import at_once, made_up_person

from abate.platform.doors.keyring import keyring
from abate.platform.people import actions, claiming, identity, queries
from abate.platform.people.errors import (
    ContactMalformed,
    ContactTaken,
    ContactUnproved,
    IdentityRefused,
    IdentityTaken,
    NoticeMissing,
)
from abate.platform.people.models import Contact, Identity, Person
from abate.platform.review.models import User

pytestmark = pytest.mark.platform

NUMBER = identity.made_up_number(date(1990, 1, 1), 1)


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (User, Person, Identity, Contact))


def register(index: int) -> Person:
    return actions.register("测试甲", NUMBER, [f"139{index:08d}"], "notice-1", True)


@pytest.mark.clause("P-3.1", "P-6.5")
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_registrations_with_one_identity_one_opens_an_account() -> None:
    results = at_once(16, register)
    opened = [r for r in results if isinstance(r, Person)]
    assert len(opened) == 1
    assert [type(r) for r in results if r not in opened] == [IdentityTaken] * 15
    assert counts() == (1, 1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_race_test_sees_a_check_that_is_followed_by_an_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: look first, insert then. The same sixteen open more than one account."""
    looked = Barrier(16)

    def naive(digest: bytes) -> int:
        taken = any(
            bytes(row)[:32] == digest for row in Identity.objects.values_list("identity_hmac", flat=True)
        )
        looked.wait(30)
        if taken:
            raise IdentityTaken
        with connection.cursor() as cursor:
            cursor.execute("select nextval(pg_get_serial_sequence('people_person', 'id'))")
            (person_id,) = cursor.fetchone()
        # A suffix stands for the missing unique key.
        Identity.objects.create(identity_hmac=digest + secrets.token_bytes(4), person_id=person_id)
        return int(person_id)

    monkeypatch.setattr(claiming, "identity", naive)
    assert sum(isinstance(r, Person) for r in at_once(16, register)) > 1


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_people_with_one_contact_one_opens_an_account_and_the_rest_leave_nothing() -> None:
    results = at_once(16, lambda index: made_up_person(index, "13900000000"))
    opened = [r for r in results if isinstance(r, Person)]
    assert len(opened) == 1
    assert [type(r) for r in results if r not in opened] == [ContactTaken] * 15
    assert counts() == (1, 1, 1, 1)


@pytest.mark.clause("P-3.1")
@pytest.mark.django_db
def test_a_second_registration_is_refused_by_name_whatever_is_written_differently(person: Person) -> None:
    number = identity.made_up_number(date(1980, 1, 1), 1)
    spaced = f" {number[:6]} {number[6:14]} {number[14:].lower()} "
    before = counts()
    with pytest.raises(IdentityTaken) as refused:
        actions.register("测试乙", spaced, ["other@example.com"], "notice-1", True)
    assert refused.value.code == "identity-taken"
    assert str(person.pk) not in str(refused.value) and person.pseudonym not in str(refused.value)
    assert counts() == before


@pytest.mark.clause("P-6.5")
@pytest.mark.django_db
def test_no_account_opens_before_the_real_name_check_passed() -> None:
    wrong = NUMBER[:17] + ("0" if NUMBER[17] != "0" else "1")
    with pytest.raises(IdentityRefused, match="check-digit"):
        actions.register("测试甲", wrong, ["13900000000"], "notice-1", True)
    assert counts() == (0, 0, 0, 0)


@pytest.mark.django_db
def test_a_real_registration_needs_a_proof_of_each_contact(sent: object) -> None:
    number = "11010519491231002X"
    with pytest.raises(ContactUnproved):
        actions.register("测试甲", number, ["13900000000"], "notice-1", proofs=["forged", ""])
    proof = actions.proof.issue(keyring().identity_hmac("+8613900000000"))
    with pytest.raises(ContactUnproved):
        actions.register("测试甲", number, ["13900000000", "b@example.com"], "notice-1", proofs=[proof])
    found = actions.register("测试甲", number, ["139 0000 0000"], "notice-1", proofs=[proof])
    assert not found.made_up and found.notice_version == "notice-1"


@pytest.mark.django_db
def test_without_contact_or_notice_nothing_opens() -> None:
    with pytest.raises(ContactMalformed):
        actions.register("测试甲", NUMBER, [], "notice-1", True)
    with pytest.raises(NoticeMissing):
        actions.register("测试甲", NUMBER, ["13900000000"], "", True)
    assert counts() == (0, 0, 0, 0)


@pytest.mark.django_db
def test_a_person_sees_the_own_identity_masked(person: Person) -> None:
    own = queries.own_identity(Person.objects.get(pk=person.pk))
    assert (own.name, own.number) == (
        "测**",
        "9" + "*" * 16 + identity.made_up_number(date(1980, 1, 1), 1)[-1],
    )
    assert queries.own_contacts(person) == [("phone", "138****0001")]
    assert "测" not in repr(own)
