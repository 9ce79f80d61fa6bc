"""A first factor is made minutes after a link that came to its holder, by no session alone; further ones by one that there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.core import context
from click.testing import CliRunner
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.urls import get_resolver
from tests.platform.joining import applicants
from tests.platform.joining.applicants import admitted, reviewed
from tests.platform.notices.conftest import left  # noqa: F401 (a fixture)
from tests.platform.signin.test_second_factor import GOOD, by_link, code_of, set_up_app
from tests.platform.web import city as stage

from abate.cli import staff
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.joining import actions as joining
from abate.platform.joining.models import Application, ContactRequest, Revision
from abate.platform.parties.models import Client as Key
from abate.platform.reaching import carry
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.review.models import SignInLink, User
from abate.platform.signin import actions, factors, proofs
from abate.platform.signin.errors import FirstFactorNeedsLink, ProofNeeded
from abate.platform.signin.policy import policy
from abate.platform.web import gate

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a", "P-8.4-c")]
ASK = {"name": "接任人", "contact": "taking-over@example.org"}


def _later() -> Any:
    return clock.frozen(clock.now() + policy().fresh)


def _contact() -> Application:
    return Application.objects.get(party=admitted())


def _sent(left: Callable[[], list[dict[str, str]]], to: str) -> str:  # noqa: F811
    """The newest link that went to this contact."""
    while carry():
        pass
    found = [re.search(r"/sign-in/link/\S+", one["body"]) for one in left() if one["to"] == to]
    return [one[0] for one in found if one][-1]


def _refused(browser: Client, secret: str) -> None:
    """No way of signing in is added, and none is offered."""
    for path in ("/security/app", "/security/passkey", "/security/password"):
        assert browser.get(path)["Location"] == "/confirm?next=%2Fsecurity", path
    for path, given in (
        ("/security/app", {"code": code_of(secret)}),
        ("/security/passkey", {"name": "x", "credential": "{}"}),
        ("/security/password", {"password": GOOD}),
        ("/security/recovery", {}),
        ("/security/always", {"on": "yes"}),
    ):
        assert browser.post(path, given)["Location"] == "/confirm?next=%2Fsecurity", path
    page = browser.get("/confirm?next=/joining/contact")
    assert page.status_code == 200 and b"A new sign-in link first" in page.content


def _waiting_secret(browser: Client) -> str:
    page = browser.get("/security/app").content.decode()
    found = re.search(r'<p class="mono break">([A-Z2-7 ]+)</p>', page)
    assert found
    return found[1].replace(" ", "")


def test_a_stolen_session_of_a_party_s_contact_makes_no_factor_and_gets_nothing_that_asks_for_one() -> None:
    one = _contact()
    stolen = by_link(one.user)
    secret = _waiting_secret(stolen)
    keys = Key.objects.count()
    with _later():
        _refused(stolen, secret)
        asked = [
            (name, method) for (name, method), line in gate.lines().items()
            if line.fresh and line.who in ("user", "applicant", "partner")
        ]  # fmt: skip
        assert {"partner-key", "partner-key-collect", "joining-key", "joining-contact", "joining-mend",
                "partner-files", "partner-hook", "partner-tills"} <= {name for name, _ in asked}  # fmt: skip
        for name, method in asked:
            path = next(p for p in _paths() if p[0] == name)[1]
            answer = stolen.generic(method, path)
            assert answer.status_code == 302 and answer["Location"].startswith("/confirm?next="), name
            # Nor does what it is led to show it anything.
            assert b"A new sign-in link first" in stolen.get(answer["Location"]).content, name
        assert stolen.post("/joining/contact", ASK)["Location"].startswith("/confirm?next=")
    assert not factors.factors(one.user) and not User.objects.get(pk=one.user_id).has_usable_password()
    assert Key.objects.count() == keys and not ContactRequest.objects.exists()


def _paths() -> Iterator[tuple[str, str]]:
    for name, kept in get_resolver().reverse_dict.items():
        if isinstance(name, str):
            yield name, "/" + str(kept[0][0][0])


def test_nor_does_that_of_an_applicant_mend_what_was_returned() -> None:
    one = reviewed()
    joining.send_back(one, "the name is not the licence's")
    stolen = by_link(one.user)
    secret = _waiting_secret(stolen)
    with _later():
        _refused(stolen, secret)
        answer = stolen.post("/joining/mend", {"contact": ASK["contact"]})
        assert answer["Location"].startswith("/confirm?next=")
    assert not Revision.objects.filter(kind=Revision.MENDED).exists() and not factors.factors(one.user)


def test_whoever_reads_the_mail_makes_it_from_the_mail_alone_and_no_other_session_does(left: Any) -> None:  # noqa: F811
    one = _contact()
    stolen, to = by_link(one.user), applicants.PARTICULARS.contact
    secret = _waiting_secret(stolen)
    with _later():
        assert b"Send the link" in stolen.get("/confirm").content
        assert b"On its way" in stolen.post("/confirm", {"next": "//elsewhere.invalid/"}).content
        # It went to the contact, and the session that asked for it may do what it could before.
        _refused(stolen, secret)
        link = _sent(left, to)
        own = Client(headers={"accept-language": "en"})
        assert own.post(link).status_code == 302
        _refused(stolen, secret)
        sent = own.post("/joining/contact", ASK, headers={"referer": "http://testserver/joining/contact"})
        assert own.get(sent["Location"])["Location"] == "/security"
        assert b"within 5 minutes of opening the link" in own.get("/security").content
        _, codes = set_up_app(own)
        assert len(codes) == 10
        assert own.post("/joining/contact", ASK)["Location"] == "/joining/contact"
        assert ContactRequest.objects.count() == 1
        # The mail tells of the new factor.
        while carry():
            pass
        assert [sent for sent in left() if sent["to"] == to and "/security" in sent["body"]]
        # There is one now: the other session is asked for it, and a link serves for no second one.
        assert stolen.get("/security/app")["Location"].startswith("/confirm")
        assert b"A new sign-in link first" not in stolen.get("/confirm").content
        again = by_link(one.user)
        for path in ("/security/app", "/security/passkey"):
            assert again.get(path)["Location"].startswith("/confirm"), path
        assert again.post("/security/app", {"code": "000000"})["Location"].startswith("/confirm")


def test_the_window_ends_while_the_page_is_open() -> None:
    one = _contact()
    browser, began = by_link(one.user), clock.now()
    secret = _waiting_secret(browser)
    with clock.frozen(began + policy().fresh + timedelta(seconds=1)):
        assert browser.post("/security/app", {"code": code_of(secret)})["Location"].startswith("/confirm")
    with clock.frozen(began - timedelta(minutes=1)):
        assert browser.get("/security/app")["Location"].startswith("/confirm"), "nor with a clock set back"
    assert not factors.factors(one.user)
    with clock.frozen(began + policy().fresh - timedelta(seconds=30)):
        assert browser.post("/security/app", {"code": code_of(secret)}).status_code == 200
    assert factors.has_factor(one.user)


def test_the_window_ends_while_the_codes_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's refusal stood at the field of the code, with no way on: the new link is asked for at /confirm."""
    one, draw = _contact(), factors.draw_recovery_codes
    browser = by_link(one.user)
    secret = _waiting_secret(browser)
    with ExitStack() as late:

        def slowly(user: User) -> Any:
            drawn = draw(user)
            late.enter_context(_later())
            return drawn

        monkeypatch.setattr(factors, "draw_recovery_codes", slowly)
        answer = browser.post("/security/app", {"code": code_of(secret)})
        assert answer.status_code == 302 and answer["Location"] == "/confirm?next=%2Fsecurity"
        assert b"Send the link" in browser.get(answer["Location"]).content
    assert not factors.factors(one.user)


def test_whatever_view_asks_for_it_the_writer_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would a page that forgot to ask, and of two first factors at once the second."""
    made = SimpleNamespace(is_user_verified=lambda: True)
    monkeypatch.setattr(factors.webauthn, "parse_registration_response", lambda sent: sent)
    monkeypatch.setattr(factors.webauthn, "complete_registration", lambda sent: made)
    monkeypatch.setattr(factors.webauthn.WebAuthn, "add", lambda *_: pytest.fail("a passkey was added"))
    user, request = _contact().user, RequestFactory().post("/")
    request.user, request.session = user, SessionStore()
    proofs.note(request.session, proofs.LINK)
    with context.request_context(request):
        secret, _ = factors.new_app_secret(user)
        with _later():
            for add in (
                lambda: factors.add_app(user, code_of(secret)),
                lambda: factors.add_passkey(user, "", "{}"),
            ):
                with pytest.raises(FirstFactorNeedsLink):
                    add()
        factors.add_app(user, code_of(secret))
        secret, _ = factors.new_app_secret(user)
        for add in (
            lambda: factors.add_app(user, code_of(secret)),
            lambda: factors.add_passkey(user, "", "{}"),
        ):
            with pytest.raises(ProofNeeded):
                add()


def test_nor_does_it_take_one_away_draw_codes_or_stop_asking_by_a_session_alone() -> None:
    """Whatever view asks: a factor stays, its recovery codes stay, and so does what its holder chose."""
    user, request = _contact().user, RequestFactory().post("/")
    request.user, request.session = user, SessionStore()
    proofs.note(request.session, proofs.LINK)
    with context.request_context(request):
        secret, _ = factors.new_app_secret(user)
        factors.add_app(user, code_of(secret))
        proofs.note(request.session, proofs.TOTP)
        factors.new_recovery_codes(user)
        factors.ask_always(user, True)
        before = factors.factors(user)
        drawn = factors.draw_recovery_codes(user)
        with _later():
            for change in (
                lambda: factors.remove(user, before[0].id, keep_one=False),
                lambda: factors.new_recovery_codes(user, drawn),
                lambda: factors.ask_always(user, False),
            ):
                with pytest.raises(ProofNeeded):
                    change()
    assert factors.factors(user) == before and User.objects.get(pk=user.pk).always_second


def test_allauth_s_own_views_add_nothing() -> None:
    """Of allauth's addresses those of OpenID Connect alone are there, and none of them makes a factor."""
    found = {
        pattern.lookup_str
        for pattern in _patterns(get_resolver())
        if pattern.lookup_str.startswith("allauth")
    }
    assert found and all(one.startswith("allauth.idp.oidc.") for one in found), found
    browser = by_link(_contact().user)
    for path in ("/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/2fa/totp/activate/",
                 "/_allauth/browser/v1/account/authenticators/totp", "/v1/factors"):  # fmt: skip
        assert browser.post(path, {"code": "000000"}).status_code == 404, path


def _patterns(resolver: Any) -> Iterator[Any]:
    for one in resolver.url_patterns:
        if hasattr(one, "url_patterns"):
            yield from _patterns(one)
        else:
            yield one


def test_the_links_to_the_own_contact_are_bounded_and_shut_nobody_out_at_the_public_door() -> None:
    one = _contact()
    stolen = by_link(one.user)
    with _later():
        answers = [stolen.post("/confirm").status_code for _ in range(joining.LINKS + 1)]
        assert answers == [200] * joining.LINKS + [429]
        waiting = SignInLink.objects.count()
        joining.send_links(applicants.PARTICULARS.contact)
        assert SignInLink.objects.count() == waiting + 1


def test_who_has_no_contact_here_is_told_whom_to_ask_and_is_sent_nothing() -> None:
    for user in (desk.hire("made-up clerk", "query"), review.create_user("till", made_up=True)):
        stolen = by_link(user)
        secret = _waiting_secret(stolen)
        with _later():
            _refused(stolen, secret)
            waiting = SignInLink.objects.count()
            assert b"Ask for a new link where yours came from" in stolen.post("/confirm").content
            assert SignInLink.objects.count() == waiting
        assert factors.factors(user) == []


def test_a_refused_applicant_is_sent_none() -> None:
    one = reviewed()
    stolen = by_link(one.user)
    joining.send_back(one, "x")
    joining.withdraw(one)
    with _later():
        waiting = SignInLink.objects.count()
        assert stolen.post("/confirm").status_code == 409
        assert SignInLink.objects.count() == waiting


def test_a_password_lets_in_and_makes_no_first_factor() -> None:
    clerk = desk.hire("made-up clerk", "query")
    actions.set_password(clerk, GOOD)
    browser = Client(headers={"accept-language": "en"})
    browser.post("/sign-in/staff", {"account": clerk.handle, "password": GOOD})
    assert browser.get("/security/app")["Location"].startswith("/confirm")
    assert b"A new sign-in link first" in browser.get("/confirm").content


def test_a_person_s_link_or_an_old_code_makes_none(city: stage.City) -> None:
    browser = by_link(city.person.user)
    assert browser.get("/security/app")["Location"].startswith("/confirm")
    stage.prove(browser)
    assert browser.get("/security/app").status_code == 200
    with _later():
        assert browser.get("/security/app")["Location"].startswith("/confirm")


def test_at_a_shell_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    clerk = desk.hire("made-up clerk", "query")

    def sign_in(*words: str, given: str = "000000\n") -> str:
        with audit.acting(lambda: audit.NOBODY):
            made = CliRunner().invoke(staff.command, ["sign-in", *words], input=given)
        return made.stderr if made.exit_code else "in"

    assert "second-factor-refused" in sign_in(review.issue_link(clerk))
    with _later():
        told = sign_in()
        assert told.startswith("first-factor-needs-link") and "Put this secret" not in told
    actions.set_password(clerk, GOOD)
    told = sign_in("--account", clerk.handle, given=f"{GOOD}\n000000\n")
    assert told.startswith("first-factor-needs-link")
    assert not factors.factors(clerk)


def test_a_clock_set_back_makes_nothing_fresh() -> None:
    session: dict[str, object] = {}
    proofs.note(session, proofs.TOTP)
    assert proofs.fresh(session)
    with clock.frozen(clock.now() - timedelta(minutes=1)):
        assert not proofs.fresh(session)
    for weak in (proofs.LINK, proofs.PASSWORD):
        other: dict[str, object] = {}
        proofs.note(other, weak)
        assert not proofs.fresh(other) and not proofs.two_factors(other)
