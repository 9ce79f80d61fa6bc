"""Data of single people: nothing before they agree, nothing that was not asked for, nothing after they take it back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.utils import DatabaseError
from django.test import Client
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import World
from tests.platform.reconciliation.test_addresses import token
from tests.platform.sharing.test_editions import AFTER, world

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.ledger import erasing
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import (
    consents,
    disclosing,
    freezing,
    groups,
    guardians,
    identity,
    queries,
    requests,
)
from abate.platform.people.family_errors import NotBound
from abate.platform.people.models import Consent, Person
from abate.platform.review import changes
from abate.platform.sharing import actions, errors
from abate.platform.sharing import people as sharing
from abate.platform.sharing.models import Read, Told
from abate.platform.web import own_data

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-b", "P-4.3")]
__all__ = ["world"]
ADDRESS = "/v1/sharing/requests"
ASKED: dict[str, Any] = {
    "purpose": "通勤补贴核算",
    "ground": "本人同意",
    "kind": "service",
    "about": "people",
    "contact": "privacy@example.org",
    "fields": ["carbon_mg", "month", "behaviour", "credits", "acts"],
    "from_month": "2026-06",
    "to_month": "2026-07",
    "until": "2026-12-31",
}
UNTIL = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)
"""The last minute of the request's last day in Shanghai."""


@pytest.fixture
def sender(world: World) -> Iterator[Party]:
    yield Party.objects.get(code=world.sender.code)


def ask(headers: dict[str, str], **changes: object) -> Any:
    body = {name: value for name, value in (ASKED | changes).items() if value is not None}
    return Client().post(ADDRESS, json.dumps(body), content_type="application/json", headers=headers)


def granted(headers: dict[str, str], **changes: object) -> UUID:
    number = ask(headers, **changes).json()["id"]
    desk.decide("sharing.answer", request=number, granted=True)
    return UUID(number)


def read(headers: dict[str, str], number: UUID, **query: object) -> Any:
    return Client().get(f"{ADDRESS}/{number}/people", query, headers=headers)


def names(headers: dict[str, str], number: UUID) -> list[str]:
    answer = read(headers, number)
    assert answer.status_code == 200, answer.content
    return [one["subject"] for one in answer.json()["people"]]


def test_nothing_before_each_agreed_and_every_answer_is_told(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    made = ask(headers)
    number = UUID(made.json()["id"])
    assert made.status_code == 201 and made.json()["about"] == "people"
    assert made.json()["fields"] == ["month", "behaviour", "acts", "carbon_mg", "credits"]
    look = changes.action("sharing.answer").look({"request": str(number)})
    assert (look["about"], look["contact"]) == ("people", "privacy@example.org"), "three people see it"
    with pytest.raises(errors.NotAsked):
        sharing.agree(world.people[0], number)
    assert read(headers, number).json()["code"] == "sharing-not-granted"
    desk.decide("sharing.answer", request=str(number), granted=True)
    assert names(headers, number) == [], "three people of the operator's cannot agree for anybody"

    for one in (0, 11):
        sharing.agree(world.people[one], number)
    sharing.agree(world.people[0], number)
    answer = read(headers, number)
    told = {one["subject"]: one["rows"] for one in answer.json()["people"]}
    assert list(told) == sorted([world.subjects[0], world.subjects[11]])
    assert [(one["month"], one["behaviour"], one["acts"]) for one in told[world.subjects[0]]] == [
        ("2026-06", "cycling", 1), ("2026-06", "online-meeting", 1), ("2026-06", "walking", 1),
    ]  # fmt: skip
    mg, credits, _ = world.totals()[0]
    assert sum(one["carbon_mg"] for one in told[world.subjects[0]]) == mg, "as the books say"
    assert sum(one["credits"] for one in told[world.subjects[0]]) == credits
    assert [one["behaviour"] for one in told[world.subjects[11]]] == ["online-meeting"]
    assert answer.json()["as_of"] == clock.now().isoformat()

    row = Read.objects.latest("id")
    assert bytes(row.sha256) == hashlib.sha256(answer.content).digest()
    assert (row.people, row.cells, row.request_id) == (2, 4, number)
    assert row.client_id == headers["authorization"].split()[1]
    assert set(Told.objects.values_list("person_id", flat=True)) == {
        world.people[0].pk,
        world.people[11].pk,
    }
    (seen,) = sharing.readings_of(world.people[11].pk)
    assert (seen.request.id, seen.party, seen.at) == (number, sender.code, row.at)
    assert sharing.readings_of(world.people[5].pk) == []
    copy = own_data.gather(world.people[11])
    (mine,), (reading,) = copy["asked_by_parties"], copy["told_to_parties"]  # type: ignore[misc]
    assert mine["id"] == reading["request"] == str(number) and mine["contact"] == "privacy@example.org"

    sharing.withdraw(world.people[0], number)
    assert names(headers, number) == [world.subjects[11]]
    sharing.withdraw(world.people[0], number)
    (gone,) = sharing.asked_of(world.people[0].pk)
    assert gone.live and not gone.agreed and gone.ended_at
    sharing.agree(world.people[0], number)
    assert len(names(headers, number)) == 2
    assert Consent.objects.filter(person=world.people[0], purpose__startswith="share:").count() == 2


def test_what_is_taken_back_counts_in_its_month_and_moves_no_month_before(
    world: World, sender: Party
) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers, fields=["month", "acts", "carbon_mg"])
    sharing.agree(world.people[11], number)
    (june,) = read(headers, number).json()["people"][0]["rows"]
    assert [one.outcome.text for one in world.send(withdrawal(world, "back", "m-11", 11))] == ["withdrawn"]
    rows = read(headers, number).json()["people"][0]["rows"]
    assert rows[0] == june and rows[1]["month"] == "2026-07"
    assert (rows[1]["acts"], rows[1]["carbon_mg"]) == (-1, -june["carbon_mg"])


@pytest.mark.parametrize("fields", [["acts"], ["behaviour"], ["month", "credits"], ["carbon_mg"]])
def test_a_field_that_was_not_asked_for_is_never_given(
    world: World, sender: Party, fields: list[str]
) -> None:
    """And nothing else of the person: only the party's own name, and what was granted."""
    headers = token(sender, ["sharing"])
    number = granted(headers, fields=fields, behaviours=["cycling", "walking"])
    sharing.agree(world.people[0], number)
    answer = read(headers, number)
    (one,) = answer.json()["people"]
    assert set(one) == {"subject", "rows"} and one["rows"]
    assert all(set(row) == {*fields, "sources"} for row in one["rows"])
    assert len(one["rows"]) == (2 if "behaviour" in fields else 1)
    text = answer.content.decode()
    assert "online-meeting" not in text, "nor a behaviour that was not asked for"
    own = own_data.gather(world.people[0])
    canaries = [own["account"][0][name] for name in ("name", "number", "pseudonym")]  # type: ignore[index]
    canaries += [contact["value"] for contact in own["contacts"]]  # type: ignore[attr-defined]
    canaries += [event for event in ("m-0", "r-0", "w-0") if f'"{event}"' in text]
    assert len(canaries) == 4 and not [word for word in canaries if word in text]


def test_a_withdrawal_in_the_middle_of_paging_is_in_no_later_page(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers)
    for person in world.people:
        sharing.agree(person, number)
    order = sorted(world.subjects)
    first = read(headers, number, limit=5).json()
    assert [one["subject"] for one in first["people"]] == order[:5]
    left = world.people[world.subjects.index(order[7])]
    sharing.withdraw(left, number)
    sharing.withdraw(world.people[world.subjects.index(order[2])], number)
    second = read(headers, number, limit=5, cursor=first["next_cursor"]).json()
    assert [one["subject"] for one in second["people"]] == [*order[5:7], *order[8:11]]
    last = read(headers, number, limit=5, cursor=second["next_cursor"]).json()
    assert [one["subject"] for one in last["people"]] == order[11:] and last["next_cursor"] is None
    assert not sharing.readings_of(left.pk), "who is in no answer has no reading"
    other = granted(headers)
    assert read(headers, other, cursor=first["next_cursor"]).json()["code"] == "sharing-cursor"
    for query, code in (
        ({"limit": 0}, "filter-invalid"), ({"limit": sharing.MOST + 1}, "filter-invalid"),
        ({"cursor": order[4]}, "sharing-cursor"), ({"curser": "x"}, "parameter-unknown"),
    ):  # fmt: skip
        assert read(headers, number, **query).json()["code"] == code


def test_another_party_another_kind_and_the_last_day(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers)
    sharing.agree(world.people[0], number)
    other = parties.create_party("other", "authority", "他局", "Another", ["walking"], made_up=True)

    def code(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    assert code(read(token(other, ["sharing"]), number)) == (404, "sharing-request-unknown")
    assert code(read(token(sender, ["events"]), number)) == (403, "scope-missing")
    assert code(read({}, number)) == (401, "token-refused")
    figures = Client().get(f"{ADDRESS}/{number}/figures", headers=headers)
    assert code(figures) == (409, "sharing-other-subject")
    groups_of = granted(headers, about=None, contact=None, fields=["people"])
    assert code(read(headers, groups_of)) == (409, "sharing-other-subject")
    with pytest.raises(errors.NotAsked):
        sharing.agree(world.people[0], groups_of)
    refused = UUID(ask(headers).json()["id"])
    desk.decide("sharing.answer", request=str(refused), granted=False)
    assert code(read(headers, refused)) == (403, "sharing-not-granted")
    assert [one.request.id for one in sharing.asked_of(world.people[1].pk)] == [number]

    with clock.frozen(UNTIL):
        assert names(token(sender, ["sharing"]), number) == [world.subjects[0]]
        sharing.agree(world.people[1], number)
    with clock.frozen(UNTIL + timedelta(minutes=1)):
        assert code(read(token(sender, ["sharing"]), number)) == (403, "sharing-not-granted")
        with pytest.raises(errors.NotAsked):
            sharing.agree(world.people[2], number)
    before = Told.objects.count()
    actions.revoke(number, "目的已变", "made-up account")
    assert code(read(headers, number)) == (403, "sharing-not-granted")
    assert Told.objects.count() == before
    (over,) = sharing.asked_of(world.people[0].pk)
    assert over.agreed and not over.live
    sharing.withdraw(world.people[0], number)


def test_a_party_that_stands_no_more_is_told_nothing_and_asks_nobody(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers)
    sharing.agree(world.people[0], number)
    Party.objects.filter(pk=sender.pk).update(status="suspended")
    assert read(headers, number).json()["code"] == "party-suspended"
    with pytest.raises(errors.NotAsked):
        sharing.agree(world.people[1], number)
    Party.objects.filter(pk=sender.pk).update(status="active")
    groups.end_party(sender.pk)
    assert names(headers, number) == []
    assert not Consent.objects.filter(purpose__startswith="share:", withdrawn_at=None).exists()


def test_only_who_is_bound_is_asked_and_the_last_authorisation_ends_it(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number, stranger = granted(headers), world.people[0]
    other = parties.create_party("other", "authority", "他局", "Another", ["walking"], made_up=True)
    foreign = granted(token(other, ["sharing"]))
    with pytest.raises(errors.NotAsked):
        sharing.agree(stranger, foreign)
    # Not by the room of people either, which does not know the requests.
    with pytest.raises(NotBound):
        disclosing.agree(stranger, other.pk, disclosing.purpose(other.code, foreign))

    sharing.agree(stranger, number)
    people.authorise(stranger, other, ["walking"], "1")
    sharing.agree(stranger, foreign)
    people.withdraw_all(stranger, sender)
    assert names(headers, number) == []
    assert names(token(other, ["sharing"]), foreign) != [], "of the other party's nothing ended"
    people.authorise(stranger, sender, ["walking"], "1")
    assert names(headers, number) == [], "what ended is not taken up again by itself"
    sharing.agree(stranger, number)
    (row,) = [one for one in people_of(stranger) if one.party_code == sender.code]
    people.withdraw(stranger, row.id)
    assert names(headers, number) == []


def people_of(person: Person) -> list[Any]:
    return [one for one in queries.authorisations(person.pk) if one.live]


def test_a_new_notice_about_accounts_ends_no_such_consent(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers)
    sharing.agree(world.people[0], number)
    consents.give(world.people[0], "2027-01")
    assert names(headers, number) == [world.subjects[0]]


@pytest.mark.clause("P-8.4-b")
def test_who_left_or_is_kept_or_objects_is_in_no_answer(world: World, sender: Party) -> None:
    headers = token(sender, ["sharing"])
    number = granted(headers)
    for person in world.people[:4]:
        sharing.agree(person, number)
    erasing.erase(world.people[0])
    freezing.freeze(world.people[1], date(2030, 1, 1), [("税", "tax")])
    assert names(headers, number) == sorted(world.subjects[2:4])
    requests.ask(world.people[2], "restriction", "请不要对外提供")
    assert names(headers, number) == [world.subjects[3]], "an objection holds until it is answered"
    with clock.frozen(AFTER + timedelta(minutes=5)):
        (open_one,) = requests.own(world.people[2])
        requests.answer(open_one.id, "已处理", desk.hire("made-up answerer", "entry"))
        assert names(headers, number) == sorted(world.subjects[2:4])


@pytest.mark.clause("P-8.4-b")
def test_a_child_is_told_of_through_its_guardian_and_not_past_the_birthday(
    world: World, sender: Party
) -> None:
    guardian, born = world.people[0], date(2012, 8, 1)
    told = consents.current("children")
    child = guardians.open_for_child(guardian, "parent", "测试童", identity.made_up_number(born, 7),
                                     {one.name for one in told.purposes}, told.version)  # fmt: skip
    subject = people.authorise(child, sender, ["walking"], told.version)
    headers = token(sender, ["sharing"])
    number = granted(headers)
    sharing.agree(child, number, by=guardian)
    given = Consent.objects.get(person=child, purpose__startswith="share:")
    assert (given.given_by_id, given.notice_version) == (guardian.pk, "sharing-2026-11")
    assert not Consent.objects.filter(person=guardian, purpose__startswith="share:").exists()
    assert names(headers, number) == [subject]
    birthday = datetime(2026, 7, 31, 16, 0, tzinfo=UTC)
    with clock.frozen(birthday - timedelta(seconds=1)):
        assert names(token(sender, ["sharing"]), number) == [subject]
    with clock.frozen(birthday):
        assert names(token(sender, ["sharing"]), number) == [], "by date alone"
        assert sharing.asked_of(child.pk)[0].live is False


def test_joining_a_household_that_ends_the_last_authorisation_ends_it(world: World) -> None:
    power = parties.create_party(
        "grid", "data_provider", "电网", "Grid", ["saving-electricity"], made_up=True
    )
    headers, (one, two, *_) = token(power, ["sharing"]), world.people
    number = granted(headers, behaviours=[])
    people.authorise(one, power, ["saving-electricity"], "1")
    people.authorise(two, power, ["saving-electricity"], "1")
    for person in (one, two):
        sharing.agree(person, number)
    code, _ = groups.invite(one)
    groups.join(two, code, consents.current("groups").version)
    (kept,) = Consent.objects.filter(purpose__startswith="share:", withdrawn_at=None)
    assert kept.person_id == one.pk


def test_no_answer_without_its_rows(world: World, sender: Party, monkeypatch: Any) -> None:
    number = granted(token(sender, ["sharing"]))
    sharing.agree(world.people[0], number)

    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("cannot be written")

    monkeypatch.setattr(Told.objects, "bulk_create", broken)
    with pytest.raises(DatabaseError):
        sharing.read(sender.pk, number, "", 10, "key")
    assert not Read.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"about": "everybody"}, "about"),
        ({"about": 1}, "about"),
        ({"contact": None}, "contact"),
        ({"contact": " "}, "contact"),
        ({"contact": "x" * 201}, "contact"),
        ({"about": "aggregate", "fields": ["people"]}, "contact"),
        ({"fields": ["people"]}, "fields"),
        ({"fields": ["name"]}, "fields"),
        ({"fields": ["month", "phone"]}, "fields"),
        ({"about": None, "contact": None}, "fields"),
    ],
)
def test_a_request_names_what_it_is_about(
    world: World, sender: Party, wrong: dict[str, object], field: str
) -> None:
    answer = ask(token(sender, ["sharing"]), **wrong)
    assert answer.status_code == 422 and answer.json()["code"] == "sharing-request-malformed"
    assert answer.json()["detail"].startswith(field)


def test_the_database_itself_holds_the_two_kinds_apart(world: World, sender: Party) -> None:
    number = ask(token(sender, ["sharing"])).json()["id"]
    for change in ("contact = ''", "about = 'aggregate'", "fields = '{people}'"):
        with pytest.raises(DatabaseError, match="sharing_request_fields"), connection.cursor() as cursor:
            cursor.execute(f"update sharing_request set {change} where id = %s", [number])
