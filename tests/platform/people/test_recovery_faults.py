"""Recovery where something fails: nobody can be told, a row cannot be read, its owner leaves, an old device is left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.platform.people.recoveries import (
    AUTHORITY,
    DOWN,
    FILES,
    MAIL,
    NEW,
    PHONES,
    Sent,
    ask,
    carry,
    opened,
    other_number,
    person,
    sign_in,
)

from abate.platform.config import doctor
from abate.platform.doors import clock, sealed
from abate.platform.notices import actions as notices
from abate.platform.notices.models import Browser
from abate.platform.notices.queries import PLACE
from abate.platform.people import actions, children, recovering
from abate.platform.people.models import Contact, Guardianship, Person, Recovery
from abate.platform.review.models import Audit
from abate.platform.signin import factors

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["person"]


def test_of_whom_nobody_can_be_told_nothing_changes_and_the_operator_is_told(
    db: None, sent: Sent, settings
) -> None:
    """Only short messages leave here, and this person has a mail address only."""
    settings.ABATE_REAL_NAME = AUTHORITY
    person = opened(sent, MAIL)
    settings.ABATE_MESSAGES = PHONES
    ask(sent)
    carry()
    one = Recovery.objects.get()
    assert (one.person_id, one.ready_at) == (person.pk, None)
    page = Client()
    page.force_login(person.user)
    assert "通知送出后才开始计时" in page.get("/security").content.decode()
    assert [found.state for found in doctor.recoveries()] == ["ok"], "it is minutes old"
    with clock.frozen(clock.now() + timedelta(days=5)):
        assert sign_in(NEW, sent) is None
        (found,) = doctor.recoveries()
        assert found.state == "warning" and f"notices {one.notice_id}." in found.what
        # The operator sets mail up and sends it again: from then on it waits like any other.
        settings.ABATE_MESSAGES = FILES
        notices.send_again(one.notice_id)
        carry()
        assert sign_in(NEW, sent) is None and [each.state for each in doctor.recoveries()] == ["ok"]
    with clock.frozen(clock.now() + timedelta(days=5) + recovering.policy().identity + timedelta(minutes=1)):
        assert sign_in(NEW, sent).pk == person.pk


def test_the_waiting_counts_from_when_somebody_was_told(person: Person, sent: Sent, settings) -> None:
    """A gateway that is down for longer than the waiting takes none of it away."""
    settings.ABATE_MESSAGES = DOWN
    ask(sent)
    carry()
    late = clock.now() + recovering.policy().identity + timedelta(days=1)
    with clock.frozen(late):
        assert sign_in(NEW, sent) is None
        settings.ABATE_MESSAGES = FILES
        carry()
        assert any("有人申请用新的联系方式" in one["body"] for one in sent())
        assert sign_in(NEW, sent) is None
    one = Recovery.objects.get()
    assert one.ready_at == late + recovering.policy().identity
    with clock.frozen(one.ready_at - timedelta(minutes=1)):
        assert sign_in(NEW, sent) is None
    with clock.frozen(one.ready_at):
        assert sign_in(NEW, sent).pk == person.pk


def test_an_account_that_was_never_taken_over_is_not_recovered_and_one_in_use_not_erased(
    person: Person, sent: Sent
) -> None:
    """Whoever is 14 registers and takes it over; a contact on it says that somebody uses it."""
    now = clock.now()
    owner = opened(sent, "13900000005", number=other_number())
    asked = {"child": owner, "guardian": person, "relation": "parent", "name_enc": b"x"}
    Guardianship.objects.create(**asked, given_at=now - timedelta(days=900), until=now - timedelta(days=400))
    ask(sent, number=other_number())
    carry()
    assert Recovery.objects.get().person is None
    before = now - timedelta(days=365)
    assert children.unclaimed(before) == []
    Contact.objects.filter(person_id=owner.pk).delete()
    assert children.unclaimed(before) == [owner]


def test_a_row_that_cannot_be_read_keeps_no_other_from_being_looked_up(person: Person, sent: Sent) -> None:
    broken = opened(sent, "13900000005", number=other_number())
    Person.objects.filter(pk=broken.pk).update(identity_enc=b"\x01" + b"x" * 40)
    ask(sent, number=other_number(), contact="13900000008")
    ask(sent)
    carry()
    first, second = Recovery.objects.order_by("pk")
    assert first.looked_at is not None and first.person is None
    assert bytes(first.contact_enc) == bytes(first.code_enc) == b""
    assert second.person_id == person.pk and second.ready_at is not None
    assert Audit.objects.get(what="person.recovery-unreadable").subject == str(first.pk)


def test_browsers_of_before_are_told_the_end_and_nothing_after_it(person: Person, sent: Sent) -> None:
    """Whoever holds the lost device would read every notice, and stop the next recovery."""
    place = sealed.seal('{"endpoint": "https://push.example/1"}', PLACE)
    Browser.objects.create(user=person.user, digest=b"1", place_enc=place, device="old", added_at=clock.now())
    ask(sent)
    carry()
    with clock.frozen(Recovery.objects.get().ready_at):
        assert sign_in(NEW, sent).pk == person.pk
        assert not Browser.objects.exists()
        notices.write([person.user_id], "sign-in.key")
        carry()
    pushed = [one["subject"] for one in sent() if one["kind"] == "push"]
    assert len(pushed) == 2 and "已用新的联系方式恢复" in pushed[-1]


def test_who_leaves_takes_every_request_for_their_account_along(person: Person, sent: Sent) -> None:
    code, *_ = factors.new_recovery_codes(person.user)
    ask(sent)
    carry()
    ask(sent, name="测试丁", contact="13900000006")
    ask(sent, code=code, contact="13900000007")
    ask(sent, number=other_number(), contact="13900000008")
    assert Recovery.objects.count() == 4
    actions.destroy(person)
    assert [bytes(one.code_enc) != b"" for one in Recovery.objects.all()] == [True], "another number's"


def test_a_contact_is_kept_no_longer_than_it_may_be_used(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    one = Recovery.objects.get()
    with clock.frozen(one.until - timedelta(minutes=1)):
        assert recovering.clear_over() == 0
    with clock.frozen(one.until):
        assert (recovering.clear_over(), recovering.clear_over()) == (1, 0)
    assert bytes(Recovery.objects.get().contact_enc) == b""
