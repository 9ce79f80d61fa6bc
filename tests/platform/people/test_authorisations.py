"""What a person lets a party send: given, ended at once, kept as history, under that party's own name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from tests.platform.people.townspeople import at_once, made_up_person

from abate.platform.config import grants
from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.parties import actions as parties
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party
from abate.platform.people import actions, queries
from abate.platform.people.errors import (
    AuthorisationUnknown,
    BehaviourNotOffered,
    NoticeMissing,
    PersonErased,
)
from abate.platform.people.models import Authorisation, Person, Subject

pytestmark = pytest.mark.platform


def live(person: Person, party: Party, behaviour: str = "metro") -> bool:
    return queries.is_authorised(person.pk, party.pk, behaviour, clock.now())


@pytest.mark.clause("P-4.3")
@pytest.mark.django_db
def test_an_authorisation_counts_from_its_moment_until_it_is_withdrawn(person: Person, party: Party) -> None:
    start = clock.now()
    with clock.frozen(start):
        subject = actions.authorise(person, party, ["metro"], "notice-1")
        assert live(person, party) and not live(person, party, "bus")
    (row,) = queries.authorisations(person.pk)
    assert (row.party_code, row.title_zh, row.title_en, row.behaviour) == (
        "metro-app",
        "地铁应用",
        "Metro app",
        "metro",
    )
    end = start + timedelta(hours=1)
    with clock.frozen(end):
        actions.withdraw(person, row.id)
        assert not live(person, party)
    tick = timedelta(microseconds=1)
    moments = [start - tick, start, end - tick, end]
    assert [queries.is_authorised(person.pk, party.pk, "metro", at) for at in moments] == [
        False,
        True,
        True,
        False,
    ]
    assert queries.subject_for(person.pk, party.pk) == subject


@pytest.mark.django_db
def test_history_is_kept_and_the_live_one_stands_first(person: Person, party: Party) -> None:
    first = actions.authorise(person, party, ["metro", "bus"], "notice-1")
    for row in queries.authorisations(person.pk):
        if row.behaviour == "metro":
            actions.withdraw(person, row.id)
            actions.withdraw(person, row.id)
    again = actions.authorise(person, party, ["metro"], "notice-1")
    rows = queries.authorisations(person.pk)
    assert first == again and Subject.objects.count() == 1
    assert [(r.behaviour, r.live) for r in rows] == [("metro", True), ("bus", True), ("metro", False)]
    assert actions.withdraw_all(person, party) == 2
    assert not any(r.live for r in queries.authorisations(person.pk))


@pytest.mark.django_db
def test_given_twice_is_one_and_under_a_new_notice_is_a_new_one_without_a_gap(
    person: Person, party: Party
) -> None:
    actions.authorise(person, party, ["metro"], "notice-1")
    actions.authorise(person, party, ["metro"], "notice-1")
    assert len(queries.authorisations(person.pk)) == 1
    actions.authorise(person, party, ["metro"], "notice-2")
    new, old = queries.authorisations(person.pk)
    assert (new.notice_version, old.notice_version) == ("notice-2", "notice-1")
    assert old.withdrawn_at == new.granted_at


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_make_one_live_row_and_one_subject() -> None:
    person = made_up_person()
    party = parties.create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["metro"])
    results = at_once(16, lambda _: actions.authorise(person, party, ["metro"], "notice-1"))
    assert len(set(results)) == 1 and isinstance(results[0], str)
    assert Authorisation.objects.count() == Subject.objects.count() == 1


@pytest.mark.django_db
def test_what_cannot_be_given_is_refused_and_changes_nothing(person: Person, party: Party) -> None:
    for wanted in ([], ["walking"], ["metro", "walking"]):
        with pytest.raises(BehaviourNotOffered):
            actions.authorise(person, party, wanted, "notice-1")
    with pytest.raises(NoticeMissing):
        actions.authorise(person, party, ["metro"], "")
    parties.suspend(party)
    with pytest.raises(PartySuspended):
        actions.authorise(person, party, ["metro"], "notice-1")
    assert not Authorisation.objects.exists() and not Subject.objects.exists()


@pytest.mark.django_db
def test_nobody_withdraws_what_is_anothers(person: Person, party: Party) -> None:
    actions.authorise(person, party, ["metro"], "notice-1")
    (row,) = queries.authorisations(person.pk)
    with pytest.raises(AuthorisationUnknown):
        actions.withdraw(made_up_person(2), row.id)
    assert live(person, party)


@pytest.mark.django_db
def test_erasing_ends_every_authorisation(person: Person, party: Party) -> None:
    actions.authorise(person, party, ["metro", "bus"], "notice-1")
    actions.destroy(person)
    assert not live(person, party) and not live(person, party, "bus")
    with pytest.raises(PersonErased):
        actions.authorise(person, party, ["metro"], "notice-1")


@pytest.mark.django_db
def test_the_applications_role_can_end_an_authorisation_and_nothing_else(
    person: Person, party: Party
) -> None:
    grants.apply_grants(connection)
    actions.authorise(person, party, ["metro"], "notice-1")
    with connection.cursor() as cursor:
        cursor.execute(f"set local role {grants.ROLE}")
        for forbidden in (
            "update people_authorisation set granted_at = now()",
            "update people_authorisation set behaviour = 'bus'",
            "delete from people_authorisation",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(forbidden)
        assert actions.authorise(person, party, ["bus"], "notice-1")
        assert actions.withdraw_all(person, party) == 2
        actions.destroy(person)
        cursor.execute("reset role")


@pytest.mark.django_db
def test_the_database_refuses_two_live_rows_and_an_end_before_the_start(person: Person, party: Party) -> None:
    insert = (
        "insert into people_authorisation"
        " (person_id, party_id, behaviour, granted_at, withdrawn_at, notice_version)"
        " values (%s, %s, 'metro', now(), {}, 'n')"
    )
    with connection.cursor() as cursor:
        cursor.execute(insert.format("null"), [person.pk, party.pk])
        for end in ("null", "now() - interval '1 second'"):
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(insert.format(end), [person.pk, party.pk])


@pytest.mark.django_db
def test_two_parties_never_know_a_person_by_one_name() -> None:
    both = [
        parties.create_party(code, "data_provider", code, code, ["metro"]) for code in ("one-app", "two-app")
    ]
    people = [made_up_person(order) for order in range(50)]
    given = [{actions.authorise(person, party, ["metro"], "n") for person in people} for party in both]
    stored = set(Subject.objects.values_list("subject", flat=True))
    assert len(given[0]) == len(given[1]) == 50 and not given[0] & given[1]
    assert stored == given[0] | given[1] and not stored & {person.pseudonym for person in people}
    # What the rows hold is this function's: on 10,000 people no two of its 20,000 names are equal.
    names = [str(randomness.new_uuid()) for _ in range(10_000)]
    assert keyring().pairwise_subject("one-app", people[0].pseudonym) in given[0]
    assert len({keyring().pairwise_subject(party.code, name) for party in both for name in names}) == 20_000


@pytest.mark.django_db
def test_a_clock_set_back_cannot_keep_an_authorisation_alive(person: Person, party: Party) -> None:
    actions.authorise(person, party, ["metro"], "notice-1")
    (row,) = queries.authorisations(person.pk)
    with clock.frozen(clock.now() - timedelta(hours=1)):
        actions.withdraw(person, row.id)
        actions.withdraw_all(person, party)
    assert not live(person, party)
