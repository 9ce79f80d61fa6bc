"""The door to message brokers: messages are taken in hand, and given up only once what they brought is committed.

Every adapter delivers at least once. What comes twice is known by the id of its event.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from abate.platform.doors.errors import SetupError

# scheme -> (module with `connect`, extra that installs its library, whether the connection is encrypted)
_ADAPTERS = {
    "nats": ("broker_nats", "nats", False),
    "nats+tls": ("broker_nats", "nats", True),
    "kafka": ("broker_kafka", "kafka", False),
    "kafka+tls": ("broker_kafka", "kafka", True),
    "mqtt": ("broker_mqtt", "mqtt", False),
    "mqtts": ("broker_mqtt", "mqtt", True),
}
LARGEST = 5_000_000
"""Bytes of one message, as over HTTP: of what is larger no adapter needs to keep the body."""
HELD_BYTES = 64 * 1024**2
"""Bytes of bodies in hand, from which on no more is taken until some are given up: our policy. Senders to one topic could
otherwise fill the memory, and fill it again at every start.
"""
_LIBRARIES = {"nats": "nats", "kafka": "confluent_kafka", "mqtt": "paho.mqtt.client"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `attributes`: those of a CloudEvent in binary mode, without prefix; empty where the body is all."""

    body: bytes
    attributes: Mapping[str, str]
    handle: object
    """What the adapter needs to give it up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages are: `topic` (subject, topic, topic filter), `group` (durable consumer, group, client id)."""

    address: SplitResult
    encrypted: bool
    topic: str
    group: str


class BrokerAway(Exception):
    """The broker does not answer now. Nothing that was in hand is given up; it comes again."""


class Broker(Protocol):
    """A connection of one process to one topic."""

    def take(self, most: int, seconds: float) -> Sequence[Message]:
        """The messages that are there, `most` of them or fewer and not much more than HELD_BYTES, once at least one is there
        or `seconds` are over.

        What was taken and not given up comes again, here or elsewhere. Raises BrokerAway.
        """

    def done(self, messages: Sequence[Message]) -> None:
        """Give messages up for good. Raises BrokerAway, after which they may come again."""

    def close(self) -> None:
        """Leave; what is in hand comes again."""


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(address: str, topic: str, group: str) -> Broker:
    """The broker at an address such as `nats://host:4222`. Raises SetupError, BrokerAway."""
    split = urlsplit(address)
    try:
        has_place = bool(split.hostname) and split.port is not None
    except ValueError:
        has_place = False
    if split.scheme not in _ADAPTERS or not has_place:
        known = ", ".join(f"{scheme}://HOST:PORT" for scheme in _ADAPTERS)
        raise SetupError("broker-malformed", given=f"{split.scheme}://{split.hostname or ''}", known=known)
    module, extra, encrypted = _ADAPTERS[split.scheme]
    if not (encrypted or _is_here(split.hostname or "")):
        raise SetupError("broker-without-tls", scheme=split.scheme, hostname=split.hostname)
    try:
        importlib.import_module(_LIBRARIES[extra])
    except ImportError:
        raise SetupError("broker-library", scheme=split.scheme, extra=extra) from None
    opened: Broker = importlib.import_module(f"abate.platform.doors.{module}").connect(
        Place(split, encrypted, topic, group)
    )
    return opened
