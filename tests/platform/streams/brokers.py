"""Real brokers as child processes: NATS and mosquitto from Debian. Kafka's protocol is spoken by librdkafka's own cluster."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import nats
import paho.mqtt.client as mqtt
from confluent_kafka import Producer
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TOPIC = {"nats": "abate.city", "kafka": "abate-city", "mqtt": "abate/city/#"}
Sent = tuple[bytes, Mapping[str, str]]


class Running(Protocol):
    """A broker that runs: where it is, and how a partner of it publishes (body, attributes in binary mode)."""

    address: str
    topic: str

    def publish(self, messages: Sequence[Sent]) -> None: ...


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    assert found, f"{name} is missing: scripts/system.sh brokers installs it"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        assert process.poll() is None, f"{command[0]} ended"
        yield process
    finally:
        process.kill()
        process.wait()


class Nats:
    topic = TOPIC["nats"]

    def __init__(self, port: int) -> None:
        self.address = f"nats://127.0.0.1:{port}"

    def publish(self, messages: Sequence[Sent]) -> None:
        asyncio.run(self._publish(messages))

    async def _publish(self, messages: Sequence[Sent]) -> None:
        client = await nats.connect(self.address)
        stream = client.jetstream()
        await stream.add_stream(name="CITY", subjects=["abate.*"])
        for body, attributes in messages:
            headers = {f"ce-{name}": value for name, value in attributes.items()} or None
            await stream.publish(self.topic, body, headers=headers)
        await client.close()


class Mosquitto:
    topic = TOPIC["mqtt"]

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"mqtt://127.0.0.1:{port}"

    def publish(self, messages: Sequence[Sent]) -> None:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTProtocolVersion.MQTTv5)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        told = []
        for number, (body, attributes) in enumerate(messages):
            properties = Properties(PacketTypes.PUBLISH)
            if attributes:
                properties.UserProperty = list(attributes.items())
            told.append(client.publish(f"abate/city/bike-{number % 3}", body, qos=1, properties=properties))
        for one in told:
            one.wait_for_publish(30)
        client.disconnect()
        client.loop_stop()


class Kafka:
    topic = TOPIC["kafka"]

    def __init__(self) -> None:
        # The cluster lives as long as this client; a topic is made by the first word of it.
        self._producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
        found = self._producer.list_topics(self.topic, timeout=30)
        (broker,) = found.brokers.values()
        self.address = f"kafka://{broker.host}:{broker.port}"

    def publish(self, messages: Sequence[Sent]) -> None:
        for body, attributes in messages:
            headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
            self._producer.produce(self.topic, body, headers=headers)
        assert self._producer.flush(30) == 0


@contextmanager
def nats_server(folder: Path) -> Iterator[Nats]:
    port = free_port()
    command = [program("nats-server"), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)]
    with running(command, port):
        yield Nats(port)


@contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    port, file = free_port(), folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
    with running([program("mosquitto"), "-c", str(file)], port):
        yield Mosquitto(port)


@contextmanager
def kafka(folder: Path) -> Iterator[Kafka]:
    yield Kafka()
