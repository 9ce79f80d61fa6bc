"""The partner's client against a server that fails in every way a real one does: nothing lost, nothing sent twice unsafely."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from abate.client import Client, Key, Refusal, Unreachable
from abate.client.calls import MOST_BYTES, batches

Answer = tuple[int, dict[str, str], Any]


class Platform:
    """Answers what a test queues, else credits everything; keeps what came."""

    def __init__(self) -> None:
        self.queue: list[Answer | None] = []
        self.tokens: list[str] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/token"):
                    platform.tokens.append(f"token-{len(platform.tokens)}")
                    answer: Answer | None = (200, {}, {"access_token": platform.tokens[-1]})
                else:
                    platform.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                    answer = platform.queue.pop(0) if platform.queue else credited(body)
                if answer is None:  # the line breaks
                    self.connection.close()
                    return
                status, headers, told = answer
                text = json.dumps(told).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def credited(body: bytes) -> Answer:
    return 200, {}, {"results": [{"id": one["id"], "outcome": "credited"} for one in json.loads(body)]}


def problem(status: int, code: str, **headers: str) -> Answer:
    return (
        status,
        {name.replace("_", "-"): v for name, v in headers.items()},
        {"code": code, "remedy": "mend it"},
    )


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def client(platform: Platform) -> Client:
    return Client(platform.origin, "p", Key("id", "secret"), wait=lambda seconds: waits.append(seconds))


waits: list[float] = []


@pytest.fixture(autouse=True)
def no_waits_yet() -> None:
    waits.clear()


def test_events_go_in_batches_within_the_bounds(platform: Platform, client: Client) -> None:
    events = [{"id": str(n)} for n in range(2_500)]
    assert [event["id"] for event, _ in client.send(events)] == [str(n) for n in range(2_500)]
    assert [len(json.loads(body)) for _, body in platform.got] == [1_000, 1_000, 500]
    large = list(batches({"id": str(n), "data": "x" * 1_000_000} for n in range(12)))
    assert [len(one.events) for one in large] == [4, 4, 4] and max(
        len(one.body) for one in large
    ) <= MOST_BYTES
    assert len({one.key for one in large}) == 3
    assert len(platform.tokens) == 1


def test_later_is_tried_again_under_the_same_key_after_the_seconds_asked_for(
    platform: Platform, client: Client
) -> None:
    platform.queue = [
        problem(503, "busy"),
        None,
        problem(429, "limit-reached", Retry_After="7"),
        problem(409, "idempotency-key-in-flight"),
    ]
    assert [result["outcome"] for _, result in client.send([{"id": "a"}])] == ["credited"]
    assert len(platform.got) == 5 and len({headers["idempotency-key"] for headers, _ in platform.got}) == 1
    assert 7.0 in waits and len(waits) == 4 and len({body for _, body in platform.got}) == 1


def test_a_token_that_ran_out_is_renewed_once(platform: Platform, client: Client) -> None:
    platform.queue = [problem(401, "token-refused")]
    assert len(list(client.send([{"id": "a"}]))) == 1
    assert [headers["authorization"] for headers, _ in platform.got] == ["Bearer token-0", "Bearer token-1"]
    platform.queue = [problem(401, "token-refused")] * 2
    with pytest.raises(Refusal, match="token-refused"):
        list(client.send([{"id": "b"}]))


def test_what_never_comes_is_told_and_not_taken_for_booked(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    platform.queue = [problem(503, "busy")] * 8
    with pytest.raises(Unreachable, match="busy"):
        client.deliver([{"id": "a"}], tmp_path / "dead.jsonl")
    assert (tmp_path / "dead.jsonl").read_text() == ""


def test_refused_events_are_put_aside_with_their_reason(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    results = [
        {"id": "a", "outcome": "credited"},
        {"id": "b", "outcome": "refused", "reason": "unknown_field:x", "remedy": "remove it"},
        {"id": "c", "outcome": "conflict", "reason": "other_content:id"},
    ]
    platform.queue = [(200, {}, {"results": results}), problem(413, "too-large")]
    dead = tmp_path / "dead.jsonl"
    events = [{"id": name} for name in "abc"]
    summary = client.deliver(events, dead)
    assert summary.outcomes == {"credited": 1, "refused": 1, "conflict": 1} and summary.refused == 2
    assert client.deliver(events, dead).refused == 3
    lines = [json.loads(line) for line in dead.read_text().splitlines()]
    assert [line["event"]["id"] for line in lines] == ["b", "c", "a", "b", "c"]
    assert lines[0]["result"]["remedy"] == "remove it" and lines[-1]["result"]["reason"] == "too-large"


def test_a_redirect_takes_no_token_along(platform: Platform, client: Client) -> None:
    platform.queue = [(307, {"Location": "http://127.0.0.1:9/"}, {})]
    with pytest.raises(Refusal):
        list(client.send([{"id": "a"}]))
    assert len(platform.got) == 1


def test_a_secret_is_never_shown(client: Client) -> None:
    assert "hush" not in repr(Key("id", "hush"))
    with pytest.raises(ValueError, match="a key, a signer, or both"):
        Client("https://x", "p")
    wrong: Callable[[], object] = lambda: Client("file:///etc", "p", Key("i", "s")).token()  # noqa: E731
    with pytest.raises(ValueError, match="http"):
        wrong()
