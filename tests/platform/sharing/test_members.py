"""What an organisation learns of its members: sums of closed months, never one of them, never a difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.platform.pipeline.world import GIVEN, NOW, World, make_world
from tests.platform.reconciliation.test_addresses import token
from tests.platform.sharing.test_editions import AFTER, MONTH, close

from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import consents, groups, guardians
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Member
from abate.platform.sharing import members
from abate.platform.sharing.errors import MonthOpen, OutsideGrant
from abate.platform.sharing.models import MembersEdition, MembersRead

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    """Twelve people who met online once each, in a month that is closed."""
    with clock.frozen(GIVEN):
        made = make_world(12)
    with clock.frozen(NOW):
        made.send(*(made.meeting(f"m-{n}", n) for n in range(12)))
    with clock.frozen(AFTER):
        yield made


def company(world: World, size: int, since: Any = GIVEN) -> Party:
    with clock.frozen(since):
        party = parties.create_party(
            f"works-{size}", "enterprise", "示例企业", "Sample works", [], made_up=True
        )
        code, _ = groups.invite_to_organisation(party, 50)
        for person in world.people[:size]:
            groups.join(person, code, "n")
    return party


@pytest.mark.clause("P-8.4-b", "P-8.5-b")
def test_sums_of_ten_are_told_and_of_nine_are_not(world: World) -> None:
    ten, nine = company(world, 10), company(world, 9)
    with pytest.raises(MonthOpen):
        members.edition(ten.pk, MONTH)
    close()
    made = members.edition(ten.pk, MONTH)
    assert (made.people, made.acts) == (10, 10) and made.carbon_mg == sum(
        one for one, _, _ in world.totals()[:10]
    )
    assert members.edition(nine.pk, MONTH).people is None
    assert MembersEdition.objects.get(party_id=nine.pk).carbon_mg is None, "not even kept"


@pytest.mark.clause("P-8.4-b")
def test_who_leaves_is_in_no_figure_and_two_answers_never_differ_by_them(world: World) -> None:
    twelve, other = company(world, 12), company(world, 11)
    close()
    before = members.read(twelve.pk, MONTH, MONTH, "k")
    for party in (twelve, other):
        row = Member.objects.get(group_id=groups.group_of(party.pk), person=world.people[0])
        groups.leave(world.people[0], row.pk)
    assert members.read(twelve.pk, MONTH, MONTH, "k") == before
    made = members.edition(other.pk, MONTH)
    assert made.people == 10 and made.carbon_mg == sum(one for one, _, _ in world.totals()[1:11])


@pytest.mark.clause("P-8.4-b")
def test_what_a_guardian_agreed_to_counts_until_the_14th_birthday(world: World) -> None:
    """By date: before anybody takes the account over. Who then does is in the household and organisation they join themselves."""
    guardian, number = world.people[11], made_up_number(date(2012, 7, 3), 7)
    with clock.frozen(GIVEN):
        told = consents.current("children").version
        child = guardians.open_for_child(guardian, "parent", "测试童", number, {"account", "identity"}, told)
        subject = people.authorise(
            child, Party.objects.get(pk=world.sender.party_id), ["online-meeting"], told
        )
    with clock.frozen(NOW):
        assert world.send(world.meeting("m-child") | {"subject": subject})[0].outcome.text == "credited"
    world.people.insert(0, child)
    before, after = company(world, 11), company(world, 12)
    with clock.frozen(GIVEN):
        household, _ = groups.invite(guardian)
        groups.join(child, household, "n")
    close()
    assert members.edition(before.pk, MONTH).people == 11
    with clock.frozen(AFTER + timedelta(days=2)):
        assert members.edition(after.pk, MONTH).people == 11, "twelve members, one of whom nobody agreed for"
        assert any(row.left_at is None for row in groups.of(child.pk))
        owner = people.register("测试童", number, ["13900000007"], consents.current().version, made_up=True)
        assert owner.pk == child.pk and [row.left_at for row in groups.of(child.pk)] == [clock.now()] * 3


@pytest.mark.clause("P-8.4-b")
def test_what_was_done_before_joining_is_the_persons_own(world: World) -> None:
    late = company(world, 12, NOW)
    close()
    assert members.edition(late.pk, MONTH).people is None


def test_nobody_who_makes_most_of_it_is_told_of(world: World) -> None:
    party = company(world, 12)
    with clock.frozen(NOW):
        world.send(*(world.meeting(f"more-{n}", 0, f"2026-05-21T0{n}:00:00+08:00") for n in range(9)))
        world.send(*(world.meeting(f"more-{n}", 0, f"2026-05-22T0{n}:00:00+08:00") for n in range(9)))
        world.send(
            *(world.meeting(f"most-{n}", 0, f"2026-05-23T0{n}:00:00+08:00", pkm_coach=900) for n in range(9))
        )
    close()
    assert members.edition(party.pk, MONTH).people is None


@pytest.mark.clause("P-8.5-b")
def test_asked_over_the_interface_and_every_answer_is_a_row(world: World, client: Client) -> None:
    party = company(world, 12)
    close()
    headers = token(party, ["events"])
    answer = client.get("/v1/members/figures?from=2026-06", headers=headers)
    (month,) = answer.json()["months"]
    assert (month["month"], month["people"], month["withheld"]) == ("2026-06", 12, False)
    (row,) = MembersRead.objects.all()
    assert bytes(row.sha256) == hashlib.sha256(answer.content).digest() and row.client_id
    stranger = parties.create_party("shop", "merchant", "示例店", "Sample shop", [], made_up=True)
    (month,) = client.get("/v1/members/figures?from=2026-06", headers=token(stranger, ["events"])).json()[
        "months"
    ]
    assert month["withheld"] and "people" not in month
    for query, status, code in (
        ("from=2026-07", 409, "sharing-month-open"),
        ("", 422, "sharing-request-malformed"),
        ("from=2026-06&to=2026-05", 403, "sharing-outside-grant"),
        ("from=0527-02&to=0527-01", 403, "sharing-outside-grant"),
        ("from=0527-02", 409, "sharing-month-open"),
    ):
        refused = client.get(f"/v1/members/figures?{query}", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert "0527" not in query or "0527-02" in refused.json()["detail"]
    assert client.get("/v1/members/figures?from=2026-06").status_code == 401
    with pytest.raises(OutsideGrant):
        members.read(party.pk, MONTH - timedelta(days=4000), MONTH, "k")
