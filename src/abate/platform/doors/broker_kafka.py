"""Apache Kafka: a consumer group that commits an offset only after the batch. CloudEvents headers begin with `ce_`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from abate.platform.doors.broker import HELD_BYTES, LARGEST, BrokerAway, Message, Place
from abate.platform.doors.errors import SetupError

SESSION_MS = 10_000
HELD_MS = 86_400_000
"""The longest that may lie between two takes (and the longest that the library allows). Past it a living consumer is put out of
its group and cannot commit: after a wait for a quota, which may be hours, the same would come again and wait again, for ever.
"""
_PATIENCE = 10.0
_JOINING = 30
_PORTION = max(1, HELD_BYTES // LARGEST)
"""Messages asked for at a time."""


class Kafka:
    def __init__(self, place: Place) -> None:
        settings: dict[str, object] = {
            "bootstrap.servers": f"{place.address.hostname}:{place.address.port}",
            "group.id": place.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # After so long without a heartbeat another consumer takes over, as after a kill.
            "session.timeout.ms": SESSION_MS,
            "max.poll.interval.ms": HELD_MS,
            "allow.auto.create.topics": False,
            # Told by `take`; the library would print it too.
            "log_level": 0,
        }
        if place.address.username:
            settings |= {
                "sasl.mechanisms": "SCRAM-SHA-512",
                "sasl.username": unquote(place.address.username),
                "sasl.password": unquote(place.address.password or ""),
            }
        secure = "SASL_SSL" if place.address.username else "SSL"
        plain = "SASL_PLAINTEXT" if place.address.username else "PLAINTEXT"
        settings["security.protocol"] = secure if place.encrypted else plain
        self._consumer = Consumer(settings)
        try:
            known = self._consumer.list_topics(place.topic, timeout=_PATIENCE).topics[place.topic]
        except KafkaException as fault:
            self._consumer.close()
            raise BrokerAway(str(fault)) from fault
        if known.error is not None:
            self._consumer.close()
            raise SetupError("broker-topic", topic=place.topic, error=known.error)
        self._joined = False
        self._consumer.subscribe([place.topic], on_assign=self._assigned)

    def _assigned(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._joined = True

    def take(self, most: int, seconds: float) -> Sequence[Message]:
        try:
            found = self._first(min(most, _PORTION), seconds)
            size, more = _size(found), bool(found)
            # The rest lies in the library's queue, which has a bound of its own.
            while more and len(found) < most and size < HELD_BYTES:
                portion = self._consumer.consume(min(most - len(found), _PORTION), 0)
                found, size, more = found + portion, size + _size(portion), bool(portion)
        except KafkaException as fault:
            raise BrokerAway(str(fault)) from fault
        for one in found:
            fault = one.error()
            if fault is not None and fault.code() != KafkaError._PARTITION_EOF:
                raise BrokerAway(fault.str())
        return [Message(one.value() or b"", _attributes(one), one) for one in found if one.error() is None]

    def _first(self, most: int, seconds: float) -> list[Record]:
        found = self._consumer.consume(most, seconds)
        rounds = 0
        # Before the group has told which partitions are ours, nothing there does not mean that nothing is there.
        while not (found or self._joined) and rounds < _JOINING:
            found, rounds = self._consumer.consume(most, 1.0), rounds + 1
        if rounds and not found:
            found = self._consumer.consume(most, seconds)
        return found

    def done(self, messages: Sequence[Message]) -> None:
        reached: dict[tuple[str, int], int] = {}
        for message in messages:
            record: Record = message.handle  # type: ignore[assignment]
            key = (record.topic() or "", record.partition() or 0)
            reached[key] = max(reached.get(key, 0), (record.offset() or 0) + 1)
        offsets = [TopicPartition(topic, part, offset) for (topic, part), offset in reached.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as fault:
            raise BrokerAway(str(fault)) from fault

    def close(self) -> None:
        self._consumer.close()


def _size(records: Sequence[Record]) -> int:
    return sum(len(one.value() or b"") for one in records)


def _attributes(record: Record) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in record.headers() or []:
        if name.lower().startswith("ce_") and value is not None:
            text = value if isinstance(value, str) else value.decode("utf-8", "replace")
            found[name.lower()[3:]] = text
    return found


def connect(place: Place) -> Kafka:
    return Kafka(place)
