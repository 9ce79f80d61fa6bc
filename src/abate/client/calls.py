"""Calls of a partner: in batches within the interface's bounds, each under a key that makes sending it again safe."""

from __future__ import annotations

import base64
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from abate.client.signing import Signer

Event = dict[str, Any]
MOST_EVENTS, MOST_BYTES = 1_000, 5_000_000
BATCH = "application/cloudevents-batch+json"
AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same may be sent again, and 409 where the same key is at work."""
DONE = frozenset(
    {"credited", "exists", "withdrawn", "not_counted", "not_below_baseline", "needs_figure", "quarantined"}
)
LONGEST_WAIT = 60.0


class Unreachable(Exception):
    """The platform did not answer, or only with "later", as often as it was tried. Whether it was booked is not known:
    send the same again.
    """


class Refusal(Exception):
    """The platform refused a whole request: `code`, `status`, and what to do, as its problem document says."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, dict(problem)
        self.code = str(problem.get("code") or problem.get("error") or "unknown")
        super().__init__(
            f"{self.code} ({status}): {problem.get('title', '')} {problem.get('remedy', '')}".strip()
        )


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the party's: its id, and its secret, which is never shown."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Summary:
    """What became of the events that were delivered: how many came to which outcome, and how many were put aside."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0


class _Stay(urllib.request.HTTPRedirectHandler):
    """A token or a signature is for one address only."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


class Client:
    """One party at one platform. `signer` signs every request; with it `key` may be left out."""

    def __init__(
        self,
        origin: str,
        party: str,
        key: Key | None = None,
        *,
        signer: Signer | None = None,
        tries: int = 8,
        timeout: float = 60.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if key is None and signer is None:
            raise ValueError("a client has a key, a signer, or both")
        self.origin, self.party = origin.rstrip("/"), party
        self._key, self.signer = key, signer
        self._tries, self._timeout, self._wait = tries, timeout, wait
        self._token = ""
        self._opener = urllib.request.build_opener(_Stay)

    def send(self, events: Iterable[Event]) -> Iterator[tuple[Event, dict[str, Any]]]:
        """(event, result) of each event, in order, batch by batch. Raises Refusal, Unreachable."""
        for batch in batches(events):
            yield from zip(batch.events, self._results(batch), strict=True)

    def deliver(self, events: Iterable[Event], dead_letters: Path) -> Summary:
        """Send all of them; what was refused is added to `dead_letters` with its reason, one JSON object a line.

        A batch that is refused whole goes there too, and the rest goes on. Raises Unreachable with the file as far as it
        is: delivering the same events again repeats nothing.
        """
        summary = Summary()
        with dead_letters.open("a", encoding="utf-8") as out:
            for batch in batches(events):
                try:
                    results = self._results(batch)
                except Refusal as refusal:
                    results = [
                        {"outcome": "request_refused", "reason": refusal.code, **_told(refusal)}
                    ] * len(batch.events)
                for event, result in zip(batch.events, results, strict=True):
                    summary.outcomes[result["outcome"]] += 1
                    if result["outcome"] not in DONE:
                        summary.refused += 1
                        out.write(json.dumps({"event": event, "result": result}, ensure_ascii=False) + "\n")
                out.flush()
        return summary

    def _results(self, batch: Batch) -> list[dict[str, Any]]:
        reply = self.call(
            "POST", "/v1/events", batch.body, {"Content-Type": BATCH, "Idempotency-Key": batch.key}
        )
        if reply.status != 200:
            raise _refusal(reply)
        found: list[dict[str, Any]] = reply.json()["results"]
        return found

    def call(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One call, again while the platform says "later", with a new token where the old one ran out."""
        wait, renewed, said = 0.5, False, ""
        for _ in range(self._tries):
            try:
                reply = self.once(method, target, body, headers)
            except (OSError, HTTPException) as fault:
                said = str(fault)
            else:
                code = _code(reply)
                if reply.status == 401 and code == "token-refused" and self._key and not renewed:
                    self._token, renewed = "", True
                    continue
                if reply.status not in AGAIN and code != "idempotency-key-in-flight":
                    return reply
                said, wait = code, _retry_after(reply, wait)
            self._wait(min(wait, LONGEST_WAIT))
            wait = min(wait * 2, LONGEST_WAIT)
        raise Unreachable(f"{self.origin}: {said}")

    def once(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One call and its answer, whatever it is; signed anew, as a signature is good for one sending."""
        given = dict(headers or {})
        if self._key is not None:
            given.setdefault("Authorization", f"Bearer {self.token()}")
        if self.signer is not None:
            given = self.signer.headers(method, self.origin, target, given, body)
        return self.open(method, target, body, given)

    def token(self) -> str:
        """The access token in use, fetched if need be. Raises Refusal."""
        if not self._token:
            assert self._key is not None
            basic = base64.b64encode(f"{self._key.client_id}:{self._key.secret}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
            reply = self.open("POST", "/identity/o/api/token", b"grant_type=client_credentials", headers)
            if reply.status != 200:
                raise _refusal(reply)
            self._token = str(reply.json()["access_token"])
        return self._token

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that go in one request, and the key under which every try of it goes. Another batch of the same events has
    another key: what was refused then may be taken now.
    """

    events: list[Event]
    body: bytes
    key: str = field(default_factory=lambda: f'"{secrets.token_urlsafe(18)}"')


def batches(events: Iterable[Event]) -> Iterator[Batch]:
    """The events in order, in requests within the bounds of the interface."""
    held: list[Event] = []
    texts: list[bytes] = []
    size = 2
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if held and (len(held) == MOST_EVENTS or size + len(text) + 1 > MOST_BYTES):
            yield Batch(held, b"[" + b",".join(texts) + b"]")
            held, texts, size = [], [], 2
        held.append(event)
        texts.append(text)
        size += len(text) + 1
    if held:
        yield Batch(held, b"[" + b",".join(texts) + b"]")


def _refusal(reply: Reply) -> Refusal:
    try:
        problem = reply.json()
    except ValueError:
        problem = {}
    return Refusal(reply.status, problem if isinstance(problem, dict) else {})


def _code(reply: Reply) -> str:
    return "" if reply.status == 200 else _refusal(reply).code


def _retry_after(reply: Reply, otherwise: float) -> float:
    asked = reply.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else otherwise


def _told(refusal: Refusal) -> dict[str, Any]:
    return {name: refusal.problem[name] for name in ("title", "remedy") if name in refusal.problem}
