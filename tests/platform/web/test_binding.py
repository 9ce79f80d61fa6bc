"""A partner's app binds an account by OpenID Connect: consent, pairwise names, PKCE, one use, and every refusal."""

from __future__ import annotations

import base64
import hashlib
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.ledger.test_races import WRITERS, together
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import keyring, randomness
from abate.platform.ledger import erasing
from abate.platform.parties import actions as parties
from abate.platform.parties import collecting
from abate.platform.parties import queries as known
from abate.platform.parties.errors import GrantMissing, RedirectUnfit
from abate.platform.people import queries
from abate.platform.signin import kept
from abate.platform.signin.models import Kept
from abate.platform.web import token_door

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
BACK = "https://app.partner.example/back"
ADDRESS = "/identity/o/authorize"


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    keyring.ensure_oidc(Path(settings.ABATE_SECRET_FILE))


class App:
    """A partner's app: it knows its key, and keeps a verifier for each request."""

    def __init__(self, party: Any) -> None:
        made = desk.decide("party.binding", code=party.code, redirects=[BACK])
        self.party = party
        self.client_id, self.secret = collecting.collect(party.pk, made["client_id"])
        self.verifier = base64.urlsafe_b64encode(randomness.token_bytes(32)).decode().rstrip("=")

    def query(self, **changes: str | None) -> str:
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        )
        asked = {"client_id": self.client_id, "redirect_uri": BACK, "response_type": "code", "scope": "openid",
                 "state": "s1", "nonce": "n1", "code_challenge": challenge, "code_challenge_method": "S256"}  # fmt: skip
        return urlencode({name: value for name, value in {**asked, **changes}.items() if value is not None})

    def exchange(self, code: str, **changes: str) -> Any:
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": self.client_id,
                "client_secret": self.secret, "code_verifier": self.verifier, **changes}  # fmt: skip
        return Client().post("/identity/o/api/token", sent)


def agree(browser: Client, app: App, *behaviours: str, action: str = "grant", **changes: str | None) -> Any:
    page = browser.get(f"{ADDRESS}?{app.query(**changes)}")
    assert page.status_code == 200, page.content
    return browser.post(f"{ADDRESS}?{app.query(**changes)}", {
        "request": page.context["signed"], "notice": page.context["notice"].version, "scopes": ["openid"],
        "behaviour": behaviours, "action": action})  # fmt: skip


def told(answer: Any) -> dict[str, str]:
    assert answer.status_code == 302 and answer["Location"].startswith(BACK), answer.content
    return {name: texts[0] for name, texts in parse_qs(urlsplit(answer["Location"]).query).items()}


def claims(app: App, token: str) -> dict[str, Any]:
    (jwk,) = Client().get("/.well-known/jwks.json").json()["keys"]
    issuer = Client().get("/.well-known/openid-configuration").json()["issuer"]
    found: dict[str, Any] = jwt.decode(
        token, jwt.PyJWK(jwk).key, algorithms=["RS256"], audience=app.client_id, issuer=issuer
    )
    return found


@pytest.mark.clause("P-4.3", "P-6.2-types")
def test_who_agrees_is_bound_under_the_partners_own_name(city: stage.City, enter: Any) -> None:
    party = desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["cycling", "walking"])
    app, browser = App(party), enter(city.person.user)
    back = told(agree(browser, app, "cycling"))
    assert back["state"] == "s1"
    answer = app.exchange(back["code"])
    assert answer.status_code == 200, answer.content
    found = claims(app, answer.json()["id_token"])
    assert found["nonce"] == "n1" and set(found) <= {
        "sub",
        "iss",
        "aud",
        "iat",
        "exp",
        "nonce",
        "at_hash",
        "jti",
    }
    assert found["sub"] == queries.subject_for(city.person.pk, party.pk)
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert Client().get("/identity/o/api/userinfo", headers=bearer).json() == {"sub": found["sub"]}
    rows = [row for row in queries.authorisations(city.person.pk) if row.party_code == party.code]
    assert [(row.behaviour, row.live) for row in rows] == [("cycling", True)]
    # Another partner knows the same person by another name.
    other = App(desk.create_party("bike-app", "data_provider", "单车", "Bike", ["cycling"]))
    second = claims(other, other.exchange(told(agree(browser, other, "cycling"))["code"]).json()["id_token"])
    assert second["sub"] != found["sub"]


def test_a_code_is_good_once_for_its_app_its_address_and_its_verifier(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    stranger = App(desk.create_party("other-app", "data_provider", "别家", "Another", ["cycling"]))
    code = told(agree(browser, app))["code"]
    wrong = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    assert stranger.exchange(code, code_verifier=app.verifier).status_code == 400
    assert app.exchange(code, code_verifier=wrong).status_code == 400
    assert app.exchange(code, redirect_uri=BACK + "2").status_code == 400
    assert app.exchange(code, client_secret="guess").status_code == 401
    assert app.exchange(code).status_code == 200
    assert app.exchange(code).status_code == 400


def test_a_persons_token_speaks_for_no_party(city: stage.City, enter: Any) -> None:
    app = App(city.partner)
    token = app.exchange(told(agree(enter(city.person.user), app))["code"]).json()["access_token"]
    assert known.token_party(token, None) is None and known.token_party(token, "openid") is None


def test_who_does_not_agree_is_told_so_and_nothing_changes(city: stage.City, enter: Any) -> None:
    party = desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["cycling"])
    app, browser = App(party), enter(city.person.user, "en")
    assert told(agree(browser, app, action="deny")) == {"error": "access_denied", "state": "s1"}
    none = agree(browser, app)
    assert none.status_code == 422 and b"Choose at least one behaviour" in none.content
    assert queries.subject_for(city.person.pk, party.pk) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"prompt": "none"},
        {"redirect_uri": "https://thief.example/back"},
        {"redirect_uri": BACK + "/more"},
        {"client_id": "nobody"},
    ],
)
def test_a_request_that_is_not_the_partners_stays_here(
    city: stage.City, enter: Any, changes: dict[str, str]
) -> None:
    answer = enter(city.person.user).get(f"{ADDRESS}?{App(city.partner).query(**changes)}")
    assert answer.status_code == 400 and "绑定请求有误" in answer.content.decode()
    # Somebody's browser is there, sent by an app: a page with a way on, no document for programs.
    assert answer["Content-Type"].startswith("text/html") and b"<main" in answer.content


def test_other_scopes_and_answers_go_back_as_errors(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    for changes, error in (({"scope": "openid email"}, "invalid_scope"), ({"response_type": "token"}, "")):
        answer = browser.get(f"{ADDRESS}?{app.query(**changes)}")
        assert answer.status_code in (302, 400) and error in answer.get("Location", "")
        assert "code=" not in answer.get("Location", "")


def test_who_is_not_signed_in_signs_in_first_and_comes_back(city: stage.City) -> None:
    there = f"{ADDRESS}?{App(city.partner).query()}"
    answer = Client().get(there)
    assert answer.status_code == 302 and parse_qs(urlsplit(answer["Location"]).query)["next"] == [there]


def test_a_forged_consent_grants_nothing(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    sent = {"request": "forged", "scopes": ["openid"], "behaviour": ["cycling"], "action": "grant"}
    assert browser.post(f"{ADDRESS}?{app.query()}", sent).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(city.person.user, backend="django.contrib.auth.backends.ModelBackend")
    page = browser.get(f"{ADDRESS}?{app.query()}")
    sent["request"] = page.context["signed"]
    assert strict.post(f"{ADDRESS}?{app.query()}", sent).status_code == 403


def test_a_revoked_key_and_a_suspended_partner_bind_nobody(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    code = told(agree(browser, app))["code"]
    parties.suspend(app.party)
    assert app.exchange(code).status_code in (400, 401, 403)
    assert browser.get(f"{ADDRESS}?{app.query()}").status_code == 400
    parties.resume(app.party)
    code = told(agree(browser, app))["code"]
    parties.revoke_client(app.client_id)
    assert app.exchange(code).status_code in (400, 401, 403)
    assert browser.get(f"{ADDRESS}?{app.query()}").status_code == 400


def test_who_left_is_nobody_to_the_partner(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    code, other = (told(agree(browser, app))["code"] for _ in range(2))
    token = app.exchange(other).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert Client().get("/identity/o/api/userinfo", headers=bearer).status_code == 200
    erasing.erase(city.person)
    assert app.exchange(code).status_code == 400
    answer = Client().get("/identity/o/api/userinfo", headers=bearer)
    assert answer.status_code == 401 and "sub" not in answer.json()


def test_an_account_that_is_no_person_s_has_no_code_that_could_outlive_it(
    city: stage.City, enter: Any
) -> None:
    """A party's contact (handed over), an applicant, a till, one of the staff: what is kept for minutes is none of theirs."""
    app, before = App(city.partner), Kept.objects.count()
    for user in (applicants.draft().user, city.cashier, city.operator):
        browser = enter(user)
        assert browser.get(f"{ADDRESS}?{app.query()}").status_code == 403
        sent = {"scopes": ["openid"], "behaviour": [], "action": "grant"}
        assert browser.post(f"{ADDRESS}?{app.query()}", sent).status_code == 403
    assert Kept.objects.count() == before


def test_a_partner_that_is_suspended_is_told_nobody(city: stage.City, enter: Any) -> None:
    app = App(city.partner)
    token = app.exchange(told(agree(enter(city.person.user), app))["code"]).json()["access_token"]
    parties.suspend(app.party)
    answer = Client().get("/identity/o/api/userinfo", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and "sub" not in answer.json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("naive", [True, False])
def test_of_sixteen_exchanges_of_one_code_one_succeeds(
    enter: Any, monkeypatch: pytest.MonkeyPatch, naive: bool
) -> None:
    """Planted: the code is read without a lock, by all before the first takes it away; then it is good for all."""
    city = stage.build()
    app = App(city.partner)
    code = told(agree(enter(city.person.user), app))["code"]
    if naive:
        monkeypatch.setattr(kept, "connection", SimpleNamespace(in_atomic_block=False))
        # Nor does the door keep the others waiting until the first is through.
        monkeypatch.setattr(token_door, "transaction", SimpleNamespace(atomic=nullcontext))
        read, delete = threading.Barrier(WRITERS, timeout=60), kept.Table.delete

        def wait(self: kept.Table, key: str, version: int | None = None) -> bool:
            read.wait()
            return delete(self, key, version)

        monkeypatch.setattr(kept.Table, "delete", wait)
    found = together(lambda _: app.exchange(code).status_code)
    assert sorted(found) == ([200] * WRITERS if naive else [200] + [400] * (WRITERS - 1))  # type: ignore[type-var]


@pytest.mark.parametrize(
    "redirect",
    ["http://app.example/back", "https://*.example/back", "https://a.example/#x", "javascript:alert(1)", "https://",
     "https://u@a.example/", "https://a.example/ x"],
)  # fmt: skip
def test_an_address_that_others_could_answer_at_is_refused(city: stage.City, redirect: str) -> None:
    with pytest.raises(RedirectUnfit):
        parties.issue_binding(city.partner, [redirect])


@pytest.mark.clause("P-6.2-types")
def test_who_may_send_nothing_gets_no_key_for_binding() -> None:
    """People would come with it, could agree to nothing, and the party would never learn a subject."""
    party = desk.create_party("id-house", "identity_provider", "身份行", "Id House")
    with pytest.raises(GrantMissing):
        desk.decide("party.binding", code=party.code, redirects=[BACK])
    assert known.keys(party.pk) == []
