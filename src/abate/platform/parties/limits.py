"""How much a party, a key or an address may ask for: counted in the database, so that several servers keep one limit.

Each subject has one row: the moment at which its allowance is whole again. A call moves it on by its share of the span
and is refused where it would pass the span (the generic cell rate algorithm): no window whose edge lets twice as much
through, no row per call. The table is unlogged: a crash forgets what was used, never what was booked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.doors.origin import sender
from abate.platform.doors.statements import statements
from abate.platform.parties.errors import LimitReached
from abate.platform.parties.limit_errors import BatchAboveQuota
from abate.platform.parties.queries import TokenParty

SQL = statements(Path(__file__).parent / "sql")
MINUTE, DAY = 60, 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` within `seconds`, for one `subject`; `name` is told to the caller."""

    name: str
    subject: str
    most: int
    seconds: int

    def share(self, cost: int) -> timedelta:
        return timedelta(seconds=self.seconds) * cost / self.most


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit: `rest` may be used now, all of it is there again after `again` seconds."""

    limit: Limit
    rest: int
    again: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        name = self.limit.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.limit.most};w={self.limit.seconds}',
            "RateLimit": f'"{name}";r={self.rest};t={self.again}',
        }


def of_requests(found: TokenParty) -> list[Limit]:
    """The limits on requests of a party and of the key that it uses."""
    most, own = found.key_requests_per_minute, of_party(found.party_id, found.requests_per_minute)
    return own if most is None else [*own, Limit("key", f"key:{found.client_id}", most, MINUTE)]


def of_party(party_id: int, most: int | None) -> list[Limit]:
    """The limit on a party's requests where somebody of it sends them on the page, without a key."""
    return [] if most is None else [Limit("requests", f"party:{party_id}", most, MINUTE)]


def take_events(party_id: int, most: int | None, count: int) -> None:
    """Use `count` of a party's quota, `most` events within 24 hours: by message, file or broker it is one.

    Raises LimitReached, BatchAboveQuota.
    """
    if most is not None:
        if count > most:
            raise BatchAboveQuota(f"{count:,} > {most:,}")
        take([_of_events(party_id, most)], count)


def events_left(party_id: int, most: int) -> int:
    """How many events of a party's quota could be taken now."""
    limit, now = _of_events(party_id, most), clock.now()
    with connection.cursor() as cursor:
        cursor.execute(SQL["used"], {"subject": limit.subject, "now": now})
        row = cursor.fetchone()
    return max(0, _left(limit, row[0] if row else now, now).rest)


def _of_events(party_id: int, most: int) -> Limit:
    return Limit("events", f"events:{party_id}", most, DAY)


def of_address(what: str, address: str) -> Limit:
    """The limit on one thing asked for from an address (doors/origin.py), which is kept as a keyed digest only. A household
    or an office shares one.
    """
    most = settings.ABATE_ADDRESS_PER_MINUTE
    digest = keyring().identity_hmac(f"limit\x00{what}\x00{sender(address)}").hex()[:32]
    return Limit(what, f"address:{digest}", most, MINUTE)


def of_account(user_id: int) -> Limit:
    """The limit on what one account asks for, by all its sessions together."""
    return Limit("account", f"account:{user_id}", settings.ABATE_ACCOUNT_PER_MINUTE, MINUTE)


def take(limits: Iterable[Limit], cost: int = 1) -> Left | None:
    """Use `cost` of every limit, or of none; what is left of the tightest, None where there is no limit.

    Raises LimitReached, with the seconds after which it can be had.
    """
    wanted = sorted(limits, key=lambda limit: limit.subject)
    if not wanted:
        return None
    if len(wanted) == 1:
        return _take(wanted, cost)
    with transaction.atomic():
        return _take(wanted, cost)


def _take(limits: Sequence[Limit], cost: int) -> Left:
    now = clock.now()
    values = {
        "subjects": [limit.subject for limit in limits],
        "shares": [limit.share(cost) for limit in limits],
        "spans": [timedelta(seconds=limit.seconds) for limit in limits],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(SQL["take"], values)
        taken: dict[str, datetime] = dict(cursor.fetchall())
        for limit in limits:
            if limit.subject not in taken:
                cursor.execute(SQL["used"], {"subject": limit.subject, "now": now})
                row = cursor.fetchone()
                raise LimitReached(limit.name, _wait(limit, cost, row[0] if row else now, now))
    return min((_left(limit, taken[limit.subject], now) for limit in limits), key=lambda left: left.rest)


def _left(limit: Limit, full_at: datetime, now: datetime) -> Left:
    used = max(full_at - now, timedelta(0))
    rest = int((timedelta(seconds=limit.seconds) - used) / limit.share(1) + 1e-9)
    return Left(limit, rest, math.ceil(used.total_seconds()))


def _wait(limit: Limit, cost: int, full_at: datetime, now: datetime) -> int:
    """Seconds until `cost` can be had; a cost above the whole limit never can, and waits for all of it."""
    over = max(full_at, now) + limit.share(min(cost, limit.most)) - timedelta(seconds=limit.seconds) - now
    return max(1, math.ceil(over.total_seconds()))


def forget() -> None:
    """Drop a few rows that say nothing any more: a row whose allowance is whole is as good as none."""
    with connection.cursor() as cursor:
        cursor.execute(SQL["forget_uses"], {"now": clock.now()})
