"""What a person's key closes opens for that person and purpose only, and never after the key is destroyed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from tests.platform.people.townspeople import made_up_person

from abate.platform.doors import clock
from abate.platform.people import actions, keys, queries
from abate.platform.people.errors import PersonErased
from abate.platform.people.models import Contact, Identity, Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.clause("P-8.3")
def test_what_is_closed_opens_again_and_never_looks_the_same(person: Person) -> None:
    texts = {keys.encrypt(person, b"secret", "code") for _ in range(50)}
    assert len(texts) == 50
    assert {keys.decrypt(person, text, "code") for text in texts} == {b"secret"}


@pytest.mark.clause("P-8.3")
def test_another_person_purpose_or_bit_does_not_open(person: Person) -> None:
    text = keys.encrypt(person, b"secret", "code")
    with pytest.raises(InvalidTag):
        keys.decrypt(made_up_person(2), text, "code")
    with pytest.raises(InvalidTag):
        keys.decrypt(person, text, "identity")
    with pytest.raises(InvalidTag):
        keys.decrypt(person, text[:-1] + bytes([text[-1] ^ 1]), "code")
    with pytest.raises(ValueError, match="version"):
        keys.decrypt(person, b"\x02" + text[1:], "code")


def test_every_person_has_keys_of_the_own(person: Person) -> None:
    other = made_up_person(2)
    assert bytes(person.wrapped_key) != bytes(other.wrapped_key)
    assert bytes(person.commit_key) != bytes(other.commit_key) and len(person.commit_key) == 32


def test_unwrapped_keys_leave_memory_within_the_minute(person: Person) -> None:
    other = made_up_person(2)
    now = clock.now()
    with clock.frozen(now):
        keys.encrypt(person, b"x")
    with clock.frozen(now + timedelta(minutes=1)):
        keys.encrypt(other, b"x")
        assert keys._unwrapped.cache_info().currsize == 1


def test_once_destroyed_nothing_opens_and_the_pseudonym_stays(person: Person) -> None:
    pseudonym, text = person.pseudonym, keys.encrypt(person, b"secret")
    actions.destroy(person)
    actions.destroy(person)
    found = Person.objects.select_related("user").get(pk=person.pk)
    assert (found.wrapped_key, found.commit_key, found.status) == (None, None, "erased")
    assert found.pseudonym == pseudonym and not found.user.is_active
    for opened in (
        lambda: keys.decrypt(found, text),
        lambda: keys.decrypt(person, text),
        lambda: queries.own_identity(found),
        lambda: queries.own_contacts(found),
    ):
        with pytest.raises(PersonErased):
            opened()
    assert queries.by_user(found.user) is None
    assert not Identity.objects.exists() and not Contact.objects.exists()


def test_whoever_left_may_come_back_as_a_new_person(person: Person) -> None:
    actions.destroy(person)
    back = made_up_person()
    assert back.pk != person.pk and back.pseudonym != person.pseudonym
