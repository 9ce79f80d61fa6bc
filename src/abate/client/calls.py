"""Calls of a partner: in batches within the interface's bounds, each under a key that makes sending it again safe."""

from __future__ import annotations

import base64
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from abate.client import delivering
from abate.client.batches import MEDIA, MOST_BYTES, MOST_EVENTS, Batch, Event, batches
from abate.client.delivering import DeadLetter
from abate.client.results import Refusal, Reply, Result, Sent, Summary, Unreachable
from abate.client.signing import Signer

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same may be sent again, and 409 where the same key is at work."""
IN_FLIGHT = "idempotency-key-in-flight"
TOKEN_REFUSED = "token-refused"  # noqa: S105
"""The token ran out, or its key ended; a new one tells which."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try, doubled each time up to the longest."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the party's: its id, and its secret, which is never shown."""

    client_id: str
    secret: str = field(repr=False)


class _Stay(urllib.request.HTTPRedirectHandler):
    """A token or a signature is for one address only."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


class Client:
    """One party at one platform. `signer` signs every request; with it `key` may be left out.

    `tries`: how often one request is sent at most. `patience`: the most seconds it waits because the platform asked it to
    (`Retry-After`); asked for more, it raises Unreachable with that number. `language` of titles and remedies: zh or en.
    """

    def __init__(
        self,
        origin: str,
        party: str,
        key: Key | None = None,
        *,
        signer: Signer | None = None,
        tries: int = 8,
        timeout: float = 60.0,
        patience: float = 300.0,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
        language: str = "zh",
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if key is None and signer is None:
            raise ValueError("a client has a key, a signer, or both")
        if tries < 1 or not 1 <= most_events <= MOST_EVENTS or not 1 <= most_bytes <= MOST_BYTES:
            raise ValueError(f"tries from 1, at most {MOST_EVENTS} events and {MOST_BYTES} bytes a request")
        self.origin, self.party = origin.rstrip("/"), party
        self._key, self.signer = key, signer
        self._tries, self._timeout, self._patience, self._wait = tries, timeout, patience, wait
        self._batches = partial(batches, most_events=most_events, most_bytes=most_bytes)
        self._language = language
        self._token = ""
        self._opener = urllib.request.build_opener(_Stay)
        self.heard: Callable[[str, bytes, Reply], None] | None = None
        """Is told of each call that `once` and `call` made: its target, body and answer; never of tokens."""

    def send(self, events: Iterable[Event]) -> Iterator[tuple[Event, Result]]:
        """(event, result) of each event, in order, batch by batch. Raises Refusal, Unreachable."""
        for batch in self._batches(events):
            yield from zip(batch.events, self._results(batch), strict=True)

    def deliver(
        self, events: Iterable[Event], dead_letters: Path, *, progress: Path | None = None
    ) -> Summary:
        """Send all of them; what was refused is added to `dead_letters` with its problem, one JSON object a line.

        A request that is refused for what is in it is halved until the event is found, and the rest goes on. Raises
        Unreachable, and Refusal where it is this party that is refused. Either way delivering the same events again
        repeats nothing; with `progress` it goes on after the last batch that was answered. Raises OtherEvents where
        that file is of other events, InUse where another delivery puts aside into `dead_letters`.
        """
        return delivering.deliver(self._batches, self._results, events, dead_letters, progress)

    def resend(self, dead_letters: Path, mend: Callable[[DeadLetter], Event | None] | None = None) -> Summary:
        """Send the events of a dead-letter file again; afterwards it holds those that are refused still.

        `mend` makes of each what is to be sent, or None to drop it. Broken off, the file is as it was: again is safe. Raises as
        `deliver`, and FileNotFoundError.
        """
        dead_letters.stat()
        with delivering.alone(dead_letters) as held:
            letters = delivering.dead_letters(dead_letters)
            mended = (mend(one) if mend else one.event for one in letters)
            left = dead_letters.with_name(dead_letters.name + ".new")
            left.unlink(missing_ok=True)
            summary = self.deliver((event for event in mended if event is not None), left)
            if os.name == "nt":
                held.close()  # no file that is open is replaced there
            left.replace(dead_letters)
            return summary

    def sent(
        self,
        *,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        behaviour: str | None = None,
        outcome: str | None = None,
        subject: str | None = None,
        page: int = 100,
    ) -> Iterator[Sent]:
        """The party's own events, the newest arrival first, page by page as they are read. Raises Refusal, Unreachable.

        `since` and `until` are of the arrival: a day counts whole, a moment has its offset and `until` is excluded.
        """
        asked = {"from": since, "to": until, "behaviour": behaviour, "outcome": outcome, "subject": subject}
        query = {name: getattr(v, "isoformat", lambda v=v: v)() for name, v in asked.items() if v is not None}
        cursor: str | None = ""
        while cursor is not None:
            more = {"limit": page, "cursor": cursor} if cursor else {"limit": page}
            told = self._read(f"/v1/events?{urllib.parse.urlencode(query | more)}")
            yield from (Sent.of(one) for one in told["events"])
            cursor = told["next_cursor"]

    def sent_one(self, event_id: str) -> Sent | None:
        """One of them by its id, as accepted or as last refused; None where there is none. Raises Refusal, Unreachable."""
        try:
            return Sent.of(self._read(f"/v1/events/{urllib.parse.quote(event_id, safe='')}"))
        except Refusal as refusal:
            if refusal.code == "event-unknown":
                return None
            raise

    def _read(self, target: str) -> Any:
        reply = self.call("GET", target)
        if reply.status != 200:
            raise reply.refusal()
        return reply.json()

    def _results(self, batch: Batch) -> list[Result]:
        reply = self.call(
            "POST", "/v1/events", batch.body, {"Content-Type": MEDIA, "Idempotency-Key": batch.key}
        )
        if reply.status != 200:
            raise reply.refusal()
        return [Result.of(answer) for answer in reply.json()["results"]]

    def call(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One call, again while the platform says "later", with a new token where the old one ran out."""
        wait, renewed, said = FIRST_WAIT, False, ""
        left = self._tries
        while left:
            try:
                reply = self.once(method, target, body, headers)
                refusal = None if reply.status == 200 else reply.refusal()
            except (OSError, HTTPException) as fault:
                said, asked = str(fault), None
            except Refusal as of_token:
                if of_token.status not in AGAIN:
                    raise
                said, asked = of_token.code, of_token.retry_after
            else:
                if refusal and refusal.code == TOKEN_REFUSED and self._key and not renewed:
                    self.renew()
                    renewed = True
                    continue
                if refusal is None or not (refusal.status in AGAIN or refusal.code == IN_FLIGHT):
                    return reply
                said, asked = refusal.code, refusal.retry_after
            left -= 1
            if asked is not None and asked > self._patience:
                raise Unreachable(f"{self.origin}: {said}, again after {asked:.0f} s", asked)
            if left:
                # Not all at the same moment, where many were told "later" at one; never before the platform's own time.
                self._wait(secrets.SystemRandom().uniform(wait / 2, wait) if asked is None else asked)
            wait = min(wait * 2, LONGEST_WAIT)
        raise Unreachable(f"{self.origin}: {said}")

    def once(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One call and its answer, whatever it is; signed anew, as a signature is good for one sending."""
        given = {"Accept-Language": self._language} | dict(headers or {})
        if self._key is not None:
            given.setdefault("Authorization", f"Bearer {self.token()}")
        if self.signer is not None:
            given = self.signer.headers(method, self.origin, target, given, body)
        reply = self.open(method, target, body, given)
        if self.heard is not None:
            self.heard(target, body, reply)
        return reply

    def token(self) -> str:
        """The access token in use, fetched if need be. Raises Refusal."""
        if not self._token:
            assert self._key is not None
            basic = base64.b64encode(f"{self._key.client_id}:{self._key.secret}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
            reply = self.open("POST", "/identity/o/api/token", b"grant_type=client_credentials", headers)
            if reply.status != 200:
                raise reply.refusal()
            self._token = str(reply.json()["access_token"])
        return self._token

    def renew(self) -> None:
        """Let the next call fetch a new token, where the present one is refused."""
        self._token = ""

    def open(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """One call with these headers as they are."""
        if not self.origin.startswith(("https://", "http://")):
            raise ValueError(f"{self.origin} is not an http(s) address")
        data = body if method == "POST" else None
        request = urllib.request.Request(self.origin + target, data, dict(headers), method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return Reply(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, {k.lower(): v for k, v in refused.headers.items()}, refused.read())
