"""Every kind of key and token at every address, for own and another's, in every standing: no cell untried.

What is expected stands in NEEDS, apart from the code; test_matrix.py has those who come with a session.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from tests.platform.review import callers
from tests.platform.review.callers import EVENTS, LOG, SHARING, Caller, Town
from tests.platform.review.test_matrix import COMMON, OTHERS, OUR_OWN, known
from tests.platform.web import city as stage

from abate.platform.config.asgi import application
from abate.platform.incentives import queries as offers
from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.sharing import queries as sharing
from abate.platform.web import gate, intake

pytestmark = [pytest.mark.platform]
NEEDS = {
    **dict.fromkeys(("events", "event", "files", "file", "file-errors", "file-back", "notices", "notice-answer"), EVENTS),
    **dict.fromkeys(("reconciliation-send", "reconciliation-breaks", "conformance", "members-figures"), EVENTS),
    **dict.fromkeys(("sharing-ask", "sharing-request", "sharing-figures", "sharing-people"), SHARING),
    "log-opening": LOG,
}  # fmt: skip
"""The scope without which an address tells a key nothing."""
DOORS = {"/v1/events": EVENTS, "/v1/files?name=f.csv": EVENTS}
"""The two addresses that take what partners send; they stand beside Django, and not in endpoints.csv."""
BUNDLE = {"address": "entries/000.p/1"}
OWN_WAY = {"idp:oidc:token", "idp:oidc:userinfo", "idp:oidc:revoke"}
"""Addresses that OAuth2 says everything about: by a key's secret, or by a token for a person. They have a test of their own."""
BY_APPLICATION = {"application-state", "application-document", "application-submit", "application-mend"}
NOT_THERE = {404, 403}
REFUSALS = {
    "token-refused",
    "scope-missing",
    "log-token-needed",
    "log-verifiers-only",
    *callers.FALLEN.values(),
}
REFUSALS |= {
    "party-key-expired",
    "party-key-address",
    "party-key-other-area",
    "signature-needed",
    "signature-invalid",
}
BODIES = {"notice-answer": b'{"text": "x"}'}
"""What is sent where an empty body would be refused before anybody looks whose the thing is."""
SOMEBODY_S: dict[str, dict[str, object]] = {
    "family-enter": {"child_id": 1},
    "groups-agree": {"member_id": 1},
    "groups-leave": {"member_id": 1},
    "code": {"code_id": 1},
    "withdraw": {"authorisation_id": 1},
    **{name: {"request_id": uuid4()} for name in ("disclosure", "disclosure-agree", "disclosure-withdraw")},
    **{name: {"entry_id": 1} for name in ("entry", "entry-receipt", "v1:explanation", "v1:receipt")},
}
"""Numbers in the addresses of people's own things: nobody here comes as a person."""
CHOSEN = (
    "a partner",
    "a verifier with an opening",
    "an authority",
    "a token for a person",
    "a party that is suspended",
)


@pytest.fixture
def town(transactional_db: None, settings: Any) -> Iterator[Town]:
    settings.ABATE_ADDRESS_PER_MINUTE = 1_000_000
    nobody_s_browser.cache_clear()
    yield callers.build()
    # The intake's threads hold connections of their own: none may outlive the test's database.
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    location: str = ""


def path_of(name: str, given: dict[str, object]) -> str:
    values = {word: value for word, value in given.items() if word != "?"}
    if name in ("offer", "redeem"):
        values["offer_id"] = offers.offers()[0].id
    return reverse(name, kwargs=values) + (f"?{given['?']}" if "?" in given else "")


@cache
def nobody_s_browser() -> Client:
    """One for all calls of a test: a new one begins with reading every file of the pages, which is half of a call."""
    return Client(raise_request_exception=False)


def ask(caller: Caller, method: str, path: str, body: bytes = b"") -> Answer:
    headers, browser = caller.headers(method, path, body), nobody_s_browser()
    # What one was given goes with no other.
    browser.cookies.clear()
    made = browser.generic(method, path, body, content_type="application/json", headers=headers)
    return Answer(made.status_code, code_of(getattr(made, "content", b"")), made.get("Location", ""))


def send(caller: Caller, path: str, method: str = "POST") -> Answer:
    """A call of the ASGI application, as a server hands it over."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = {"host": "testserver", "content-length": "0"} | caller.headers(method, path, b"")
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    where, _, query = path.partition("?")
    scope = {"type": "http", "method": method, "path": where, "raw_path": where.encode(), "query_string": query.encode(),
             "headers": raw, "client": ("127.0.0.1", 1), "scheme": "http"}  # fmt: skip
    asyncio.run(application(scope, receive, take))
    return Answer(sent[0]["status"], code_of(b"".join(one.get("body", b"") for one in sent[1:])))


def code_of(body: bytes) -> str:
    try:
        return str(json.loads(body).get("code", ""))
    except (ValueError, AttributeError):
        return ""


def expected(caller: Caller, needed: str) -> str:
    """The code by which a caller is refused where that scope is needed; empty where it is let in."""
    refusal = caller.refusal or ("" if needed in caller.scopes else "scope-missing")
    if needed == LOG:
        refusal = {"token-refused": "log-token-needed", "scope-missing": "log-verifiers-only"}.get(
            refusal, refusal
        )
        return refusal or ("" if caller.verifier else "log-verifiers-only")
    return refusal


def fits(caller: Caller, needed: str, answer: Answer, *, foreign: bool) -> bool:
    refusal = expected(caller, needed)
    if refusal:
        return answer.code == refusal and answer.status in (401, 403)
    return answer.code not in REFUSALS and answer.status < 500 and (answer.status in NOT_THERE or not foreign)


Cell = tuple[Caller, str, str, bool, bool, Answer]


def lines_of_keys() -> set[tuple[str, str]]:
    return {
        at for at, line in gate.lines().items() if line.who in ("key", "verifier") and at[0] not in OWN_WAY
    }


def by_key(made: Town, only: Collection[str] = ()) -> Iterator[Cell]:
    """Each caller at each address of a key's (or `only` at these): its own things where it has such, and always another's;
    whether the answer is as it should be stands last but one."""
    for caller in made.callers:
        for name, method in sorted(at for at in lines_of_keys() if not only or at[0] in only):
            for things in (caller.things, made.foreign):
                foreign = things is made.foreign and name in made.foreign and name not in _shared(caller)
                path = path_of(name, things.get(name) or made.foreign.get(name) or COMMON.get(name, {}))
                answer = ask(caller, method, path, BODIES.get(name, b""))
                yield (
                    caller,
                    name,
                    method,
                    foreign,
                    fits(caller, NEEDS[name], answer, foreign=foreign),
                    answer,
                )
                if method == "GET":
                    # It has no body to tell a code in.
                    head = ask(caller, "HEAD", path)
                    yield caller, name, "HEAD", foreign, head.status == answer.status, head
        for path, needed in DOORS.items():
            if not only or path in only:
                answer = send(caller, path)
                yield caller, path, "POST", False, fits(caller, needed, answer, foreign=False), answer
        if not only or "log-tile" in only:
            answer = ask(caller, "GET", path_of("log-tile", BUNDLE))
            yield caller, "log-tile", "GET", False, fits(caller, LOG, answer, foreign=False), answer


def _shared(caller: Caller) -> set[str]:
    """What the other also is this caller's own: the one log has one entry at a place."""
    return {"log-opening"} & set(caller.things)


@pytest.mark.clause("P-8.4-c", "P-6.1-b")
def test_every_key_at_every_address_of_a_key_s(town: Town) -> None:
    cells = list(by_key(town))
    wrong = [
        (one.name, name, how, whose, answer) for one, name, how, whose, good, answer in cells if not good
    ]
    assert wrong == []
    lines = lines_of_keys()
    heads = sum(method == "GET" for _, method in lines)
    assert len(cells) == len(town.callers) * (2 * (len(lines) + heads) + len(DOORS) + 1)
    assert {name for name, _ in lines} == set(NEEDS)
    # Whom nothing keeps out was let in somewhere.
    let_in = {one.name for one, name, _, _, _, answer in cells if answer.status < 300}
    assert let_in == {
        one.name for one in town.callers if not one.refusal and not one.name.endswith("without the scope")
    }


@pytest.mark.parametrize("chosen", [CHOSEN, pytest.param((), marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_key_opens_no_other_address(town: Town, chosen: tuple[str, ...]) -> None:
    """At all addresses but a key's, whoever comes with one is answered as nobody is; at a key's, with other methods."""
    nobody = next(one for one in town.callers if one.name == "nobody")
    who = [one for one in town.callers if not chosen or one.name in chosen]
    assert len(who) >= len(chosen)
    tried, wrong = 0, []
    for name in sorted(known() - OUR_OWN - OWN_WAY):
        given = COMMON.get(name) or SOMEBODY_S.get(name, {})
        path = path_of(name, given | town.foreign.get(name, {}))
        for method in ("GET", "POST", *(() if chosen else OTHERS)):
            if (name, "GET" if method == "HEAD" else method) in lines_of_keys():
                continue
            plain = ask(nobody, method, path)
            for caller in who:
                tried += 1
                answer = ask(caller, method, path)
                if answer != plain:
                    wrong.append((caller.name, name, method, answer, plain))
    assert wrong == []
    others = [at for at in gate.lines() if at not in lines_of_keys() and at[0] not in OWN_WAY]
    assert tried > len(who) * len(others)


def test_an_application_is_its_own_token_s(town: Town) -> None:
    (own, token), (other, _) = town.applications.items()
    applicant = Caller("an applicant", callers.bearer(token))
    for name in sorted(BY_APPLICATION):
        method = next(method for at, method in gate.lines() if at == name)
        for whose in (own, other):
            path = path_of(name, COMMON[name] | {"application_id": whose})
            for caller in (applicant, *town.callers):
                answer = ask(caller, method, path)
                if caller is applicant and whose == own:
                    assert answer.code != "application-unknown" and answer.status != 404, (name, answer)
                else:
                    assert (answer.status, answer.code) == (404, "application-unknown"), (caller.name, name)


def test_a_token_is_given_for_a_secret_and_tells_of_a_person_whose_it_is(town: Town) -> None:
    """The three addresses of OAuth2: none of the callers has a secret to show, one has a token for a person."""
    for caller in town.callers:
        for name, method in sorted(at for at in gate.lines() if at[0] in OWN_WAY):
            answer = ask(caller, method, path_of(name, {}))
            person = caller.name == "a token for a person" and name == "idp:oidc:userinfo"
            assert (answer.status == 200) == person, (caller.name, name, method, answer)
    client_id, secret = parties.issue_client(town.city.partner)
    cases = {client_id: (secret, 200), "sandbox-0": (secret, 401)}
    for standing in callers.FALLEN:
        party = callers.of_kind("data_provider", f"asks-{standing}")
        one = parties.issue_client(party)
        callers.fall(party, standing)
        cases[one[0]] = (one[1], 403)
    for one, (told, status) in cases.items():
        basic = base64.b64encode(f"{one}:{told}".encode()).decode()
        made = Client().post(reverse("idp:oidc:token"), {"grant_type": "client_credentials"},
                             headers={"authorization": f"Basic {basic}"})  # fmt: skip
        assert made.status_code == status, (one, made.content)


PORTAL = (
    "partner-file",
    "partner-file-back",
    "partner-message",
    "partner-notice",
    "partner-check",
    "partner-report",
)


@pytest.mark.clause("P-8.4-c")
@pytest.mark.parametrize("role", ["partner", "acceptor"])
def test_who_acts_for_a_party_reaches_its_own_while_it_stands(town: Town, role: str) -> None:
    """Standing of the party x address of the role x own or another's; the pages of the other role stay closed."""
    partner = next(one for one in town.callers if one.name == "a partner")
    lines = [
        (name, method) for (name, method), line in gate.lines().items() if line.who in ("partner", "acceptor")
    ]
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, town.city.partner, role)
    browser = enter(keeper)
    for standing in ("active", *callers.FALLEN):
        callers.fall(town.city.partner, standing)
        for name, method in lines:
            for things in (partner.things, town.foreign):
                answer = browser.generic(method, path_of(name, things.get(name, {})))
                live = standing == "active" and gate.lines()[name, method].who == role
                if not live:
                    assert answer.status_code == 403, (standing, name, method)
                elif name in PORTAL:
                    assert (answer.status_code == 404) == (things is town.foreign), (name, answer.status_code)
                else:
                    # What a form would name is not named here: that it is not there is an answer to who may ask.
                    assert answer.status_code not in (401, 403), (name, answer.status_code)


def enter(user: User) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def test_a_hole_is_found(town: Town) -> None:
    """A view that looks up what it shows without asking whose it is, one that asks for another scope, and a door that lets
    in whom three people suspended."""

    some = replace(town, callers=[one for one in town.callers if one.name in CHOSEN])

    def red(*only: str) -> set[str]:
        return {name for _, name, _, _, good, _ in by_key(some, only) if not good}

    asked = ("sharing-request", "sharing-people", "notices", "event", "/v1/events")
    assert red(*asked) == set()
    real = sharing.request
    with patch("abate.platform.web.sharing.queries.request", lambda number, party_id: real(number)):
        assert red(*asked) == {"sharing-request", "sharing-people"}
    with patch("abate.platform.web.notices.EVENTS", SHARING):
        assert red(*asked) == {"notices"}
    with patch("abate.platform.parties.queries.check_standing"):
        assert red(*asked) == set(asked)
