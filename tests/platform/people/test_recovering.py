"""Recovery of sign-in: a new contact after a waiting, told to every old one; takeovers tried every way around."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.people.recoveries import (
    MAIL,
    NAME,
    NEW,
    NUMBER,
    OLD,
    Sent,
    ask,
    carry,
    other_number,
    person,
    prove,
    sign_in,
)
from tests.platform.people.townspeople import at_once, code_in

from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices.models import Delivery
from abate.platform.people import actions, changing, correcting, freezing, identity, queries, recovering
from abate.platform.people.errors import ContactUnproved, IdentityRefused
from abate.platform.people.family_errors import RecoveryGone, RecoveryNeedsCode, RecoveryTooOften
from abate.platform.people.models import Code, Contact, ContactUndo, Person, Recovery
from abate.platform.signin import factors
from abate.platform.signin.errors import TooManyTries

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["person"]


def stop_link(sent: Sent) -> str:
    (found,) = {m for one in sent() for m in re.findall(r"/sign-in/lost/stop/(\S+)", one["body"])}
    return found


@pytest.mark.clause("P-6.5")
def test_after_the_waiting_the_new_contact_signs_in_and_the_old_ones_do_not(
    person: Person, sent: Sent
) -> None:
    factors.new_recovery_codes(person.user)
    carry()
    before = len(sent())
    ask(sent)
    assert sign_in(NEW, sent) is None, "not before its owner was told and had time"
    carry()
    told = [one for one in sent()[before:] if "有人申请用新的联系方式" in one["body"]]
    assert sorted(one["to"] for one in told) == ["+8613800000001", MAIL]
    waiting = recovering.policy().identity
    with clock.frozen(clock.now() + waiting - timedelta(minutes=1)):
        assert sign_in(NEW, sent) is None
    with clock.frozen(clock.now() + waiting + timedelta(minutes=1)):
        found = sign_in(NEW, sent)
        assert found is not None and found.pk == person.pk
        carry()
        assert sign_in(OLD, sent) is None and sign_in(MAIL, sent) is None
    done = [one["to"] for one in sent() if "已改用新的联系方式" in one["body"]]
    assert sorted(done) == sorted(["+8613800000001", MAIL, "+8613900000009"])
    person.refresh_from_db()
    assert [value for _, value in queries.own_contacts(person)] == ["139****0009"]
    assert not Authenticator.objects.filter(user=person.user).exists()
    assert Contact.objects.filter(person_id=person.pk).count() == 1


@pytest.mark.clause("P-6.5")
def test_a_recovery_leaves_codes_of_the_old_contacts_counted_and_no_link_of_before_that_does_anything(
    person: Person, sent: Sent
) -> None:
    code, *_ = factors.new_recovery_codes(person.user)
    changing.change(person, MAIL, "third@example.org", prove("third@example.org", sent))
    old = keyring().identity_hmac("+8613800000001")
    ask(sent, code=code)
    carry()
    open_ = ContactUndo.objects.get(ended_at=None)
    with clock.frozen(open_.until):
        actions.request_code(OLD)
        asked = Code.objects.filter(contact_hmac=old).count()
        assert sign_in(NEW, sent) == person
        assert not ContactUndo.objects.filter(ended_at=None, until__gt=clock.now()).exists()
        left = Code.objects.filter(contact_hmac=old)
        assert left.count() == asked > 0 and not left.filter(used_at=None).exists()


def test_a_recovery_code_waits_less_is_spent_and_is_never_kept_in_clear(person: Person, sent: Sent) -> None:
    code, *_ = factors.new_recovery_codes(person.user)
    ask(sent, code=f"{code[:4]} {code[4:]}")
    with connection.cursor() as cursor:
        cursor.execute("select t::text from people_recovery t")
        row = cursor.fetchone()[0]
    assert code not in row and code.encode().hex() not in row and NEW.encode().hex() not in row
    carry()
    assert factors.factors(person.user)[0].left == 9
    one = Recovery.objects.get()
    first = min(Delivery.objects.filter(notice_id=one.notice_id).values_list("sent_at", flat=True))
    assert one.ready_at - first == recovering.policy().code < recovering.policy().identity
    with clock.frozen(one.ready_at):
        assert sign_in(NEW, sent).pk == person.pk


@pytest.mark.parametrize("wrong", ["name", "number", "code", "spent"])
def test_what_does_not_fit_leads_nowhere_and_tells_nobody_anything(
    person: Person, sent: Sent, wrong: str
) -> None:
    code, *_ = factors.new_recovery_codes(person.user)
    other = other_number()
    given = {
        "name": {"name": "测试丁"},
        "number": {"number": other},
        "code": {"code": "12345678" if code != "12345678" else "12345679"},
        "spent": {"code": code},
    }[wrong]
    if wrong == "spent":
        assert factors.spend_recovery_code(person.user, code)
    carry()
    before = len(sent())
    ask(sent, **given)
    carry()
    assert len(sent()) == before + 1, "the code to the asker's own contact, and nothing else"
    one = Recovery.objects.get()
    assert one.person is None and one.looked_at is not None and bytes(one.contact_enc) == b""
    with clock.frozen(clock.now() + timedelta(days=5)):
        assert sign_in(NEW, sent) is None
        assert sign_in(OLD, sent).pk == person.pk


@pytest.mark.clause("P-6.5")
def test_a_number_that_was_corrected_away_recovers_nothing_and_the_right_one_does(
    person: Person, sent: Sent
) -> None:
    code, *_ = factors.new_recovery_codes(person.user)
    correcting.correct(person, number=other_number())
    carry()
    before = len(sent())
    # A namesake, whose number it truly is.
    for given in ("", code):
        ask(sent, number=NUMBER, code=given)
    carry()
    assert len(sent()) == before + 2, "the codes to the asker's own contact, and nothing else"
    assert set(Recovery.objects.values_list("person", flat=True)) == {None}
    assert factors.factors(person.user)[0].left == 10, "no code was spent"
    ask(sent, number=other_number())
    carry()
    assert Recovery.objects.filter(person=person).count() == 1


def test_stopped_by_the_owners_link_it_never_takes_effect(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    token = stop_link(sent)
    page = Client()
    assert page.get(f"/sign-in/lost/stop/{token}").status_code == 200
    assert Recovery.objects.get().stopped_at is None, "opening a link does nothing"
    assert page.post(f"/sign-in/lost/stop/{token}").status_code == 200
    assert Recovery.objects.get().stopped_at is not None
    with clock.frozen(clock.now() + timedelta(days=5)):
        assert sign_in(NEW, sent) is None and sign_in(OLD, sent).pk == person.pk
    assert page.post(f"/sign-in/lost/stop/{token}").status_code == 404, "used once"
    carry()
    assert any("已被阻止" in one["body"] for one in sent())


def test_a_link_that_was_not_sent_stops_nothing(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    number = Recovery.objects.get().pk
    for forged in ("x", signing.dumps(number, salt="another"), stop_link(sent)[:-2] + "aa"):
        with pytest.raises(RecoveryGone):
            recovering.stop(forged)
    assert Recovery.objects.get().stopped_at is None


def test_the_owner_sees_it_when_signed_in(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    page = Client()
    page.force_login(person.user)
    text = page.get("/security").content.decode()
    (token,) = re.findall(r"/sign-in/lost/stop/([^\"]+)", text)
    assert page.post(f"/sign-in/lost/stop/{token}").status_code == 200
    assert "/sign-in/lost/stop/" not in page.get("/security").content.decode()


def test_used_once_and_not_after_its_time(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    one = Recovery.objects.get()
    with clock.frozen(one.until):
        assert sign_in(NEW, sent) is None, "expired"
    with clock.frozen(one.until - timedelta(minutes=1)):
        assert sign_in(NEW, sent).pk == person.pk
        assert recovering.finish(bytes(one.contact_hmac)) is None, "done is done"


@pytest.mark.django_db(transaction=True)
def test_of_a_stop_and_an_end_at_the_same_moment_one_wins(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    one = Recovery.objects.get()
    with clock.frozen(one.ready_at):
        token, digest = recovering.token(one.pk), bytes(one.contact_hmac)
        done = at_once(2, lambda n: recovering.stop(token) if n else recovering.finish(digest))
    one.refresh_from_db()
    assert (one.done_at is None) != (one.stopped_at is None)
    assert isinstance(done[1], RecoveryGone) == (one.done_at is not None)


def test_a_contact_that_somebody_else_took_meanwhile_is_theirs(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    other = other_number()
    with clock.frozen(clock.now() + timedelta(hours=1)):
        theirs = actions.register("测试乙", other, [NEW], "notice-1", proofs=[prove(NEW, sent)])
    with clock.frozen(clock.now() + timedelta(days=5)):
        assert sign_in(NEW, sent).pk == theirs.pk and sign_in(OLD, sent).pk == person.pk


def test_no_account_that_is_closed_comes_back(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    freezing.freeze(person, date(2099, 1, 1), [("年限", "duty")])
    with clock.frozen(clock.now() + timedelta(days=5)):
        assert sign_in(NEW, sent) is None


def test_the_contact_must_be_proved_and_the_tries_are_counted(person: Person, sent: Sent) -> None:
    with pytest.raises(ContactUnproved):
        recovering.ask(NAME, NUMBER, NEW, "forged", "", address=None, made_up=False)
    with pytest.raises(ContactUnproved):
        recovering.ask(NAME, NUMBER, NEW, prove("13900000008", sent), "", address=None, made_up=False)
    with pytest.raises(IdentityRefused):
        ask(sent, number=NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1"))
    other = other_number()
    most = recovering.policy().most
    for number in (NUMBER, other):
        proof = prove(f"139000001{number[-2:-1]}0", sent) if number == other else None
        contact = f"139000001{number[-2:-1]}0" if number == other else "13900000110"
        proof = proof or prove(contact, sent)
        for _ in range(most):
            recovering.ask(NAME, number, contact, proof, "", address=None, made_up=False)
        with pytest.raises(RecoveryTooOften):
            recovering.ask(NAME, number, contact, proof, "", address=None, made_up=False)
        recovering.Recovery.objects.all().delete()
        with pytest.raises(TooManyTries):
            for _ in range(5):
                recovering.Recovery.objects.all().delete()
                recovering.ask(NAME, number, contact, proof, "", address=None, made_up=False)


def test_without_an_authority_only_a_recovery_code_counts(person: Person, sent: Sent, settings) -> None:
    settings.ABATE_REAL_NAME = identity.BUILT_IN
    with pytest.raises(RecoveryNeedsCode):
        ask(sent)
    assert not Recovery.objects.exists()
    ask(sent, code=factors.new_recovery_codes(person.user)[0])
    carry()
    assert Recovery.objects.get().person_id == person.pk


def test_neither_answer_nor_work_tells_whether_there_is_an_account(person: Person, sent: Sent) -> None:
    """The same page, byte for byte but for the contact that was typed, after the same statements."""
    other = other_number()
    seen = []
    for contact, number in ((NEW, NUMBER), ("13900000008", other)):
        page = Client()
        page.post("/sign-in", {"contact": contact})
        assert page.post("/sign-in/code", {"code": code_in(sent()[-1])})["Location"] == "/register"
        assert "139****" in page.get("/sign-in/lost").content.decode()
        with CaptureQueriesContext(connection) as asked:
            answer = page.post("/sign-in/lost", {"name": NAME, "number": number, "code": ""})
        assert answer.status_code == 200
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
        # Values aside: what is done, in which order.
        statements = [re.split(r"[('=]|values|\"s\d", one["sql"], flags=re.I)[0] for one in asked]
        seen.append((text.replace(contact[-4:], "0000"), statements))
    assert seen[0][0] == seen[1][0] and seen[0][1] == seen[1][1] and len(seen[0][1]) > 5
    assert Recovery.objects.filter(person=None, looked_at=None).count() == 2


def test_nothing_readable_is_kept_and_the_rows_go(person: Person, sent: Sent) -> None:
    ask(sent)
    carry()
    with connection.cursor() as cursor:
        cursor.execute("select t::text from people_recovery t union all select t::text from notices_notice t")
        text = " ".join(row for (row,) in cursor.fetchall())
    token = stop_link(sent)
    for canary in (NAME, NUMBER, NEW, token):
        assert canary not in text and canary.encode().hex() not in text
    assert json.dumps([NAME])[2:-2] not in text
    with clock.frozen(clock.now() + timedelta(days=61)):
        assert fields.retain()["people_recovery"] == 1
