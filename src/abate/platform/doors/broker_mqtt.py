"""MQTT 5, for devices: a session that outlives the connection, and acknowledgement by hand at QoS 1.

Attributes of a CloudEvent in binary mode are user properties. What a device publishes at QoS 0 may be lost on the way:
it is the device that chose so.
"""

from __future__ import annotations

import queue
import ssl
import threading
from collections.abc import Sequence
from typing import Any, NoReturn
from urllib.parse import unquote

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from abate.platform.doors.broker import HELD_BYTES, LARGEST, BrokerAway, Message, Place
from abate.platform.doors.errors import SetupError

SESSION_SECONDS = 7 * 24 * 3600
"""How long the broker keeps what comes while nobody takes it: our policy."""
IN_HAND = 10_000
"""How many messages the broker sends before the first is given up: our policy."""
_PATIENCE = 10.0
_CONTENT_TYPE = "application/cloudevents"


class Mqtt:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._arrived: queue.SimpleQueue[mqtt.MQTTMessage] = queue.SimpleQueue()
        self._answer: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._refused = ""
        self._room, self._held, self._leaving = threading.Condition(), 0, False
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=place.group,
            protocol=mqtt.MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        if place.address.username:
            self._client.username_pw_set(
                unquote(place.address.username), unquote(place.address.password or "")
            )
        if place.encrypted:
            self._client.tls_set_context(ssl.create_default_context())
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._come
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = SESSION_SECONDS
        kept.ReceiveMaximum = IN_HAND
        try:
            host, port = place.address.hostname or "", place.address.port or 0
            self._client.connect(host, port, clean_start=False, properties=kept)
        except OSError as fault:
            raise BrokerAway(str(fault)) from fault
        self._client.loop_start()
        self._subscribe()

    def _subscribe(self) -> None:
        try:
            refused = self._answer.get(timeout=_PATIENCE)
        except queue.Empty:
            self.close()
            raise BrokerAway("no answer to the subscription") from None
        if refused:
            self._refuse(refused)

    def _refuse(self, refused: str) -> NoReturn:
        self.close()
        raise SetupError("broker-refuses", topic=self._place.topic, refused=refused)

    def _connected(self, client: mqtt.Client, _: Any, __: Any, code: ReasonCode, ___: Any) -> None:
        if code.is_failure:
            self._answer.put(str(code))
        else:
            # Again after each reconnection: a broker that lost its sessions has lost the subscription too.
            client.subscribe(self._place.topic, qos=1)

    def _subscribed(self, _: Any, __: Any, ___: int, codes: list[ReasonCode], ____: Any) -> None:
        self._refused = next((str(code) for code in codes if code.is_failure), "")
        self._answer.put(self._refused)

    def _come(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        if len(message.payload) > LARGEST:
            message.payload = b""  # refused by its size alone
            self._answer.put("")  # as below
        size = len(message.payload)
        with self._room:
            if self._held and self._held + size > HELD_BYTES:
                # A session sends what it kept before it answers to the subscription, which it knows: that is not waited for.
                self._answer.put("")
                # The library's thread waits here, so the connection is not read; one that is ended over it is opened anew.
                self._room.wait_for(
                    lambda: self._leaving or not self._held or self._held + size <= HELD_BYTES
                )
            self._held += size
        self._arrived.put(message)

    def take(self, most: int, seconds: float) -> Sequence[Message]:
        found: list[mqtt.MQTTMessage] = []
        if self._refused:
            self._refuse(self._refused)
        try:
            found.append(self._arrived.get(timeout=seconds))
            while len(found) < most:
                found.append(self._arrived.get_nowait())
        except queue.Empty:
            if not found and not self._client.is_connected():
                raise BrokerAway("not connected") from None
        return [Message(one.payload, _attributes(one), one) for one in found]

    def done(self, messages: Sequence[Message]) -> None:
        for message in messages:
            one: mqtt.MQTTMessage = message.handle  # type: ignore[assignment]
            if one.qos:
                self._client.ack(one.mid, one.qos)
        with self._room:
            self._held -= sum(len(message.body) for message in messages)
            self._room.notify_all()

    def close(self) -> None:
        with self._room:
            self._leaving = True
            self._room.notify_all()
        self._client.disconnect()
        self._client.loop_stop()


def _attributes(message: mqtt.MQTTMessage) -> dict[str, str]:
    properties = message.properties
    if str(getattr(properties, "ContentType", "")).startswith(_CONTENT_TYPE):
        return {}
    return {name.lower(): value for name, value in getattr(properties, "UserProperty", [])}


def connect(place: Place) -> Mqtt:
    return Mqtt(place)
