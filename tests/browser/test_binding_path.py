"""A partner's app binds a person's account: over real HTTP, with a real browser between the two servers."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from django.conf import settings
from tests.browser.test_every_page import look
from tests.browser.test_main_path import enter_text, press, sent_code
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.doors import keyring, randomness
from abate.platform.parties import collecting
from abate.platform.people import queries

pytestmark = [pytest.mark.browser, pytest.mark.platform]


@contextmanager
def app_server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The partner's app: (its address, what people came back with)."""
    back: list[dict[str, str]] = []

    class Back(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/back"):
                back.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)))
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>app</title><p id=done>done")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Back)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", back
    server.shutdown()


@pytest.mark.clause("P-6.2-types", "P-4.3")
@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (1440, "en-GB")])
def test_from_the_partners_app_and_back(
    city: stage.City, visit, address: str, shots: str | None, width: int, language: str
) -> None:
    keyring.ensure_oidc(Path(settings.ABATE_SECRET_FILE))
    messages = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
    party = desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["cycling", "walking"])
    with app_server() as (app, back):
        made = desk.decide("party.binding", code=party.code, redirects=[f"{app}/back"])
        _, secret = collecting.collect(party.pk, made["client_id"])
        verifier = base64.urlsafe_b64encode(randomness.token_bytes(32)).decode().rstrip("=")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {"client_id": made["client_id"], "redirect_uri": f"{app}/back", "response_type": "code",
                 "scope": "openid", "state": "s", "nonce": "n", "code_challenge": challenge,
                 "code_challenge_method": "S256"}  # fmt: skip
        window = visit(width, language, scripts=False)
        page = window.page
        window.go(f"/identity/o/authorize?{urllib.parse.urlencode(asked)}")
        enter_text(page, "#contact", city.contact)
        enter_text(page, "#code", sent_code(messages))
        assert app.removeprefix("http://") in page.locator("main").inner_text()
        look(window, f"{width}-{language}-bind", shots)
        assert page.locator("input[name=behaviour]:checked").count() == 0, "nothing is ticked for anybody"
        page.check("input[value=cycling]")
        press(page, "button[value=grant]")
        page.wait_for_selector("#done")
        (found,) = back
        assert found["state"] == "s"
        body = {"grant_type": "authorization_code", "code": found["code"], "redirect_uri": f"{app}/back",
                "client_id": made["client_id"], "client_secret": secret,
                "code_verifier": verifier}  # fmt: skip
        request = urllib.request.Request(
            f"{address}/identity/o/api/token", urllib.parse.urlencode(body).encode()
        )
        token = json.loads(urllib.request.urlopen(request).read())["id_token"]
        keys = jwt.PyJWKClient(f"{address}/.well-known/jwks.json")
        told = jwt.decode(token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"],
                          audience=made["client_id"], issuer=address)  # fmt: skip
        assert told["sub"] == queries.subject_for(city.person.pk, party.pk)
        live = {
            row.behaviour
            for row in queries.authorisations(city.person.pk)
            if row.live and row.party_code == party.code
        }
        assert live == {"cycling"}
    assert window.complaints == []
