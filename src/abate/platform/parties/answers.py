"""Answers kept by the caller's key (the IETF's Idempotency-Key): a call that was answered once has one effect.

The answer is written in the transaction of the work itself, so both are there or neither: a server killed between them
leaves a call that can be sent again. While a call is at work its key is locked on the database's side, for all servers;
the lock goes with the connection of whoever held it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, connection

from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.platform.parties.errors import KeyInFlight, KeyMalformed, KeyReused

SQL = statements(Path(__file__).parent / "sql")
KEPT = timedelta(hours=24)
"""Our policy: longer than a partner's queue is down, short enough that the answers of a day fit."""
# A Structured Field String; many clients send the bare text, which cannot be taken for anything else.
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,128})"|([A-Za-z0-9._:/+=-]{1,128})')
_LOCK = 4912028


@dataclass(frozen=True, slots=True)
class Asked:
    """A call under a key. `digest` tells one request from another: method, address, media type and body."""

    party_id: int
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as bytes; kept ones are repeated byte by byte."""

    body: bytes
    media: str = "application/json"
    status: int = 200


Keep = Callable[[Reply], None]


def asked(party_id: int, header: str | None, *parts: bytes) -> Asked | None:
    """The call that an `Idempotency-Key` names; None without the header. Raises KeyMalformed."""
    if header is None:
        return None
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise KeyMalformed
    told = hashlib.sha256()
    for part in parts:
        told.update(len(part).to_bytes(8, "big") + part)
    return Asked(party_id, found[1] or found[2], told.digest())


def once(call: Asked | None, work: Callable[[Keep | None], Reply]) -> tuple[Reply, bool]:
    """(answer, whether it is a repeated one). `work` gives its answer to `Keep` inside its transaction, the last in it;
    without a key there is nothing to give it to.

    Raises KeyInFlight while the same key is at work, KeyReused where it stands for another request. What `work` refuses
    is not kept: it changed nothing, and may be sent right under the same key.
    """
    if call is None:
        return work(None), False
    with _locked(call):
        known = _kept(call)
        if known is not None:
            return known, True
        return work(lambda reply: _keep(call, reply)), False


@contextmanager
def _locked(call: Asked) -> Iterator[None]:
    name = {"lock": _LOCK, "key": f"{call.party_id}:{call.key}"}
    with connection.cursor() as cursor:
        cursor.execute(SQL["lock_key"], name)
        if cursor.fetchone() != (True,):
            raise KeyInFlight
    try:
        yield
    finally:
        try:
            with connection.cursor() as cursor:
                cursor.execute(SQL["unlock_key"], name)
        except DatabaseError:
            # The lock must not outlive the call: it goes with the connection.
            connection.close()


def _kept(call: Asked) -> Reply | None:
    with connection.cursor() as cursor:
        cursor.execute(SQL["kept"], {"party": call.party_id, "key": call.key, "now": clock.now()})
        row = cursor.fetchone()
    if row is None:
        return None
    digest, status, media, body = row
    if bytes(digest) != call.digest:
        raise KeyReused
    return Reply(bytes(body), media, status)


def _keep(call: Asked, reply: Reply) -> None:
    now = clock.now()
    values = {"party": call.party_id, "key": call.key, "digest": call.digest, "status": reply.status,
              "media": reply.media, "body": reply.body, "now": now, "until": now + KEPT}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(SQL["keep"], values)
        assert cursor.rowcount == 1, "a key's lock was passed"
        cursor.execute(SQL["forget"], {"now": now})
