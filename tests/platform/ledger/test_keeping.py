"""Leaving while a duty obliges to keep: kept and nothing else, told why and until when, deleted by date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.platform.people.conftest import sent
from tests.platform.people.townspeople import code_in, made_up_person
from tests.platform.web import city as stage
from tests.platform.web.conftest import enter

from abate.demo import desk
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import errors, keeping
from abate.platform.ledger import queries as books
from abate.platform.log import actions as log
from abate.platform.people import actions as people
from abate.platform.people import children, guardians, identity, queries
from abate.platform.people.errors import IdentityTaken, NoAccount
from abate.platform.people.family_errors import AccountFrozen
from abate.platform.people.models import Freeze, Identity, Person
from abate.platform.web import openings

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["enter", "sent"]
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
UNTIL = date(2027, 3, 31)
GROUND = ("计入期核证尚未完成", "the crediting period is still to be verified")
NOT_AUTHORISED = "not_authorised:subject"


def lay_down(**changes: object) -> None:
    given = {"behaviour": "online-meeting", "first_day": "2026-11-01", "last_day": "2026-12-31",
             "keep_until": UNTIL.isoformat(), "ground_zh": GROUND[0], "ground_en": GROUND[1]}  # fmt: skip
    desk.decide("duty.add", **(given | changes))


@pytest.fixture
def city(db: None) -> stage.City:
    """Two people who met online today, both of them authorised since a month ago."""
    with clock.frozen(NOW):
        made = stage.build()
        for n, person in enumerate((made.person, made.stranger)):
            event = stage.meeting(made.partner, person, f"m-{n}", NOW - timedelta(hours=2))
            assert stage.send(made.partner, [event])[0].outcome.text == "credited"
        log.sequence()
    return made


def again(city: stage.City, name: str) -> dict[str, object]:
    event = stage.meeting(city.partner, city.stranger, name, NOW - timedelta(hours=1))
    return event | {"subject": queries.subject_for(city.person.pk, city.partner.pk)}


@pytest.mark.clause("P-8.4-b", "P-4.3")
def test_what_a_duty_keeps_is_kept_and_nothing_else_is_done_with_it(city: stage.City, sent) -> None:
    with clock.frozen(NOW):
        lay_down()
        entry = books.entries(city.person.pk)[0].id
        assert openings.own(city.person.pk, [entry])
        told = keeping.leave(city.person)
        assert told == keeping.Held(UNTIL, (GROUND,))
        left = Person.objects.get(pk=city.person.pk)
        assert left.status == "frozen" and left.wrapped_key and left.identity_enc and not left.user.is_active
        assert queries.by_user(left.user) is None and not openings.own(left.pk, [entry])
        assert not any(row.live for row in queries.authorisations(left.pk))
        assert stage.send(city.partner, [again(city, "later")])[0].reason == NOT_AUTHORISED
        for payer, receiver in ((left, city.stranger), (city.stranger, left)):
            with pytest.raises(errors.AccountErased):
                ledger.transfer(payer.pk, receiver.pk, 1, "t")
        assert left.pk in fields.breach(["people_person"]).people, "a leak would concern them"
        # Who proves the contact is told until when and why; a second account is not opened meanwhile.
        people.request_code(city.contact)
        with pytest.raises(AccountFrozen) as refused:
            people.confirm_code(city.contact, code_in(sent()[-1]))
        assert "2027-03-31" in refused.value.en and all(
            words in text for words, text in zip(GROUND, (refused.value.zh, refused.value.en), strict=True)
        )
        with pytest.raises(IdentityTaken):
            number = identity.made_up_number(date(1980, 1, 1), 1)
            people.register("测试甲", number, ["13900000009"], "n", True)


@pytest.mark.clause("P-8.4-b", "P-8.5-e")
def test_the_day_after_it_is_erased_and_not_before(city: stage.City, sent) -> None:
    with clock.frozen(NOW):
        lay_down()
        keeping.leave(city.person)
    entries = len(books.entries(city.person.pk))
    # The last day in Shanghai, one minute before midnight and at midnight.
    last = datetime(2027, 3, 31, 15, 59, tzinfo=UTC)
    with clock.frozen(last):
        assert keeping.delete_due() == 0
    with clock.frozen(last + timedelta(minutes=1)):
        assert keeping.delete_due() == 1 and keeping.delete_due() == 0
        left = Person.objects.get(pk=city.person.pk)
        assert left.status == "erased" and left.wrapped_key is None and bytes(left.identity_enc) == b""
        assert Freeze.objects.get().ended_at == last + timedelta(minutes=1)
        assert len(books.entries(left.pk)) > entries, "the log says that they were erased"
        assert not Identity.objects.filter(person=left).exists()
        people.request_code(city.contact)
        with pytest.raises(NoAccount):
            people.confirm_code(city.contact, code_in(sent()[-1]))


@pytest.mark.clause("P-8.4-b")
def test_a_duty_laid_down_since_they_left_keeps_on(city: stage.City, sent) -> None:
    with clock.frozen(NOW):
        lay_down()
        keeping.leave(city.person)
    longer = {"keep_until": "2027-12-31", "ground_zh": "核证延期", "ground_en": "verification takes longer"}
    with clock.frozen(datetime(2027, 2, 1, tzinfo=UTC)):
        lay_down(**longer)
    with clock.frozen(datetime(2027, 4, 1, tzinfo=UTC)):
        assert keeping.delete_due() == 0
        assert Person.objects.get(pk=city.person.pk).status == "frozen"
        people.request_code(city.contact)
        with pytest.raises(AccountFrozen) as refused:
            people.confirm_code(city.contact, code_in(sent()[-1]))
        assert "2027-12-31: verification takes longer" in refused.value.en
    with clock.frozen(datetime(2028, 1, 1, tzinfo=UTC)):
        assert keeping.delete_due() == 1
    assert Person.objects.get(pk=city.person.pk).status == "erased"


@pytest.mark.parametrize(
    "duty",
    [
        {"behaviour": "cycling"},
        {"first_day": "2026-11-22"},
        {"first_day": "2026-10-01", "last_day": "2026-11-20"},
    ],
    ids=["another behaviour", "begins later", "ended before"],
)
def test_who_no_duty_concerns_is_erased_at_once(city: stage.City, duty: dict[str, str]) -> None:
    with clock.frozen(NOW):
        lay_down(**duty)
        assert keeping.leave(city.person) is None
        assert Person.objects.get(pk=city.person.pk).status == "erased"
    with clock.frozen(datetime(2027, 4, 1, tzinfo=UTC)):
        lay_down(keep_until="2027-04-30", **{k: v for k, v in duty.items() if k == "behaviour"})
        assert keeping.held(city.stranger.pk) == (
            None if duty.get("behaviour") else keeping.Held(date(2027, 4, 30), (GROUND,))
        )


def test_a_duty_without_end_or_ground_is_none(city: stage.City) -> None:
    days = (date(2026, 11, 1), date(2026, 12, 31), UNTIL)
    with clock.frozen(NOW):
        for behaviour, (first, last, until), ground in (
            ("", days, GROUND),
            ("cycling", (days[1], days[0], UNTIL), GROUND),
            ("cycling", (days[0], days[1], days[0]), GROUND),
            ("cycling", (date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)), GROUND),
            ("cycling", days, (" ", "x")),
            ("cycling", days, ("x", "y" * 301)),
        ):
            with pytest.raises(errors.DutyMalformed):
                ledger.add_duty(behaviour, first, last, until, ground)


@pytest.mark.clause("P-8.4-b")
def test_a_guardian_leaves_and_only_the_childs_records_are_kept(city: stage.City) -> None:
    at = NOW - timedelta(hours=2)
    with clock.frozen(NOW - timedelta(hours=3)):
        guardian = made_up_person(3)
        number = identity.made_up_number(date(2016, 1, 1), 5)
        child = guardians.open_for_child(
            guardian, "parent", "测试童", number, {"account", "identity"}, "children-2026-11"
        )
        event = stage.meeting(city.partner, child, "of-the-child", at)
    with clock.frozen(NOW):
        assert stage.send(city.partner, [event])[0].outcome.text == "credited"
        lay_down()
        assert keeping.leave(guardian) is None and children.of(guardian.pk) == []
        states = dict(Person.objects.filter(pk__in=[child.pk, guardian.pk]).values_list("pk", "status"))
        assert states == {child.pk: "frozen", guardian.pk: "erased"}
        assert Freeze.objects.get().person_id == child.pk


def test_an_account_nobody_took_over_is_erased_after_its_year(city: stage.City) -> None:
    with clock.frozen(NOW):
        number = identity.made_up_number(date(2012, 11, 25), 5)
        child = guardians.open_for_child(
            city.person, "parent", "测试童", number, {"account", "identity"}, "children-2026-11"
        )
    grown = datetime(2026, 11, 24, 16, tzinfo=UTC)
    with clock.frozen(grown + keeping.UNCLAIMED):
        assert keeping.delete_due() == 0
    with clock.frozen(grown + keeping.UNCLAIMED + timedelta(seconds=1)):
        assert keeping.delete_due() == 1
    assert Person.objects.get(pk=child.pk).status == "erased"


@pytest.mark.clause("P-8.4-b")
def test_an_account_nobody_took_over_is_kept_while_a_duty_obliges_to(city: stage.City) -> None:
    """At rest, not frozen: nobody left it, and its owner may take it over still."""
    with clock.frozen(NOW - timedelta(hours=3)):
        number = identity.made_up_number(date(2012, 11, 25), 5)
        both = {"account", "identity"}
        child = guardians.open_for_child(city.person, "parent", "测试童", number, both, "children-2026-11")
        event = stage.meeting(city.partner, child, "of-the-child", NOW - timedelta(hours=2))
    with clock.frozen(NOW):
        assert stage.send(city.partner, [event])[0].outcome.text == "credited"
        lay_down(keep_until="2028-03-31")
    with clock.frozen(datetime(2027, 12, 1, tzinfo=UTC)):
        assert keeping.delete_due() == 0
    assert Person.objects.get(pk=child.pk).status == "active" and not Freeze.objects.exists()
    with clock.frozen(datetime(2028, 3, 31, 16, tzinfo=UTC)):
        assert keeping.delete_due() == 1
    assert Person.objects.get(pk=child.pk).status == "erased"


@pytest.mark.clause("P-8.4-b")
def test_the_page_says_why_and_until_when_before_and_after(city: stage.City, enter) -> None:
    with clock.frozen(NOW):
        lay_down()
        browser = enter(city.person.user, "en")
        page = browser.get("/privacy/leave").content.decode()
        assert "2027-03-31" in page and GROUND[1] in page
        page = browser.post("/privacy/leave", {"sure": "yes"}).content.decode()
        assert "frozen until 2027-03-31" in page and GROUND[1] in page
        assert browser.get("/privacy").status_code == 302
        other = enter(city.stranger.user)
        lay_down(behaviour="cycling")
        assert GROUND[0] in other.get("/privacy/leave").content.decode()
