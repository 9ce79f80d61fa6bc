"""Alarms: a planted cause raises one, told once and at its end, to whom it is for; without a cause there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.notices.test_channels import Kept
from tests.platform.people.townspeople import at_once
from tests.platform.web import city as stage

from abate.bookkeeping import cosignature
from abate.cli.alarms import command
from abate.demo import desk
from abate.platform import reaching
from abate.platform.alarms import actions
from abate.platform.alarms.models import Alarm
from abate.platform.config import alarm_rules, alarming, doctor, findings, setup, watching
from abate.platform.config.findings import Finding
from abate.platform.doors import clock, rotation
from abate.platform.doors.errors import SetupError
from abate.platform.ledger import closing
from abate.platform.log import actions as log
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Delivery, Notice
from abate.platform.parties.models import Party
from abate.platform.people import requests
from abate.platform.reconciliation import actions as reconciling
from abate.platform.review import audit
from abate.platform.review.models import Audit, User
from abate.platform.signin import actions as signin
from abate.platform.signin.errors import SignInRefused

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]
SAMPLES = Path(alarm_rules.SHIPPED).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def prepared(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrators' mail is known. Months are ahead: turning them for real would turn them for every test after."""
    monkeypatch.setattr(rotation, "least_ahead", lambda: 3)
    monkeypatch.setattr(rotation, "turned", lambda: True)
    settings.ABATE_ALARM_TO = "security_admin=security@city.example; system_admin=ops@city.example"


def states(name: str) -> list[tuple[str, str]]:
    """(key, state) of what `abate doctor` finds of this name."""
    return [(one.key, one.state) for one in doctor.examine() if one.name == name]


def opened(rule: str) -> list[tuple[str, str, str]]:
    rows = Alarm.objects.filter(rule=rule, ended_at=None).order_by("key")
    return list(rows.values_list("key", "role", "state"))


def rules(tmp_path: Path, settings: Any, change: Callable[[str], str]) -> None:
    file = tmp_path / "alarms.toml"
    file.write_text(change(SAMPLES), encoding="utf-8")
    settings.ABATE_ALARMS = str(file)


def later(**span: int) -> Any:
    return clock.frozen(clock.now() + timedelta(**span))


def guess(handle: str, times: int, address: str = "192.0.2.7") -> None:
    """As check_password counts a try before it compares; comparing is slow on purpose."""
    for _ in range(times):
        signin.count_try(f"password\x00{handle}", address)


def test_without_a_cause_there_is_no_alarm() -> None:
    assert alarming.look() == actions.Settled(0, 0, 0)
    assert not Alarm.objects.exists() and not Notice.objects.exists()
    told = {one.name for one in doctor.examine()}
    active = {name for name, rule in alarm_rules.shipped().rules.items() if not rule.idle}
    assert active <= told, "each says that it is well, or that it is not set up"


def test_failed_sign_ins_are_mailed_once_and_at_their_end(smtp: Kept) -> None:
    clerk = desk.hire("made-up guessed", "query")
    Notice.objects.all().delete()
    guess(clerk.handle, 4)
    assert alarming.look().raised == 0 and states("failed sign-ins") == [("", "ok")]
    with pytest.raises(SignInRefused):
        signin.check_password(clerk.handle.upper(), "not the password", "192.0.2.7")
    ((key, state),) = states("failed sign-ins")
    assert key.startswith("account ") and state == "warning"
    assert [alarming.look() for _ in range(3)] == [actions.Settled(1, 0, 0)] + [actions.Settled(0, 0, 0)] * 2
    assert opened("failed sign-ins") == [(key, "security_admin", "warning")]
    while reaching.carry():
        pass
    (mail,) = smtp.got
    text = mail.get_content()
    assert mail["To"] == "security@city.example" and "平台告警" in mail["Subject"]
    assert f"工作人员账户 {clerk.handle} 在 15 分钟内登录失败 5 次" in text
    assert f"Staff account {clerk.handle}: 5 wrong tries" in text and "/operator/alarms" in text
    with later(minutes=16):
        alarming.look()
        assert opened("failed sign-ins") == [] and smtp.got == [mail]
        while reaching.carry():
            pass
    (_, over) = smtp.got
    assert "已解除【登录失败】" in over.get_content() and "Over: [failed sign-ins]" in over.get_content()
    assert list(
        Audit.objects.filter(what__startswith="alarm.").order_by("id").values_list("what", flat=True)
    ) == [
        "alarm.raise",
        "alarm.end",
    ]


def test_what_comes_and_goes_is_one_alarm() -> None:
    with later(minutes=0):
        guess("nobody@city.example", 5)
        assert alarming.look().raised == 1
    ((key, _),) = states("failed sign-ins")
    assert Alarm.objects.get().words.count("nobody") == 0, (
        "what was typed may be a password: it is kept nowhere"
    )
    with later(minutes=14):
        assert alarming.look() == actions.Settled(0, 0, 0)
    with later(minutes=17):
        assert states("failed sign-ins") == [("", "ok")]
        assert alarming.look().ended == 0 and opened("failed sign-ins"), "gone for three minutes"
        guess("nobody@city.example", 5)
        assert alarming.look() == actions.Settled(0, 0, 0)
    with later(minutes=45):
        assert alarming.look().ended == 1
    assert [row.key for row in Alarm.objects.filter(rule="failed sign-ins")] == [key]


def test_an_address_that_tries_many_names_is_one_alarm_of_its_own() -> None:
    for number in range(30):
        guess(f"name-{number}", 1, "198.51.100.4")
    assert [key.partition(" ")[0] for key, _ in states("failed sign-ins")] == ["address"]
    assert alarming.look().raised == 1
    assert "198.51.100.4" not in Alarm.objects.get().words


def test_refused_rights_are_counted_by_account(enter: Enter) -> None:
    clerk, other = desk.hire("made-up curious", "query"), desk.hire("made-up calm", "query")
    for browser, times in ((enter(clerk), 5), (enter(other), 4)):
        for _ in range(times):
            assert browser.get("/operator/audit").status_code == 403
    with audit.acting(lambda: audit.Actor(other.handle)):
        audit.note("read audit", "audit", act="refused", code="proof-needed")
    assert states("refused rights") == [(clerk.handle, "warning")]
    assert alarming.look().raised == 1 and opened("refused rights") == [
        (clerk.handle, "security_admin", "warning")
    ]


def test_the_clock_of_a_request_is_told_before_its_day_and_after(city: stage.City) -> None:
    made = requests.ask(city.person, "correction", "我的姓名写错了")
    assert states("privacy requests") == [("", "ok")]
    with clock.frozen(datetime.combine(made.due - timedelta(days=5), datetime.min.time(), clock.zone())):
        assert states("privacy requests") == [(str(made.pk), "warning")] and alarming.look().raised >= 1
        assert opened("privacy requests") == [(str(made.pk), "entry", "warning")]
    with clock.frozen(datetime.combine(made.due + timedelta(days=1), datetime.min.time(), clock.zone())):
        assert alarming.look().worse == 1 and opened("privacy requests") == [(str(made.pk), "entry", "fault")]
        assert alarming.look().worse == 0
        requests.answer(made.pk, "已更正", desk.staffed()["entry"])
        with later(minutes=11):
            assert alarming.look().ended == 1


def test_a_log_that_is_not_numbered_and_a_witness_that_is_behind(
    city: stage.City,
    settings: Any,
    tmp_path: Path,
) -> None:
    log.sequence()
    now = clock.now()
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", now)])
    witness = cosignature.witness_of("witness.example/one", bytes(32))
    file = tmp_path / "witnesses"
    file.write_text(f"{witness} http://127.0.0.1:1\n")
    settings.ABATE_WITNESSES = str(file)
    assert states("log numbering") == [("", "ok")], "it waits since a moment ago"
    with later(seconds=70):
        assert states("log numbering") == [("", "fault")]
        alarming.look()
        assert opened("log numbering") == [("", "system_admin", "fault")]
        log.sequence()
        assert states("log numbering") == [("", "ok")]
    with later(seconds=600):
        assert states("witnesses") == [("witness.example/one", "fault")]
        alarming.look()
        assert opened("witnesses") == [("witness.example/one", "system_admin", "fault")]


def test_entries_in_the_queue_are_seen_too(city: stage.City) -> None:
    desk.adjust(city.person.pk, 5, "goodwill-1")
    assert states("log numbering") == [("", "ok")]
    with later(seconds=70):
        assert states("log numbering") == [("", "fault")]


def test_a_disk_that_runs_full(monkeypatch: pytest.MonkeyPatch) -> None:
    assert states("disk") == [("", "ok")]
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**60)
    assert alarming.look().raised == 1 and opened("disk") == [("", "system_admin", "fault")]


def test_lanes_that_stand_still() -> None:
    user = User.objects.create(handle="waits", kind=User.Kind.PERSON, created_at=clock.now())
    notices.write([user.pk], "sign-in.key")
    assert states("lanes") == [("", "ok")]
    with later(minutes=31):
        assert states("lanes") == [("notices", "fault")]
        alarming.look()
        assert opened("lanes") == [("notices", "system_admin", "fault")]
        notices.plan_due(lambda _: [])
        assert states("lanes")[0][0] in ("", "notices")


def test_a_close_and_an_expiry_that_are_overdue(city: stage.City) -> None:
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "m-1", clock.now())])
    assert states("daily jobs") == [("", "ok")]
    with later(days=1):
        assert states("daily jobs") == [("", "ok")], "yesterday can be closed since midnight"
    with later(days=2):
        assert states("daily jobs") == [("close", "fault")]
        alarming.look()
        assert opened("daily jobs") == [("close", "system_admin", "fault")]
        closing.close_day(clock.today() - timedelta(days=1))
        assert states("daily jobs") == [("", "ok")]


def test_papers_of_a_party_and_a_break_past_its_age(
    city: stage.City,
    settings: Any,
    tmp_path: Path,
) -> None:
    Party.objects.filter(pk=city.partner.pk).update(valid_until=clock.today() + timedelta(days=31))
    assert states("party papers") == [("", "ok")]
    with later(days=1):
        assert states("party papers") == [("sample-app", "warning")]
        alarming.look()
        assert opened("party papers") == [("sample-app", "entry", "warning")]
    yesterday = clock.today() - timedelta(days=1)
    reconciling.compare(city.partner, yesterday, b"event\nnever-came\n", "csv", via="file")
    with later(days=40):
        assert states("old breaks") == [("", "ok")], "idle: its limit is the operator's to give"
        limit = 'limit = 3\nwhy_zh = "财务约定"\nwhy_en = "as finance agreed"'
        rules(tmp_path, settings, lambda text: text.replace("operator = true\nunit_zh", f"{limit}\nunit_zh"))
        ((number, state),) = states("old breaks")
        assert state == "warning"
        alarming.look()
        owner = Alarm.objects.get(rule="old breaks")
        assert (owner.key, owner.role, owner.party) == (number, "finance", "sample-app")


def test_a_party_that_owns_a_break_is_told_at_its_own_contact() -> None:
    party = applicants.admitted()
    reached = alarming._reach({}, "finance", party.code)
    assert [
        [place.channel for place in reaching.places(user)] for user in reached.users
    ] and not reached.places


def test_more_than_can_be_read_is_one_alarm_and_what_is_told_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def many(names: range) -> list[Finding]:
        return [
            findings.found("refused rights", "burst", key=f"{n}", account=n, count=9, minutes=15)
            for n in names
        ]

    planted: list[Finding] = []
    monkeypatch.setattr(doctor, "RUNNING", (lambda: iter(planted),))
    planted[:] = many(range(100, 125))
    assert alarming.look().raised == 21
    planted[:] = many(range(90, 125))
    assert alarming.look() == actions.Settled(0, 0, 0)
    assert Notice.objects.filter(kind="alarm-raised").count() == 21
    planted.clear()
    with later(hours=1):
        assert alarming.look().ended == 0, "nobody could look: that ends nothing"
        planted.append(findings.found("refused rights"))
        assert alarming.look().ended == 21


def test_an_alarm_and_its_notice_are_there_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    guess("nobody", 5)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(audit, "note", broken)
        alarming.look()
    assert not Alarm.objects.exists() and not Delivery.objects.exists()
    assert alarming.look().raised == 1 and Delivery.objects.count() == 1


def test_each_role_sees_its_own_on_the_console(enter: Enter) -> None:
    guess("nobody", 5)
    alarming.look()
    for role, seen in (
        ("security_admin", True),
        ("audit_admin", True),
        ("system_admin", False),
        ("entry", False),
    ):
        page = enter(desk.staffed()[role], "en").get("/operator/alarms")
        assert page.status_code == 200 and (b"wrong tries" in page.content) is seen, role
        assert (b"No alarm is open." in page.content) is not seen
    assert "登录失败" in enter(desk.staffed()["security_admin"]).get("/operator/alarms").content.decode()
    assert b"1 alarms are open" in enter(desk.staffed()["audit_admin"], "en").get("/operator").content
    with later(hours=1):
        alarming.look()
    assert b"Over" in enter(desk.staffed()["security_admin"], "en").get("/operator/alarms").content


@pytest.mark.django_db(transaction=True)
def test_of_looks_at_the_same_moment_one_raises_it() -> None:
    guess("nobody", 5)
    done = at_once(4, lambda _: alarming.look())
    assert sorted(done, key=str) == [actions.Settled(0, 0, 0)] * 3 + [actions.Settled(1, 0, 0)], done
    assert Alarm.objects.count() == 1 and Notice.objects.filter(kind="alarm-raised").count() == 1


def test_a_timer_looks_and_sends_while_the_server_is_down(
    monkeypatch: pytest.MonkeyPatch,
    smtp: Kept,
) -> None:
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    calm = CliRunner().invoke(command, ["look", "--json"])
    assert calm.exit_code == 0 and json.loads(calm.output) == {"raised": 0, "worse": 0, "ended": 0, "open": 0}
    guess("nobody", 5)
    looked = CliRunner().invoke(command, ["look"])
    assert looked.exit_code == 1 and "raised 1" in looked.output and len(smtp.got) == 1
    assert "登录失败" in CliRunner().invoke(command, ["list"]).output
    (row,) = json.loads(CliRunner().invoke(command, ["list", "--json"]).output)
    assert row["rule"] == "failed sign-ins" and row["ended_at"] is None
    told = CliRunner().invoke(command, ["rules", "--lang", "en"]).output
    assert "log numbering" in told and "60 seconds" in told and "idle" in told


BROKEN = {
    "no finding has this name": '[rules."nothing"]\nto = "entry"\n',
    "no such role": '[rules."disk"]\nto = "nobody"\n',
    "a state that is none": '[rules."disk"]\nto = "entry"\nstates = ["ok"]\n',
    "a limit needs its unit and the reason": '[rules."lanes"]\nto = "entry"\nlimit = 5\n',
    "a whole number": '[rules."lanes"]\nto = "entry"\nlimit = 0\nunit_zh = "a"\nunit_en = "a"\nwhy_zh = "a"\nwhy_en = "a"\n',
    "a key that means nothing": '[rules."disk"]\nto = "entry"\nlimits = 3\n',
}


@pytest.mark.parametrize("what", list(BROKEN))
def test_a_rule_that_means_nothing_is_refused_by_name(what: str, settings: Any, tmp_path: Path) -> None:
    head = "every_seconds = 60\ncalm_minutes = 10\nmost = 20\n"
    rules(tmp_path, settings, lambda _: head + BROKEN[what])
    with pytest.raises(SetupError, match=what):
        alarming.look()
    assert [one.state for one in watching.watched() if one.name == "alarms"] == ["fault"]


def test_who_hears_nothing_is_named(settings: Any) -> None:
    (told,) = [one for one in watching.watched() if one.name == "alarms"]
    assert told.state == "warning" and "entry" in told.what and "system administrator" not in told.what
    settings.ABATE_ALARM_TO = "nobody=a@b.example"
    with pytest.raises(SetupError, match="ABATE_ALARM_TO"):
        alarm_rules.mailboxes()


@pytest.fixture
def cjk() -> Iterator[re.Pattern[str]]:
    yield re.compile(r"[\u4e00-\u9fff]")


def test_every_finding_has_both_languages_with_the_same_fields(cjk: re.Pattern[str]) -> None:
    for (name, case), (name_zh, words) in findings.cases().items():
        for zh, en in (words.what, words.remedy):
            bare = re.sub(r"\{\w+\}", "", zh)
            assert not cjk.search(en), (name, case)
            assert (
                not re.search("[a-z]{3}", bare) or cjk.search(bare) or "pip install" in bare or " " in zh
            ), (name, case)
            plain = {re.sub("_(zh|en)$", "", field) for field in findings.fields_of(zh)}
            assert plain == {re.sub("_(zh|en)$", "", field) for field in findings.fields_of(en)}, (name, case)
        assert name_zh


def test_the_doctors_findings_are_all_told_in_chinese(cjk: re.Pattern[str]) -> None:
    for one in doctor.examine():
        assert cjk.search(one.zh[1]) or re.search(r"is on|PostgreSQL \d|Python \d", one.what), one
        assert bool(one.remedy) == bool(one.zh[2])
