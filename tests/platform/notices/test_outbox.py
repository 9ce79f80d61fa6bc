"""The outbox: there with the work or not at all, carried at least once under one name, and nothing of it in a log."""

from __future__ import annotations

import base64
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from tests.platform.people.townspeople import at_once, made_up_person

from abate.platform import reaching
from abate.platform.config import fields
from abate.platform.doors import clock, messages, rounds
from abate.platform.notices import actions, queries
from abate.platform.notices.errors import Compulsory, KindUnknown, NoticeUnsent
from abate.platform.notices.kinds import kinds, read
from abate.platform.notices.models import Delivery, Notice
from abate.platform.parties.actions import create_party
from abate.platform.people import actions as people
from abate.platform.people import identity
from abate.platform.people.models import Authorisation, Person
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Left = Callable[[], list[dict[str, str]]]
MAIL, PHONE = "canary-reader@example.org", "18800761234"


@pytest.fixture
def person(db: None) -> Person:
    return made_up_person(7, MAIL)


def two_ways(order: int = 8) -> Person:
    number = identity.made_up_number(date(1980, 1, 1), order)
    return people.register("测试乙", number, [PHONE, MAIL], "notice-1", True)


def carry() -> None:
    while reaching.carry():
        pass


def test_written_with_the_work_and_gone_with_its_rollback(person: Person, left: Left) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.write([person.user_id], "sign-in.key")
        raise RuntimeError("the work failed")
    assert not Notice.objects.exists()
    with transaction.atomic():
        actions.write([person.user_id], "sign-in.key")
    assert left() == [], "nothing leaves in the transaction"
    carry()
    (message,) = left()
    assert (message["kind"], message["to"]) == ("email", MAIL) and message["name"].startswith("notice-")
    carry()
    assert len(left()) == 1


def test_work_and_notice_of_a_withdrawal_are_one(person: Person, left: Left, monkeypatch) -> None:
    """A real caller: where the notice cannot be written the withdrawal is not there either, and the other way round."""
    party = create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["metro"], made_up=True)
    people.authorise(person, party, ["metro"], "notice-1")
    (given,) = Authorisation.objects.filter(person_id=person.pk)

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no notice")

    with monkeypatch.context() as patch:
        patch.setattr(people.notices, "write", refuse)
        with pytest.raises(RuntimeError):
            people.withdraw(person, given.id)
    assert Authorisation.objects.filter(person_id=person.pk, withdrawn_at=None).exists()
    people.withdraw(person, given.id)
    people.withdraw(person, given.id)
    assert [row.kind for row in queries.listed(user_id=person.user_id)] == ["authorisation.ended"]


def test_who_dies_between_sending_and_noting_sends_again_under_the_same_name(
    person: Person, left: Left, monkeypatch
) -> None:
    actions.write([person.user_id], "sign-in.key")
    real = messages.send

    class Killed(BaseException):
        pass

    def send_and_die(**given: str) -> None:
        real(**given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(messages, "send", send_and_die)
        with pytest.raises(Killed):
            carry()
    carry()
    assert len(left()) == 1, "still claimed: nobody else takes it within the lease"
    with clock.frozen(clock.now() + rounds.LEASE):
        carry()
    first, second = left()
    assert first["name"] == second["name"] and first["body"] == second["body"]
    assert Delivery.objects.get().sent_at is not None and bytes(Delivery.objects.get().to_enc) == b""


def test_tried_again_by_the_clock_then_given_up_by_name_and_sent_by_hand(
    person: Person, left: Left, monkeypatch
) -> None:
    (number,) = actions.write([person.user_id], "sign-in.key")

    def refuse(**_: str) -> None:
        raise OSError("mail server: ConnectionRefusedError")

    start = now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(messages, "send", refuse)
        waits = []
        for _ in range(len(rounds.BACKOFF) + 1):
            with clock.frozen(now):
                carry()
            row = Delivery.objects.get()
            if row.next_at:
                waits.append(row.next_at - now)
                now = row.next_at
    assert tuple(waits) == rounds.BACKOFF and now - start < timedelta(days=4)
    (told,) = queries.listed(unsent=True)
    assert told.deliveries[0].state == "given_up" and "ConnectionRefused" in told.deliveries[0].said
    with clock.frozen(now + timedelta(days=1)):
        carry()
        assert left() == []
        assert actions.send_again(number) == 1
        carry()
    assert len(left()) == 1
    with pytest.raises(NoticeUnsent):
        actions.send_again(number)


@pytest.mark.django_db(transaction=True)
def test_several_servers_send_each_notice_once(left: Left) -> None:
    people_ = [made_up_person(order, f"reader{order}@example.org") for order in range(20, 30)]
    actions.write([one.user_id for one in people_], "sign-in.key")
    assert [one for one in at_once(4, lambda _: carry()) if isinstance(one, Exception)] == []
    assert sorted(one["to"] for one in left()) == sorted(
        f"reader{order}@example.org" for order in range(20, 30)
    )


# Another process on the same database: it ends by SIGKILL while the places of a notice are being looked up.
DYING = """
import json, os, signal, sys
import django
django.setup()
from django.db import connection
connection.settings_dict.update(json.loads(sys.argv[1]))
from abate.platform.notices import actions
actions.plan_due(lambda user: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_what_it_had_not_planned(person: Person, left: Left) -> None:
    actions.write([person.user_id], "sign-in.key")
    there = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    child = subprocess.run(
        [sys.executable, "-c", DYING, json.dumps(there)], capture_output=True, text=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert Notice.objects.get().planned_at is None and not Delivery.objects.exists()
    carry()
    assert len(left()) == 1


def test_a_compulsory_one_goes_every_way_and_cannot_be_switched_off(left: Left) -> None:
    person = two_ways()
    with pytest.raises(Compulsory):
        actions.prefer(person.user, "sign-in.key", "email", False)
    actions.write([person.user_id], "sign-in.key")
    carry()
    assert sorted(one["kind"] for one in left()) == ["email", "phone"]


def test_by_default_as_little_as_does_it_then_as_the_person_says(left: Left) -> None:
    person = two_ways()

    def tell(kind: str, **given: object) -> list[str]:
        before = len(left())
        actions.write([person.user_id], kind, **given)
        carry()
        return sorted(one["kind"] for one in left()[before:])

    assert tell("request.answered") == ["email"]
    assert tell("credits.expiring", days=30) == []
    assert queries.listed(limit=1)[0].state == "switched-off"
    actions.prefer(person.user, "credits.expiring", "phone", True)
    actions.prefer(person.user, "request.answered", "email", False)
    assert tell("credits.expiring", days=30) == ["phone"] and tell("request.answered") == []
    assert queries.wanting("credits.expiring") == [person.user_id]
    actions.prefer(person.user, "request.answered", "phone", True)
    assert tell("request.answered") == ["phone"]
    with pytest.raises(KindUnknown):
        actions.prefer(person.user, "request.answered", "pigeon", True)
    with pytest.raises(KindUnknown):
        actions.prefer(person.user, "no.kind", "email", True)


def test_in_the_language_of_the_person_and_in_both_before_they_said(left: Left) -> None:
    person = two_ways()
    bodies = []
    for language in ("", "zh", "en", "both"):
        actions.speak(person.user, language)
        actions.write([person.user_id], "request.answered")
        carry()
        bodies.append(left()[-1]["body"])
    chinese = ["请求已答复" in body for body in bodies]
    english = ["was answered" in body for body in bodies]
    assert chinese == [True, True, False, True] and english == [True, False, True, True]


def test_a_channel_that_is_not_set_up_is_named_and_can_be_sent_later(left: Left, settings) -> None:
    person = two_ways()
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Sms"
    (number,) = actions.write([person.user_id], "request.answered")
    carry()
    (row,) = queries.listed()
    assert [(one.channel, one.state, one.said) for one in row.deliveries] == [
        ("email", "given_up", queries.NOT_CONFIGURED)
    ]
    settings.ABATE_MESSAGES = "abate.platform.doors.messages.Files"
    assert actions.send_again(number) == 1
    carry()
    assert [one["kind"] for one in left()] == ["email"]


def test_somebody_without_contact_is_said_to_have_none(left: Left) -> None:
    clerk = review.create_user("staff", made_up=True)
    actions.write([clerk.pk, None], "sign-in.key")
    carry()
    assert [row.state for row in queries.listed()] == ["no-contact", "no-contact"] and left() == []


def test_no_place_and_no_text_stands_in_a_row_or_a_log(
    left: Left, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    caplog.set_level(logging.DEBUG)
    person = two_ways()
    actions.write(
        [person.user_id], "recovery.begun", day="2026-11-29", link="https://canary.example/stop/abc"
    )
    actions.plan_due(reaching.places)

    def fail(**given: str) -> None:
        raise ValueError(f"a library that repeats all it was given: {given}")

    with monkeypatch.context() as patch:
        patch.setattr(messages, "send", fail)
        actions.send_due()
    assert {row.said for row in Delivery.objects.all()} == {"ValueError"}
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        carry()
    assert len(left()) == 2 and all("canary.example/stop/abc" in one["body"] for one in left())
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'select t::text from "{table}" t')
            rows += [row[0] for row in cursor.fetchall()]
    dump = "\n".join(rows) + caplog.text
    raw = [MAIL, PHONE, f"+86{PHONE}", "canary.example"]
    found = [one for one in [*raw, *(text.encode().hex() for text in raw)] if one in dump]
    assert found == [] and base64.b64encode(MAIL.encode()).decode()[:-4] not in dump
    assert "188****1234" in dump, "where it went is told, masked"


def test_whoever_is_erased_is_told_nothing_more(person: Person, left: Left) -> None:
    actions.prefer(person.user, "request.answered", "email", True)
    actions.write([person.user_id], "request.answered")
    actions.plan_due(reaching.places)
    actions.write([person.user_id], "request.answered")
    assert Delivery.objects.count() == 1 and Notice.objects.count() == 2
    people.destroy(person)
    carry()
    assert left() == [] and queries.said_by(person.user_id) == {}
    assert not Delivery.objects.exists() and not Notice.objects.exists(), "no contact lies in a row any more"


def test_what_was_sent_is_kept_for_ninety_days(person: Person, left: Left) -> None:
    actions.write([person.user_id], "sign-in.key")
    carry()
    with clock.frozen(clock.now() + timedelta(days=89)):
        assert fields.retain()["notices_notice"] == 0
    with clock.frozen(clock.now() + timedelta(days=91)):
        cleared = fields.retain()
    assert (cleared["notices_delivery"], cleared["notices_notice"]) == (1, 1)


def test_the_fields_of_a_kind_and_no_others() -> None:
    with pytest.raises(ValueError, match="has the fields"):
        actions.write([None], "sign-in.key", amount=12)
    with pytest.raises(ValueError, match="has the fields"):
        actions.write([None], "party.notice", number=1)


_PLANTED = {
    "personal": ('public"', 'personal"', "label may not leave"),
    "undeclared": ("{days} 天", "{days} 天 {amount}", "not declared"),
    "compulsory-default": (
        'compulsory = "security"',
        'compulsory = "security"\ndefault = ["email"]',
        "and a default",
    ),
    "no-reason": ('compulsory = "breach"', 'compulsory = "because"', "names no reason"),
    "long": ('zh = "您的一条记录', 'zh = "' + "长" * 200 + "您的一条记录", "too long"),
}


@pytest.mark.parametrize("name", sorted(_PLANTED))
def test_a_kind_that_may_not_be_is_refused_when_it_is_read(name: str) -> None:
    old, new, why = _PLANTED[name]
    text = Path(actions.__file__).with_name("kinds.toml").read_text(encoding="utf-8")
    assert read(text) == kinds()
    with pytest.raises(ValueError, match=why):
        read(text.replace(old, new, 1))


def test_each_kind_has_a_purpose_that_the_record_of_processing_knows() -> None:
    assert {one.purpose for one in kinds().values()} <= {one.purpose for one in fields.tables().values()}


def test_the_file_adapter_is_what_the_tests_use() -> None:
    assert django_settings.ABATE_MESSAGES.endswith(".Files") and all(map(messages.carries, messages.KINDS))
