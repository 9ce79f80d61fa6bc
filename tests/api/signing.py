"""Requests signed as a partner signs them (RFC 9421, RFC 9530), and as nobody may: the last thing done before one leaves."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from http_message_signatures import HTTPMessageSigner, algorithms

MARK = "X-Signed"
"""The header by which a generated call says whose signature it is to get, and of which kind; it does not leave."""
KINDS = ("right", "right", "right", "wrong", "stale", "replayed", "audience")
_COVERED = ("@method", "@target-uri")
_REPLAYED = 200.0
"""Seconds for which a nonce is sent again: the platform remembers one for five minutes at least."""


@dataclass
class Signers:
    """Key ids with their private halves by party, and the nonces that were accepted lately. Safe among threads."""

    keys: dict[str, tuple[str, str]]
    origin: str
    spent: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, code: str, dice: random.Random) -> dict[str, str]:
        return {MARK: f"{code} {dice.choice(KINDS)} {dice.getrandbits(96):024x}"}

    def sign(self, request: requests.PreparedRequest, mark: str) -> str:
        """Sign it as it says; returns which kind it became: where nothing was sent yet nothing can be sent again."""
        code, kind, nonce = mark.split()
        key_id, pem = self.keys[code]
        if kind == "replayed":
            with self.lock:
                known = [one for at, one in self.spent.get(code, ()) if time.monotonic() - at < _REPLAYED]
            nonce, kind = (known[-1], kind) if known else (nonce, "right")
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Private(pem)).sign(
            request,
            key_id=key_id,
            created=datetime.now(UTC) - timedelta(minutes=10 if kind == "stale" else 0),
            nonce=nonce,
            tag="https://elsewhere.example" if kind == "audience" else self.origin,
            # It decides whether a call is booked again, so it is to be signed.
            covered_component_ids=(
                *_COVERED,
                *(["idempotency-key"] if "idempotency-key" in request.headers else []),
            ),
            body=body,
        )
        if kind == "wrong":
            request.headers["Signature"] = request.headers["Signature"].replace("=:", "=:AAAA", 1)[:-5] + "=:"
        return f"{kind} {code} {nonce}"

    def told(self, signed: str, status: int) -> None:
        """What became of a call: the nonce of one that was let in is spent."""
        kind, code, nonce = signed.split()
        if kind == "right" and status < 300:
            with self.lock:
                self.spent.setdefault(code, []).append((time.monotonic(), nonce))


class _Private:
    def __init__(self, pem: str) -> None:
        self._key = serialization.load_pem_private_key(pem.encode(), password=None)

    def resolve_private_key(self, key_id: str) -> Any:
        return self._key


class Session(requests.Session):
    """Signs what is marked. `signed`: what the last call was signed as, empty where it was not."""

    def __init__(self, signers: Signers) -> None:
        super().__init__()
        self._signers = signers
        self.signed = ""

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        mark = request.headers.pop(MARK, "")
        self.signed = self._signers.sign(request, mark) if mark else ""
        return super().send(request, **more)
