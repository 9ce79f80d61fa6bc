"""The partner's client against a server that fails in every way a real one does: nothing lost, nothing sent twice unsafely."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from abate.client import Client, InUse, Key, OtherEvents, Refusal, Unreachable, dead_letters
from abate.client.batches import MOST_BYTES, batches

Answer = tuple[int, dict[str, str], Any]


class Platform:
    """Answers what a test queues, else credits everything; keeps what came."""

    def __init__(self) -> None:
        self.queue: list[Answer | None] = []
        self.tokens: list[str] = []
        self.no_token: list[Answer] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/token") and platform.no_token:
                    answer: Answer | None = platform.no_token.pop(0)
                elif self.path.endswith("/token"):
                    platform.tokens.append(f"token-{len(platform.tokens)}")
                    answer = (200, {}, {"access_token": platform.tokens[-1]})
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

            def do_GET(self) -> None:
                platform.got.append(({"path": self.path}, b""))
                status, headers, told = platform.queue.pop(0) or problem(503, "busy")
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
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


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
    assert [result.outcome for _, result in client.send([{"id": "a"}])] == ["credited"]
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


def test_a_longer_wait_than_it_has_patience_for_is_told_and_not_slept(
    platform: Platform, client: Client
) -> None:
    platform.queue = [problem(429, "limit-reached", Retry_After="7200")]
    with pytest.raises(Unreachable, match="again after 7200 s") as told:
        list(client.send([{"id": "a"}]))
    assert told.value.retry_after == 7200 and waits == []
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    platform.queue = [problem(503, "busy", Retry_After=moment), problem(503, "busy", Retry_After="soon")]
    assert len(list(client.send([{"id": "a"}]))) == 1
    assert 25 < waits[0] <= 30 and 0.5 <= waits[1] <= 1.0


def test_waits_of_its_own_grow_and_differ(platform: Platform, client: Client) -> None:
    platform.queue = [problem(503, "busy")] * 8
    with pytest.raises(Unreachable):
        list(client.send([{"id": "a"}]))
    bounds = [0.5, 1, 2, 4, 8, 16, 32]
    assert len(waits) == 7 and all(b / 2 <= w <= b for w, b in zip(waits, bounds, strict=True))
    assert waits != bounds


def test_a_token_that_is_given_later_is_waited_for_and_one_that_is_refused_is_not(
    platform: Platform, client: Client
) -> None:
    platform.no_token = [
        problem(429, "limit-reached", Retry_After="3"),
        (401, {}, {"error": "invalid_client"}),
    ]
    with pytest.raises(Refusal, match="invalid_client"):
        list(client.send([{"id": "a"}]))
    assert waits == [3.0] and platform.got == []
    assert len(list(client.send([{"id": "a"}]))) == 1


def test_refused_events_are_put_aside_with_their_reason(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    results = [
        {"id": "a", "outcome": "credited", "new_member": 1},
        {"id": "b", "outcome": "refused", "reason": "unknown_field:x", "remedy": "remove it"},
        {"id": "c", "outcome": "conflict", "reason": "other_content:id"},
    ]
    platform.queue = [(200, {}, {"results": results})]
    dead = tmp_path / "dead.jsonl"
    events = [{"id": name} for name in "abc"]
    summary = client.deliver(events, dead)
    assert summary.outcomes == {"credited": 1, "refused": 1, "conflict": 1}
    assert (summary.refused, summary.events) == (2, 3)
    first, second = dead_letters(dead)
    assert first.event == {"id": "b"} and second.event == {"id": "c"}
    assert first.problem == {
        "outcome": "refused",
        "code": "unknown_field",
        "field": "x",
        "remedy": "remove it",
    }
    # Sent again, mended: what is refused still stays, what was dropped or taken is gone.
    again = client.resend(
        dead, lambda letter: letter.event | {"mended": True} if letter.event["id"] == "b" else None
    )
    assert again.outcomes == {"credited": 1} and dead.read_bytes() == b""
    assert json.loads(platform.got[-1][1]) == [{"id": "b", "mended": True}]


def test_one_event_for_which_a_request_is_refused_stops_no_other(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    bad = problem(400, "malformed")
    # 8 events, the sixth is bad: the request, its second half, of that the first quarter, of that the second event.
    platform.queue = [bad, *(credited(b'[{"id": "x"}, {"id": "x"}, {"id": "x"}, {"id": "x"}]'),), bad, bad,
                      credited(b'[{"id": "x"}]'), bad]  # fmt: skip
    dead = tmp_path / "dead.jsonl"
    summary = client.deliver(({"id": str(n)} for n in range(8)), dead)
    assert summary.outcomes == {"credited": 7, "request_refused": 1}
    (letter,) = dead_letters(dead)
    assert letter.event == {"id": "5"} and letter.problem == {
        "status": 400,
        "code": "malformed",
        "remedy": "mend it",
    }
    assert len({headers["idempotency-key"] for headers, _ in platform.got}) == len(platform.got)
    # Refused for who sends it, and not for what is sent: nothing is put aside, and it stops.
    platform.queue = [problem(403, "party-suspended")]
    with pytest.raises(Refusal, match="party-suspended"):
        client.deliver([{"id": "a"}, {"id": "b"}], dead)
    assert len(list(dead_letters(dead))) == 1


def test_a_delivery_that_was_broken_off_goes_on_where_it_was(platform: Platform, tmp_path: Path) -> None:
    client = Client(platform.origin, "p", Key("id", "secret"), tries=1, most_events=2, wait=waits.append)
    events = [{"id": str(n)} for n in range(7)]
    dead, noted = tmp_path / "dead.jsonl", tmp_path / "sent.json"
    refused = [{"id": "0", "outcome": "refused", "reason": "future:time"}, {"id": "1", "outcome": "credited"}]
    platform.queue = [(200, {}, {"results": refused}), credited(b'[{"id": "2"}, {"id": "3"}]'), None]
    with pytest.raises(Unreachable):
        client.deliver(events, dead, progress=noted)
    # As after a crash in the middle of a line: its event is sent again.
    with dead.open("ab") as out:
        out.write(b'{"event": {"id": "4"}')
    with pytest.raises(OtherEvents, match="event 4"):
        client.deliver([{"id": "x"}] * 7, dead, progress=noted)
    platform.got.clear()
    summary = client.deliver(events, dead, progress=noted)
    assert [one["id"] for _, body in platform.got for one in json.loads(body)] == ["4", "5", "6"]
    assert summary.outcomes == {"credited": 6, "refused": 1} and summary.refused == 1
    assert [letter.event["id"] for letter in dead_letters(dead)] == ["0"]
    platform.got.clear()
    assert client.deliver([*events, {"id": "7"}], dead, progress=noted).events == 8
    assert len(platform.got) == 1
    with pytest.raises(OtherEvents):
        client.deliver([], dead, progress=noted)


def test_a_dead_letter_file_that_is_none_is_named(client: Client, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"event": {}}\n[]\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.jsonl:2"):
        client.resend(tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8").count("\n") == 2


def test_two_deliveries_never_write_over_what_the_other_put_aside(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    dead = tmp_path / "dead.jsonl"
    beside: list[str] = []

    def two() -> Iterator[dict[str, Any]]:
        for of_beside in (lambda: client.deliver([{"id": "b"}], dead), lambda: client.resend(dead)):
            with pytest.raises(InUse):
                of_beside()
            beside.append("refused")
        yield {"id": "a"}

    def refused(*ids: str) -> Answer:
        return 200, {}, {"results": [{"id": one, "outcome": "refused", "reason": "malformed"} for one in ids]}

    platform.queue = [refused("a")]
    assert client.deliver(two(), dead).refused == 1 and beside == ["refused"] * 2
    platform.queue = [refused("c"), refused("a", "c")]
    client.deliver([{"id": "c"}], dead)
    # While letters are sent again, none is put aside into the file that is about to be replaced.
    with pytest.raises(InUse):
        client.resend(dead, lambda _: client.deliver([{"id": "d"}], dead) and None)
    client.resend(dead)
    assert [one.event["id"] for one in dead_letters(dead)] == ["a", "c"]


def test_a_line_that_a_crash_broke_off_stops_no_other_from_being_sent_again(
    client: Client, tmp_path: Path
) -> None:
    dead = tmp_path / "dead.jsonl"
    dead.write_bytes(b'{"event": {"id": "a"}, "problem": {}}\n{"event": {"id')
    assert client.resend(dead).outcomes == {"credited": 1} and dead.read_bytes() == b""
    with pytest.raises(FileNotFoundError):
        client.resend(tmp_path / "none.jsonl")
    assert not (tmp_path / "none.jsonl").exists()


def test_text_that_has_no_utf_8_is_sent_for_the_platform_to_judge(platform: Platform, client: Client) -> None:
    assert len(list(client.send([{"id": "\ud800"}, {"id": "绿"}]))) == 2
    assert platform.got[0][1] == b'[{"id":"\\ud800"},{"id":"\xe7\xbb\xbf"}]'


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


def test_what_was_sent_is_read_back_page_by_page(platform: Platform) -> None:
    def row(name: str, outcome: str, **more: object) -> dict[str, object]:
        return {"id": name, "outcome": outcome, "er_mg": 5, "credits": 0, "entry": None, "reason": None,
                "behaviour": "cycling", "time": None, "received_at": "2026-06-01T12:00:00+00:00"} | more  # fmt: skip

    first = [
        row("a", "credited", time="2026-06-01T11:00:00+00:00"),
        row("b", "withdrawn", stored="credited", cause="fraud"),
    ]
    platform.queue += [
        (200, {}, {"events": first, "next_cursor": "x:y=&z"}),
        (200, {}, {"events": [], "next_cursor": "2"}),
        problem(503, "busy"),
        (200, {}, {"events": [row("c", "withdrawn", takes_back="b")], "next_cursor": None}),
        (200, {}, row("a/b", "refused")),
        problem(404, "event-unknown"),
        problem(422, "filter-invalid"),
    ]
    client = Client(platform.origin, "p", Key("id", "secret"), wait=lambda _: None)
    since = datetime(2026, 6, 1, tzinfo=UTC)
    found = list(client.sent(since=since, until=since.date(), outcome="withdrawn", page=2))
    assert [one.result.id for one in found] == ["a", "b", "c"]
    assert found[0].time == since + timedelta(hours=11) and found[0].received_at.tzinfo is not None
    assert (found[1].result.stored, found[1].cause, found[2].takes_back) == ("credited", "fraud", "b")
    paths = [given["path"] for given, _ in platform.got]
    asked = "/v1/events?from=2026-06-01T00%3A00%3A00%2B00%3A00&to=2026-06-01&outcome=withdrawn&limit=2"
    assert paths[:2] == [asked, f"{asked}&cursor=x%3Ay%3D%26z"] and paths[2] == paths[3]
    one = client.sent_one("a/b")
    assert (
        one is not None
        and one.result.outcome == "refused"
        and platform.got[-1][0]["path"] == "/v1/events/a%2Fb"
    )
    assert client.sent_one("gone") is None
    with pytest.raises(Refusal, match="filter-invalid"):
        list(client.sent(behaviour="x"))
