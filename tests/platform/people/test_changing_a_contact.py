"""A signed-in person changes a contact: freshly proved, the new one by a code, the old one told; and every refusal."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from tests.platform.people.recoveries import (
    AUTHORITY,
    MAIL,
    NEW,
    OLD,
    Sent,
    ask,
    carry,
    opened,
    other_number,
    prove,
    sign_in,
)
from tests.platform.people.townspeople import at_once, code_in
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.people import actions, changing, queries, recovering, undoing
from abate.platform.people.errors import (
    CodeRefused,
    ContactGone,
    ContactMalformed,
    ContactRests,
    ContactSame,
    ContactTaken,
    ContactUnproved,
    PersonErased,
)
from abate.platform.people.family_errors import UndoGone
from abate.platform.people.models import Code, Contact, ContactUndo, Person, Recovery
from abate.platform.people.policy import CONTACT_REST
from abate.platform.review.models import Audit
from abate.platform.signin import factors
from abate.platform.signin.policy import policy

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
PAGE = "/privacy/contact"


@pytest.fixture
def person(db: None, settings: Any, sent: Sent) -> Person:
    settings.ABATE_REAL_NAME = AUTHORITY
    settings.ABATE_CODE_POLICY = {"per_contact": 20}
    return opened(sent, OLD, MAIL)


def values(person: Person) -> list[str]:
    return [one.value for one in queries.reaches(Person.objects.get(pk=person.pk))]


def old_of(person: Person) -> str:
    return next(value for value in values(person) if "@" not in value)


@pytest.mark.clause("P-6.5")
def test_from_the_page_to_the_new_contact_and_the_notice_to_the_old(
    person: Person,
    sent: Sent,
    enter: Any,  # noqa: F811
) -> None:
    phone = enter(person.user, "en")
    assert PAGE in phone.get("/privacy").content.decode()
    shown = phone.get(PAGE).content.decode()
    place = next(at for at, (kind, _) in enumerate(queries.own_contacts(person)) if kind == "phone")
    assert "138****" in shown or "****" in shown
    assert phone.post(PAGE, {"place": place, "contact": NEW}).status_code == 302
    assert "Sent to" in phone.get(PAGE).content.decode()
    assert phone.post(PAGE, {"code": "000000"}).status_code == 403, "a wrong code"
    before = values(person)
    answer = phone.post(PAGE, {"code": code_in(sent()[-1])})
    assert answer.status_code == 302 and answer.url == "/privacy", answer.content
    assert len(values(person)) == 2 and values(person)[1 - place] == before[1 - place]
    carry()
    told = {one["to"] for one in sent() if "原来的不能再用于登录" in one["body"]}
    assert told == {before[place], *values(person)}, "the old one, the other, and the new one"
    assert sign_in(NEW, sent) == person and sign_in(MAIL, sent) == person and sign_in(OLD, sent) is None
    assert Audit.objects.filter(what="person.contact", subject=person.pseudonym).count() == 1


def test_it_asks_once_more_whether_it_is_them(person: Person, enter: Any) -> None:  # noqa: F811
    phone = enter(person.user)
    with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
        for answer in (phone.get(PAGE), phone.post(PAGE, {"place": 0, "contact": NEW})):
            assert answer.status_code == 302 and answer.url.startswith("/confirm")
    assert Client().get(PAGE).status_code in (302, 403)


def test_what_is_refused_changes_nothing(person: Person, sent: Sent, enter: Any) -> None:  # noqa: F811
    other = opened(sent, "taken@example.org", name="王五", number=other_number())
    before, phone = values(person), enter(person.user, "en")
    for given, status in (("nobody", 400), (MAIL, 409)):
        answer = phone.post(PAGE, {"place": 0, "contact": given})
        assert answer.status_code == status
    assert phone.post(PAGE, {"place": 7, "contact": NEW}).status_code == 409
    assert phone.post(PAGE, {"code": "123456"}).status_code == 302, "no code was asked for"
    # Another account's: said to whoever holds it, and to nobody before.
    assert phone.post(PAGE, {"place": 0, "contact": "taken@example.org"}).status_code == 302
    answer = phone.post(PAGE, {"code": code_in(sent()[-1])})
    assert answer.status_code == 409 and "Another account" in answer.content.decode()
    old, proved = old_of(person), prove(NEW, sent)
    for refusal, given in (
        (ContactUnproved, (old, NEW, "forged")),
        (ContactUnproved, (old, "else@example.org", proved)),
        (ContactMalformed, (old, "nobody", proved)),
        (ContactSame, (old, MAIL, proved)),
        (ContactGone, ("+8613900009999", NEW, proved)),
        (ContactTaken, (old, "taken@example.org", prove("taken@example.org", sent))),
    ):
        with pytest.raises(refusal):
            changing.change(person, *given)
    assert values(person) == before and Contact.objects.filter(person_id=person.pk).count() == 2
    assert sign_in(OLD, sent) == person and sign_in("taken@example.org", sent) == other
    actions.destroy(person)
    with pytest.raises(PersonErased):
        changing.change(person, old, NEW, proved)


@pytest.mark.clause("P-6.5")
def test_whoever_has_several_keeps_the_others_for_a_while_after_a_change(person: Person, sent: Sent) -> None:
    changing.change(person, MAIL, "third@example.org", prove("third@example.org", sent))
    proved = prove(NEW, sent)
    with pytest.raises(ContactRests):
        changing.change(person, old_of(person), NEW, proved)
    assert sign_in(OLD, sent) == person
    with clock.frozen(clock.now() + CONTACT_REST + timedelta(minutes=1)):
        changing.change(person, old_of(person), NEW, prove(NEW, sent))
    assert Contact.objects.filter(person_id=person.pk).count() == 2


@pytest.mark.clause("P-6.5")
def test_codes_of_a_contact_that_is_changed_are_over_and_still_counted(person: Person, sent: Sent) -> None:
    actions.request_code(MAIL)
    code, asked = code_in(sent()[-1]), Code.objects.filter(contact_hmac=keyring().identity_hmac(MAIL)).count()
    changing.change(person, MAIL, NEW, prove(NEW, sent))
    left = Code.objects.filter(contact_hmac=keyring().identity_hmac(MAIL))
    assert left.count() == asked > 0 and not left.filter(used_at=None).exists()
    with pytest.raises(CodeRefused):
        actions.prove_contact(MAIL, code)


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_is_done(person: Person, sent: Sent) -> None:
    old, proofs = old_of(person), {to: prove(to, sent) for to in (NEW, "third@example.org")}
    done = at_once(2, lambda number: changing.change(person, old, *list(proofs.items())[number]))
    assert sum(isinstance(one, ContactGone) for one in done) == 1, done
    assert Contact.objects.filter(person_id=person.pk).count() == len(values(person)) == 2


def undo_link(sent: Sent, to: str) -> str:
    """The path of the newest link that this contact was sent."""
    carry()
    bodies = [one["body"] for one in sent() if one["to"] == to and "/sign-in/contact/undo/" in one["body"]]
    return re.findall(r"/sign-in/contact/undo/[0-9a-f]{64}", bodies[-1])[0]


def passkey(person: Person, at: datetime) -> int:
    made = Authenticator.objects.create(user=person.user, type=Authenticator.Type.WEBAUTHN, data={})
    Authenticator.objects.filter(pk=made.pk).update(created_at=at)
    return made.pk


@pytest.mark.clause("P-6.5")
def test_the_old_contact_takes_a_stranger_s_change_back(
    sent: Sent,
    settings: Any,
    enter: Any,  # noqa: F811
    db: None,
) -> None:
    settings.ABATE_REAL_NAME, settings.ABATE_CODE_POLICY = AUTHORITY, {"per_contact": 20}
    owner = opened(sent, MAIL)
    now = clock.now()
    own_key = passkey(owner, now - timedelta(days=9))
    # Found open: a passkey first, then the contact, then another one, so that its owner signs in by nothing.
    thief = enter(owner.user)
    their_key = passkey(owner, now - timedelta(hours=1))
    changing.change(owner, MAIL, "thief@example.org", prove("thief@example.org", sent))
    changing.change(owner, "thief@example.org", "thief2@example.org", prove("thief2@example.org", sent))
    assert sign_in(MAIL, sent) is None
    link, theirs = undo_link(sent, MAIL), undo_link(sent, "thief@example.org")
    secret = link.rpartition("/")[2]
    assert not ContactUndo.objects.filter(token_hmac=secret.encode()).exists()
    assert bytes.fromhex(secret) not in {bytes(one.token_hmac) for one in ContactUndo.objects.all()}
    assert not [one for one in sent() if secret in one["body"] and one["to"] != MAIL]
    # The stranger uses the link of their own first contact: the owner's is good all the same.
    assert Client().post(theirs).status_code == 200 and sign_in("thief@example.org", sent) == owner
    thief = enter(owner.user)
    assert thief.get("/security").status_code == 200
    stranger = Client(headers={"accept-language": "en"})
    shown = stranger.get(link)
    assert shown.status_code == 200 and "take it back" in shown.content.decode() and values(owner) != [MAIL]
    done = stranger.post(link)
    assert done.status_code == 200 and "Passkeys added earlier still sign in" in done.content.decode()
    assert values(owner) == [MAIL] and sign_in(MAIL, sent) == owner
    assert Contact.objects.get(person_id=owner.pk).contact_hmac == keyring().identity_hmac(MAIL)
    assert thief.get("/security").status_code == 302
    assert list(Authenticator.objects.filter(user=owner.user).values_list("pk", flat=True)) == [own_key]
    assert own_key != their_key
    for gone in (link, theirs):
        assert stranger.post(gone).status_code == 404
    carry()
    told = [one for one in sent() if "已恢复为更换之前的" in one["body"]]
    assert {one["to"] for one in told} >= {MAIL, "thief@example.org"}
    assert all("更早添加的通行密钥仍可登录" in one["body"] for one in told), "as the owner's own one does"
    assert Audit.objects.filter(what="person.contact-undo", subject=owner.pseudonym).count() == 2


@pytest.mark.clause("P-6.5")
@pytest.mark.parametrize("looked_up", [True, False])
@pytest.mark.parametrize("how", ["code", "identity"])
def test_a_change_taken_back_stops_the_recoveries_of_whoever_made_it(
    sent: Sent, settings: Any, db: None, how: str, looked_up: bool
) -> None:
    settings.ABATE_REAL_NAME, settings.ABATE_CODE_POLICY = AUTHORITY, {"per_contact": 20}
    owner = opened(sent, MAIL)
    other = opened(sent, OLD, name="王五", number=other_number())
    changing.change(owner, MAIL, "thief@example.org", prove("thief@example.org", sent))
    code = factors.new_recovery_codes(owner.user)[0] if how == "code" else ""
    ask(sent, contact="thief3@example.org", code=code)
    ask(sent, name="王五", number=other_number(), contact=NEW)
    if looked_up:
        recovering.look()
        carry()
        recovering.begin()
    assert Client().post(undo_link(sent, MAIL)).status_code == 200
    recovering.look()
    carry()
    recovering.begin()
    with clock.frozen(clock.now() + timedelta(hours=73)):
        assert sign_in("thief3@example.org", sent) is None, "no stranger's contact stands in"
        assert sign_in(MAIL, sent) == owner and values(owner) == [MAIL]
        assert sign_in(NEW, sent) == other, "another person's recovery goes on"
    stopped = Recovery.objects.get(contact_hmac=keyring().identity_hmac("thief3@example.org"))
    assert stopped.stopped_at and not bytes(stopped.contact_enc) and not bytes(stopped.code_enc)
    assert Audit.objects.filter(what="person.recovery-stop", subject=owner.pseudonym).count() == 1


@pytest.mark.clause("P-6.5")
def test_a_change_is_taken_back_for_so_long_and_not_after_leaving(person: Person, sent: Sent) -> None:
    changing.change(person, MAIL, NEW, prove(NEW, sent))
    link = undo_link(sent, MAIL)
    before = values(person)
    with clock.frozen(clock.now() + CONTACT_REST):
        assert Client().post(link).status_code == 404
    assert Client().post(link + "0").status_code == 404 and values(person) == before
    # What another account holds by now is not taken from it.
    other = opened(sent, MAIL, name="王五", number=other_number())
    assert Client().post(link).status_code == 409 and values(person) == before
    actions.destroy(other)
    actions.destroy(person)
    assert Client().post(link).status_code == 404 and not ContactUndo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_taken_back_once(person: Person, sent: Sent) -> None:
    changing.change(person, MAIL, NEW, prove(NEW, sent))
    secret = undo_link(sent, MAIL).rpartition("/")[2]
    done = at_once(3, lambda _: undoing.undo(secret))
    assert sum(isinstance(one, UndoGone) for one in done) == 2, done
    assert set(values(person)) == {MAIL, old_of(person)}
    assert Contact.objects.filter(person_id=person.pk).count() == 2
