"""What the operator says: proposed by content, decided by two others, in both languages, on its days, plain."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.announcements import queries
from abate.platform.announcements.models import Announcement
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.log.models import Pending
from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review import changes, errors, proposing, rights
from abate.platform.review.models import Audit, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
PLAIN = ("系统维护", "Maintenance", "周日凌晨停机两小时。", "Down for two hours on Sunday.")


@pytest.fixture
def people() -> dict[str, User]:
    desk.staffed()
    desk.hire("made-up editor", "content")
    return desk.staffed()


def day(number: int) -> date:
    return clock.today() + timedelta(days=number)


def words(**changed: Any) -> dict[str, Any]:
    names = ("title_zh", "title_en", "text_zh", "text_en")
    given = {"announcement": "maintenance", "audience": "everybody", **dict(zip(names, PLAIN, strict=True))}
    return given | {"from_day": day(0).isoformat(), "to_day": day(2).isoformat()} | changed


def done(people: dict[str, User], name: str, given: dict[str, Any]) -> int:
    number = proposing.propose(people["content"], name, given, "Sunday").pk
    proposing.check(people["check"], number)
    proposing.approve(people["approve"], number)
    return number


def browsing(user: User, language: str = "en") -> Client:
    browser = Client(headers={"accept-language": language})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def refusal(do: Any) -> str:
    try:
        do()
    except Problem as problem:
        return problem.code
    return ""


def test_it_is_shown_to_whom_it_is_for_in_both_languages_and_ends_by_itself(people: dict[str, User]) -> None:
    city = stage.build()
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")
    done(people, "announcement.set", words())
    done(
        people,
        "announcement.set",
        words(announcement="for-people", audience="people", title_en="Only people"),
    )
    done(
        people,
        "announcement.set",
        words(announcement="for-partners", audience="partners", title_en="Only partners"),
    )
    done(
        people,
        "announcement.set",
        words(announcement="later", from_day=day(1).isoformat(), title_en="Not yet"),
    )

    def pages(language: str = "en") -> tuple[str, str]:
        return tuple(
            browsing(user, language).get(address).content.decode()
            for user, address in ((city.person.user, "/"), (keeper, "/partner"))
        )  # type: ignore[return-value]

    for page, mine, other in zip(
        pages(), ("Only people", "Only partners"), ("Only partners", "Only people"), strict=True
    ):
        assert PLAIN[1] in page and PLAIN[3] in page and mine in page
        assert other not in page and "Not yet" not in page and PLAIN[2] not in page
    assert all(PLAIN[0] in page and PLAIN[2] in page and PLAIN[3] not in page for page in pages("zh-hans"))
    overview = browsing(people["content"]).get("/operator").content.decode()
    assert all(code in overview for code in ("for-people", "for-partners", "later"))
    # The same page a day and three days on: nothing ran meanwhile.
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert {one.code for one in queries.shown("people")} == {"maintenance", "for-people", "later"}
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert queries.shown("people") == [] == queries.standing()


def test_a_new_version_takes_the_place_of_the_old_and_it_can_be_ended(people: dict[str, User]) -> None:
    assert (
        refusal(lambda: done(people, "announcement.end", {"announcement": "maintenance"}))
        == "announcement-unknown"
    )
    done(people, "announcement.set", words())
    done(people, "announcement.set", words(text_en="Down for three hours on Sunday."))
    (one,) = queries.shown("partners")
    assert (one.version, one.text_en) == (2, "Down for three hours on Sunday.")
    done(people, "announcement.end", {"announcement": "maintenance"})
    assert queries.shown("partners") == [] == queries.standing()
    assert (
        refusal(lambda: done(people, "announcement.end", {"announcement": "maintenance"}))
        == "nothing-changes"
    )
    done(people, "announcement.set", words())
    assert [one.version for one in queries.shown("people")] == [4]


def test_two_changes_of_one_code_do_not_cross(people: dict[str, User]) -> None:
    first, second = (
        proposing.propose(people["content"], "announcement.set", words(title_en=title), "x").pk
        for title in "ab"
    )
    for number in (first, second):
        proposing.check(people["check"], number)
    proposing.approve(people["approve"], second)
    assert refusal(lambda: proposing.approve(people["approve"], first)) == "state-moved"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title_zh": " "}, {"text_en": ""}, {"title_en": "x" * 121}, {"text_zh": "两\n行"}, {"text_en": "to\u202etni"},
        {"audience": "staff"}, {"announcement": "A b"}, {"from_day": "tomorrow"}, {"to_day": "2000-01-01"},
        {"title_zh": "\u3164"}, {"title_en": "\u2800 \u0301"}, {"text_zh": "　"},
        {"to_day": "2999-01-01"}, {"from_day": "2999-01-01", "to_day": "2998-01-01"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_announcement_is_refused_to_who_proposes(
    people: dict[str, User], wrong: dict[str, Any]
) -> None:
    with pytest.raises(Problem) as refused:
        proposing.propose(people["content"], "announcement.set", words(**wrong), "x")
    assert refused.value.code == "announcement-unfit" and next(iter(wrong)) in refused.value.detail
    for name in ("title_zh", "title_en", "text_zh", "text_en"):
        given = words()
        del given[name]
        with pytest.raises(errors.ArgumentsMalformed):
            proposing.propose(people["content"], "announcement.set", given, "x")


def test_the_wide_space_of_chinese_is_a_space(people: dict[str, User]) -> None:
    done(people, "announcement.set", words(text_zh="周日　停机。"))
    assert Announcement.objects.get().text_zh == "周日　停机。"


def test_the_overview_tells_its_days_as_every_page_does(people: dict[str, User]) -> None:
    with clock.frozen(clock.now().replace(year=2027, month=3, day=4, hour=4)):
        done(people, "announcement.set", words())
        page = browsing(people["content"]).get("/operator").content.decode()
    assert "4 Mar – 6 Mar" in page and "2027-03-04" not in page


def test_mark_up_is_text(people: dict[str, User]) -> None:
    city = stage.build()
    done(people, "announcement.set", words(text_en='<script>alert(1)</script> <a href="x">here</a>'))
    page = browsing(city.person.user).get("/").content.decode()
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page and '<a href="x">' not in page


def test_content_proposes_words_and_nothing_else_and_nobody_else_does(people: dict[str, User]) -> None:
    content = people["content"]
    for name in changes.actions():
        for step in rights.STEPS:
            mine = name.startswith("announcement.") and step == "propose"
            assert rights.may_step(content, step, name) == mine, (name, step)
        if name.startswith("announcement."):
            assert rights.roles_of_step("propose", name) == ("content",)
    shop = {
        "code": "some-shop",
        "kind": "merchant",
        "title_zh": "某店",
        "title_en": "A shop",
        "made_up": True,
    }
    assert refusal(lambda: proposing.propose(content, "party.create", shop, "x")) == "no-right"
    assert refusal(lambda: proposing.propose(people["entry"], "announcement.set", words(), "x")) == "no-right"
    number = proposing.propose(content, "announcement.set", words(), "x").pk
    assert refusal(lambda: proposing.check(content, number)) == "no-right"


def test_content_sees_its_own_changes_and_no_others(people: dict[str, User]) -> None:
    shop = {
        "code": "some-shop",
        "kind": "merchant",
        "title_zh": "某店",
        "title_en": "A shop",
        "made_up": True,
    }
    other = proposing.propose(people["entry"], "party.create", shop, "a shop").pk
    own = proposing.propose(people["content"], "announcement.set", words(), "Sunday").pk
    browser = browsing(people["content"])
    page = browser.get("/operator/proposals").content.decode()
    assert "Maintenance" in page and "A shop" not in page
    assert browser.get(f"/operator/proposals/{own}").status_code == 200
    assert browser.get(f"/operator/proposals/{other}").status_code == 404
    assert [one["number"] for one in browser.get("/v1/proposals?all=true").json()] == [own]
    form = browser.get("/operator/proposals/new").content.decode()
    assert form.count("<option") == 2 and "announcement.set" in form
    everything = browsing(people["check"]).get("/v1/proposals").json()
    assert [one["number"] for one in everything] == [own, other]
    # What content proposed it may take back.
    asked = {"step": "reject", "numbers": [own, other], "reason": "a slip"}
    answer = browser.post("/v1/proposals/decide", json.dumps(asked), content_type="application/json").json()
    assert answer["done"] == [own] and answer["refused"] == {str(other): "no-right"}


def test_it_is_audited_signed_into_the_log_and_never_rewritten(people: dict[str, User]) -> None:
    number = done(people, "announcement.set", words())
    assert Audit.objects.get(what="announcement.set").account == ""
    steps = [row["what"] for row in Audit.objects.filter(subject=str(number)).values("what").order_by("id")]
    assert steps == ["change.propose", "change.check", "change.approve"]
    assert Pending.objects.filter(person_id=0, entry_id__gt=0).count() >= 3
    row = Announcement.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local role abate_app")
        cursor.execute("update announcements_announcement set text_en = 'x' where id = %s", [row.pk])
    for column, value in (
        ("title_zh", ""),
        ("audience", "staff"),
        ("to_day", row.from_day - timedelta(days=1)),
    ):
        row.pk, row.version = None, row.version + 1
        with pytest.raises(IntegrityError), transaction.atomic():
            before = getattr(row, column)
            setattr(row, column, value)
            row.save(force_insert=True)
        setattr(row, column, before)
