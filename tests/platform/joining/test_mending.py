"""A returned application is mended whole: checked as at first, before and after kept, its papers reviewed anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import PARTICULARS, admitted, draft, reviewed
from tests.platform.notices.conftest import left  # noqa: F401 (a fixture)
from tests.platform.web.conftest import BACKEND, enter  # noqa: F401 (a fixture)

from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, mending, queries
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, Finding, Revision
from abate.platform.reaching import carry
from abate.platform.review import actions as review
from abate.platform.review import proposing
from abate.platform.review.models import SignInLink, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.1-d")]
Enter = Callable[..., Client]
STAYS = replace(PARTICULARS, contact="", contact_name="")


def _returned(by: User | None = None, **changes: object) -> Application:
    one = reviewed(**changes)
    actions.send_back(one, "the name is not the licence's", by)
    return Application.objects.get(pk=one.pk)


def _mend(one: Application, **changes: Any) -> Application:
    given = replace(STAYS, **changes)
    return mending.mend(one, given, basis.catalogue().methods)


def _code(work: Callable[[], object]) -> str:
    with pytest.raises(Problem) as caught:
        work()
    return caught.value.code


def _states(one: Application) -> set[str]:
    return {paper.state for paper in queries.papers(Application.objects.get(pk=one.pk))}


def test_every_word_of_the_applicant_s_can_be_mended_and_what_it_was_is_kept() -> None:
    one = _returned()
    wanted = {
        "code": "made-up-mended", "kind": "merchant", "grants": (), "behaviours": (), "title_zh": "虚构新名",
        "title_en": "New Name", "registration": applicants.registration(6),
    }  # fmt: skip
    mended = _mend(one, **wanted, contact_name="新经办人", contact="mended@example.org")
    found = Application.objects.get(pk=one.pk)
    assert {name: type(value)(getattr(found, name)) for name, value in wanted.items()} == wanted
    assert queries.contact(mended) == {"name": "新经办人", "reach": "mended@example.org"}
    row = Revision.objects.filter(kind=Revision.MENDED).get()
    assert row.changed["title_zh"] == [PARTICULARS.title_zh, "虚构新名"]
    assert row.changed["grants"] == [["data"], []] and row.changed["contact"] is None
    assert set(row.changed) == {*wanted, "contact"}
    assert "example.org" not in json.dumps(row.changed)
    # What is asked for no more ends; what still is stays, and is reviewed anew.
    assert set(queries.newest(found)) == set(queries.required(found)) & set(
        kinds().required("data_provider", ["data"])
    )


def test_papers_are_reviewed_against_the_new_name_before_anybody_is_admitted() -> None:
    one = _returned()
    assert _states(one) == {"in_order"}
    _mend(one, title_zh="虚构新名")
    assert _states(one) == {"new"}
    actions.submit(one, kinds().terms)
    given = {"application": str(one.pk), "to_day": applicants.later(400).isoformat()}
    entry = desk.staffed()["entry"]
    assert _code(lambda: proposing.propose(entry, "party.admit", given, "x")) == "document-not-in-order"
    for row in queries.newest(one).values():
        actions.find(one, row.pk, in_order=True, note="", user=applicants.reviewer())
    assert _states(one) == {"in_order"}
    desk.decide("party.admit", **given)
    assert Application.objects.get(pk=one.pk).party.title_zh == "虚构新名"  # type: ignore[union-attr]


def test_what_did_not_change_leaves_no_trace_and_another_contact_no_review() -> None:
    one = _returned()
    _mend(one)
    assert not Revision.objects.filter(kind=Revision.MENDED).exists() and _states(one) == {"in_order"}
    _mend(one, contact_name="新经办人")
    assert Revision.objects.filter(kind=Revision.MENDED).count() == 1 and _states(one) == {"in_order"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("title_zh", "=1"), ("title_en", ""), ("registration", "91999999000000000X"), ("kind", "nobody"),
     ("grants", ("identity", "nothing")), ("behaviours", ()), ("code", "Upper")],
)  # fmt: skip
def test_it_is_checked_as_at_first(field: str, value: object) -> None:
    one = _returned()
    assert _code(lambda: _mend(one, **{field: value})) == "application-malformed"
    assert not Revision.objects.filter(kind=Revision.MENDED).exists()


def test_nobody_takes_an_admitted_party_s_number_or_code() -> None:
    theirs = admitted(
        code="made-up-other", contact="other@example.org", registration=applicants.registration(2)
    )
    one = _returned()
    taken = "application-registration-taken"
    assert _code(lambda: _mend(one, registration=applicants.registration(2))) == taken
    assert _code(lambda: _mend(one, code="made-up-other")) == "party-code-taken"
    draft(code="made-up-third", registration=applicants.registration(3))
    assert _code(lambda: _mend(one, code="made-up-third")) == "party-code-taken"
    # Nor at first, where it is seen when it is handed in, by a contact that was reached.
    first = draft(code="made-up-first", registration=applicants.registration(2))
    actions.prove(first.user)
    applicants.bring(first)
    assert _code(lambda: actions.submit(first, kinds().terms)) == taken
    # Of two that waited the second is not admitted.
    Application.objects.filter(party=theirs).update(reach=b"x" * 32, registration=one.registration)
    Application.objects.filter(pk=one.pk).update(state="submitted")
    given = {"application": str(one.pk), "to_day": applicants.later().isoformat()}
    assert _code(lambda: proposing.propose(desk.staffed()["entry"], "party.admit", given, "x")) == taken


def test_a_contact_that_was_not_reached_learns_nothing_of_whose_it_is() -> None:
    admitted(code="made-up-other", contact="victim@example.org", registration=applicants.registration(2))
    one = _returned()
    for guess in ("wrong@example.org", "victim@example.org"):
        _mend(one, contact=guess)
        assert _mend(one, registration=applicants.registration(2)).proved_at is None
        _mend(one, registration=PARTICULARS.registration)
        # Both at once is looked at as the contact before it, which was not reached either.
        _mend(one, contact=f"also-{guess}", registration=applicants.registration(2))
        _mend(one, registration=PARTICULARS.registration)
    _mend(one, contact="wrong@example.org", registration=applicants.registration(2))
    actions.prove(one.user)
    assert _code(lambda: actions.submit(one, kinds().terms)) == "application-registration-taken"


def test_an_organisation_s_own_contact_applies_for_another_kind() -> None:
    admitted(code="made-up-other", registration=applicants.registration(2))
    one = _returned()
    assert _mend(one, registration=applicants.registration(2)).registration == applicants.registration(2)


def test_only_what_was_returned_is_mended_and_a_review_under_way_is_of_what_it_says_now() -> None:
    one = reviewed()
    assert _code(lambda: _mend(one, title_zh="虚构新名")) == "application-closed"
    seen = queries.newest_revision(one)
    actions.send_back(one, "x")
    _mend(one, title_zh="虚构新名")
    actions.submit(one, kinds().terms)
    row = queries.newest(one)["registration"]

    def find(seen: int) -> None:
        actions.find(one, row.pk, in_order=True, note="", user=applicants.reviewer(), seen=seen)

    assert _code(lambda: find(seen)) == "application-mended-since"
    find(queries.newest_revision(one))
    assert queries.papers(Application.objects.get(pk=one.pk))[0].state == "in_order"


def test_a_contact_that_changed_is_reached_first_and_the_former_is_told_and_out(left: Any) -> None:  # noqa: F811
    one = _returned()
    link = review.issue_link(one.user)
    mended = _mend(one, contact="mended@example.org")
    assert mended.proved_at is None
    assert _code(lambda: actions.submit(one, kinds().terms)) == "application-contact-unproved"
    assert _code(lambda: review.use_link(link)) == "sign-in-link-spent"
    while carry():
        pass
    told = {one["to"]: one["body"] for one in left()}
    assert (
        "/sign-in/link/" in told["mended@example.org"] and "/sign-in/link/" not in told[PARTICULARS.contact]
    )


def test_another_contact_in_between_takes_the_ground_from_an_admission() -> None:
    one, people = reviewed(), desk.staffed()
    given = {"application": str(one.pk), "to_day": applicants.later(400).isoformat()}
    proposal = proposing.propose(people["entry"], "party.admit", given, "x")
    proposing.check(people["check"], proposal.pk)
    actions.send_back(one, "x")
    _mend(one, contact="mended@example.org")
    actions.prove(one.user)
    actions.submit(one, kinds().terms)
    assert _code(lambda: proposing.approve(people["approve"], proposal.pk)) == "state-moved"


def test_another_contact_leaves_nobody_anything_to_come_back_with(enter: Enter) -> None:  # noqa: F811
    given = replace(PARTICULARS, code="made-up-former")
    one, token = actions.apply(given, basis.catalogue().methods)
    actions.prove(one.user)
    applicants.bring(one)
    actions.submit(one, kinds().terms)
    actions.send_back(one, "x")
    one.user.set_password("of the former contact")
    one.user.save()
    Authenticator.objects.create(user=one.user, type=Authenticator.Type.TOTP, data={"secret": "made up"})
    own, other = enter(one.user, "en"), enter(one.user, "en")
    for browser in (own, other):
        assert browser.get("/joining").status_code == 200
    same = asdict(STAYS) | {"code": "made-up-former"}
    assert own.post("/joining/mend", same | {"title_en": "New"}).status_code == 302
    assert other.get("/joining").status_code == 200, "nothing ends where the contact stays"
    assert queries.by_token(one.pk, token) == one
    assert own.post("/joining/mend", same | {"contact": "mended@example.org"}).status_code == 302
    assert own.get("/joining").status_code == 200
    assert other.get("/joining")["location"].startswith("/sign-in")
    assert _code(lambda: queries.by_token(one.pk, token)) == "application-unknown"
    one.user.refresh_from_db()
    assert not one.user.has_usable_password()
    assert not Authenticator.objects.filter(user=one.user).exists()


def test_the_contact_of_an_account_that_is_also_staff_s_is_not_mended() -> None:
    """The link that goes to the new contact would open an account with roles, from which its factors had just been taken."""
    one = _returned()
    review.enrol(one.user, "made-up holder")
    Authenticator.objects.create(user=one.user, type=Authenticator.Type.TOTP, data={"secret": "made up"})
    waiting = SignInLink.objects.count()
    assert _code(lambda: _mend(one, contact="mended@example.org")) == "application-account-of-staff"
    assert queries.contact(Application.objects.get(pk=one.pk))["reach"] == PARTICULARS.contact
    assert Authenticator.objects.filter(user=one.user).exists() and SignInLink.objects.count() == waiting
    # The rest of it, and a name, are no way into anything.
    assert _mend(one, title_en="New", contact_name="新经办人").title_en == "New"


def test_an_application_is_mended_so_many_times_a_day_and_its_page_lists_the_newest(enter: Enter) -> None:  # noqa: F811
    one, clerk = _returned(), desk.staffed()["entry"]
    path, cut = f"/operator/applications/{one.pk}", "Only the newest are listed"
    with clock.frozen(clock.now()):
        for turn in range(mending.A_DAY):
            _mend(one, title_en=f"Turn {turn:02}")
        assert _code(lambda: _mend(one, title_en="Too many")) == "limit-reached"
    shown = enter(clerk, "en").get(path).content.decode()
    assert "Turn 19" in shown and ">Sent back<" not in shown and cut in shown
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert _mend(one, title_en="The day after").title_en == "The day after"


def test_the_applicant_mends_it_on_its_page_and_the_reviewer_sees_what_changed(enter: Enter) -> None:  # noqa: F811
    clerk_user, other = desk.staffed()["entry"], desk.staffed()["check"]
    one = _returned(clerk_user)
    browser = enter(one.user, "en")
    assert "/joining/mend" in browser.get("/joining").content.decode()
    shown = browser.get("/joining/mend").content.decode()
    assert PARTICULARS.title_en in shown and PARTICULARS.contact not in shown and "not the licence" in shown
    form = asdict(STAYS) | {"title_en": "<b>New</b>", "state": "admitted"}
    assert browser.post("/joining/mend", form | {"registration": "x"}).status_code == 422
    answer = browser.post("/joining/mend", form)
    assert answer.status_code == 302 and answer["location"] == "/joining"
    assert Application.objects.get(pk=one.pk).state == "returned"
    path = f"/operator/applications/{one.pk}"
    for user, since in ((clerk_user, True), (other, False)):
        text = enter(user, "en").get(path).content.decode()
        assert PARTICULARS.title_en in text and "&lt;b&gt;New" in text and ">Sent back<" in text
        assert ("Since your last look" in text) == since
    actions.submit(one, kinds().terms)
    assert "Only the newest are listed" not in text
    row = queries.newest(one)["registration"].pk
    form = {"document": row, "found": "in_order", "seen": 0}
    assert enter(clerk_user, "en").post(f"{path}/finding", form).status_code == 409
    form["seen"] = queries.newest_revision(one)
    assert enter(clerk_user, "en").post(f"{path}/finding", form).status_code == 302
    assert Finding.objects.filter(document_id=row).count() == 2
    assert "Since your last look" not in enter(clerk_user, "en").get(path).content.decode()
    assert browser.get("/joining/mend").status_code == 409, "and what was handed in is not mended"


def test_a_session_alone_mends_nothing() -> None:
    one = _returned()
    stolen = Client()
    stolen.force_login(one.user, backend=BACKEND)
    assert stolen.post("/joining/mend", asdict(STAYS)).status_code == 302
    assert not Revision.objects.filter(kind=Revision.MENDED).exists()
