"""The door out holds nobody longer than it was told to, however slowly the other side answers."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from abate.platform.doors import outbound

TIMEOUT, GIVES_UP = 0.3, 3.0
Send = Callable[[str], tuple[int, bytes]]
DRIPS = {
    "status": (b"", b"H"),
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    # A TLS record that says it is long, and never is whole.
    "handshake": (b"\x16\x03\x03\x40\x00", b"\x02"),
}


class Dripping:
    """A server that sends `first`, then `part` every 50 ms, until the caller hangs up or it gives up itself."""

    def __init__(self, first: bytes, part: bytes) -> None:
        self._first, self._part = first, part
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _ = self._door.accept()
        end = time.monotonic() + GIVES_UP
        try:
            line.recv(65_536)
            line.sendall(self._first)
            while time.monotonic() < end:
                if select.select([line], [], [], 0.05)[0] and not line.recv(65_536):
                    return
                line.sendall(self._part)
        except OSError:
            pass
        finally:
            line.close()

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def drip(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    made = Dripping(*DRIPS[request.param])
    yield made
    made.close()


def to_anyone(url: str) -> tuple[int, bytes]:
    return outbound.post_public(url, b"x", {}, timeout=TIMEOUT, most=100, loopback=True)


def to_ours(url: str) -> tuple[int, bytes]:
    return outbound.post(url, b"x", timeout=TIMEOUT, most=100)


WAYS = [to_anyone, to_ours]
"""A party's server, and a gateway or witness that the operator named."""


@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize(("drip", "scheme"), [(name, "https" if name == "handshake" else "http") for name in DRIPS],
                         indirect=["drip"])  # fmt: skip
def test_a_server_that_drips_is_left_when_the_time_is_over(drip: Dripping, scheme: str, send: Send) -> None:
    begun = time.monotonic()
    with pytest.raises(outbound.Unanswered):
        send(f"{scheme}://127.0.0.1:{drip.port}/")
    assert time.monotonic() - begun < GIVES_UP / 2


@pytest.mark.parametrize("send", WAYS)
def test_a_name_that_nobody_answers_for_is_left_too(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def late(*_: object, **__: object) -> list[object]:
        answered.wait(GIVES_UP)
        return []

    begun = time.monotonic()
    with monkeypatch.context() as patch, pytest.raises(outbound.Unanswered, match="not looked up in time"):
        patch.setattr(socket, "getaddrinfo", late)
        send("https://slow.example/")
    answered.set()
    assert time.monotonic() - begun < GIVES_UP / 2
    with pytest.raises(outbound.Unanswered, match="not known"):
        send("https://nowhere.invalid/")


def test_names_that_hang_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(outbound, "_LOOKUPS", threading.BoundedSemaphore(1))
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(GIVES_UP) and [])
        for said in ("not looked up in time", "too many names"):
            with pytest.raises(outbound.Unanswered, match=said):
                to_ours("https://slow.example/")
        answered.set()
        assert outbound._LOOKUPS.acquire(timeout=GIVES_UP), (
            "the one that hung is over and gives its place back"
        )


def test_a_name_that_answers_late_gives_its_place_back_where_it_took_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else one that an earlier test left behind frees a place of a later test's."""
    answered, first, other = threading.Event(), threading.BoundedSemaphore(1), threading.BoundedSemaphore(1)
    with monkeypatch.context() as patch:
        patch.setattr(outbound, "_LOOKUPS", first)
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(GIVES_UP) and [])
        with pytest.raises(outbound.Unanswered, match="not looked up in time"):
            to_ours("https://slow.example/")
        patch.setattr(outbound, "_LOOKUPS", other)
        assert other.acquire(blocking=False)
        answered.set()
        assert first.acquire(timeout=GIVES_UP) and not other.acquire(blocking=False)


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1/", "http://127.0.0.1:99999/", "http://[::1/", "http:///x"]
)
@pytest.mark.parametrize("send", WAYS)
def test_what_is_no_address_is_refused(send: Send, address: str) -> None:
    with pytest.raises(outbound.Unanswered):
        send(address)


def test_an_answer_that_sends_elsewhere_is_told_and_not_followed() -> None:
    server = Dripping(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno", b""
    )
    assert to_ours(f"http://127.0.0.1:{server.port}/") == (302, b"no")
    server.close()


@pytest.mark.parametrize("length", ["Content-Length: 500\r\n", ""])
def test_what_dripped_of_an_answer_s_text_is_kept_and_so_is_its_status(length: str) -> None:
    server = Dripping(f"HTTP/1.1 202 Accepted\r\n{length}\r\nthe".encode(), b".")
    begun = time.monotonic()
    status, text = outbound.post_public(
        f"http://127.0.0.1:{server.port}/", b"x", {}, timeout=TIMEOUT, most=100, loopback=True
    )
    server.close()
    assert status == 202 and text.startswith(b"the.") and time.monotonic() - begun < GIVES_UP / 2


def vouched_by_itself(folder: Path) -> Path:
    """Certificate and key of `localhost` in one file, signed by nobody else."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "itself.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


@pytest.mark.parametrize("trusted", [False, True])
def test_a_server_that_nobody_vouches_for_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """Planted: the same certificate where the machine trusts it, so that it is the certificate that is refused."""
    pem, heard = vouched_by_itself(tmp_path), list[bytes]()
    speaks = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    speaks.load_cert_chain(pem)
    if trusted:
        monkeypatch.setattr(outbound, "_tls", lambda: ssl.create_default_context(cafile=str(pem)))

    def serve() -> None:
        try:
            with speaks.wrap_socket(door.accept()[0], server_side=True) as line:
                heard.append(b"")
                while not heard[0].endswith(b"secret"):
                    heard[0] += line.recv(65_536)
                line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as door:
        waits = threading.Thread(target=serve, daemon=True)
        waits.start()
        address = f"https://localhost:{door.getsockname()[1]}/hook"
        if trusted:
            assert outbound.post(address, b"secret", timeout=GIVES_UP, most=100)[0] == 204
        else:
            with pytest.raises(outbound.Unanswered, match="SSLCertVerificationError"):
                outbound.post(address, b"secret", timeout=GIVES_UP, most=100)
        waits.join(GIVES_UP)
    assert [one[:4] for one in heard] == ([b"POST"] if trusted else [])
