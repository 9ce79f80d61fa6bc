"""Channels end to end: a real SMTP server, a gateway for short messages, and a push service whose browser decrypts."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as KeepMessage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from tests.platform.people.townspeople import made_up_person
from tests.platform.web import city as stage

from abate.platform import reaching
from abate.platform.doors import keyring, messages, push, signed_lines
from abate.platform.doors.errors import SetupError
from abate.platform.notices import actions, queries
from abate.platform.notices.errors import BrowserRefused
from abate.platform.notices.models import Browser, Delivery, Notice
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
KEY = bytes(range(32))
MAIL = "abate.platform.doors.messages.Mail"
SMS = "abate.platform.doors.messages.Sms"
PUSH = "abate.platform.doors.push.Push"


def carry() -> None:
    while reaching.carry() + reaching.carry_to_browsers():
        pass


class Kept(KeepMessage):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.got.append(email.message_from_bytes(message.as_bytes(), policy=email.policy.default))


@pytest.fixture
def smtp(settings: Any) -> Iterator[Kept]:
    kept = Kept()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.DEFAULT_FROM_EMAIL = "abate@city.example"
    settings.ABATE_MESSAGES = f"{MAIL},{SMS}"
    yield kept
    server.stop()


def test_mail_arrives_in_both_languages_with_a_name_that_a_repeat_has_too(smtp: Kept) -> None:
    person = made_up_person(1, "reader@example.org")
    (number,) = actions.write([person.user_id], "sign-in.key")
    carry()
    (got,) = smtp.got
    delivery = Delivery.objects.get()
    assert got["Message-ID"] == f"<notice-{number}-{delivery.pk}@city.example>"
    assert (got["To"], got["From"]) == ("reader@example.org", "abate@city.example")
    text = got.get_content()
    assert "登录方式" in got["Subject"] and "If this was not you" in text and "/security" in text


def test_a_mail_server_that_is_away_is_tried_again_and_names_nobody(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.ABATE_MESSAGES = "127.0.0.1", 1, MAIL
    person = made_up_person(1, "reader@example.org")
    actions.write([person.user_id], "sign-in.key")
    carry()
    row = Delivery.objects.get()
    assert row.next_at is not None and row.said == "mail server: ConnectionRefusedError"


@dataclass
class Service:
    """A server that keeps what is posted and answers with `status`."""

    status: int = 201
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def service() -> Iterator[Service]:
    kept = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway(service: Service, settings: Any, tmp_path: Path) -> Service:
    (tmp_path / "sms.key").write_text(KEY.hex())
    settings.ABATE_SMS_URL, settings.ABATE_SMS_KEY = service.url, str(tmp_path / "sms.key")
    settings.ABATE_MESSAGES, service.status = f"{MAIL},{SMS}", 200
    return service


def test_a_short_message_is_signed_named_and_without_the_page(gateway: Service) -> None:
    person = made_up_person(1, "13800000001")
    (number,) = actions.write([person.user_id], "sign-in.key")
    carry()
    told = signed_lines.opened(gateway.got[0][1], KEY)
    assert told is not None and told["to"] == "+8613800000001"
    assert str(told["name"]).startswith(f"notice-{number}-") and "http" not in str(told["text"])
    assert signed_lines.opened(gateway.got[0][1].replace(b"+86138", b"+86139"), KEY) is None
    assert signed_lines.opened(gateway.got[0][1], bytes(32)) is None


def test_a_gateway_that_refuses_is_tried_again_and_one_that_is_not_set_says_so(
    gateway: Service, settings: Any
) -> None:
    gateway.status = 503
    person = made_up_person(1, "13800000001")
    actions.write([person.user_id], "sign-in.key")
    carry()
    row = Delivery.objects.get()
    assert row.next_at is not None and row.said == "SMS gateway: status 503"
    settings.ABATE_SMS_URL = "http://gateway.example"
    with pytest.raises(SetupError):
        messages.send(kind="phone", to="+8613800000001", subject="", body="x")


class Window:
    """A browser's half of a subscription: keys of its own, and RFC 8291 read the other way."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = bytes(range(16))

    def form(self, endpoint: str) -> dict[str, str]:
        return {"endpoint": endpoint, "p256dh": _text(self.point), "auth": _text(self.auth)}

    def read(self, body: bytes) -> dict[str, str]:
        return json.loads(self.opened(body))

    def opened(self, body: bytes) -> bytes:
        salt, size = body[:16], body[20]
        sender, sealed = body[21 : 21 + size], body[21 + size :]
        shared = self.private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        key = _derive(shared, self.auth, b"WebPush: info\0" + self.point + sender, 32)
        content = _derive(key, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derive(key, salt, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(content).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\x02")
        return plain[:-1]


def _derive(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_the_browser_of_these_tests_reads_the_example_of_the_standard() -> None:
    """RFC 8291, appendix A: without it reader and sender could be wrong together."""
    window = Window()
    window.auth = base64.urlsafe_b64decode("BTBZMqHH6r4Tts7J_aSIgg==")
    number = int.from_bytes(base64.urlsafe_b64decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94="), "big")
    window.private = ec.derive_private_key(number, ec.SECP256R1())
    window.point = window.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    body = base64.urlsafe_b64decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert window.opened(body) == b"When I grow up, I want to be a watermelon"


@pytest.fixture
def browser(service: Service, settings: Any) -> tuple[Person, Window, Service]:
    settings.ABATE_MESSAGES, settings.ABATE_WEBHOOK_LOOPBACK = f"{MAIL},{PUSH}", True
    settings.DEFAULT_FROM_EMAIL = "abate@city.example"
    keyring.ensure_push(Path(settings.ABATE_SECRET_FILE))
    person, window = made_up_person(1, "13800000001"), Window()
    client = Client()
    client.force_login(person.user)
    form = window.form(f"{service.url}/wp/abc")
    asked = client.post("/notices/browser", form)
    assert asked["Location"].startswith("/confirm?next") and not Browser.objects.exists(), (
        "not freshly proved"
    )
    stage.prove(client)
    assert client.post("/notices/browser", form)["Location"] == "/notices" and Browser.objects.exists()
    # Sent again, as after an answer that was lost, it is there and told of once; under other keys it is another.
    client.post("/notices/browser", form)
    assert Browser.objects.count() == Notice.objects.filter(kind="sign-in.key").count() == 1
    client.post("/notices/browser", Window().form(f"{service.url}/wp/abc"))
    assert Browser.objects.count() == 1 and Notice.objects.filter(kind="sign-in.key").count() == 2
    client.post("/notices/browser", form)
    # Adding it is told, as every change of how one signs in; what follows is about other notices.
    Notice.objects.filter(kind="sign-in.key").delete()
    return person, window, service


def test_a_push_is_read_in_that_browser_alone_and_is_signed_by_this_installation(
    browser: tuple[Person, Window, Service],
) -> None:
    person, window, service = browser
    (number,) = actions.write([person.user_id], "sign-in.key")
    carry()
    (headers, body) = service.got[0]
    told = window.read(body)
    assert "通行密钥" in told["body"] and told["name"].startswith(f"notice-{number}-")
    assert "通行密钥".encode() not in body and headers["content-encoding"] == "aes128gcm"
    with pytest.raises(InvalidTag):
        Window().read(body)
    token, key = (
        part.partition("=")[2] for part in headers["authorization"].removeprefix("vapid ").split(",")
    )
    assert key == push.public_key()
    point = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(token, public, algorithms=["ES256"], options={"verify_aud": False})
    assert claims["sub"] == "mailto:abate@city.example" and claims["aud"].startswith("http://127.0.0.1")
    row = {one.channel: one.state for one in queries.listed()[0].deliveries}
    assert row == {"phone": "given_up", "push": "sent"}, "no way to phones is set up here, and it is said"


def test_mail_and_phones_do_not_wait_for_browsers(browser: tuple[Person, Window, Service]) -> None:
    person, _, service = browser
    actions.write([person.user_id], "sign-in.key")
    while reaching.carry():
        pass
    assert service.got == [] and Delivery.objects.get(channel="push").next_at is not None
    assert reaching.carry_to_browsers() == 1 and len(service.got) == 1


def test_a_browser_that_is_gone_is_forgotten(browser: tuple[Person, Window, Service]) -> None:
    person, _, service = browser
    service.status = 410
    actions.write([person.user_id], "sign-in.key")
    carry()
    assert not Browser.objects.exists() and len(service.got) == 1
    gone = Delivery.objects.get(channel="push")
    assert gone.next_at is None and gone.sent_at is None and "no more" in gone.said


def test_a_push_never_goes_into_a_private_network(
    browser: tuple[Person, Window, Service], settings: Any
) -> None:
    person, _, service = browser
    settings.ABATE_WEBHOOK_LOOPBACK = False
    actions.write([person.user_id], "sign-in.key")
    carry()
    assert service.got == [] and "https" in Delivery.objects.get(channel="push").said
    place = json.loads(push.subscription("https://127.0.0.1/wp", **_keys()))
    with pytest.raises(OSError, match="not public"):
        push.Push().send(kind="push", to=json.dumps(place), subject="x", body="y")


def _keys() -> dict[str, str]:
    form = Window().form("")
    return {"p256dh": form["p256dh"], "auth": form["auth"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://push.example/a"},
        {"endpoint": "https://u:p@push.example/"},
        {"endpoint": "ftp://a"},
        {"endpoint": "https://push.example/" + "a" * 1000},
        {"p256dh": "AAAA"},
        {"auth": "AAAA"},
        {"auth": "ß"},
    ],
)
def test_what_is_no_subscription_is_refused(wrong: dict[str, str], db: None) -> None:
    person = made_up_person(1, "13800000001")
    form = Window().form("https://push.example/abc") | wrong
    with pytest.raises(BrowserRefused):
        actions.add_browser(person.user, **form, device="x")
    assert not Browser.objects.exists()


def test_five_browsers_at_most_and_each_is_one_persons(db: None) -> None:
    person, other = made_up_person(1, "13800000001"), made_up_person(2, "13800000002")
    for order in range(5):
        actions.add_browser(person.user, **Window().form(f"https://push.example/{order}"), device="x")
    with pytest.raises(BrowserRefused):
        actions.add_browser(person.user, **Window().form("https://push.example/6"), device="x")
    actions.add_browser(other.user, **Window().form("https://push.example/0"), device="x")
    assert len(queries.browsers(person.user_id)) == 4 and len(queries.browsers(other.user_id)) == 1
    actions.end_browser(person.user, queries.browsers(other.user_id)[0].id)
    assert len(queries.browsers(other.user_id)) == 1, "another's is not taken away"


def test_of_several_adapters_the_first_that_carries_it(settings: Any) -> None:
    settings.ABATE_MESSAGES = f"{MAIL}, {SMS}"
    assert [messages.carries(kind) for kind in messages.KINDS] == [True, True, False]
    with pytest.raises(OSError, match="no adapter for push"):
        messages.send(kind="push", to="{}", subject="", body="")
