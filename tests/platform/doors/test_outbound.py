"""The door out holds nobody longer than it was told to, however slowly the other side answers."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from abate.platform.doors import outbound

TIMEOUT, GIVES_UP = 0.3, 3.0
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


@pytest.mark.parametrize(("drip", "scheme"), [(name, "https" if name == "handshake" else "http") for name in DRIPS],
                         indirect=["drip"])  # fmt: skip
def test_a_server_that_drips_is_left_when_the_time_is_over(drip: Dripping, scheme: str) -> None:
    begun = time.monotonic()
    with pytest.raises(outbound.Unanswered):
        outbound.post_public(
            f"{scheme}://127.0.0.1:{drip.port}/", b"x", {}, timeout=TIMEOUT, most=100, loopback=True
        )
    assert time.monotonic() - begun < GIVES_UP / 2


@pytest.mark.parametrize("length", ["Content-Length: 500\r\n", ""])
def test_what_dripped_of_an_answer_s_text_is_kept_and_so_is_its_status(length: str) -> None:
    server = Dripping(f"HTTP/1.1 202 Accepted\r\n{length}\r\nthe".encode(), b".")
    begun = time.monotonic()
    status, text = outbound.post_public(
        f"http://127.0.0.1:{server.port}/", b"x", {}, timeout=TIMEOUT, most=100, loopback=True
    )
    server.close()
    assert status == 202 and text.startswith(b"the.") and time.monotonic() - begun < GIVES_UP / 2
