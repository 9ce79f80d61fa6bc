"""Sessions that end for somebody: by a security administrator with a reason, or because an account has too many."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from tests.platform.people.townspeople import at_once
from tests.platform.review import shell
from tests.platform.review.shell import refused, signed_in
from tests.platform.signin.test_second_factor import by_link, set_up_app
from tests.platform.web import city as stage
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)
from tests.platform.web.test_sign_in import code_sent

from abate.cli import staff as staff_command
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.notices.models import Notice
from abate.platform.parties import actions as parties
from abate.platform.parties import tills
from abate.platform.people import queries as people
from abate.platform.review import actions as review
from abate.platform.review.models import Audit, User
from abate.platform.signin import ending, proofs, queries
from abate.platform.signin.models import EndedSession, Try
from abate.platform.signin.policy import SignInPolicy


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands start Django on a data folder of their own; here the test's database is the one."""
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))


pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a", "P-8.4-c")]
Enter = Callable[..., Client]
PAGE, END = "/operator/sessions", "/operator/sessions/end"


def alive(browser: Client) -> bool:
    return browser.get("/security").status_code == 200


def member(city: stage.City) -> User:
    made = review.create_user("staff", made_up=True)
    parties.add_member(made, city.partner, "partner")
    return made


@pytest.mark.parametrize("whose", ["staff", "member", "person", "pseudonym"])
def test_a_security_administrator_ends_all_of_an_account_and_its_holder_reads_why(
    city: stage.City,
    enter: Enter,  # noqa: F811
    whose: str,
) -> None:
    guard = enter(desk.staffed()["security_admin"], "en")
    user = {"staff": desk.staffed()["entry"], "member": member(city)}.get(whose, city.person.user)
    name = city.person.pseudonym if whose == "pseudonym" else user.handle
    theirs, another = [enter(user, "en") for _ in range(2)], enter(city.stranger.user)
    assert all(alive(one) for one in (*theirs, another))
    assert (user.handle in guard.get(PAGE).content.decode()) == (whose in ("staff", "member"))
    answer = guard.post(END, {"account": f" {name} ", "why": "laptop <b>reported</b> stolen"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "2 ended; the account is not closed" in guard.get(PAGE).content.decode()
    assert queries.sessions(user) == [] and User.objects.get(pk=user.pk).is_active
    for browser in theirs:
        away = browser.get("/security", follow=True)
        said = away.content.decode()
        assert away.redirect_chain[0][0].startswith("/sign-in?next")
        assert (
            "ended your session: laptop &lt;b&gt;reported&lt;/b&gt; stolen" in said and "not closed" in said
        )
        # Told once, and kept no longer.
        assert "reported" not in browser.get("/sign-in").content.decode()
    assert not EndedSession.objects.exists() and alive(another) and alive(guard)
    assert Audit.objects.filter(what="signin.end-told", subject=user.handle).count() == 2
    assert alive(enter(user))
    row = Audit.objects.get(what="signin.sessions-end", subject=user.handle)
    assert json.loads(row.detail) == {"sessions": 2, "why": "laptop <b>reported</b> stolen"}
    assert row.role == "security_admin" and row.via == "page"
    assert Notice.objects.filter(user=user, kind="sign-in.ended").count() == 1


def test_a_session_is_counted_and_ended_before_it_ever_asked_for_a_page(city: stage.City) -> None:
    guard, user = desk.staffed()["security_admin"], member(city)
    most = SignInPolicy().sessions_at_a_time
    parked = [by_link(user) for _ in range(most + 1)]
    assert len(queries.sessions(user)) == most
    assert ending.end_all(guard, user, "laptop stolen") == most
    assert not any(alive(one) for one in parked)


@pytest.mark.parametrize("how", ["app", "second", "password"])
def test_under_another_key_a_session_is_ended_as_well(city: stage.City, how: str) -> None:
    guard, user = desk.staffed()["security_admin"], member(city)
    browser = by_link(user)
    codes = set_up_app(browser)[1]
    if how == "second":
        browser = by_link(user)
        assert browser.post("/sign-in/second", {"code": codes[0]}).status_code == 302
    if how == "password":
        assert browser.post("/security/password", {"password": "correct horse battery"}).status_code == 302
    assert ending.end_all(guard, user, "laptop stolen") == (2 if how == "second" else 1)
    assert not alive(browser)


def test_a_person_who_showed_a_code_again_is_ended_as_well(city: stage.City) -> None:
    guard, user, browser = desk.staffed()["security_admin"], city.person.user, Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post("/confirm", {"contact": "0"}).status_code == 200
    assert browser.post("/confirm", {"contact": "0", "code": code_sent()}).status_code == 302
    assert ending.end_all(guard, user, "telephone stolen") == 1
    assert not alive(browser)


def test_without_reason_right_or_fresh_proof_nothing_ends(city: stage.City, enter: Enter) -> None:  # noqa: F811
    people, browser = desk.staffed(), enter(city.person.user)
    assert alive(browser)
    name = city.person.user.handle
    guard = enter(people["security_admin"], "en")
    for why in ("", " ", "x" * 201, "two\nlines"):
        assert guard.post(END, {"account": name, "why": why}).status_code == 422
    assert guard.post(END, {"account": "nobody", "why": "stolen"}).status_code == 404
    assert enter(people["system_admin"]).post(END, {"account": name, "why": "stolen"}).status_code == 403
    later = guard.session
    later[proofs._KEY] = {proofs.TOTP: (clock.now() - timedelta(minutes=6)).isoformat()}
    later.save()
    answer = guard.post(END, {"account": name, "why": "stolen"})
    assert answer.status_code == 302 and answer["Location"].startswith("/confirm")
    assert alive(browser) and not Audit.objects.filter(what="signin.sessions-end").exists()


def test_it_is_done_at_a_shell_too(city: stage.City, enter: Enter) -> None:  # noqa: F811
    browser, clerk = enter(city.person.user, "en"), enter(desk.staffed()["entry"])
    assert alive(browser) and alive(clerk)
    end = ("end-sessions", city.person.pseudonym, "--why", "asked for by its owner")
    refused(shell.run(staff_command, *end), "not-signed-in")
    signed_in("system_admin")
    refused(shell.run(staff_command, *end), "no-right")
    signed_in("security_admin")
    refused(shell.run(staff_command, *end[:2]), "sessions-ending-needs-reason")
    refused(shell.run(staff_command, "end-sessions", "nobody", "--why", "x"), "account-not-known")
    listed = json.loads(shell.run(staff_command, "sessions").stdout)
    assert {one["handle"] for one in listed} >= {desk.staffed()["entry"].handle}
    assert city.person.user.handle not in {one["handle"] for one in listed}
    made = shell.run(staff_command, *end)
    assert made.exit_code == 0 and json.loads(made.stdout)["ended"] == 1
    assert "asked for by its owner" in browser.get("/security", follow=True).content.decode()
    row = Audit.objects.get(what="signin.sessions-end")
    assert (row.via, row.role) == ("command", "security_admin")


def test_of_more_sessions_than_ten_the_one_longest_unused_ends_and_is_told(
    city: stage.City,
    enter: Enter,  # noqa: F811
) -> None:
    most, now, browsers = SignInPolicy().sessions_at_a_time, clock.now(), []
    assert most == 10
    for minute in range(most):
        with clock.frozen(now + timedelta(minutes=minute)):
            browsers.append(enter(city.person.user, "en"))
            assert alive(browsers[-1])
    with clock.frozen(now + timedelta(minutes=20)):
        # The first is in use; the second is now the one longest unused.
        assert alive(browsers[0]) and alive(enter(city.stranger.user))
        last = enter(city.person.user, "en")
        assert alive(last) and len(queries.sessions(city.person.user)) == most
        said = browsers[1].get("/security", follow=True).content.decode()
        assert "more devices than it may be at a time" in said and "end the others" in said
        assert all(alive(one) for one in (browsers[0], *browsers[2:], last))
    assert Audit.objects.get(what="signin.sessions-over").subject == city.person.user.handle


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("naive", [True, False])
def test_sessions_opened_at_once_are_counted_in_turn(
    enter: Enter,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    naive: bool,
) -> None:
    """Planted: nobody waits for the other, and all count before the first is through."""
    monkeypatch.setattr(ending, "policy", lambda: SignInPolicy(sessions_at_a_time=3))
    user = review.create_user("staff", made_up=True)
    browsers = [enter(user) for _ in range(6)]
    if naive:
        counted, count = threading.Barrier(6, timeout=60), ending._over

        def over(*given: Any) -> list[str]:
            found = count(*given)
            counted.wait()
            return found

        monkeypatch.setattr(ending, "_in_turn", lambda _: None)
        monkeypatch.setattr(ending, "_over", over)
    at_once(6, lambda n: browsers[n].get("/security").status_code)
    open_now = len(queries.sessions(user))
    assert open_now == (6 if naive else 3)
    connection.close()


def test_one_account_cannot_ask_without_end_but_leaves_and_takes_back(
    city: stage.City,
    enter: Enter,  # noqa: F811
    settings: Any,
) -> None:
    settings.ABATE_ACCOUNT_PER_MINUTE = 5
    with clock.frozen(clock.now()):
        here, there, another = (
            enter(city.person.user, "en"),
            enter(city.person.user),
            enter(city.stranger.user),
        )
        given = people.authorisations(city.person.pk)[0].id
        # Counted over all sessions of the account, whatever is asked for.
        asked = ("/", "/feed", "/v1/me/account", "/security")
        assert [here.get(path).status_code for path in asked] == [200] * 4 and alive(there)
        refused = here.get("/feed")
        assert (refused.status_code, refused["Retry-After"]) == (429, "12")
        assert "asked for too much in a short time" in refused.content.decode()
        assert "操作过于频繁" in there.post("/collect").content.decode()
        told = here.get("/v1/me/account")
        assert (told.status_code, told["Retry-After"], told.json()["code"]) == (
            429,
            "12",
            "account-limit-reached",
        )
        assert another.get("/feed").status_code == 200
        assert here.post(f"/authorisations/{given}/withdraw").status_code == 302
        assert not [row for row in people.authorisations(city.person.pk) if row.id == given and row.live]
        # What ends something else is let through to its own refusal too.
        ending_pages = (
            reverse("disclosure-withdraw", args=[uuid4()]),
            reverse("partner-till-end"),
            reverse("till-end"),
        )
        assert all(here.post(page).status_code in (403, 404) for page in ending_pages)
        assert here.post("/security/others").status_code == 302 and not alive(there)
        assert here.post("/sign-out").status_code == 302
    with clock.frozen(clock.now() + timedelta(seconds=13)):
        assert alive(enter(city.person.user))


def test_what_nobody_came_back_for_is_forgotten_after_a_day(city: stage.City, enter: Any) -> None:  # noqa: F811
    guard = desk.staffed()["security_admin"]
    for day in range(2):
        with clock.frozen(clock.now() + timedelta(days=day, hours=day)):
            assert alive(enter(city.person.user))
            ending.end_all(guard, city.person.user, "made up")
            assert EndedSession.objects.count() == 1


def test_a_till_is_among_the_open_sessions_and_named_by_the_alarm(
    city: stage.City,
    enter: Enter,  # noqa: F811
) -> None:
    user = tills.take(tills.invite(city.cafe, "1", stage.AT_TILL)[1])
    assert enter(user).get("/acceptor").status_code == 200
    enter(city.person.user).get("/")
    listed = {one.handle for one in ending.open_accounts()}
    assert user.handle in listed and city.person.user.handle not in listed
    for one in (user, city.person.user):
        digest = keyring().identity_hmac(f"try\x00second\x00{one.pk}")
        Try.objects.bulk_create(Try(account_hmac=digest, at=clock.now()) for _ in range(100))
    assert {one.account for one in queries.bursts()} == {user.handle, ""}
