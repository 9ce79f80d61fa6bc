"""Data of single people, where several act at once, how often they are told of, and what public data may be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from threading import Barrier, Event
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from tests.platform.events.test_sources import declare
from tests.platform.events.test_sources import ride as lent
from tests.platform.people.townspeople import at_once
from tests.platform.pipeline.world import GIVEN, World
from tests.platform.reconciliation.test_addresses import token
from tests.platform.review.test_matrix import staff
from tests.platform.sharing.test_editions import AFTER, close, world
from tests.platform.sharing.test_people import granted, read, sender
from tests.platform.web.conftest import enter

from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import consents, disclosing, groups, queries, requests
from abate.platform.people.models import Authorisation, Consent, Request
from abate.platform.review import changes
from abate.platform.sharing import actions, errors, members
from abate.platform.sharing import people as sharing
from abate.platform.sharing.models import Read
from abate.platform.web import own_data
from abate.platform.web.pages import privacy

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-b", "P-4.3")]
__all__ = ["enter", "sender", "world"]


def test_a_withdrawal_waits_for_the_answer_that_is_being_given(world: World, sender: Party) -> None:
    number, person = granted(token(sender, ["sharing"])), world.people[0]
    sharing.agree(person, number)
    given, done = Event(), []

    def act(which: int) -> None:
        if which:
            assert given.wait(10)
            sharing.withdraw(person, number)
            done.append("withdrawn")
        else:
            with transaction.atomic():
                assert world.subjects[0] in sharing.read(sender.pk, number, "", 10, "key").body
                given.set()
                # Long enough to see a withdrawal that would not wait.
                sleep(0.5)
                done.append("written down")

    assert at_once(2, act) == [None, None]
    assert done == ["written down", "withdrawn"]
    assert world.subjects[0] not in sharing.read(sender.pk, number, "", 10, "key").body


@pytest.mark.parametrize("way", ["withdraw", "withdraw_all", "leave", "party", "object"])
def test_what_ends_telling_while_an_answer_is_made_is_later_than_it(
    world: World, sender: Party, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """By whatever way: the rows say that who was told of was told of before."""
    number, person = granted(token(sender, ["sharing"])), world.people[0]
    sharing.agree(person, number)
    (given,) = queries.authorisations(person.pk)[:1]
    begun, agreed, start = Event(), sharing._agreed, monotonic()
    monkeypatch.setattr(clock, "now", lambda: AFTER + timedelta(seconds=monotonic() - start))

    def slowly(*given: Any) -> object:
        told = agreed(*given)
        begun.set()
        # Long enough for a clock that is read before the wait.
        sleep(0.5)
        return told

    monkeypatch.setattr(sharing, "_agreed", slowly)
    ways: dict[str, Callable[[], object]] = {
        "withdraw": lambda: people.withdraw(person, given.id),
        "withdraw_all": lambda: people.withdraw_all(person, sender),
        "leave": lambda: people.destroy(person),
        "party": lambda: groups.end_party(sender.pk),
        "object": lambda: requests.ask(person, "restriction", "made up"),
    }

    def act(which: int) -> None:
        if which:
            assert begun.wait(10)
            ways[way]()
        else:
            sharing.read(sender.pk, number, "", 10, "key")

    assert at_once(2, act) == [None, None]
    (told,) = Read.objects.all()
    ended = [*Authorisation.objects.filter(person=person).values_list("withdrawn_at", flat=True)]
    ended += Consent.objects.filter(person=person, purpose__startswith="share:").values_list(
        "withdrawn_at", flat=True
    )
    ended += Request.objects.values_list("asked_at", flat=True)
    assert [at for at in ended if at] and all(told.at < at for at in ended if at)


def test_who_is_withdrawing_just_now_is_passed_over_and_nobody_waits(world: World, sender: Party) -> None:
    number = granted(token(sender, ["sharing"]))
    for person in world.people[:2]:
        sharing.agree(person, number)
    begun, read_on = Event(), Event()

    def act(which: int) -> object:
        if which:
            assert begun.wait(10)
            told = json.loads(sharing.read(sender.pk, number, "", 10, "key").body)
            read_on.set()
            return [one["subject"] for one in told["people"]]
        with transaction.atomic():
            sharing.withdraw(world.people[0], number)
            begun.set()
            return read_on.wait(10)

    assert at_once(2, act) == [True, [world.subjects[1]]]


@pytest.mark.parametrize("way", ["object", "withdraw", "leave"])
def test_who_objects_while_an_answer_is_begun_is_not_in_it_and_the_next_page_is_still_had(
    world: World, sender: Party, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The look at who agreed has begun, and waits on lock 2 until the other is through; that one waits on lock 1 for its
    beginning."""
    number = granted(token(sender, ["sharing"]))
    for person in world.people[:3]:
        sharing.agree(person, number)
    first = min(zip(world.subjects[:3], world.people[:3], strict=True))[1]
    ways: dict[str, Callable[[], object]] = {
        "object": lambda: requests.ask(first, "restriction", "made up"),
        "withdraw": lambda: sharing.withdraw(first, number),
        "leave": lambda: people.destroy(first),
    }
    meet = "where (select pg_advisory_unlock(1)::text || pg_advisory_xact_lock(2)::text) is not null and "
    slow = sharing.SQL["agreed"].replace("where ", meet, 1)
    monkeypatch.setitem(sharing.SQL, "agreed", slow)
    ready = Barrier(2, timeout=10)

    def act(which: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", [1 + which])
            ready.wait()
            if which:
                cursor.execute("select pg_advisory_lock(1)")
                ways[way]()
                cursor.execute("select pg_advisory_unlock_all()")
                return None
        return json.loads(sharing.read(sender.pk, number, "", 2, "key").body)

    told, _ = at_once(2, act)
    rest = json.loads(sharing.read(sender.pk, number, told["next_cursor"], 2, "key").body)
    names = [one["subject"] for page in (told, rest) for one in page["people"]]
    assert names == sorted(set(world.subjects[:3]) - {min(world.subjects[:3])})
    assert sharing.times_told(first.pk) == 0


def test_ending_the_last_authorisation_waits_for_who_is_just_agreeing(world: World, sender: Party) -> None:
    number, person = granted(token(sender, ["sharing"])), world.people[0]
    begun = Event()

    def act(which: int) -> None:
        if which:
            assert begun.wait(10)
            people.withdraw_all(person, sender)
        else:
            with transaction.atomic():
                sharing.agree(person, number)
                begun.set()
                # Long enough for an end that would not wait, and would find no consent yet.
                sleep(0.5)

    assert at_once(2, act) == [None, None]
    assert not Consent.objects.filter(purpose__startswith="share:", withdrawn_at=None).exists()


@pytest.mark.clause("P-8.5-d")
@pytest.mark.parametrize(
    ("uses", "shared_with", "told"),
    [
        (["people"], ["*"], True),
        (["people"], ["{sender}:service"], True),
        (["people"], ["{sender}:statistics"], False),
        (["people"], ["other"], False),
        (["statistics"], ["*"], False),
        ([], [], False),
    ],
)
def test_what_a_source_does_not_permit_to_tell_is_left_out_and_else_its_mark_goes_along(
    world: World, sender: Party, uses: list[str], shared_with: list[str], told: bool
) -> None:
    parties.create_party("other", "authority", "他局", "Another", [], made_up=True)
    headers = token(sender, ["sharing"])
    number = granted(headers, fields=["acts"], behaviours=["cycling"])
    sharing.agree(world.people[0], number)
    declare(world, uses=["quantify", "credit", *uses],
            shared_with=[one.format(sender=sender.code) for one in shared_with])  # fmt: skip
    (booked,) = world.send(lent(world, "lent-1"))
    assert booked.outcome.text == "credited"
    answer = read(headers, number).json()
    (row,) = answer["people"][0]["rows"]
    name = f"{sender.code}/metro"
    assert row["acts"] == (2 if told else 1)
    assert [mark["source"] for mark in row["sources"]] == ([name] if told else [])
    assert answer["left_out"] == ([] if told else [name])
    look = changes.action("sharing.answer").look({"request": str(number)})
    assert look["not_shared"] == answer["left_out"], "and whoever grants knows it"
    with clock.frozen(AFTER + timedelta(days=366)):
        late = sharing.read(sender.pk, renewed(world, sender), "", 10, "key").body
    assert json.loads(late)["people"][0]["rows"][0]["acts"] == 1, (
        "past its days of retention it is told no more"
    )
    assert json.loads(late)["left_out"] == [name], "nor does the answer look whole"


def renewed(world: World, sender: Party) -> UUID:
    """The same asked a year later."""
    number = granted(token(sender, ["sharing"]), fields=["acts"], behaviours=["cycling"], until="2027-12-31")
    sharing.agree(world.people[0], number)
    return number


@pytest.mark.parametrize("first", ["people", "figures", "members"])
def test_of_one_month_a_party_is_told_of_groups_of_people_or_of_members(
    world: World, sender: Party, first: str
) -> None:
    """Figures of twelve, less those of the eleven who agreed, or who are its members, would be the twelfth's."""
    with clock.frozen(GIVEN):
        code, _ = groups.invite_to_organisation(sender, 50)
        for person in world.people[:11]:
            groups.join(person, code, "n")
    close()
    headers = token(sender, ["sharing"])
    single = granted(headers, to_month="2026-06")
    several = granted(headers, about=None, contact=None, fields=["carbon_mg"], to_month="2026-06")
    later = granted(headers, from_month="2026-07")
    for person in world.people[:11]:
        sharing.agree(person, single)
        sharing.agree(person, later)

    def people_told() -> str:
        return sharing.read(sender.pk, single, "", 100, "key").body

    def figures_told() -> str:
        return actions.read(sender.pk, several, None, None, "key").body

    def members_told() -> str:
        return members.read(sender.pk, date(2026, 6, 1), date(2026, 6, 1), "key").body

    ways = {"people": people_told, "figures": figures_told, "members": members_told}
    ways[first]()
    for way, told in ways.items():
        if way == first:
            assert told()
        else:
            with pytest.raises(errors.ToldOtherwise):
                told()
    assert sharing.read(sender.pk, later, "", 100, "key").body, "of another month it may be"


def test_a_month_that_was_withheld_told_nothing_and_keeps_nobody_from_another_way(
    world: World, sender: Party
) -> None:
    """Of no members there are no figures: that answer kept the party from those of groups and of people for good."""
    close()
    june, headers = date(2026, 6, 1), token(sender, ["sharing"])
    single = granted(headers, to_month="2026-06")
    several = granted(headers, about=None, contact=None, fields=["carbon_mg"], to_month="2026-06")
    assert '"withheld":true' in members.read(sender.pk, june, june, "key").body
    sharing.agree(world.people[0], single)
    assert actions.read(sender.pk, several, None, None, "key").body
    with pytest.raises(errors.ToldOtherwise):
        sharing.read(sender.pk, single, "", 100, "key")


def test_the_application_s_own_role_can_do_all_of_it_and_undo_no_reading(world: World, sender: Party) -> None:
    number, person = granted(token(sender, ["sharing"])), world.people[0]
    grants.apply_grants(connection)
    with connection.cursor() as cursor:
        cursor.execute("set role abate_app")
        try:
            sharing.agree(person, number)
            assert world.subjects[0] in sharing.read(sender.pk, number, "", 10, "key").body
            sharing.withdraw(person, number)
            for wrong in ("delete from sharing_told", "update sharing_told set person_id = 1"):
                with pytest.raises(DatabaseError, match="permission denied"):
                    cursor.execute(wrong)
        finally:
            cursor.execute("reset role")


def test_the_console_says_what_is_asked_and_how_many_were_told_of(
    world: World, sender: Party, enter: Callable[..., Client]
) -> None:
    number = granted(token(sender, ["sharing"]))
    for person in world.people[:3]:
        sharing.agree(person, number)
    sharing.read(sender.pk, number, "", 10, "key")
    page = enter(staff("query"), "en").get(f"/operator/sharing/{number}").content.decode()
    assert all(words in page for words in ("with their consent", "privacy@example.org", "3 people"))
    assert not any(subject in page for subject in world.subjects), "how many, and not who"


def test_answers_are_bounded_by_the_day_and_the_page_says_how_many_it_does_not_list(
    world: World, sender: Party, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ABATE_SHARING_ANSWERS_PER_DAY = 2
    headers = token(sender, ["sharing"])
    number, other = granted(headers), granted(headers)
    for person in world.people[:2]:
        sharing.agree(person, number)
        sharing.agree(person, other)
    for _ in range(2):
        first = read(headers, number, limit=1).json()
        cursor = first["next_cursor"]
        assert read(headers, number, limit=1, cursor=cursor).status_code == 200, "pages of one answer are one"
    for query in ({}, {"cursor": cursor}):
        refused = read(headers, number, **query)
        assert (refused.status_code, refused.json()["code"]) == (429, "limit-reached")
        assert int(refused["Retry-After"]) == 43_200
    person = world.people[0]
    assert read(headers, other).status_code == 200 and sharing.times_told(person.pk) == 3
    monkeypatch.setattr(privacy, "_LISTED", 1)
    browser = Client()
    browser.force_login(person.user)
    browser.cookies["django_language"] = "en"
    assert "2 earlier readings are not listed here" in browser.get("/privacy").content.decode()
    assert len(own_data.gather(person)["told_to_parties"]) == 3  # type: ignore[arg-type]
    with clock.frozen(AFTER + timedelta(days=1)):
        assert read(token(sender, ["sharing"]), number).status_code == 200


def test_nobody_agrees_to_a_notice_that_came_into_force_since_the_page(world: World, sender: Party) -> None:
    number, person = granted(token(sender, ["sharing"])), world.people[0]
    browser, page = Client(), f"/authorisations/asked/{number}"
    browser.force_login(person.user)
    browser.cookies["django_language"] = "en"
    for agree, back, again in (
        (f"{page}/agree", page, {"notice": "of before"}),
        (
            "/privacy/agree",
            "/privacy",
            {"notice": "of before", "purpose": [one.name for one in consents.current().purposes]},
        ),
    ):
        before = Consent.objects.count()
        answer = browser.post(agree, again, follow=True)
        assert answer.redirect_chain[-1][0] == back and Consent.objects.count() == before
        assert "The notice has changed and nothing was noted" in answer.content.decode()
    version = consents.current("sharing").version
    assert f'name="notice" value="{version}"' in browser.get(page).content.decode()
    browser.post(f"{page}/agree", {"notice": version})
    assert disclosing.of(person.pk)[0].notice_version == version
