"""Whoever is turned away at a door is in the trail, by one row a minute, and nothing of what they brought is."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.events.test_intake import Answer, post, token, world  # noqa: F401 (a fixture by its name)
from tests.platform.parties.test_signatures import Partner, batch, call
from tests.platform.pipeline.world import NOW, World
from tests.platform.web import city as stage
from tests.platform.web.test_files import send

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.parties.models import Client as Key
from abate.platform.review import actions as review
from abate.platform.review import trail, turned_away
from abate.platform.review.models import Audit
from abate.platform.review.trail import Search

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.4-c")]
SECRET = "a-secret-that-nobody-may-read"
ADDRESS = "127.0.0.1"


@dataclass
class Told:
    """One call that is refused, and what its row says. `leaks`: what no row and no line may hold."""

    call: Callable[[], Any]
    door: str
    code: str
    account: str = ""
    subject: str = ""
    leaks: Sequence[str] = ()


def rows() -> list[tuple[str, str, str, dict[str, Any]]]:
    found = Audit.objects.filter(act="refused").order_by("id")
    return [(one.what, one.account, one.subject, json.loads(one.detail)) for one in found]


def signed(world: World, spoil: str) -> Told:  # noqa: F811
    partner, body = Partner(world), batch(world, "m")
    code = {"stale": "stale", "another audience": "audience", "another body": "digest", "not hers": "invalid"}
    more = {
        "stale": {"created": NOW - timedelta(minutes=6)},
        "another audience": {"tag": "https://elsewhere.example"},
        "another body": {"sent": batch(world, "n")},
        "not hers": {"target": "/v1/reconciliation"},
    }[spoil]
    sent = more.pop("sent", body)
    known = partner.client_id if spoil == "another body" else ""
    leaks: list[str] = []

    def ask() -> Answer:
        headers = partner.headers(body, **more)  # type: ignore[arg-type]
        leaks[:] = [headers["signature"], headers["content-digest"]]
        return call("POST", sent, headers)

    return Told(ask, "events", f"signature-{code[spoil]}", known, partner.client_id, leaks)


def replayed(world: World) -> Told:  # noqa: F811
    partner, body = Partner(world), batch(world, "m")
    headers = partner.headers(body)
    assert call("POST", body, headers).status_code == 200 and rows() == []
    return Told(lambda: call("POST", body, headers), "events", "signature-replayed", "", partner.client_id,
                (headers["signature"], "nonce-number"))  # fmt: skip


def without_scope(world: World, door: str) -> Told:  # noqa: F811
    bearer = token(world, "log" if door != "log-opening" else "events")
    key = bearer.removeprefix("token-")
    ask: dict[str, Callable[[], Any]] = {
        "events": lambda: post([world.meeting("m")], bearer),
        "files": lambda: send(b"x", bearer),
        "log-opening": lambda: by_bearer("/log/opening/0", bearer),
        "reconciliation-send": lambda: by_bearer("/v1/reconciliation", bearer, b"x"),
        "members-figures": lambda: by_bearer("/v1/members/figures", bearer),
    }
    code = "log-verifiers-only" if door == "log-opening" else "scope-missing"
    return Told(ask[door], door, code, key, key, (bearer,))


def by_bearer(path: str, bearer: str, body: bytes | None = None) -> Any:
    headers = {"authorization": f"Bearer {bearer}"}
    if body is None:
        return Client().get(path, headers=headers)
    return Client().post(path, body, content_type="text/csv", headers=headers)


def file_of(world: World, why: str) -> Told:  # noqa: F811
    bearer = token(world)
    if why == "path":
        return Told(
            lambda: send(b"x", bearer, "../secrets.csv"), "files", "file-name", leaks=("secrets.csv", bearer)
        )
    return Told(lambda: send(b"x", bearer, length=str(2**31)), "files", "file-too-large", leaks=(bearer,))


def at_the_token_door(world: World, what: str) -> Told:  # noqa: F811
    client_id, secret = parties.issue_client(queries.party(world.sender.code))
    named = {"nobody": "nobody-" + SECRET}.get(what, client_id)
    given = {"scope": "openid"} if what in ("scope", "wrong secret, scope") else {}
    right = what in ("scope", "suspended", "expired")
    basic = base64.b64encode(f"{named}:{secret if right else SECRET}".encode()).decode()
    if what == "suspended":
        desk.decide("party.suspend", code=world.sender.code)
    elif what == "expired":
        Key.objects.filter(pk=client_id).update(expires_at=NOW - timedelta(days=1))

    def ask() -> Any:
        return Client().post("/identity/o/api/token", {"grant_type": "client_credentials", **given},
                             headers={"authorization": f"Basic {basic}"})  # fmt: skip

    code = {"scope": "invalid_scope", "suspended": "party-suspended", "expired": "party-key-expired"}.get(
        what, "invalid_client"
    )
    return Told(
        ask,
        "idp:oidc:token",
        code,
        # Who proved the secret is no stranger, whatever the key may not have.
        account=client_id if right else "",
        subject="" if what == "nobody" else client_id,
        leaks=(SECRET, secret, basic),
    )


def of_another_host(world: World, door: str) -> Told:  # noqa: F811
    bearer, forged = token(world), "elsewhere.example"
    if door == "events":
        ask = lambda: post([world.meeting("m")], bearer, host=forged)  # noqa: E731
    else:
        ask = lambda: send(b"x", bearer, signed={"host": forged})  # noqa: E731
    return Told(ask, door, "wrong-host", leaks=(forged, bearer))


def revoked(world: World) -> Told:  # noqa: F811
    bearer = token(world)
    key = bearer.removeprefix("token-")
    real = queries.token_party

    def ask() -> Any:
        asked = []

        def once(*given: Any, **more: Any) -> Any:
            asked.append(1)
            return real(*given, **more) if len(asked) == 1 else None

        with patch.object(queries, "token_party", once):
            return post([world.meeting("m")], bearer)

    return Told(ask, "events", "token-refused", key, key, (bearer,))


CASES: dict[str, Callable[[World], Told]] = {
    **{f"a signature: {one}": lambda made, one=one: signed(made, one)
       for one in ("stale", "another audience", "another body", "not hers")},
    "a replayed nonce": replayed,
    **{f"a scope missing at {one}": lambda made, one=one: without_scope(made, one)
       for one in ("events", "files", "log-opening", "reconciliation-send", "members-figures")},
    "a token that is none": lambda made: Told(
        lambda: post([made.meeting("m")], SECRET), "events", "token-refused", leaks=(SECRET,)),
    "a key revoked in flight": revoked,
    "a wrong secret": lambda made: at_the_token_door(made, "secret"),
    "a key that is not there": lambda made: at_the_token_door(made, "nobody"),
    "a scope that the key has not": lambda made: at_the_token_door(made, "scope"),
    "a scope that the key has not, by a wrong secret": lambda made: at_the_token_door(made, "wrong secret, scope"),
    "a key of a suspended party": lambda made: at_the_token_door(made, "suspended"),
    "a key past its time": lambda made: at_the_token_door(made, "expired"),
    "a path in a file name": lambda made: file_of(made, "path"),
    "a file of 2 GiB": lambda made: file_of(made, "size"),
    **{f"a forged host at {door}": lambda made, door=door: of_another_host(made, door) for door in ("events", "files")},
    "a body beyond all bounds": lambda made: Told(
        lambda: post(b"x" * 5_000_001, None, **{"content-length": "5000001"}), "events", "too-large"),
    "no session": lambda made: Told(lambda: Client().get("/v1/me/account"), "v1:account", "sign-in-first"),
    "a form of another site": lambda made: Told(
        lambda: Client(enforce_csrf_checks=True).post("/sign-in/staff", {"account": "x", "password": SECRET}),
        "sign-in-staff", "form-outdated", leaks=(SECRET,)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_at_a_door_is_one_row_a_minute(
    case: str,
    world: World,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = CASES[case](world)
    answers = [made.call(), made.call(), made.call()]
    assert all(400 <= one.status_code < 500 for one in answers)
    said = answers[0].content if hasattr(answers[0], "content") else answers[0].body
    if made.door != "sign-in-staff":
        told = json.loads(said)
        assert made.code == told.get("code", told.get("error")), told
    (row,) = rows()
    assert row[:3] == (f"door.{made.door}", made.account, made.subject), row
    assert row[3]["code"] == made.code and len(row[3].get("from", "")) in (0, 16)
    assert row[3].get("party", "") == (world.sender.code if made.subject else "")
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        turned_away.tell_counts(), turned_away.tell_counts()
    first, second = rows()
    assert second[:3] == first[:3] and second[3]["more"] == 2
    text = json.dumps(list(Audit.objects.values_list("account", "what", "subject", "detail"))) + caplog.text
    for leak in (*made.leaks, ADDRESS):
        assert leak not in (text if leak != ADDRESS else json.dumps(rows())), leak


def test_what_is_accepted_leaves_no_row_of_a_refusal(world: World) -> None:  # noqa: F811
    assert post([world.meeting("m")], token(world)).status_code == 200
    assert Client().get("/sign-in").status_code == 200 and Client().get("/nowhere").status_code == 404
    assert rows() == []


def test_the_auditor_finds_it_by_door_and_by_key(world: World) -> None:  # noqa: F811
    made = without_scope(world, "events")
    made.call()
    for asked in (
        Search(what="door."),
        Search(subject=made.subject),
        Search(account=made.account, act="refused"),
    ):
        assert [one.what for one in trail.search(asked) if one.act == "refused"] == ["door.events"]
    assert any("scope-missing" in line for line in trail.lines(Search(what="door.events"), "csv"))


def test_a_refusal_stays_one_where_it_cannot_be_told(
    world: World,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = at_the_token_door(world, "secret")
    with patch.object(turned_away.audit, "note", side_effect=DatabaseError(SECRET)):
        assert made.call().status_code == 401
        assert post([], SECRET).status_code == 401
    assert "refusals not told (idp:oidc:token invalid_client)" in caplog.text
    assert SECRET not in caplog.text and rows() == []


def test_a_flood_from_everywhere_is_a_bounded_number_of_rows(world: World) -> None:  # noqa: F811
    key = token(world, "log").removeprefix("token-")
    for number in range(4 * turned_away.MOST):
        Client(REMOTE_ADDR=f"10.0.0.{number}").get("/v1/events", headers={"authorization": "Bearer x"})
    assert len(rows()) == turned_away.MOST + 1 and rows()[-1][0] == "door.many"
    # Who proved who they are is still told apart.
    by_bearer("/v1/events", f"token-{key}")
    assert rows()[-1][:2] == ("door.events", key)


def test_the_first_of_a_minute_is_told_alike_for_what_is_there_and_what_is_not(world: World) -> None:  # noqa: F811
    def statements(made: Told) -> list[str]:
        with CaptureQueriesContext(connection) as ran:
            made.call()
        return [
            one["sql"].split()[0]
            for one in ran
            if "review_audit" in one["sql"] or "parties_client" in one["sql"]
        ]

    there, gone = (statements(at_the_token_door(world, what)) for what in ("secret", "nobody"))
    assert there == gone and there.count("INSERT") == 1


@pytest.mark.django_db
def test_pages_tell_of_what_was_not_theirs_and_of_nothing_twice(city: stage.City, enter: Any) -> None:
    browser, handle = enter(city.person.user), city.person.user.handle
    assert browser.get("/entries/999999999").status_code == 404
    assert browser.get("/v1/me/entries/999999999/receipt").status_code == 404
    assert browser.get("/operator/audit").status_code == 403
    found = [(what, account, told["code"]) for what, account, _, told in rows()]
    assert found == [
        ("door.entry", handle, "not-found"),
        ("door.v1:receipt", handle, "not-found"),
        ("view audit", handle, "no-right"),
    ]


@pytest.mark.django_db
def test_wrong_passwords_are_a_row_each_until_they_are_too_many(db: None) -> None:
    browser = Client()
    answers = [browser.post("/sign-in/staff", {"account": "nobody", "password": SECRET}) for _ in range(6)]
    assert [one.status_code for one in answers] == [403] * 5 + [429]
    told = [what for what, *_ in rows()]
    assert told == ["signin.password-try"] * 5 + ["door.sign-in-staff"]
    assert SECRET not in json.dumps(rows())


@pytest.mark.django_db
def test_what_a_partner_may_not_name_on_its_page_is_told(city: stage.City, enter: Any) -> None:
    keeper, other = (
        review.create_user("staff", made_up=True),
        parties.create_party("other", "merchant", "他", "O"),
    )
    parties.add_member(keeper, city.partner, "partner")
    page, (key, _) = enter(keeper), parties.issue_client(other)
    assert page.post("/partner/key/revoke", {"key": key}).status_code == 404
    assert page.post("/partner/webhook", {"step": "add", "url": "http://10.0.0.1/"}).status_code == 422
    found = [(what, account, told["code"]) for what, account, _, told in rows()]
    assert found == [
        ("door.partner-key-revoke", keeper.handle, "client-unknown"),
        ("door.partner-hook", keeper.handle, "webhook-malformed"),
    ]
    assert key not in json.dumps(rows()) and "10.0.0.1" not in json.dumps(rows())


@pytest.mark.django_db
def test_the_auditor_s_page_shows_it(city: stage.City, enter: Any) -> None:
    assert enter(city.person.user).get("/entries/999999999").status_code == 404
    auditor = desk.staffed()["audit_admin"]
    page = enter(auditor, "en").get("/operator/audit", {"what": "door.", "act": "refused"}).content.decode()
    assert "door.entry" in page and "not-found" in page and city.person.user.handle in page
