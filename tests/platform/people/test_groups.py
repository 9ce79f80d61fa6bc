"""Households and organisations: in by invitation, out at once; one meter counts once in a household."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.platform.people.townspeople import at_once, made_up_person
from tests.platform.pipeline.world import World

from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.events.envelope import PREFIX, Sender
from abate.platform.notices.models import Notice
from abate.platform.parties import actions as parties
from abate.platform.parties import standing
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party
from abate.platform.people import actions, groups, queries
from abate.platform.people.family_errors import (
    GroupFull,
    HouseholdCollects,
    InHouseholdAlready,
    InvitationMalformed,
    InvitationUnknown,
    MembershipUnknown,
    TooManyInvitations,
)
from abate.platform.people.models import Invitation, Member, Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
METER, WATER, RIDE = "saving-electricity", "saving-water", "cycling"


@pytest.fixture
def utility(db: None) -> Party:
    return parties.create_party(
        "grid", "data_provider", "供电示例", "Sample grid", [METER, WATER, RIDE], made_up=True
    )


def household(*people: Person) -> None:
    for person in people[1:]:
        groups.join(person, groups.invite(people[0])[0], "n")


def live(person: Person, party: Party) -> set[str]:
    return {row.behaviour for row in queries.authorisations(person.pk) if row.live}


def test_what_counts_as_the_meters_is_what_the_methodologies_record_by_meter() -> None:
    metered = {
        name
        for name, versions in catalogue().methods.items()
        if {"household_id", "meter_id"} & {field.name for field in versions[-1].activity.fields}
    }
    assert metered == groups.METERED


@pytest.mark.clause("P-4.3")
def test_in_by_a_code_that_works_once_and_out_at_once() -> None:
    first, second, third = (made_up_person(n) for n in range(1, 4))
    code, until = groups.invite(first)
    assert (groups.offered(code).kind, groups.offered(code).members) == ("household", 1)
    assert until - clock.now() > timedelta(days=6)
    joined = groups.join(second, f" {code.lower()} ".replace("-", " "), "n")
    assert [(row.kind, row.members) for row in groups.of(second.pk)] == [("household", 2)]
    with pytest.raises(InvitationUnknown):
        groups.join(third, code, "n")
    late, _ = groups.invite(second)
    with clock.frozen(clock.now() + timedelta(days=8)), pytest.raises(InvitationUnknown):
        groups.join(third, late, "n")
    with pytest.raises(InvitationUnknown):
        groups.offered("2222-2222-2222")
    groups.leave(second, joined.pk)
    groups.leave(second, joined.pk)
    assert [row.members for row in groups.of(first.pk)] == [1] and groups.of(second.pk)[0].left_at
    with pytest.raises(MembershipUnknown):
        groups.leave(third, joined.pk)
    # Who is alone in a household that all left is let in by nobody.
    again, _ = groups.invite(first)
    groups.leave(first, groups.of(first.pk)[0].id)
    for act in (lambda: groups.offered(again), lambda: groups.join(third, again, "n")):
        with pytest.raises(InvitationUnknown):
            act()


def test_one_household_at_a_time_and_no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third, fourth = (made_up_person(n) for n in range(1, 5))
    household(first, second)
    code, _ = groups.invite(third)
    with pytest.raises(InHouseholdAlready):
        groups.join(second, code, "n")
    assert Invitation.objects.get(digest=groups._digest(code)).used == 0
    monkeypatch.setattr(groups, "LARGEST_HOUSEHOLD", 2)
    open_code = groups._invitation
    with pytest.raises(GroupFull):
        groups.invite(first)
    monkeypatch.setattr(groups, "LARGEST_HOUSEHOLD", 3)
    codes = [groups.invite(first)[0] for _ in range(2)]
    groups.join(fourth, codes[0], "n")
    with pytest.raises(GroupFull):
        groups.join(made_up_person(9), codes[1], "n")
    monkeypatch.setattr(groups, "LARGEST_HOUSEHOLD", 99)
    assert open_code is groups._invitation
    with pytest.raises(TooManyInvitations):
        for _ in range(groups.MOST_OPEN + 1):
            groups.invite(first)


@pytest.mark.clause("P-4.3")
def test_of_a_households_meter_one_member_at_a_time_lets_it_be_sent(utility: Party) -> None:
    first, second, stranger = (made_up_person(n) for n in range(1, 4))
    for person in (first, second, stranger):
        actions.authorise(person, utility, [METER, RIDE], "n")
    household(first, second)
    assert live(first, utility) == {METER, RIDE} and live(second, utility) == {RIDE}, "ended on joining"
    told = Notice.objects.filter(kind="authorisation.ended").values_list("user_id", flat=True)
    assert list(told) == [second.user_id], "told as of a withdrawal"
    with pytest.raises(HouseholdCollects, match=METER):
        actions.authorise(second, utility, [METER, WATER], "n")
    assert live(second, utility) == {RIDE}, "all or nothing"
    actions.authorise(second, utility, [WATER], "n")
    with pytest.raises(HouseholdCollects, match=WATER):
        actions.authorise(first, utility, [WATER], "n")
    assert live(stranger, utility) == {METER, RIDE}
    for row in queries.authorisations(first.pk):
        actions.withdraw(first, row.id)
    actions.authorise(second, utility, [METER], "n")
    actions.destroy(second)
    assert not Member.objects.filter(person=second, left_at=None).exists()
    actions.authorise(first, utility, [METER, WATER], "n")


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_members_at_once_one_lets_the_meter_be_sent_and_one_takes_the_last_place(
    utility: Party,
) -> None:
    people = [made_up_person(n) for n in range(1, 13)]
    household(*people)
    results = at_once(12, lambda n: actions.authorise(people[n], utility, [METER], "n"))
    assert sum(isinstance(one, str) for one in results) == 1
    assert sum(isinstance(one, HouseholdCollects) for one in results) == 11

    others = [made_up_person(n) for n in range(101, 117)]
    company = parties.create_party("works", "enterprise", "示例企业", "Sample works", [], made_up=True)
    code, _ = groups.invite_to_organisation(company, 3)
    results = at_once(16, lambda n: groups.join(others[n], code, "n"))
    assert sum(isinstance(one, Member) for one in results) == 3
    assert sum(isinstance(one, InvitationUnknown) for one in results) == 13
    assert Invitation.objects.get(digest=groups._digest(code)).used == 3


def test_an_organisations_invitation_has_an_end(db: None) -> None:
    company = parties.create_party("works", "enterprise", "示例企业", "Sample works", [], made_up=True)
    for most, days in ((0, 7), (100_001, 7), (1, 0), (1, 91)):
        with pytest.raises(InvitationMalformed):
            groups.invite_to_organisation(company, most, timedelta(days=days))
    code, _ = groups.invite_to_organisation(company, 2)
    person = made_up_person(1)
    member = groups.join(person, code, "n")
    assert groups.join(person, code, "n") == member, "joining again is the same membership"
    (row,) = groups.of(person.pk)
    assert (row.kind, row.party, row.members) == ("organisation", "works", 0)
    parties.suspend(company)
    with pytest.raises(InvitationUnknown):
        groups.join(made_up_person(2), code, "n")


@pytest.mark.clause("P-4.3")
def test_an_event_of_the_meter_is_booked_for_one_member_only(utility: Party) -> None:
    given, at = datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 2, 4, tzinfo=UTC)
    with clock.frozen(given):
        first, second = (made_up_person(n) for n in (1, 2))
        subjects = [actions.authorise(person, utility, [METER], "n") for person in (first, second)]
        household(first, second)
    sent = [
        {
            "specversion": "1.0", "id": f"m-{n}", "source": "grid", "type": f"{PREFIX}{METER}",
            "subject": subject, "time": "2026-01-01T09:00:00+08:00",
            "data": {"household_id": "h-1", "period_start": "2026-01-01", "period_end": "2026-01-31",
                     "actual_kwh": "90", "tier": 1},
        }
        for n, subject in enumerate(subjects)
    ]  # fmt: skip
    sender = Sender(utility.pk, utility.code, frozenset([METER]), "test")
    with clock.frozen(at):
        results = World(sender, [], subjects).send(*sent)
    assert [one.outcome.text for one in results] == ["needs_figure", "refused"]
    assert results[1].reason == "not_authorised:subject"


@pytest.mark.clause("P-8.4-b", "P-6.2")
def test_an_organisation_past_its_papers_lets_nobody_in_before_any_job_has_run(utility: Party) -> None:
    code, _ = groups.invite_to_organisation(utility, 5)
    standing.set_validity(utility, clock.today() - timedelta(days=1))
    with pytest.raises(PartySuspended):
        groups.invite_to_organisation(utility, 5)
    for ask in (lambda: groups.offered(code), lambda: groups.join(made_up_person(1), code, "n")):
        with pytest.raises(InvitationUnknown):
            ask()
    standing.set_validity(utility, clock.today())
    assert groups.join(made_up_person(2), code, "n").left_at is None
