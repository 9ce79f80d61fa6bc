"""Webhooks out: written with the batch or not at all, signed, tried again, rotated, and never sent where they must not go."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from standardwebhooks import Webhook
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform import pipeline
from abate.platform.doors import clock, outbound, rounds
from abate.platform.parties import queries, webhooks
from abate.platform.parties.errors import EndpointMalformed, EndpointUnknown, MessageUnknown
from abate.platform.parties.models import Attempt, Message, Party

pytestmark = [pytest.mark.platform]


class Receiver:
    """A partner's server: keeps what comes and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status: Callable[[], int] = lambda: 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.status()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ABATE_WEBHOOK_LOOPBACK = True
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(2)


def party(world: World) -> Party:
    return queries.party(world.sender.code)


def hooked(world: World, receiver: Receiver, *kinds: str) -> tuple[int, str]:
    made = webhooks.add_endpoint(party(world), receiver.url, kinds or webhooks.KINDS)
    world.sender = type(world.sender)(
        world.sender.party_id,
        world.sender.code,
        world.sender.behaviours,
        "test",
        queries.is_hooked(world.sender.party_id),
    )
    return made


@pytest.mark.clause("P-8.5-d")
def test_a_partner_is_told_of_each_kind_and_can_check_it(world: World, receiver: Receiver) -> None:
    _, secret = hooked(world, receiver)
    world.send(world.meeting("a"), world.ride("bad", km=-1), world.meeting("b"))
    again = world.send(world.meeting("a"))
    withdrawal = world.event("w", "x", 0, "2026-05-21T09:00:00+08:00", {"event": "a", "reason": "returned"})
    world.send(withdrawal | {"type": "org.abate.withdrawal"})
    world.send(world.meeting("c", participants=4) | {"corrects": "b", "correctedfor": "wrong_figure"})
    assert again[0].outcome.text == "exists"
    assert webhooks.send_due() == 5 and webhooks.send_due() == 0
    assert sorted(receiver.kinds()) == ["event.corrected", "event.credited", "event.credited", "event.refused",
                                        "event.withdrawn"]  # fmt: skip
    first = Message.objects.order_by("id")[0]
    headers, body = next(one for one in receiver.got if one[0]["webhook-id"] == f"msg_{first.pk}")
    told = json.loads(body)
    assert told["data"]["id"] == "a" and told["data"]["credits"] > 0 and told["timestamp"] == NOW.isoformat()
    # The receiver's own check, by the published library, at the moment of sending.
    check = Webhook(secret)
    stamp = headers["webhook-timestamp"]
    assert stamp == str(int(NOW.timestamp()))
    assert check.sign(headers["webhook-id"], NOW, body.decode()) == headers["webhook-signature"]
    assert {row.state for row in webhooks.messages(world.sender.party_id)} == {"told"}
    # Neither a subject nor a record leaves by this door.
    assert not any(subject.encode() in body for subject in world.subjects for _, body in receiver.got)


def test_only_the_kinds_asked_for_and_only_one_s_own(world: World, receiver: Receiver) -> None:
    hooked(world, receiver, "event.refused")
    other = make_world(1)
    other.send(other.meeting("x"))
    world.send(world.meeting("a"), world.ride("bad", km=-1))
    webhooks.send_due()
    assert receiver.kinds() == ["event.refused"]


def test_a_batch_that_is_rolled_back_tells_nothing(world: World, receiver: Receiver) -> None:
    hooked(world, receiver)

    def cut(results: object) -> None:
        raise RuntimeError("cut")

    run = pipeline.run_batch

    def failing(*given: Any, **more: Any) -> Any:
        return run(*given, then=cut, **more)

    try:
        pipeline.run_batch = failing
        with pytest.raises(RuntimeError):
            world.send(world.meeting("a"))
    finally:
        pipeline.run_batch = run
    assert not Message.objects.exists()
    world.send(world.meeting("a"), everything=False)
    assert Message.objects.count() == 1


def test_without_an_address_a_batch_asks_nothing_of_the_outbox(
    world: World, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "note", lambda *given: pytest.fail("asked"))
    world.send(world.meeting("a"))


def test_a_server_that_is_down_is_tried_again_later_each_time_and_given_up(
    world: World, receiver: Receiver
) -> None:
    hooked(world, receiver)
    receiver.status = lambda: 503
    world.send(world.meeting("a"))
    at, waits = NOW, []
    for _ in range(len(rounds.BACKOFF) + 1):
        with clock.frozen(at):
            assert webhooks.send_due() == 1 and webhooks.send_due() == 0
        message = Message.objects.get()
        if message.next_at:
            waits.append(message.next_at - at)
            at = message.next_at
    assert tuple(waits) == rounds.BACKOFF
    assert (message.next_at, message.told_at) == (None, None)
    (row,) = webhooks.messages(world.sender.party_id)
    assert (row.state, row.tries, row.status) == ("given_up", 10, 503)
    assert Attempt.objects.count() == 10
    # Its owner mends it and asks for it again.
    receiver.status = lambda: 200
    with pytest.raises(MessageUnknown):
        webhooks.send_again(message.pk, party_id=world.sender.party_id + 1)
    webhooks.send_again(message.pk, party_id=world.sender.party_id)
    assert webhooks.send_due() == 1
    assert webhooks.messages(world.sender.party_id)[0].state == "told"
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {f"msg_{message.pk}"}


def test_a_teller_that_dies_leaves_its_message_to_the_next(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked(world, receiver)
    world.send(world.meeting("a"))

    def die(message: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(webhooks, "_carry", die)
        webhooks.send_due()
    assert webhooks.send_due() == 0
    with clock.frozen(NOW + rounds.LEASE):
        assert webhooks.send_due() == 1
    assert receiver.kinds() == ["event.credited"]


def test_a_slow_round_is_not_doubled_by_another_teller(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each telling takes 40 s; after each another teller looks."""
    hooked(world, receiver)
    world.send(*[world.meeting(f"m{n}") for n in range(4)])
    real, now = outbound.post_public, NOW
    monkeypatch.setattr(clock, "now", lambda: now)

    def slow(*given: Any, **more: Any) -> tuple[int, bytes]:
        nonlocal now
        answer = real(*given, **more)
        now += timedelta(seconds=40)
        with monkeypatch.context() as other:
            other.setattr(outbound, "post_public", real)
            webhooks.send_due(1)
        return answer

    monkeypatch.setattr(outbound, "post_public", slow)
    webhooks.send_due()
    names = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(names) == 4 == len(set(names)) and not Message.objects.filter(told_at=None).exists()


def test_who_comes_back_after_its_lease_says_nothing_of_what_another_told(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked(world, receiver)
    world.send(world.meeting("a"))
    real, now = outbound.post_public, NOW
    monkeypatch.setattr(clock, "now", lambda: now)

    def hang(*given: Any, **more: Any) -> tuple[int, bytes]:
        nonlocal now
        now += rounds.LEASE
        monkeypatch.setattr(outbound, "post_public", real)
        assert webhooks.send_due() == 1
        raise outbound.Unanswered("too late")

    monkeypatch.setattr(outbound, "post_public", hang)
    webhooks.send_due()
    message = Message.objects.get()
    assert message.told_at == NOW + rounds.LEASE and message.next_at is None


def test_two_tellers_never_carry_the_same(world: World, receiver: Receiver) -> None:
    hooked(world, receiver)
    world.send(*[world.meeting(f"m{n}") for n in range(40)])

    def carry() -> None:
        while webhooks.send_due(5):
            pass
        connection.close()

    threads = [threading.Thread(target=carry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(names) == 40 == len(set(names))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_no_answer(world: World, receiver: Receiver, status: int) -> None:
    hooked(world, receiver)
    receiver.status = lambda: status
    world.send(world.meeting("a"))
    webhooks.send_due()
    assert len(receiver.got) == 1 and webhooks.messages(world.sender.party_id)[0].state == "waiting"


def test_410_and_an_end_stop_the_telling(world: World, receiver: Receiver) -> None:
    number, _ = hooked(world, receiver)
    receiver.status = lambda: 410
    world.send(world.meeting("a"), world.meeting("b"))
    assert webhooks.send_due(1) == 1
    assert not queries.is_hooked(world.sender.party_id) and webhooks.send_due() == 0
    with pytest.raises(EndpointUnknown):
        webhooks.end_endpoint(number)


WRONG = [
    "http://example.org/", "ftp://example.org/", "https://", "https://a:b@example.org/", "https://example.org/#x",
    "https://example.org/\n", "https://example.org:0/", "https://例.org/", "https://[::1", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("url", [*WRONG, "https://example.org/" + "x" * 500])
def test_an_address_that_is_none_is_refused(world: World, url: str) -> None:
    with pytest.raises(EndpointMalformed):
        webhooks.add_endpoint(party(world), url)


PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",  # noqa: S104
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
    "2001:0:a00:1::1", "ff02::1", "fec0::1", "64:ff9b:1::a00:1", "192.88.99.1", "168.63.129.16", "3fff::1", "192.0.0.9",
]  # fmt: skip


@pytest.mark.clause("P-8.3")
@pytest.mark.parametrize(
    "host",
    [*(f"[{one}]" if ":" in one else one for one in PRIVATE), "[fe80::1%25eth0]", "127.1", "2130706433", "0x7f000001",
     "LOCALHOST", "a.localhost", "10.0.0.1."],
)  # fmt: skip
def test_what_is_seen_to_be_private_is_not_taken_down(
    host: str, world: World, settings: pytest.FixtureRequest
) -> None:
    settings.ABATE_WEBHOOK_LOOPBACK = False  # type: ignore[attr-defined]
    with pytest.raises(EndpointMalformed, match="not a public address"):
        webhooks.add_endpoint(party(world), f"https://{host}/hook")
    # Public ones, and names, which are looked up when they are called.
    for public in ("93.184.215.14", "[2606:2800:21f::1]", "localhost.example", "10.example"):
        webhooks.end_endpoint(webhooks.add_endpoint(party(world), f"https://{public}/hook")[0])
    assert not queries.is_hooked(world.sender.party_id)


@pytest.mark.clause("P-8.3")
@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_into_a_private_network_is_not_called(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone and beside a public one: who answers for the name would choose between them."""
    called: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given, **more: called.append(given))
    for found in ([address], ["93.184.215.14", address]):
        rows = [(0, 0, 0, "", (one, 443)) for one in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *given, rows=rows, **more: rows)
        with pytest.raises(outbound.Unanswered, match="not public"):
            outbound.post_public("https://partner.example/", b"", {}, timeout=1, most=10)
    assert not called


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second look-up: a name that changes its mind (DNS rebinding) gains nothing."""
    called: list[tuple[str, int]] = []
    answers = iter([[(0, 0, 0, "", ("93.184.215.14", 443))], [(0, 0, 0, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: next(answers))

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        called.append(address)
        raise OSError("far away")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(outbound.Unanswered):
        outbound.post_public("https://partner.example/", b"", {}, timeout=1, most=10)
    assert called == [("93.184.215.14", 443)]


def test_loopback_needs_the_switch(receiver: Receiver) -> None:
    with pytest.raises(outbound.Unanswered):
        outbound.post_public(receiver.url, b"{}", {}, timeout=5, most=10)
    assert outbound.post_public(receiver.url, b"{}", {}, timeout=5, most=10, loopback=True)[0] == 204
