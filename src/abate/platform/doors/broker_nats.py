"""NATS JetStream: a durable pull consumer with explicit acknowledgement. CloudEvents headers begin with `ce-`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, TimeoutError
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from abate.platform.doors.broker import HELD_BYTES, BrokerAway, Message, Place
from abate.platform.doors.errors import SetupError

T = TypeVar("T")
ACK_SECONDS = 60.0
"""After this long without a word of a process the server delivers again: our policy. A living one says it is at work."""
_PATIENCE = 10.0
_MORE = 0.05
"""Seconds for a further portion, where the one before was full: there may be no more."""


class _Encrypted(Client):
    """The library's client, which by itself begins TLS only where the server asks for it: whoever stands between would only have
    to leave that out to be given the password and every event in clear."""

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and info.get("tls_required") is not True:
            raise Error("the server does not ask for TLS")
        # What comes before TLS is anybody's word: other servers that it names are not gone to.
        said = {
            name: value for name, value in info.items() if name != "connect_urls" or not initial_connection
        }
        await super()._process_info(said, initial_connection)


class JetStream:
    """Its connection lives on a loop of its own thread: it goes on answering the server while a batch is booked."""

    def __init__(self, place: Place) -> None:
        self._held: list[Message] = []
        self._client = _Encrypted() if place.encrypted else Client()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        try:
            self._run(self._open(place), _PATIENCE)
        except BaseException:
            self._end()
            raise

    async def _open(self, place: Place) -> None:
        scheme = "tls" if place.encrypted else "nats"
        await self._client.connect(
            f"{scheme}://{place.address.netloc}",
            connect_timeout=5,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            error_cb=_quiet,
        )
        stream = self._client.jetstream()
        try:
            name = await stream.find_stream_name_by_subject(place.topic)
        except NotFoundError:
            await self._client.close()
            raise SetupError("broker-no-stream", topic=place.topic) from None
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_SECONDS, max_ack_pending=50_000)
        self._pull = await stream.pull_subscribe(place.topic, durable=place.group, stream=name, config=config)
        self._keeping = asyncio.create_task(self._keep(), name="keep")

    async def _keep(self) -> None:
        """Say of what is in hand that it is worked on: a batch may wait for hours, for a quota or a database, and must not
        be delivered meanwhile to others of the group, whose quota it would use up again.
        """
        while True:
            await asyncio.sleep(ACK_SECONDS / 3)
            for one in tuple(self._held):
                # What was given up meanwhile, or a server that is away: nothing is to be said.
                with contextlib.suppress(Error, OSError):
                    await one.handle.in_progress()  # type: ignore[attr-defined]

    def take(self, most: int, seconds: float) -> Sequence[Message]:
        # What the server lets through at most is what each may have: so many at a time cannot be more than HELD_BYTES.
        portion = max(1, HELD_BYTES // max(1, self._client.max_payload))
        taken: list[Message] = []
        size, wait = 0, seconds
        while len(taken) < most and size < HELD_BYTES:
            asked = min(portion, most - len(taken))
            found = self._run(self._fetch(asked, wait), wait + _PATIENCE)
            messages = [Message(one.data, _attributes(one.headers or {}), one) for one in found]
            self._held += messages
            taken += messages
            size += sum(len(one.body) for one in messages)
            if len(found) < asked:
                break
            wait = _MORE
        return taken

    async def _fetch(self, most: int, seconds: float) -> list[Msg]:
        try:
            return await self._pull.fetch(most, timeout=seconds)
        except TimeoutError:
            if not self._client.is_connected:
                raise
            return []

    def done(self, messages: Sequence[Message]) -> None:
        async def acknowledge() -> None:
            for one in messages:
                await one.handle.ack()  # type: ignore[attr-defined]
            # Once the server has answered this, it has read what stood before it.
            await self._client.flush(5)

        self._run(acknowledge(), _PATIENCE)
        given_up = {id(one) for one in messages}
        self._held = [one for one in self._held if id(one) not in given_up]

    def close(self) -> None:
        async def leave() -> None:
            # Said, the server need not wait ACK_SECONDS before it delivers them again.
            for one in self._held:
                await one.handle.nak()  # type: ignore[attr-defined]
            await self._client.flush(5)

        # A server that is away waits for its acknowledgements in vain, and delivers again by itself.
        for work in (leave(), self._client.close()):
            with contextlib.suppress(BrokerAway):
                self._run(work, _PATIENCE)
        self._end()

    def _end(self) -> None:
        """What the loop still does is ended on it, so that nothing is left behind."""

        async def stop() -> None:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._run(stop(), _PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except (Error, OSError) as fault:
            future.cancel()
            # While it is tried again what was wrong is known to the library alone: a certificate, or that there is no TLS.
            said = str(fault) or str(self._client.last_error or "")
            raise BrokerAway(f"{type(fault).__name__}: {said}") from fault


async def _quiet(_: Exception) -> None:
    """Reconnecting is the client's; a call that fails meanwhile says so itself."""


def _attributes(headers: Mapping[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name[3:]: value for name, value in lowered.items() if name.startswith("ce-")}


def connect(place: Place) -> JetStream:
    return JetStream(place)
