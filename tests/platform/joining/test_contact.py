"""A party's account is handed to another contact by three people: the former is out at once, and no table has the new one's
contact before it says itself who it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from click.testing import CliRunner
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import admitted, draft
from tests.platform.notices.conftest import left  # noqa: F401 (a fixture)
from tests.platform.review.shell import sign_in
from tests.platform.review.test_proposing import second_account
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.cli import party as command
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, queries
from abate.platform.joining.models import Application
from abate.platform.parties.models import Member
from abate.platform.reaching import carry
from abate.platform.review import actions as review
from abate.platform.review import proposing
from abate.platform.review.models import Audit, Proposal, SignInLink, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
NEW = "taking-over@example.org"


def _handed(one: Application) -> dict[str, Any]:
    return desk.decide("party.contact", application=str(one.pk), contact=queries.contact_digest(NEW))


def _of_party() -> Application:
    return Application.objects.get(party=admitted())


def test_three_people_hand_a_party_to_another_contact_and_the_former_is_out_at_once(
    enter: Any,  # noqa: F811
    left: Any,  # noqa: F811
) -> None:
    one = _of_party()
    former = one.user
    Member.objects.create(user=former, party=one.party, role="acceptor", since=clock.now())
    browser, link = enter(former), review.issue_link(former)
    Authenticator.objects.create(user=former, type="totp", data={"secret": "made up"})
    assert browser.get("/joining").status_code == 200
    shown = _handed(one)
    assert browser.get("/joining").status_code in (302, 403)
    former.refresh_from_db()
    assert not former.is_active and not Authenticator.objects.filter(user=former).exists()
    with pytest.raises(Problem, match="link"):
        review.use_link(link)
    one.refresh_from_db()
    assert one.user.handle == shown["account"] != former.handle and shown["link"].endswith("/join")
    assert set(Member.objects.values_list("user", "role")) == {
        (one.user_id, "partner"),
        (one.user_id, "acceptor"),
    }
    carry()
    assert left()[-1]["to"] == applicants.PARTICULARS.contact, "the former contact is told"


def test_the_new_contact_has_its_link_by_asking_and_the_former_gets_none(left: Any) -> None:  # noqa: F811
    one = _of_party()
    _handed(one)
    one.refresh_from_db()
    assert queries.contact_of(one.user_id) is None
    waiting = SignInLink.objects.count()
    actions.send_links(applicants.PARTICULARS.contact)
    assert SignInLink.objects.count() == waiting, "the mailbox of who left opens nothing"
    actions.send_links(NEW)
    one.refresh_from_db()
    assert queries.contact(one) == {"name": "", "reach": NEW} and one.handed_at is None
    while carry():
        pass
    (body,) = [one["body"] for one in left() if one["to"] == NEW]
    found = re.search(r"/sign-in/link/(\S+)", body)
    assert found is not None and review.use_link(found[1]) == one.user


def test_no_row_has_the_new_contact_and_the_token_of_the_interface_ends() -> None:
    one, token = actions.apply(applicants.PARTICULARS, {"online-meeting": 1, "walking": 1})
    assert queries.by_token(one.pk, token) == one
    _handed(one)
    with pytest.raises(Problem, match="application-unknown"):
        queries.by_token(one.pk, token)
    texts = [json.dumps(list(rows.values()), default=str) for rows in (Proposal.objects, Audit.objects)]
    assert not any(NEW in text or applicants.PARTICULARS.contact in text for text in texts)


def test_what_is_over_or_is_staff_s_is_not_handed_on_and_nobody_decides_about_their_own() -> None:
    people, one = desk.staffed(), _of_party()
    given = {"application": str(one.pk), "contact": queries.contact_digest(NEW)}

    def said(**other: str) -> str:
        with pytest.raises(Problem) as caught:
            proposing.propose(people["entry"], "party.contact", given | other, "x")
        return caught.value.code

    assert said(contact=NEW) == "change-malformed", "a contact in plain is refused"
    assert said(account=one.user.handle) == "change-malformed", "no account that there is"
    proposal = proposing.propose(people["entry"], "party.contact", given, "x")
    seat = second_account(people["check"])
    Member.objects.create(user=seat, party=one.party, role="partner", since=clock.now())
    with pytest.raises(Problem) as caught:
        proposing.check(people["check"], proposal.pk)
    assert caught.value.code == "concerns-oneself"
    Member.objects.filter(user=seat).delete()
    review.enrol(one.user, "made-up holder")
    assert said() == "application-account-of-staff"
    desk.decide("staff.close", account=one.user.handle)
    assert _handed(one)["account"]
    gone = draft(code="made-up-gone", registration=applicants.registration(3))
    actions.withdraw(gone)
    assert said(application=str(gone.pk)) == "application-closed"


def test_the_page_and_the_command_propose_it_and_hold_a_proposal_against_the_letter(
    enter: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    one, people = _of_party(), desk.staffed()
    browser: Client = enter(people["entry"], "en")
    path = f"/operator/applications/{one.pk}"
    assert "Another contact" in browser.get(path).content.decode()
    form = {"change": "contact", "why": "letter of the organisation"}
    assert browser.post(f"{path}/propose", form | {"contact": "nobody"}).status_code == 400
    assert browser.post(f"{path}/propose", form | {"contact": f" {NEW.upper()} "}).status_code == 302
    made = Proposal.objects.latest("pk")
    assert json.loads(made.arguments)["contact"] == queries.contact_digest(NEW)
    sign_in(people["check"])
    for text, same in ((NEW, True), ("other@example.org", False)):
        words = ["contact", str(one.pk), "--contact", text, "--against", str(made.pk)]
        told = CliRunner().invoke(command.command, words)
        assert json.loads(told.stdout) == {"proposal": made.pk, "names_this_contact": same}, told.stderr
    sign_in(people["entry"])
    told = CliRunner().invoke(command.command, ["contact", str(one.pk), "--contact", NEW, "--why", "x"])
    assert json.loads(told.stdout)["action"] == "party.contact", told.stderr
    assert User.objects.filter(handle=json.loads(told.stdout)["after"]["account"]).count() == 0
