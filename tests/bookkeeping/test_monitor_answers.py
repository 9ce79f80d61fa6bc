"""What a monitor makes of a log that answers oddly, in part, or one byte at a time."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from abate.cli import monitor as command

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"no HTTP at all\r\n\r\n",
        HEAD + b"x" * 999,
        CHUNKED + b"5\r\nab",
        CHUNKED + b"five\r\nabcde\r\n0\r\n\r\n",
    ],
    ids=["no status", "cut off", "cut off in a chunk", "no chunk"],
)
def test_half_an_answer_is_no_finding_and_ends_no_watch(answer: bytes) -> None:
    """Neither can a log end who watches it by answering oddly, nor is it accused of what a line cut off."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            line, _ = server.accept()
            with line:
                line.recv(65536)
                line.sendall(answer)

        serving = threading.Thread(target=once)
        serving.start()
        fetch = command.fetch_from(f"http://127.0.0.1:{server.getsockname()[1]}/log")
        with pytest.raises(command.Unreachable):
            fetch("checkpoint")
        serving.join()


@pytest.mark.parametrize(
    ("first", "drops"),
    [
        (b"", b"x"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Many: x\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD, b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
    ],
    ids=["status", "a header", "headers", "continue", "body", "chunks"],
)
def test_a_log_that_answers_byte_by_byte_is_given_up(first: bytes, drops: bytes) -> None:
    """Each byte comes long before the time-out of a silent line; the whole would come never."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        given_up = threading.Event()

        def drip() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):
                line.recv(65536)
                line.sendall(first)
                # Ends by itself, so that a monitor that waits for ever fails and does not hang.
                for _ in range(100):
                    line.sendall(drops)
                    if given_up.wait(0.05):
                        return

        serving = threading.Thread(target=drip)
        serving.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/log"
        fetch, begun = command.fetch_from(address, longest=0.4), time.monotonic()
        with pytest.raises(command.Unreachable, match="time"):
            fetch("checkpoint")
        took = time.monotonic() - begun
        given_up.set()
        serving.join()
    assert took < 3, f"{took:.1f} s"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nshown"])
def test_what_a_log_answers_in_time_is_taken(answer: bytes) -> None:
    """By way of another address, which it names first."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def twice() -> None:
            for one in (b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", answer):
                line, _ = server.accept()
                with line:
                    line.recv(65536)
                    line.sendall(one)

        serving = threading.Thread(target=twice)
        serving.start()
        found = command.fetch_from(f"http://127.0.0.1:{server.getsockname()[1]}/log")("checkpoint")
        serving.join()
    assert found == (b"shown" if b"shown" in answer else None)
