"""How the outbox is carried: nobody waits for another's fault, and what came is noted by whose turn it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from tests.platform.people.townspeople import made_up_person

from abate.platform import reaching
from abate.platform.doors import clock, messages, rounds
from abate.platform.notices import actions, queries
from abate.platform.notices.errors import NoticeUnsent
from abate.platform.notices.models import Delivery, Notice
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Left = Callable[[], list[dict[str, str]]]
FILES, MAIL = "abate.platform.doors.messages.Files", "abate.platform.doors.messages.Mail"


def carry() -> None:
    while reaching.carry():
        pass


def readers(count: int) -> list[Person]:
    return [made_up_person(order, f"reader{order}@example.org") for order in range(1, count + 1)]


def test_a_long_round_is_not_doubled_by_another_server(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sending takes 40 s; after each another server looks. A lease over all of them ended before the second was sent."""
    actions.write([one.user_id for one in readers(4)], "sign-in.key")
    actions.plan_due(reaching.places)
    real, now = messages.send, clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)

    def slow(**given: str) -> None:
        nonlocal now
        real(**given)
        now += timedelta(seconds=40)
        with monkeypatch.context() as other:
            other.setattr(messages, "send", real)
            actions.send_due(most=1)

    monkeypatch.setattr(messages, "send", slow)
    actions.send_due()
    assert sorted(one["to"] for one in left()) == [f"reader{order}@example.org" for order in range(1, 5)]
    assert not Delivery.objects.filter(sent_at=None).exists()


def test_who_comes_back_after_its_lease_says_nothing_of_what_another_sent(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.write([one.user_id for one in readers(1)], "sign-in.key")
    actions.plan_due(reaching.places)
    real, now = messages.send, clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)

    def hang(**given: str) -> None:
        nonlocal now
        now += rounds.LEASE
        monkeypatch.setattr(messages, "send", real)
        assert actions.send_due() == 1
        raise OSError("mail server: TimeoutError")

    monkeypatch.setattr(messages, "send", hang)
    actions.send_due()
    row = Delivery.objects.get()
    assert row.sent_at is not None and (row.next_at, row.said) == (None, "") and len(left()) == 1


def test_one_that_cannot_be_read_keeps_nothing_from_the_others(left: Left, settings: object) -> None:
    person, broken, other = readers(3)
    written = actions.write([person.user_id, broken.user_id, other.user_id], "sign-in.key")
    Notice.objects.filter(pk=written[0]).update(kind="kind.of-another-release")
    Person.objects.filter(pk=broken.pk).update(wrapped_key=b"no key")
    carry()
    assert [one["to"] for one in left()] == ["reader3@example.org"]
    assert [row.state for row in queries.listed(unsent=True)] == [queries.UNREADABLE] * 2
    browser = Client()
    browser.force_login(person.user)
    page = browser.get("/notices").content.decode()
    assert "kind.of-another-release" in page and "无法读取" in page
    Notice.objects.filter(pk=written[0]).update(kind="sign-in.key")
    assert actions.send_again(written[0]) == 1
    carry()
    assert [one["to"] for one in left()] == ["reader3@example.org", "reader1@example.org"]


def test_where_the_database_is_away_no_notice_is_called_unreadable() -> None:
    (person,) = readers(1)
    actions.write([person.user_id], "sign-in.key")

    def away(_: int) -> list[queries.Place]:
        raise OperationalError("the server closed the connection")

    with pytest.raises(OperationalError):
        actions.plan_due(away)
    assert Notice.objects.get().planned_at is None


def test_what_went_to_one_place_only_is_listed_and_sent_to_the_other(left: Left, settings: object) -> None:
    """A compulsory notice to mail and phone, before the gateway for short messages was set up."""
    (person,) = readers(1)
    mail = queries.Place("email", "reader1@example.org", "r***@example.org")
    phone = queries.Place("phone", "+8613800000001", "138****0001")
    settings.ABATE_MESSAGES, settings.EMAIL_BACKEND = MAIL, "django.core.mail.backends.locmem.EmailBackend"
    (number,) = actions.write([person.user_id], "sign-in.key")
    actions.plan_due(lambda _: [mail, phone])
    actions.send_due()
    (row,) = queries.listed(unsent=True)
    assert [(one.channel, one.state) for one in row.deliveries] == [("email", "sent"), ("phone", "given_up")]
    settings.ABATE_MESSAGES = FILES
    assert actions.send_again(number) == 1
    actions.plan_due(lambda _: [mail, phone])
    actions.send_due()
    assert [(one["kind"], one["to"]) for one in left()] == [("phone", "+8613800000001")]
    assert queries.listed(unsent=True) == []
    with pytest.raises(NoticeUnsent):
        actions.send_again(number)


def test_what_was_for_places_that_ended_is_sent_there_once_the_channel_is_set_up(
    left: Left, settings: object
) -> None:
    (person,) = readers(1)
    ended = queries.Place("phone", "+8613800000002", "138****0002")
    settings.ABATE_MESSAGES = MAIL
    (number,) = actions.write([person.user_id], "recovery.done", to=[ended])
    settings.ABATE_MESSAGES = FILES
    assert actions.send_again(number) == 1
    carry()
    assert [one["to"] for one in left()] == ["+8613800000002"], "not to the contacts of now"


def test_once_under_a_name_for_each_user() -> None:
    one, other = readers(2)
    assert len(actions.write([one.user_id], "credits.expiring", once="expiring:a", days=30)) == 1
    assert (
        len(actions.write([one.user_id, other.user_id], "credits.expiring", once="expiring:a", days=30)) == 1
    )
    assert len(actions.write([one.user_id], "credits.expiring", once="expiring:b", days=30)) == 1
    assert len(actions.write([one.user_id, one.user_id], "sign-in.key")) == 2
    with connection.cursor() as cursor:
        cursor.execute("select user_id, once from notices_notice where once is not null order by id")
        assert cursor.fetchall() == [
            (one.user_id, "expiring:a"), (other.user_id, "expiring:a"), (one.user_id, "expiring:b")
        ]  # fmt: skip
