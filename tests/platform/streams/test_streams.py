"""Events from NATS, Kafka and MQTT: booked once, refused by name, given up only after the commit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db import connection
from tests.platform.pipeline.world import NOW, World, differences, make_world
from tests.platform.streams import brokers
from tests.platform.streams.brokers import Running

from abate.platform import streaming
from abate.platform.doors import broker, broker_kafka, broker_mqtt, broker_nats, clock
from abate.platform.doors.broker import Broker, BrokerAway, Message
from abate.platform.doors.errors import SetupError
from abate.platform.parties import actions as parties
from abate.platform.parties import limits
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform]
KINDS = {"nats": brokers.nats_server, "kafka": brokers.kafka, "mqtt": brokers.mosquitto}


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(2)


@pytest.fixture
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    with KINDS[request.param](tmp_path) as started:
        consume_none(started)
        yield started


# A group of Kafka's takes many seconds to form: one test of it is quick enough for every run, the others are not.
SOME = pytest.mark.parametrize(
    "each", ["nats", "mqtt", pytest.param("kafka", marks=pytest.mark.slow)], indirect=True
)
ALL = pytest.mark.parametrize("each", sorted(KINDS), indirect=True)


def opened(running: Running) -> Broker:
    return broker.connect(running.address, running.topic, "abate")


def consume_none(running: Running) -> None:
    """A first visit: from now on the broker keeps what comes for this group (MQTT has no past before it)."""
    if isinstance(running, brokers.Nats):
        running.publish([])
    opened(running).close()


def consume(world: World, running: Running, **wanted: Any) -> Counter[str]:
    wanted = {"most": 4, "wait": 1.5, "stopping": Event(), "until_empty": True, **wanted}
    return streaming.consume(lambda: opened(running), world.sender.code, **wanted)


def texts(*events: object) -> list[brokers.Sent]:
    return [(json.dumps(event).encode(), {}) for event in events]


@pytest.mark.clause("P-7.3.3.3-a", "P-8.5-a")
@SOME
def test_what_is_published_is_booked_once_and_what_is_bad_is_named(world: World, each: Running) -> None:
    ride = world.ride("binary")
    data = json.dumps(ride.pop("data")).encode()
    each.publish(
        [
            *texts(*(world.ride(f"r{n}", n % 2) for n in range(6))),
            *texts([world.ride("a1"), world.ride("a2", 1)]),
            (data, {name: str(value) for name, value in ride.items()}),
            (b"\xff\xfe no text", {}),
            (
                json.dumps(world.ride("deep"))[:-1].encode()
                + b', "data": '
                + b"[" * 2_000
                + b"]" * 2_000
                + b"}",
                {},
            ),
            (b'{"a": 1}, "id": "x"', {**{n: str(v) for n, v in ride.items()}, "id": "forged"}),
            *texts(world.ride("short", km=-1), {**world.ride("foreign"), "source": "another"}, []),
        ]
    )
    assert consume(world, each) == {"credited": 9, "refused": 6}
    with connection.cursor() as cursor:
        cursor.execute("select code || ':' || detail from events_refusal order by 1")
        assert [reason for (reason,) in cursor.fetchall()] == [
            *["malformed:event"] * 4, "out_of_range:distance_km", "wrong_source:source",
        ]  # fmt: skip
        cursor.execute("select distinct via, client_id from events_batch")
        assert cursor.fetchall() == [("stream", "consume")]
    before = world.totals()
    assert before[0][0] > 0 and differences() == {}
    each.publish(texts(world.ride("r0"), world.ride("new")))
    assert consume(world, each) == {"exists": 1, "credited": 1}
    assert consume(world, each, wait=1.0) == {}


def test_no_transaction_grows_with_what_messages_hold(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "AT_ONCE", 5)
    with brokers.nats_server(tmp_path) as server:
        consume_none(server)
        server.publish(texts(*([world.ride(f"r{m}-{n}", n % 2) for n in range(4)] for m in range(3))))
        assert consume(world, server, most=10) == {"credited": 12}
        assert consume(world, server, wait=0.5) == {}
    with connection.cursor() as cursor:
        cursor.execute("select count from events_batch order by id")
        assert [count for (count,) in cursor.fetchall()] == [5, 5, 2]
    assert differences() == {}


class _Cut:
    """A broker whose connection ends after the commit and before the messages are given up, once."""

    def __init__(self, inner: Broker, left: list[int]) -> None:
        self.inner, self.left = inner, left

    def take(self, most: int, seconds: float) -> Sequence[Message]:
        return self.inner.take(most, seconds)

    def done(self, messages: Sequence[Message]) -> None:
        if self.left:
            self.left.pop()
            raise BrokerAway("cut")
        self.inner.done(messages)

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("each", ["mqtt"], indirect=True)
def test_what_devices_send_does_not_fill_the_memory(
    world: World, each: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker would send thousands of large messages at once: no more is read than is held, and all of it in the end."""
    bound, large = 4_000, b"x" * 20_000
    monkeypatch.setattr(broker_mqtt, "HELD_BYTES", bound, raising=False)
    monkeypatch.setattr(broker_mqtt, "LARGEST", 10_000, raising=False)
    each.publish([(large, {}), *texts(*(world.ride(f"r{n}", n % 2) for n in range(40)))])
    here = opened(each)
    held: list[Message] = []
    end = time.monotonic() + 3
    while time.monotonic() < end:
        held += here.take(100, 0.2)
    assert 0 < sum(len(message.body) for message in held) <= bound
    here.close()
    assert consume(world, each, most=100) == {"refused": 1, "credited": 40}


@pytest.mark.parametrize("each", ["nats", "kafka"], indirect=True)
def test_what_a_partner_sends_does_not_fill_the_memory(
    world: World, each: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A take ends where it holds enough, however many messages it may have; all of it is booked in the end."""
    bound = 4_000
    monkeypatch.setattr(broker_nats, "HELD_BYTES", bound, raising=False)
    monkeypatch.setattr(broker_kafka, "HELD_BYTES", bound, raising=False)
    monkeypatch.setattr(broker_kafka, "_PORTION", 3, raising=False)
    sent = texts(*(world.ride(f"r{n}", n % 2) for n in range(40)))
    largest = max(len(body) for body, _ in sent)
    each.publish(sent)
    here = opened(each)
    held = here.take(100, 3.0)
    assert bound - largest < sum(len(message.body) for message in held) <= bound + 3 * largest
    here.close()
    assert consume(world, each, most=100) == {"credited": 40} and differences() == {}


@ALL
def test_what_was_booked_and_not_given_up_comes_again_and_exists(world: World, each: Running) -> None:
    each.publish(texts(*(world.ride(f"r{n}", n % 2) for n in range(3))))
    left = [1]
    found = streaming.consume(lambda: _Cut(opened(each), left), world.sender.code, most=10, wait=3.0,
                              stopping=Event(), until_empty=True)  # fmt: skip
    assert found == {"exists": 3} and left == [] and differences() == {}
    assert world.totals()[0][0] > 0


@SOME
def test_a_database_that_is_away_is_waited_for(world: World, each: Running) -> None:
    each.publish(texts(*(world.ride(f"r{n}", n % 2) for n in range(3))))
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (mine,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [mine])
    other.close()
    assert consume(world, each) == {"credited": 3}
    assert consume(world, each, wait=1.0) == {} and differences() == {}


@SOME
def test_a_suspended_partner_s_messages_stay_where_they_are(world: World, each: Running) -> None:
    party = Party.objects.get(pk=world.sender.party_id)
    each.publish(texts(world.ride("r")))
    parties.suspend(party)
    with pytest.raises(PartySuspended):
        consume(world, each)
    parties.resume(party)
    assert consume(world, each, wait=3.0) == {"credited": 1}


@SOME
def test_a_stop_ends_between_two_batches(world: World, each: Running) -> None:
    each.publish(texts(*(world.ride(f"r{n}", n % 2) for n in range(9))))
    stopping = Event()
    first = consume(world, each, most=3, until_empty=False, stopping=stopping, told=lambda _: stopping.set())
    assert 0 < first["credited"] <= 3 and first.total() == first["credited"]
    assert consume(world, each, wait=3.0)["credited"] == 9 - first["credited"]
    assert differences() == {}


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("http://127.0.0.1:1", "no broker's address"),
        ("nats://127.0.0.1", "no broker's address"),
        ("mqtt://127.0.0.1:x", "no broker's address"),
        ("kafka://broker.example.org:9092", "without TLS"),
    ],
)
def test_an_address_is_refused_by_name(address: str, word: str) -> None:
    with pytest.raises(SetupError, match=word):
        broker.connect(address, "t", "g")


@pytest.mark.parametrize("address", ["nats://127.0.0.1:{}", "kafka://127.0.0.1:{}", "mqtt://127.0.0.1:{}"])
def test_a_broker_that_is_away_says_so(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for adapter in (broker_kafka, broker_mqtt, broker_nats):
        monkeypatch.setattr(adapter, "_PATIENCE", 1.0)
    with pytest.raises(BrokerAway):
        broker.connect(address.format(brokers.free_port()), "t", "g")


def test_a_nats_server_that_leaves_out_tls_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stands between leaves `tls_required` out of the first line, and waits for the password in clear."""
    monkeypatch.setattr(broker_nats, "_PATIENCE", 1.0)
    heard: list[bytes] = []

    class Between(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(0.5)
            self.request.sendall(b'INFO {"server_id":"x","version":"2.9.0","max_payload":1000}\r\n')
            with contextlib.suppress(OSError):
                heard.append(self.request.recv(4_096))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Between) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"nats+tls://city:secret@127.0.0.1:{server.server_address[1]}"
        with pytest.raises(BrokerAway, match="does not ask for TLS"):
            broker.connect(address, "abate.city", "abate")
        server.shutdown()
    assert b"".join(heard) == b""


def test_servers_that_are_named_before_tls_are_not_gone_to() -> None:
    """Whoever stands between could name one of their own: the client would go there when it is cut off, and believe it."""

    async def pool(before_tls: bool) -> list[str]:
        client = broker_nats._Encrypted()
        client._setup_server_pool("tls://127.0.0.1:4222")
        client._current_server, client.options = client._server_pool[0], {"dont_randomize": True}
        said = {"tls_required": True, "connect_urls": ["evil.example:4222"], "max_payload": 1}
        await client._process_info(said, initial_connection=before_tls)
        return [one.uri.netloc for one in client._server_pool]

    assert asyncio.run(pool(before_tls=True)) == ["127.0.0.1:4222"]
    assert asyncio.run(pool(before_tls=False)) == ["127.0.0.1:4222", "evil.example:4222"]


def test_a_subject_that_no_stream_keeps_is_refused(tmp_path: Path) -> None:
    with brokers.nats_server(tmp_path) as server, pytest.raises(SetupError, match="No stream keeps"):
        broker.connect(server.address, "elsewhere", "g")


def test_a_server_that_ends_is_told_from_one_with_nothing(world: World, tmp_path: Path) -> None:
    with brokers.nats_server(tmp_path) as server:
        server.publish([])
        here = opened(server)
        assert here.take(1, 0.2) == []
    with pytest.raises(BrokerAway):
        here.take(1, 1.0)
    here.close()


def test_what_is_in_hand_is_not_delivered_to_others_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_nats, "ACK_SECONDS", 2.0)
    with brokers.nats_server(tmp_path) as server:
        server.publish([(b"1", {})])
        here, beside = opened(server), opened(server)
        held = here.take(1, 2.0)
        assert [one.body for one in held] == [b"1"] and beside.take(1, 4.0) == []
        here.done(held)
        assert beside.take(1, 2.0) == []
        for one in (here, beside):
            one.close()


def test_a_wait_for_a_day_s_quota_does_not_put_a_consumer_out_of_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    class Noted(RuntimeError):
        pass

    def noted(settings: dict[str, Any]) -> None:
        asked.update(settings)
        raise Noted

    monkeypatch.setattr(broker_kafka, "Consumer", noted)
    with pytest.raises(Noted):
        broker.connect("kafka://127.0.0.1:9092", "t", "g")
    # The library's own five minutes are less than the tenth of a day that a batch at the quota waits for.
    assert asked.get("max.poll.interval.ms", 300_000) >= limits.DAY * 1_000
