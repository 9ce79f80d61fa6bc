"""A rule of credits is seen whole by those who decide: what ends, what holds and until when, what follows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.platform.review.shell import sign_in
from tests.platform.web.city import prove

from abate.cli import rule as command
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.credits.models import Rule
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.review import audit, proposing, queries
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c", "P-7.4")]
YEAR = ("一年有效", "Good for a year")
RATE = ("每千克 333 分", "333 credits a kilogram")


@pytest.fixture
def people() -> dict[str, User]:
    return desk.staffed()


def days(number: int) -> date:
    return clock.today() + timedelta(days=number)


def proposed(people: dict[str, User], from_day: date, **said: Any) -> int:
    asked = {"from_day": from_day.isoformat(), "title_zh": RATE[0], "title_en": RATE[1]} | said
    return proposing.propose(people["entry"], "rule.add", asked, "tried").pk


def done(people: dict[str, User], number: int) -> None:
    proposing.check(people["check"], number)
    proposing.approve(people["approve"], number)


def living(from_day: date) -> dict[str, int | None]:
    found = Rule.objects.get(from_day=from_day)
    names = ("credits_per_kg", "expiry_days", "expiry_years", "claim_days")
    return {name: getattr(found, name) for name in names}


def browsing(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    prove(browser)
    return browser


def refusal(do: Any) -> str:
    try:
        do()
    except Problem as problem:
        return problem.code
    return ""


def test_what_a_proposal_leaves_out_is_as_the_rule_of_that_day_says_and_is_shown(
    people: dict[str, User],
) -> None:
    desk.add_rule(days(5), YEAR, expiry_days=365, claim_days=7)
    assert living(days(5)) == {
        "credits_per_kg": 1000,
        "expiry_days": 365,
        "expiry_years": None,
        "claim_days": 7,
    }
    number = proposed(people, days(10), credits_per_kg=333)
    told = queries.proposal(number)
    assert told.after["rule"] == {
        "from_day": str(days(10)), "to_day": None, "credits_per_kg": 333, "expiry_days": 365, "expiry_years": None,
        "claim_days": 7, "title_zh": RATE[0], "title_en": RATE[1],
    }  # fmt: skip
    assert told.before["rule"]["from_day"] == str(days(5)) and told.before["rule"]["credits_per_kg"] == 1000
    done(people, number)
    assert living(days(10)) == {
        "credits_per_kg": 333,
        "expiry_days": 365,
        "expiry_years": None,
        "claim_days": 7,
    }
    # Of a day between, the rule of that day is meant, not the newest.
    desk.add_rule(days(7), RATE, claim_days=30)
    assert living(days(7)) == {
        "credits_per_kg": 1000,
        "expiry_days": 365,
        "expiry_years": None,
        "claim_days": 30,
    }


def test_none_is_said_in_words_and_one_expiry_takes_the_place_of_the_other(people: dict[str, User]) -> None:
    desk.add_rule(days(5), YEAR, expiry_days=365, claim_days=7)
    desk.add_rule(days(6), YEAR, expiry_years=1)
    assert living(days(6)) == {
        "credits_per_kg": 1000,
        "expiry_days": None,
        "expiry_years": 1,
        "claim_days": 7,
    }
    desk.add_rule(days(7), YEAR, never_expires=True)
    assert living(days(7)) == {
        "credits_per_kg": 1000,
        "expiry_days": None,
        "expiry_years": None,
        "claim_days": 7,
    }
    desk.add_rule(days(8), YEAR, no_claim=True, expiry_years=0)
    assert living(days(8)) == {
        "credits_per_kg": 1000,
        "expiry_days": None,
        "expiry_years": 0,
        "claim_days": None,
    }


def test_what_ends_and_what_follows_is_shown_before_and_after(people: dict[str, User]) -> None:
    desk.add_rule(days(20), YEAR, credits_per_kg=500, expiry_days=365)
    told = queries.proposal(number := proposed(people, days(10), credits_per_kg=333))
    assert told.before["day_before"]["to_day"] == told.before["rule"]["to_day"] == str(days(19))
    assert told.after["day_before"] == told.before["day_before"] | {"to_day": str(days(9))}
    assert (told.after["rule"]["from_day"], told.after["rule"]["to_day"]) == (str(days(10)), str(days(19)))
    ((day, later),) = told.after["later"].items()
    assert (day, later["credits_per_kg"], later["to_day"]) == (str(days(20)), 500, None)
    assert told.before["later"] == told.after["later"]
    browser = browsing(people["check"])
    page = browser.get(f"/operator/proposals/{number}", headers={"accept-language": "en"}).content.decode()
    changed, kept = page.split("What stays as it is")
    for where, was, will in (
        ("Rule · Credits a kilogram", "1,000", "333"), ("Rule of the day before · Last day", days(19), days(9)),
        ("Rule · First day", "2000-01-01", days(10)),
    ):  # fmt: skip
        assert f"{where}</th><td>{was}</td><td><strong>{will}</strong>" in changed, where
    for where, what in (
        ("Rule · Expires after days", "—"), ("Rule · Days to collect", "—"), ("Rule · Last day", days(19)),
        (f"Later rules · {days(20)} · Credits a kilogram", "500"),
        (f"Later rules · {days(20)} · Expires after days", "365"),
    ):  # fmt: skip
        assert f'{where}</dt><dd class="wrap">{what}</dd>' in kept, where
    done(people, number)
    assert [str(one) for one in Rule.objects.order_by("from_day").values_list("from_day", flat=True)] == [
        "2000-01-01", str(days(10)), str(days(20)),
    ]  # fmt: skip


def test_where_the_rule_it_rests_on_moved_the_approval_is_refused(people: dict[str, User]) -> None:
    """What was carried over would be another thing; and a rule that would end it was not seen."""
    number = proposed(people, days(10), credits_per_kg=333)
    ended = proposed(people, days(11), credits_per_kg=334)
    for one in (number, ended):
        proposing.check(people["check"], one)
    desk.add_rule(days(12), YEAR, expiry_days=365)
    for one in (number, ended):
        assert refusal(lambda one=one: proposing.approve(people["approve"], one)) == "state-moved"  # type: ignore[misc]
    assert not Rule.objects.filter(from_day__in=(days(10), days(11))).exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"never_expires": True, "expiry_days": 3}, "rule-not-one"),
        ({"never_expires": True, "expiry_years": 0}, "rule-not-one"),
        ({"expiry_years": 0, "expiry_days": 3}, "rule-not-one"),
        ({"no_claim": True, "claim_days": 3}, "change-malformed"),
        ({"claim_days": 0}, "change-malformed"),
        ({"claim_days": 3661}, "change-malformed"),
        ({"expiry_days": 0}, "change-malformed"),
        ({"expiry_days": 10**30}, "change-malformed"),
        ({"expiry_years": 101}, "change-malformed"),
        ({"never_expires": 1}, "change-malformed"),
    ],
    ids=str,
)
def test_what_no_rule_can_be_is_refused_to_who_proposes(
    people: dict[str, User], said: dict[str, Any], code: str
) -> None:
    assert refusal(lambda: proposed(people, days(3), **said)) == code


def test_two_rules_of_one_day_are_refused_by_name(people: dict[str, User]) -> None:
    desk.add_rule(days(5), YEAR, expiry_days=365)
    assert refusal(lambda: proposed(people, days(5), credits_per_kg=333)) == "rule-exists"


def test_the_form_and_the_command_say_the_same(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    desk.add_rule(days(5), YEAR, expiry_days=365, claim_days=7)
    browser = browsing(people["entry"])
    form = {
        "action": "rule.add",
        "from_day": days(10),
        "title_zh": RATE[0],
        "title_en": RATE[1],
        "why": "tried",
    }
    page = browser.get(
        "/operator/proposals/new?action=rule.add", headers={"accept-language": "en"}
    ).content.decode()
    assert "Credits never expire" in page and "left empty" in page
    assert (
        browser.post("/operator/proposals/new", form | {"credits_per_kg": "333", "no_claim": "1"}).status_code
        == 302
    )
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    with audit.acting(lambda: audit.NOBODY):
        sign_in(people["entry"])
        words = [
            "add",
            "--from",
            str(days(10)),
            "--title-zh",
            RATE[0],
            "--title-en",
            RATE[1],
            "--credits-per-kg",
            "333",
        ]
        made = CliRunner().invoke(
            command.command, [*words, "--no-claim", "--why", "tried"], catch_exceptions=False
        )
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    typed = queries.proposal(told["proposal"] - 1)
    assert (told["before"], told["after"]) == (typed.before, typed.after)
    assert told["after"]["rule"]["claim_days"] is None and told["after"]["rule"]["expiry_days"] == 365
