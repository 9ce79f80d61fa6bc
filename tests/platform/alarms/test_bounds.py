"""What no caller can do with alarms: pump them, hide one among many, have one told again and again, end one from elsewhere."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.platform.alarms.test_alarms import (
    guess,
    later,
    opened,
    prepared,  # noqa: F401 (a fixture that every test uses)
    rules,
)
from tests.platform.joining import applicants
from tests.platform.notices.test_channels import Kept, Window
from tests.platform.web import city as stage

from abate.cli.alarms import command
from abate.demo import desk
from abate.platform import reaching
from abate.platform.alarms import actions
from abate.platform.alarms.models import Alarm
from abate.platform.config import alarming, doctor, findings, setup
from abate.platform.config.findings import Finding
from abate.platform.doors import clock
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Notice
from abate.platform.notices.queries import Place
from abate.platform.parties import actions as parties
from abate.platform.people import actions as people
from abate.platform.people.errors import CodeRefused
from abate.platform.review import actions as review
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def planted_as(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    planted: list[Finding] = []
    monkeypatch.setattr(doctor, "RUNNING", (lambda: iter([*planted, findings.found("lanes")]),))
    return planted


def test_names_that_callers_make_up_are_one_alarm_and_hide_no_account() -> None:
    clerk = desk.hire("made-up guessed", "query")
    for number in range(30):
        guess(f"made-up-{number}", 5, f"198.51.100.{number}")
    guess(clerk.handle, 5, "203.0.113.1")
    assert alarming.look().raised == 2
    (account, unknown) = [key for key, _, _ in opened("failed sign-ins")]
    assert account.startswith("account ") and unknown == "unknown"
    assert "30 names" in Alarm.objects.get(key="unknown").words


def test_whoever_makes_causes_up_moves_a_known_number_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    planted, start = planted_as(monkeypatch), clock.now()
    for turn in range(40):
        with clock.frozen(start + timedelta(minutes=30 * turn)):
            planted[:] = [
                findings.found(
                    "failed sign-ins", "address", key=f"address {turn}-{n}", digest=n, minutes=15, count=30
                )
                for n in range(5)
            ]
            if turn == 39:
                planted.append(
                    findings.found(
                        "failed sign-ins", "account", key="account x", account="x", minutes=15, count=5
                    )
                )
            alarming.look()
            planted[:] = [findings.found("failed sign-ins")]
        with clock.frozen(start + timedelta(minutes=30 * turn + 20)):
            alarming.look()
    told = Alarm.objects.filter(rule="failed sign-ins")
    assert sorted(row.key for row in told if row.key.endswith("*")) == ["address *"]
    assert told.filter(key__startswith="address ").count() == 20 + 1
    assert told.filter(key="account x").exists(), "another lot is told all the same"
    assert Notice.objects.filter(kind__in=("alarm-raised", "alarm-ended")).count() == 2 * 22
    with clock.frozen(start + timedelta(days=2)):
        planted[:] = [
            findings.found("failed sign-ins", "address", key="address new", digest=1, minutes=15, count=30)
        ]
        assert alarming.look().raised == 1, "a day later each is told again"


def tried(key: str, case: str = "address") -> Finding:
    more = {"account": "x", "count": 5} if case == "account" else {"digest": 1, "count": 30}
    return findings.found("failed sign-ins", case, key=f"{case} {key}", minutes=15, **more)


def test_what_comes_and_goes_all_day_is_told_when_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    planted, start = planted_as(monkeypatch), clock.now()
    for turn in range(25):
        with clock.frozen(start + timedelta(minutes=30 * turn)):
            planted[:] = [tried("x", "account")]
            assert alarming.look().raised == 1, turn
        planted[:] = [findings.found("failed sign-ins")]
        if turn < 24:
            with clock.frozen(start + timedelta(minutes=30 * turn + 20)):
                assert alarming.look().ended == 1
    assert [key for key, _, _ in opened("failed sign-ins")] == ["account x"]


def test_that_there_are_more_is_said_once_and_shown_while_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    planted, start = planted_as(monkeypatch), clock.now()
    for turn in range(3):
        with clock.frozen(start + timedelta(minutes=30 * turn)):
            planted[:] = [tried(f"{turn}-{n}") for n in range(21)]
            alarming.look()
            assert "address *" in [key for key, _, _ in opened("failed sign-ins")], turn
        planted[:] = [findings.found("failed sign-ins")]
        with clock.frozen(start + timedelta(minutes=30 * turn + 20)):
            alarming.look()
            assert opened("failed sign-ins") == []
    assert Alarm.objects.filter(key="address *").count() == 1
    assert Notice.objects.filter(kind__in=("alarm-raised", "alarm-ended")).count() == 2 * 21


def test_of_more_the_gravest_is_told(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.ABATE_ALARM_TO = "entry=entry@city.example"
    planted, start = planted_as(monkeypatch), clock.now()

    def asked(number: int, case: str = "near") -> Finding:
        return findings.found("privacy requests", case, key=f"{number}", number=number, due="2026-01-01")

    told = Notice.objects.filter(kind="alarm-raised")
    planted[:] = [asked(number) for number in range(22)]
    alarming.look()
    assert ("*", "entry", "warning") in opened("privacy requests") and told.count() == 21
    planted[:] = [findings.found("privacy requests")]
    with clock.frozen(start + timedelta(minutes=20)):
        alarming.look()
        planted[:] = [*(asked(number) for number in range(30, 33)), asked(33, "past"), asked(34)]
        assert alarming.look().worse == 1 and opened("privacy requests") == [("*", "entry", "fault")]
        assert told.count() == 22, "it was said as a warning only"
    planted[:] = [findings.found("privacy requests")]
    with clock.frozen(start + timedelta(minutes=40)):
        assert alarming.look().ended == 1 and Notice.objects.filter(kind="alarm-ended").count() == 22


def test_one_party_s_many_breaks_keep_none_of_another_from_being_told(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    limit = 'limit = 3\nwhy_zh = "财务约定"\nwhy_en = "as finance agreed"'
    rules(tmp_path, settings, lambda text: text.replace("operator = true\nunit_zh", f"{limit}\nunit_zh"))
    planted = planted_as(monkeypatch)

    def broken(number: int, owner: str) -> Finding:
        return findings.found(
            "old breaks", "theirs", key=str(number), owner=owner, number=number, age=9, party=owner
        )

    planted[:] = [*(broken(number, "first-app") for number in range(25)), broken(99, "second-app")]
    assert alarming.look().raised == 22
    assert Alarm.objects.filter(party="first-app").count() == 21
    assert Alarm.objects.get(party="second-app").key == "99"
    assert Alarm.objects.get(key="first-app *").party == "first-app"


def test_what_falls_back_and_rises_again_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = planted_as(monkeypatch)
    near, past = (
        findings.found("privacy requests", case, key="7", number=7, due="2026-01-01")
        for case in ("near", "past")
    )
    for one in (near, past, near, past, near, past):
        planted[:] = [one]
        alarming.look()
    assert (
        list(Audit.objects.filter(what="alarm.raise").values_list("what", flat=True)) == ["alarm.raise"] * 2
    )
    assert opened("privacy requests") == [("7", "entry", "fault")]


def test_a_timer_of_other_settings_ends_nothing(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**60)
    assert alarming.look().raised == 1
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 1)
    with later(hours=1):
        # Another disk, on which there is room; and rules that know of no alarm.
        for named in ("", "none"):
            settings.ABATE_ALARMS = named
            looked = json.loads(CliRunner().invoke(command, ["look", "--json"]).output)
            assert looked["ended"] == 0 and opened("disk") == [("", "system_admin", "fault")]
        settings.ABATE_ALARMS = ""
        assert alarming.look().ended == 1 and opened("disk") == []


def test_two_spellings_of_one_address_are_mailed_once(settings: Any, smtp: Kept) -> None:
    settings.ABATE_ALARM_TO = (
        "security_admin=Sec@City.example sec@city.example; security_admin=SEC@city.example"
    )
    guess("nobody", 5)
    alarming.look()
    while reaching.carry():
        pass
    assert [mail["To"] for mail in smtp.got] == ["sec@city.example"]


def test_all_who_act_for_a_party_are_told(db: None) -> None:
    party = applicants.admitted()
    (first,) = alarming._reach({}, "finance", party.code).users
    second, gone = (review.create_user("staff", made_up=True) for _ in range(2))
    for user in (second, gone):
        parties.add_member(user, party, "partner")
        notices.add_browser(user, **Window().form(f"https://push.example/{user.pk}"), device="x")
    review.deactivate(gone)
    assert alarming._reach({}, "finance", party.code) == actions.Reached(sorted([first, second.pk]), [])


def test_a_party_of_whom_nobody_can_be_reached_is_told_of_to_the_role(db: None) -> None:
    party = parties.create_party("unread", "data_provider", "无人", "Unread", made_up=True)
    member, mailbox = review.create_user("staff", made_up=True), Place("email", "fin@city.example", "fin")
    parties.add_member(member, party, "partner")
    reach = partial(alarming._reach, {"finance": [mailbox]}, "finance", party.code)
    assert reach() == actions.Reached([], [mailbox])
    notices.add_browser(member, **Window().form("https://push.example/1"), device="x")
    assert reach() == actions.Reached([member.pk], [])


def test_wrong_codes_of_one_person_are_no_alarm_of_the_platform(city: stage.City) -> None:
    people.request_code("13800138000", "192.0.2.7")
    for _ in range(12):
        with pytest.raises(CodeRefused):
            people.prove_contact("13800138000", "not one")
    assert Audit.objects.filter(what="code.try", act="refused").count() == 12
    assert alarming.look().raised == 0 and not Alarm.objects.exists()
