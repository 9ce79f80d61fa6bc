"""Who was turned away at a door, told in the trail: the first refusal of a minute by a row at once, those like it by their
number.

A flood costs what it is: a look into a table in memory. At most MOST different ones a minute are told apart of those that
proved who they are, and as many of those that did not; what comes beyond is one row for each code. A minute's further ones
are a second row when it is over. What is named and not there is counted as what is there: nothing is looked up until a row
is written, and a row is written for both. A row that cannot be written is a line in the log of the server; the refusal
stays one. (GB/T 22239-2019, 8.1.4.3)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from django.db import DatabaseError, InterfaceError, transaction

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.review import audit
from abate.platform.review.audit import Actor

MOST = 30
"""Our policy: of each server at most 30 + 30 and the codes a minute, twice; a day of nothing else is
some 110 MB (480 bytes a row with its indexes, measured)."""
EVERY = 60.0
"""Seconds between two looks at what the minutes that are over left to tell."""
MANY = "many"
_log = logging.getLogger("abate.refusals")


def _minute() -> datetime:
    return clock.now().replace(second=0, microsecond=0)


def _nobody() -> tuple[str, str]:
    return "", ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`door`: the route's name; `code`: the problem's; `actor`: who, where it is proved, and by which way in. `origin` and
    `claim` are keyed digests of the address and of the key that was named; `whose` says (client id, party's code) of it.
    """

    door: str
    method: str
    code: str
    actor: Actor
    origin: str = ""
    claim: str = ""
    whose: Callable[[], tuple[str, str]] = field(default=_nobody, compare=False)


def digest(what: str, text: str) -> str:
    """What stands for an address or a named key, 16 signs; empty for nothing."""
    return keyring().identity_hmac(f"refused\x00{what}\x00{text}").hex()[:16] if text else ""


class _Counts:
    """How often each was refused in the present minute, and what of the last ones is still to be told."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.empty()

    def empty(self) -> None:
        self._minute: datetime | None = None
        self._seen: dict[Refusal, int] = {}
        self._over: list[tuple[Refusal, datetime, int]] = []

    def add(self, refusal: Refusal) -> Refusal | None:
        """What is to be told now; None where it was told in this minute."""
        with self._lock:
            self._turn(_minute())
            if refusal not in self._seen and self._is_full(bool(refusal.actor.account)):
                refusal = Refusal(MANY, "", refusal.code, Actor(via=refusal.actor.via))
            self._seen[refusal] = self._seen.get(refusal, 0) + 1
            return refusal if self._seen[refusal] == 1 else None

    def over(self, minute: datetime | None) -> list[tuple[Refusal, datetime, int]]:
        """(refusal, minute, further ones) of the minutes before this one, each told once; of all for None."""
        with self._lock:
            self._turn(minute)
            found, self._over = self._over, []
            return found

    def _turn(self, minute: datetime | None) -> None:
        if self._minute is not None and self._minute != minute:
            of = self._minute
            self._over += [(one, of, times - 1) for one, times in self._seen.items() if times > 1]
            self._seen.clear()
        self._minute = minute

    def _is_full(self, proved: bool) -> bool:
        alike = sum(1 for one in self._seen if bool(one.actor.account) == proved and one.door != MANY)
        return alike >= MOST


_counts = _Counts()
count, forget = _counts.add, _counts.empty


def write(refusal: Refusal) -> None:
    """One row for it, and those for what the minutes before left to tell. Raises nothing of the database's."""
    _write([(refusal, None, 0), *_counts.over(_minute())])


def tell_counts() -> int:
    """A round beside the server (doors/rounds.py): what the minutes that are over left to tell. Always 0."""
    _write(_counts.over(_minute()))
    return 0


def tell_all() -> None:
    """At the end of the server: the present minute too."""
    _write(_counts.over(None))


def _write(told: Sequence[tuple[Refusal, datetime | None, int]]) -> None:
    if not told:
        return
    try:
        with transaction.atomic():
            for refusal, minute, more in told:
                _note(refusal, minute, more)
    except (DatabaseError, InterfaceError) as fault:
        named = ", ".join(f"{one.door} {one.code}" for one, _, _ in told)
        _log.warning("refusals not told (%s): %s", named, type(fault).__name__)


def _note(refusal: Refusal, minute: datetime | None, more: int) -> None:
    client_id, party = refusal.whose()
    detail: dict[str, object] = {"code": refusal.code}
    detail |= {"method": refusal.method} if refusal.method else {}
    detail |= {"party": party} if party else {}
    detail |= {"from": refusal.origin} if refusal.origin else {}
    detail |= {"more": more, "minute": minute.isoformat()} if minute else {}
    with audit.acting(lambda: refusal.actor):
        audit.note(f"door.{refusal.door}", client_id, act="refused", **detail)
