"""A party's contact asks for another one: it decides nothing, three people do; it sees its state, is told, takes it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import admitted, submitted
from tests.platform.notices.conftest import left  # noqa: F401 (a fixture)
from tests.platform.people.townspeople import made_up_person
from tests.platform.review.test_proposing import second_account
from tests.platform.web.conftest import BACKEND, enter  # noqa: F401 (a fixture)

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, decided, handing, queries
from abate.platform.joining.models import Application, ContactRequest
from abate.platform.parties.models import Member
from abate.platform.people.models import Identity
from abate.platform.reaching import carry
from abate.platform.review import actions as review
from abate.platform.review import proposing
from abate.platform.review.models import Audit, Proposal
from abate.platform.signin import proofs

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
Enter = Callable[..., Client]
NEW, NAME = "taking-over@example.org", "接任人"
PAGE = "/joining/contact"


def _of_party() -> Application:
    return Application.objects.get(party=admitted())


def _asked(one: Application, contact: str = NEW) -> ContactRequest:
    return handing.ask(one, one.user, NAME, contact)


def _proposed(one: Application, asked: ContactRequest) -> Proposal:
    given = {"application": str(one.pk), "contact": bytes(asked.reach).hex(), "request": asked.pk}
    return proposing.propose(desk.staffed()["entry"], "party.contact", given, "letter")


def _code(work: Callable[[], object]) -> str:
    with pytest.raises(Problem) as caught:
        work()
    return caught.value.code


def test_the_contact_asks_on_its_page_and_what_three_people_approve_on_it_is_done(
    enter: Enter,  # noqa: F811
    left: Any,  # noqa: F811
) -> None:
    one, people_ = _of_party(), desk.staffed()
    former, browser = one.user, enter(one.user, "en")
    assert PAGE in browser.get("/joining").content.decode()
    answer = browser.post(PAGE, {"name": NAME, "contact": f" {NEW.upper()} "})
    assert answer.status_code == 302 and answer["location"] == PAGE
    (asked,) = ContactRequest.objects.all()
    shown = browser.get(PAGE).content.decode()
    assert "Waiting" in shown and "Take it back" in shown and NEW not in shown
    while carry():
        pass
    assert [one["to"] for one in left()].count(applicants.PARTICULARS.contact) and "take it back" in left()[
        -1
    ]["body"]
    # It waits before the operator, whose entry is filled in with it and decides nothing by itself.
    clerk, path = enter(people_["entry"], "en"), f"/operator/applications/{one.pk}"
    assert "Asks for another contact" in clerk.get("/operator/applications").content.decode()
    assert (
        NEW in clerk.get(path).content.decode()
        and NEW not in enter(people_["check"]).get(path).content.decode()
    )
    form = {"change": "contact", "why": "letter", "request": asked.pk}
    assert clerk.post(f"{path}/propose", form).status_code == 302
    one.refresh_from_db()
    assert one.user == former
    number = Proposal.objects.latest("pk").pk
    proposing.check(people_["check"], number)
    proposing.approve(people_["approve"], number)
    one.refresh_from_db()
    asked.refresh_from_db()
    assert one.user != former and asked.state == "done" and not asked.contact and not asked.reach
    assert browser.get(PAGE).status_code in (302, 403)
    # Whoever comes is known by the name that was given, and proves the rest.
    assert queries.contact(one) == {"name": NAME, "reach": ""}
    actions.send_links(NEW)
    one.refresh_from_db()
    assert queries.contact(one) == {"name": NAME, "reach": NEW}
    texts = [json.dumps(list(rows.values()), default=str) for rows in (Proposal.objects, Audit.objects)]
    assert not any(word in text for text in texts for word in (NEW, NAME))


def test_a_session_alone_asks_for_nothing_and_a_seat_beside_the_contact_s_has_no_say(enter: Enter) -> None:  # noqa: F811
    one = _of_party()
    stolen = Client(headers={"accept-language": "en"})
    stolen.force_login(one.user, backend=BACKEND)
    answer = stolen.post(PAGE, {"name": NAME, "contact": NEW})
    assert answer.status_code == 302 and answer["location"].startswith("/confirm")
    session = stolen.session
    assert not proofs.fresh(session) and not ContactRequest.objects.exists()
    seat = second_account(desk.staffed()["check"])
    Member.objects.create(user=seat, party=one.party, role="partner", since=clock.now())
    other = enter(seat, "en")
    assert other.post(PAGE, {"name": NAME, "contact": NEW}).status_code == 403
    assert PAGE not in other.get("/partner").content.decode()
    # What waits is taken back without a proof: whoever did not ask for it is asked for nothing first.
    _asked(one)
    assert stolen.post(f"{PAGE}/end").status_code == 302
    assert ContactRequest.objects.get().state == "withdrawn"


def test_what_is_taken_back_can_be_approved_no_more() -> None:
    one, people_ = _of_party(), desk.staffed()
    asked = _asked(one)
    proposal = _proposed(one, asked)
    proposing.check(people_["check"], proposal.pk)
    handing.take_back(one, one.user)
    assert _code(lambda: proposing.approve(people_["approve"], proposal.pk)) == "state-moved"
    one.refresh_from_db()
    assert one.handed_at is None and not bytes(ContactRequest.objects.get().contact)
    assert _code(lambda: handing.take_back(one, one.user)) == "contact-request-ended"
    assert _code(lambda: _proposed(one, asked)) == "contact-request-ended"


def test_who_rejects_what_was_proposed_ends_the_request_and_its_contact_is_told(
    enter: Enter,  # noqa: F811
    left: Any,  # noqa: F811
) -> None:
    one, people_ = _of_party(), desk.staffed()
    asked = _asked(one)
    # Who proposed it takes back a slip of the own: the request waits on.
    proposing.reject(people_["entry"], _proposed(one, asked).pk, "typed wrong")
    asked.refresh_from_db()
    assert asked.state == "waiting"
    proposal, beside = _proposed(one, asked), _proposed(one, asked)
    proposing.check(people_["check"], beside.pk)
    proposing.reject(people_["check"], proposal.pk, "the letter names another: not for the party to read")
    asked.refresh_from_db()
    assert asked.state == "refused" and not bytes(asked.contact) and not bytes(asked.reach)
    assert "not for the party" not in asked.note
    while carry():
        pass
    assert "was refused" in left()[-1]["body"] and left()[-1]["to"] == applicants.PARTICULARS.contact
    page = enter(one.user, "en").get(PAGE).content.decode()
    assert "Refused" in page and "did not agree" in page and "Take it back" not in page
    # What else was proposed on it has lost its ground, and it can be asked for again.
    assert _code(lambda: proposing.approve(people_["approve"], beside.pk)) == "state-moved"
    assert _asked(one).state == "waiting"
    # By the letter alone nothing waits for it, and a request beside it stays.
    given = {"application": str(one.pk), "contact": queries.contact_digest("x@example.org")}
    alone = proposing.propose(people_["entry"], "party.contact", given, "x")
    proposing.reject(people_["check"], alone.pk, "no")
    assert ContactRequest.objects.filter(state="waiting").count() == 1


def test_a_proposal_names_the_request_that_there_is_and_its_contact() -> None:
    one = _of_party()
    asked = _asked(one)
    other = Application.objects.get(
        party=admitted(code="made-up-other", registration=applicants.registration(2))
    )
    assert _code(lambda: _proposed(other, asked)) == "contact-request-ended"
    given = {
        "application": str(one.pk),
        "contact": queries.contact_digest("x@example.org"),
        "request": asked.pk,
    }
    entry = desk.staffed()["entry"]
    assert _code(lambda: proposing.propose(entry, "party.contact", given, "x")) == "contact-request-ended"
    # By the letter alone it goes as before; what was asked is needed no more, whoever it named.
    desk.decide("party.contact", application=str(one.pk), contact=given["contact"])
    asked.refresh_from_db()
    assert asked.state == "void" and queries.contact(Application.objects.get(pk=one.pk))["name"] == ""


def test_a_refusal_says_why_and_leaves_everything_as_it_was(enter: Enter) -> None:  # noqa: F811
    one, people_ = _of_party(), desk.staffed()
    asked, at = _asked(one), f"/operator/applications/{one.pk}/contact"
    clerk = enter(people_["entry"], "en")
    assert clerk.post(at, {"request": asked.pk, "note": " "}).status_code == 422
    assert clerk.post(at, {"request": asked.pk + 1, "note": "x"}).status_code == 409
    assert clerk.post(at, {"request": asked.pk, "note": "no letter <b>"}).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.note, bytes(asked.contact)) == ("refused", "no letter <b>", b"")
    shown = enter(one.user, "en").get(PAGE).content.decode()
    assert "Refused" in shown and "no letter &lt;b&gt;" in shown
    one.refresh_from_db()
    assert one.user.is_active and one.handed_at is None
    assert _asked(one).state == "waiting", "and it can be asked anew"


def test_one_waits_at_a_time_and_three_a_day_are_enough() -> None:
    one = _of_party()
    assert _code(lambda: _asked(one, applicants.PARTICULARS.contact)) == "contact-unchanged"
    assert _code(lambda: _asked(one, "nobody")) == "contact-malformed"
    assert _code(lambda: handing.ask(one, one.user, "=1", NEW)) == "application-malformed"
    _asked(one)
    assert _code(lambda: _asked(one, "third@example.org")) == "contact-request-open"
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactRequest.objects.create(
            application=one, user=one.user, contact=b"c", reach=b"r", state="waiting", asked_at=clock.now()
        )
    for _ in range(handing.A_DAY - 1):
        handing.take_back(one, one.user)
        _asked(one)
    handing.take_back(one, one.user)
    assert _code(lambda: _asked(one)) == "limit-reached"


def test_only_a_party_s_contact_asks_and_only_while_it_takes_part() -> None:
    waiting = submitted(code="made-up-waits", registration=applicants.registration(4))
    assert _code(lambda: _asked(waiting)) == "application-closed"
    one = _of_party()
    _asked(one)
    assert one.party is not None
    with transaction.atomic():
        decided.leave(one.party, despite=True, how="x")
    assert ContactRequest.objects.get().state == "void"
    one = Application.objects.get(pk=one.pk)
    assert _code(lambda: _asked(one)) == "application-closed"


def test_whoever_has_a_part_in_it_neither_decides_nor_refuses() -> None:
    one, people_ = _of_party(), desk.staffed()
    asked = _asked(one)
    # The one who shall take it over, under an account of the staff's.
    person = made_up_person(1, NEW)
    clerk = review.create_user("staff", made_up=True)
    review.enrol_digest(clerk, bytes(Identity.objects.get(person=person).identity_hmac))
    review.grant(clerk, "entry")
    assert _code(lambda: handing.refuse(one, asked.pk, "x", clerk)) == "concerns-oneself"
    Member.objects.create(
        user=second_account(people_["entry"]), party=one.party, role="partner", since=clock.now()
    )
    refused = _code(lambda: handing.refuse(one, asked.pk, "x", people_["entry"]))
    assert refused == "concerns-oneself" and ContactRequest.objects.get().state == "waiting"
    told = Audit.objects.filter(what="party.contact-refuse", act="refused", subject=f"{one.pk} {asked.pk}")
    assert ["concerns-oneself" in row.detail for row in told] == [True, True]
    Member.objects.create(
        user=second_account(people_["check"]), party=one.party, role="partner", since=clock.now()
    )
    proposal = _proposed(one, asked)
    assert _code(lambda: proposing.check(people_["check"], proposal.pk)) == "concerns-oneself"


def test_the_page_of_the_decision_says_whether_it_names_the_letter_s_contact(enter: Enter) -> None:  # noqa: F811
    one, people_ = _of_party(), desk.staffed()
    proposal = _proposed(one, _asked(one))
    at = f"/operator/proposals/{proposal.pk}"
    for role, language, words in (
        ("check", "en", ("The same: this", "Not the same: another")),
        ("approve", "zh-hans", ("一致：申请中的就是", "不一致：申请中的是另一个")),
    ):
        browser = enter(people_[role], language)
        shown = browser.get(at).content.decode()
        assert queries.contact_digest(NEW) in shown and bytes(one.reach).hex() in shown
        assert not any(word in shown for word in words) and NEW not in shown
        for typed, right, wrong in ((f" {NEW.upper()}", *words), ("x@example.org", *reversed(words))):
            answer = browser.post(f"{at}/compare", {"contact": typed})
            text = answer.content.decode()
            assert answer.status_code == 200 and right in text and wrong not in text and typed not in text
        assert browser.post(f"{at}/compare", {"contact": "nobody"}).status_code == 400
    assert (
        Audit.objects.filter(what="party.contact-compare", subject=str(proposal.pk), act="read").count() == 4
    )
    other = Proposal.objects.exclude(action="party.contact").latest("pk").pk
    browser = enter(people_["check"])
    assert browser.post(f"/operator/proposals/{other}/compare", {"contact": NEW}).status_code == 404
