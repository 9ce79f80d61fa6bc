"""What a binding's code is exchanged for: for how long, how often, and that no token is taken for what it says of itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from allauth.idp.oidc.models import Token
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.test import Client
from tests.platform.people.townspeople import at_once
from tests.platform.web import city as stage
from tests.platform.web.test_binding import ADDRESS, App, agree, told

from abate.demo import desk
from abate.platform.doors import clock, keyring
from abate.platform.parties import queries as parties
from abate.platform.people import groups
from abate.platform.people import queries as people
from abate.platform.people.models import Authorisation
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
ABOUT = "/identity/o/api/userinfo"


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    keyring.ensure_oidc(Path(settings.ABATE_SECRET_FILE))


def about(token: str) -> int:
    return Client().get(ABOUT, headers={"authorization": f"Bearer {token}"}).status_code


def test_a_code_that_comes_again_ends_the_token_it_was_exchanged_for(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    code, other = (told(agree(browser, app))["code"] for _ in range(2))
    token, second = (str(app.exchange(one).json()["access_token"]) for one in (code, other))
    assert app.exchange(code, client_secret="guess").status_code == 401 and about(token) == 200
    assert app.exchange("never-given").status_code == 400 and about(token) == 200
    assert app.exchange(code).json() == {"error": "invalid_grant"}
    assert (about(token), about(second)) == (401, 200)
    assert Audit.objects.filter(what="party.code-again", subject=app.client_id).count() == 1


def token_of(app: App, browser: Client, *behaviours: str) -> str:
    return str(app.exchange(told(agree(browser, app, *behaviours))["code"]).json()["access_token"])


@pytest.mark.clause("P-4.3")
def test_a_withdrawal_ends_every_token_about_the_person_at_once(city: stage.City, enter: Any) -> None:
    bike = desk.create_party("bike-app", "data_provider", "单车", "Bike", ["cycling", "walking"])
    app, other, browser = App(bike), App(city.partner), enter(city.person.user, "en")
    token, elsewhere = token_of(app, browser, "cycling", "walking"), token_of(other, browser)
    theirs = token_of(app, enter(city.stranger.user), "cycling")
    late = told(agree(browser, app))["code"]
    rows = [row for row in people.authorisations(city.person.pk) if row.party_code == bike.code]
    browser.post(f"/authorisations/{rows[0].id}/withdraw")
    # Also of what stays authorised: the app asks anew.
    assert (about(token), about(theirs), about(elsewhere)) == (401, 200, 200)
    noted = Audit.objects.get(what="party.tokens-end", subject=city.person.user.handle)
    assert json.loads(noted.detail)["tokens"] == 1
    browser.post(f"/authorisations/{rows[1].id}/withdraw")
    # A code that was given before is exchanged for nothing: nobody is bound.
    answer = app.exchange(late)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert not Token.objects.filter(user=city.person.user, client_id=app.client_id).exists()


def test_where_no_authorisation_is_left_no_token_tells_anybody(city: stage.City, enter: Any) -> None:
    """However it ended: a household's, a party's and a child's authorisations end elsewhere than on this page."""
    app, browser = App(city.partner), enter(city.person.user)
    token = token_of(app, browser)
    assert about(token) == 200
    Authorisation.objects.filter(person=city.person, party=city.partner).update(withdrawn_at=clock.now())
    assert about(token) == 401


@pytest.mark.clause("P-4.3")
def test_joining_a_household_ends_the_joiners_tokens_where_the_meter_ends(
    city: stage.City, enter: Any
) -> None:
    """Though what is no meter's stays authorised, as where they withdraw themselves; nobody else's token ends."""
    grid = desk.create_party("grid", "data_provider", "电", "Grid", ["saving-electricity", "cycling"])
    app, other, browser = App(grid), App(city.partner), enter(city.person.user, "en")
    token, elsewhere = token_of(app, browser, "saving-electricity", "cycling"), token_of(other, browser)
    theirs = token_of(app, enter(city.stranger.user), "saving-electricity", "cycling")
    groups.join(city.person, groups.invite(city.stranger)[0], "n")
    left = [row.behaviour for row in people.authorisations(city.person.pk) if row.live]
    assert "cycling" in left and "saving-electricity" not in left
    assert (about(token), about(theirs), about(elsewhere)) == (401, 200, 200)
    assert not Token.objects.filter(user=city.person.user, client_id=app.client_id).exists()
    noted = Audit.objects.get(what="party.tokens-end", subject=city.person.user.handle)
    assert json.loads(noted.detail)["tokens"] == 1
    # The app asks again, for what is left.
    assert about(token_of(app, browser, "cycling")) == 200


def test_joining_where_nothing_is_doubled_ends_no_token(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    token = token_of(app, browser)
    groups.join(city.person, groups.invite(city.stranger)[0], "n")
    assert about(token) == 200
    assert not Audit.objects.filter(what="party.tokens-end").exists()


def test_a_person_ends_the_tokens_of_one_app_and_withdraws_nothing(city: stage.City, enter: Any) -> None:
    bike = desk.create_party("bike-app", "data_provider", "单车", "Bike <b>", ["cycling"])
    app, other, browser = App(bike), App(city.partner), enter(city.person.user, "en")
    tokens = [token_of(app, browser, "cycling") for _ in range(2)]
    elsewhere, theirs = token_of(other, browser), token_of(app, enter(city.stranger.user), "cycling")
    shown = browser.get("/authorisations").content.decode()
    assert "2 held" in shown and "Bike &lt;b&gt;" in shown and "/authorisations/bike-app/tokens" in shown
    assert browser.post("/authorisations/bike-app/tokens").status_code == 302
    assert [about(one) for one in (*tokens, elsewhere, theirs)] == [401, 401, 200, 200]
    assert people.is_bound(city.person.pk, bike.pk)
    assert Audit.objects.filter(what="party.tokens-end", subject=city.person.user.handle).count() == 1
    assert "/authorisations/bike-app/tokens" not in browser.get("/authorisations").content.decode()
    # The app asks again, and is told again: nothing was withdrawn.
    assert about(token_of(app, browser)) == 200


def test_no_refresh_token_is_given_or_kept(city: stage.City, enter: Any) -> None:
    app = App(city.partner)
    answer = app.exchange(told(agree(enter(city.person.user), app))["code"])
    assert set(answer.json()) == {"access_token", "expires_in", "id_token", "scope", "token_type"}
    assert set(Token.objects.values_list("type", flat=True)) == {"at"}
    sent = {
        "grant_type": "refresh_token",
        "refresh_token": "x",
        "client_id": app.client_id,
        "client_secret": app.secret,
    }
    assert Client().post("/identity/o/api/token", sent).status_code == 400


def test_the_page_says_to_whom_what_and_for_how_long(city: stage.City, enter: Any) -> None:
    app = App(
        desk.create_party("bike-app", "data_provider", "单车", "Bike of the city", ["cycling", "walking"])
    )
    page = enter(city.person.user, "en").get(f"{ADDRESS}?{app.query()}").content.decode()
    for told_ in ("Bike of the city", "app.partner.example", "cycling", "walking", "until you take it back"):
        assert told_ in page, told_


def test_a_code_lasts_a_minute(city: stage.City, enter: Any) -> None:
    app, browser = App(city.partner), enter(city.person.user)
    code, late = (told(agree(browser, app))["code"] for _ in range(2))
    with clock.frozen(clock.now() + timedelta(seconds=50)):
        assert app.exchange(code).status_code == 200
    with clock.frozen(clock.now() + timedelta(seconds=70)):
        assert app.exchange(late).status_code == 400


def test_no_token_is_taken_for_what_it_says_of_itself(city: stage.City, enter: Any) -> None:
    """Neither our own ID token, nor one without a signature, with our public key as its secret, or with its key inside."""
    app = App(city.partner)
    answer = app.exchange(told(agree(enter(city.person.user), app))["code"]).json()
    (jwk,) = Client().get("/.well-known/jwks.json").json()["keys"]
    said = jwt.decode(answer["id_token"], options={"verify_signature": False})
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    inside = {"kid": jwk["kid"], "jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))}
    forged = [
        jwt.encode(said, "", algorithm="none"),
        _by_our_public_key(said),
        jwt.encode(said, stranger, algorithm="RS256", headers=inside),
        jwt.encode(
            said | {"token_use": "access", "client_id": app.client_id, "scope": "openid events"},
            stranger,
            "RS256",
        ),
    ]
    for token in (answer["id_token"], *forged):
        assert about(token) == 401 and parties.token_party(token, None) is None
    assert about(answer["access_token"]) == 200
    # In an address it is refused too: addresses are written down on the way.
    assert Client().get(f"{ABOUT}?access_token={answer['access_token']}").status_code == 401


def test_of_a_code_that_two_bring_at_once_no_token_stays(
    transactional_db: None, city: stage.City, enter: Any
) -> None:
    """Whoever comes second, however soon, ends what the first was given: one of them is a thief."""
    app = App(city.partner)
    for _ in range(5):
        code = told(agree(enter(city.person.user), app))["code"]
        answers = at_once(2, lambda _, code=code: app.exchange(code))
        given = [one.json()["access_token"] for one in answers if one.status_code == 200]
        assert sorted(one.status_code for one in answers) == [200, 400]
        assert [about(token) for token in given] == [401]


def _by_our_public_key(said: dict[str, Any]) -> str:
    """HS256 under the public half of our RSA key, as a verifier that takes either kind of key would read it."""
    ours = load_pem_private_key((keyring.keyring().oidc or "").encode(), None).public_key()
    secret = ours.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, said))
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    tag = base64.urlsafe_b64encode(hmac.digest(secret, text, hashlib.sha256)).rstrip(b"=")
    return (text + b"." + tag).decode()


def test_the_key_that_signs_them_is_as_long_as_we_ask_of_partners(tmp_path: Path) -> None:
    keyring.create(tmp_path / "secrets.json")
    keyring.ensure_oidc(tmp_path / "secrets.json")
    made = load_pem_private_key((keyring.read(tmp_path / "secrets.json").oidc or "").encode(), None)
    assert isinstance(made, rsa.RSAPrivateKey) and made.key_size == 3072


@pytest.mark.parametrize(
    "path", ["device", "logout", "api/device/code", "api/introspect", "api/clients", "api/register"]
)
def test_what_is_not_offered_is_closed(path: str) -> None:
    """Device codes, logging out from elsewhere, looking tokens up, registering by oneself."""
    for method in ("GET", "POST"):
        assert Client().generic(method, f"/identity/o/{path}").status_code in (403, 404, 405)
    told_ = Client().get("/.well-known/openid-configuration").json()
    assert set(told_) & {"registration_endpoint", "introspection_endpoint", "end_session_endpoint"} == set()
    assert told_["response_types_supported"] == ["code"]
