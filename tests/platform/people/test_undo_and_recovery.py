"""A change of contact, the link that takes it back, and recoveries, in every order: the link stands for the hours that its notice
promised, and none of a stranger's throws out an owner who recovered. (docs/decisions/0038-notices.md)"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.people.recoveries import (
    AUTHORITY,
    MAIL,
    NEW,
    Sent,
    ask,
    carry,
    opened,
    other_number,
    prove,
    sign_in,
)
from tests.platform.people.test_changing_a_contact import undo_link, values
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.people import changing, recovering, undoing
from abate.platform.people.family_errors import RecoveryUnderWay, UndoGone
from abate.platform.people.models import ContactUndo, Person, Recovery
from abate.platform.people.policy import CONTACT_REST
from abate.platform.signin import factors

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.5")]
THIEF, THIRD = "thief@example.org", "thief2@example.org"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def owner(db: None, settings: Any, sent: Sent) -> Person:
    settings.ABATE_REAL_NAME, settings.ABATE_CODE_POLICY = AUTHORITY, {"per_contact": 20}
    return opened(sent, MAIL)


def put(owner: Person, sent: Sent, old: str, new: str) -> None:
    changing.change(owner, old, new, prove(new, sent))


def asked(owner: Person, sent: Sent, contact: str, how: str) -> Recovery:
    """A recovery that was asked for, told and began."""
    ask(sent, contact=contact, code=factors.new_recovery_codes(owner.user)[0] if how == "code" else "")
    recovering.look()
    carry()
    recovering.begin()
    return Recovery.objects.latest("pk")


def test_a_recovery_by_a_code_after_the_change_takes_no_link_away(owner: Person, sent: Sent) -> None:
    start = clock.now()
    put(owner, sent, MAIL, THIEF)
    link = undo_link(sent, MAIL)
    asked(owner, sent, THIRD, "code")
    for hours in (25, 71):
        with clock.frozen(start + timedelta(hours=hours)):
            assert sign_in(THIRD, sent) is None and sign_in(THIEF, sent) == owner
    with clock.frozen(start + CONTACT_REST - MINUTE):
        assert Client().post(link).status_code == 200 and values(owner) == [MAIL]
    with clock.frozen(start + timedelta(days=5)):
        assert sign_in(THIRD, sent) is None and sign_in(MAIL, sent) == owner


@pytest.mark.parametrize("how", ["code", "identity"])
def test_a_recovery_asked_for_before_the_change_takes_no_link_away(
    owner: Person, sent: Sent, how: str
) -> None:
    """Asked for, and not looked up yet: afterwards no contact is changed any more."""
    start = clock.now()
    ask(sent, contact=THIRD, code=factors.new_recovery_codes(owner.user)[0] if how == "code" else "")
    with clock.frozen(start + HOUR):
        put(owner, sent, MAIL, THIEF)
        recovering.look()
        carry()
        recovering.begin()
        link = undo_link(sent, MAIL)
    with clock.frozen(start + CONTACT_REST + 58 * MINUTE):
        assert sign_in(THIRD, sent) is None
        assert Client().post(link).status_code == 200 and sign_in(MAIL, sent) == owner


def test_a_change_whose_recovery_began_in_the_same_moment_keeps_its_link(owner: Person, sent: Sent) -> None:
    """The change saw no recovery, the recovery no change: each was in its own transaction."""
    one = asked(owner, sent, THIRD, "code")
    Recovery.objects.filter(pk=one.pk).update(stopped_at=clock.now())
    with clock.frozen(one.ready_at - HOUR):
        put(owner, sent, MAIL, THIEF)
        link = undo_link(sent, MAIL)
    Recovery.objects.filter(pk=one.pk).update(stopped_at=None)
    with clock.frozen(one.ready_at + HOUR):
        assert sign_in(THIRD, sent) is None and Client().post(link).status_code == 200
        assert values(owner) == [MAIL]


@pytest.mark.parametrize("how", ["code", "identity"])
def test_no_link_of_a_stranger_outlives_the_owners_recovery(owner: Person, sent: Sent, how: str) -> None:
    """Two changes by whoever found a session: the second one's link is the stranger's own, and never the last word."""
    start = clock.now()
    put(owner, sent, MAIL, THIEF)
    with clock.frozen(start + 20 * HOUR):
        put(owner, sent, THIEF, THIRD)
        theirs = undo_link(sent, THIEF)
        one = asked(owner, sent, NEW, how)
    assert one.ready_at >= start + 20 * HOUR + CONTACT_REST
    with clock.frozen(one.ready_at + MINUTE):
        assert sign_in(NEW, sent) == owner
        assert Client().post(theirs).status_code == 404
        assert values(owner) == ["+8613900000009"] and sign_in(THIEF, sent) is None
        assert not ContactUndo.objects.filter(ended_at=None, until__gt=clock.now()).exists()


def test_while_a_recovery_goes_on_no_contact_is_changed_until_it_is_stopped(
    owner: Person,
    sent: Sent,
    enter: Any,  # noqa: F811
) -> None:
    one = asked(owner, sent, NEW, "code")
    proved, ready = prove(THIEF, sent), one.ready_at
    with pytest.raises(RecoveryUnderWay):
        changing.change(owner, MAIL, THIEF, proved)
    with pytest.raises(RecoveryUnderWay):
        changing.check(owner, MAIL, THIEF)
    browser = enter(owner.user, "en")
    page = browser.post("/privacy/contact", {"place": 0, "contact": THIEF})
    assert page.status_code == 409
    for text in (page.content.decode(), browser.get("/privacy/contact").content.decode()):
        assert "/sign-in/lost/stop/" in text and 'name="contact"' not in text
    one.refresh_from_db()
    assert one.ready_at == ready and values(owner) == [MAIL]
    recovering.stop(recovering.token(one.pk))
    changing.change(owner, MAIL, THIEF, proved)
    assert values(owner) == [THIEF]


def test_the_day_that_is_told_is_the_day_it_takes_effect(owner: Person, sent: Sent) -> None:
    put(owner, sent, MAIL, THIEF)
    secret = undo_link(sent, MAIL).rpartition("/")[2]
    one = asked(owner, sent, NEW, "code")
    until: datetime = ContactUndo.objects.get().until
    assert one.ready_at == until
    (told,) = [mail["body"] for mail in sent() if "最早" in mail["body"]]
    assert clock.day(until).isoformat() in told
    with clock.frozen(until - MINUTE):
        assert sign_in(NEW, sent) is None
    with clock.frozen(until):
        # The very moment: the link is over, so it stops nothing.
        with pytest.raises(UndoGone):
            undoing.undo(secret)
        assert sign_in(NEW, sent) == owner


@pytest.mark.django_db(transaction=True)
def test_a_link_that_waits_for_the_end_of_a_recovery_is_over_by_then(owner: Person, sent: Sent) -> None:
    """Pressed while it was open, and held up by the recovery that waited for its end."""
    put(owner, sent, MAIL, THIEF)
    secret = undo_link(sent, MAIL).rpartition("/")[2]
    asked(owner, sent, NEW, "code")
    until: datetime = ContactUndo.objects.get().until
    found: list[Any] = []
    with clock.frozen(until):
        with transaction.atomic():
            assert recovering.finish(keyring().identity_hmac("+8613900000009")) == owner
            with clock.frozen(until - MINUTE):
                late = beside(lambda: undoing.undo(secret), found)
                waits_for_the_lock("transactionid")
        late.join(20)
    assert found == [UndoGone.code] and values(owner) == ["+8613900000009"]


def test_who_waits_for_a_link_keeps_nobody_else_from_a_contact_that_both_asked_for(
    owner: Person, sent: Sent
) -> None:
    """A couple with one phone. The first one's change and recovery saw nothing of each other, as above."""
    second = opened(sent, "second@example.org", number=other_number())
    one = asked(owner, sent, NEW, "code")
    Recovery.objects.filter(pk=one.pk).update(stopped_at=clock.now())
    with clock.frozen(one.ready_at - HOUR):
        put(owner, sent, MAIL, THIEF)
    Recovery.objects.filter(pk=one.pk).update(stopped_at=None)
    ask(sent, number=other_number(), code=factors.new_recovery_codes(second.user)[0])
    recovering.look()
    carry()
    recovering.begin()
    with clock.frozen(one.ready_at + HOUR):
        assert sign_in(NEW, sent) == second
        assert values(owner) == [THIEF] and values(second) == ["+8613900000009"]
