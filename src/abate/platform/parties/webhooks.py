"""Webhooks out (Standard Webhooks): addresses of a party, their secrets, and the outbox that a batch writes with itself.

A message is told at least once: it is claimed for a while, carried without any lock, and noted as it came out. Whoever
dies on the way leaves it to be claimed again; the receiver knows it by its `webhook-id`.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from standardwebhooks import Webhook

from abate.platform.doors import clock, outbound, randomness, sealed
from abate.platform.doors.rounds import LEASE, wait_after
from abate.platform.doors.statements import statements
from abate.platform.parties.actions import LONGEST_OVERLAP
from abate.platform.parties.errors import EndpointMalformed, EndpointUnknown, MessageUnknown
from abate.platform.parties.models import Attempt, Endpoint, FormerSecret, Message, Party
from abate.platform.review.audit import audited

SQL = statements(Path(__file__).parent / "sql")
KINDS = (
    "event.credited",
    "event.refused",
    "event.quarantined",
    "event.not_counted",
    "event.corrected",
    "event.withdrawn",
    "notice.opened",
    "notice.reopened",
    "notice.closed",
)
ANSWER_SECONDS, ANSWER_BYTES = 15.0, 2_000
MOST_ENDPOINTS = 5
MOST_SECRETS = 5
"""Secrets of one address at a time, the present one with them: our policy. Each message carries a signature of each."""
LONG, SLOW = timedelta(seconds=3), timedelta(hours=1)
"""An address that took so long once counts as slow for so long: our policy. One that never answers holds a teller for
ANSWER_SECONDS with every message, and would be waited for by every other party.
"""


@audited("party.webhook", lambda _, made: made[0])
def add_endpoint(party: Party, url: str, kinds: Iterable[str] = KINDS) -> tuple[int, str]:
    """Tell `party` of its events at `url`: (number, secret). The secret is shown this once. Raises EndpointMalformed."""
    wanted = sorted(set(kinds))
    if not wanted or set(wanted) - set(KINDS):
        raise EndpointMalformed("kinds")
    _check_url(url)
    secret = randomness.token_bytes(32)
    with transaction.atomic():
        Party.objects.select_for_update().get(pk=party.pk)
        if Endpoint.objects.filter(party=party, ended_at=None).count() >= MOST_ENDPOINTS:
            raise EndpointMalformed(f"more than {MOST_ENDPOINTS}")
        made = Endpoint.objects.create(
            party=party, url=url, kinds=wanted, secret=sealed.wrap(secret, sealed.KEY), created_at=clock.now()
        )
    return made.pk, _shown(secret)


@audited("party.webhook-secret", lambda given, _: given["endpoint_id"])
def rotate_secret(endpoint_id: int, *, overlap: timedelta) -> str:
    """A new secret; for `overlap` messages are signed with the one before too, no longer than a key and its successor are
    good together. What was replaced earlier keeps its own end, or ends with the present one where there is no overlap: a
    secret has leaked then, and nobody knows which. Raises EndpointUnknown, EndpointMalformed.
    """
    now = clock.now()
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise EndpointMalformed("overlap")
    secret = randomness.token_bytes(32)
    with transaction.atomic():
        found = Endpoint.objects.select_for_update().filter(pk=endpoint_id, ended_at=None).first()
        if found is None:
            raise EndpointUnknown(str(endpoint_id))
        over = found.former.filter(until__lte=now) if overlap else found.former.all()
        over.delete()
        if overlap:
            if found.former.count() + 2 > MOST_SECRETS:
                raise EndpointMalformed(f"more than {MOST_SECRETS} secrets")
            FormerSecret.objects.create(endpoint=found, secret=found.secret, until=now + overlap)
        found.secret = sealed.wrap(secret, sealed.KEY)
        found.save(update_fields=["secret"])
    return _shown(secret)


@audited("party.webhook-end", lambda given, _: given["endpoint_id"])
def end_endpoint(endpoint_id: int) -> None:
    """Tell nothing more there; what waits is dropped, what was told stays in the log. Raises EndpointUnknown."""
    with transaction.atomic():
        if not Endpoint.objects.filter(pk=endpoint_id, ended_at=None).update(ended_at=clock.now()):
            raise EndpointUnknown(str(endpoint_id))
        Message.objects.filter(endpoint_id=endpoint_id).exclude(next_at=None).update(next_at=None)


def _shown(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


def _check_url(url: str) -> None:
    """What can be said of an address before it is called; where it leads is looked at each time (doors/outbound.py)."""
    try:
        parts = urlsplit(url)
        bare = not (parts.username or parts.password or parts.fragment) and parts.port != 0
    except ValueError:
        raise EndpointMalformed("url") from None
    schemes = {"https", "http"} if settings.ABATE_WEBHOOK_LOOPBACK else {"https"}
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in schemes or not parts.hostname or not bare or not plain or len(url) > 500:
        raise EndpointMalformed("url")
    if outbound.is_private(parts.hostname, loopback=settings.ABATE_WEBHOOK_LOOPBACK):
        raise EndpointMalformed("url: not a public address")


def note(party_id: int, messages: Sequence[tuple[str, str]], at: datetime) -> None:
    """Put (kind, body) messages into the outbox, for each address of the party that wants the kind: one statement."""
    if not messages:
        return
    kinds, bodies = zip(*messages, strict=True)
    values = {"party": party_id, "kinds": list(kinds), "bodies": list(bodies), "at": at}
    with connection.cursor() as cursor:
        cursor.execute(SQL["note_messages"], values)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be carried now, and with which secrets."""

    id: int
    endpoint_id: int
    party_id: int
    url: str
    body: str
    tries: int
    secret: bytes
    former: Sequence[bytes]
    """Secrets that were replaced and have not ended."""
    lease: datetime


def send_due(most: int = 50, *, slow: bool | None = None) -> int:
    """Carry up to so many messages that are due, each claimed when its turn comes, the parties taking turns; returns how many.

    `slow`: those of addresses that are slow, or of those that are not; None for all.
    """
    had: Counter[int] = Counter()
    for count in range(most):
        now = clock.now()
        lease = now + LEASE
        turns = {"parties": list(had), "turns": list(had.values())}
        with connection.cursor() as cursor:
            cursor.execute(SQL["claim_due"], {"now": now, "lease": lease, "slow": slow, **turns})
            row = cursor.fetchone()
        if row is None:
            return count
        message = Due(*row, lease=lease)
        had[message.party_id] += 1
        _carry(message)
    return most


def _carry(message: Due) -> None:
    now = clock.now()
    headers = signed(message, now)
    try:
        status, answer = outbound.post_public(
            message.url,
            message.body.encode(),
            headers,
            timeout=ANSWER_SECONDS,
            most=ANSWER_BYTES,
            loopback=settings.ABATE_WEBHOOK_LOOPBACK,
        )
        said = answer.decode(errors="replace")[:200]
    except outbound.Unanswered as fault:
        status, said = 0, str(fault)[:200]
    if clock.now() - now >= LONG:
        Endpoint.objects.filter(pk=message.endpoint_id).update(slow_until=clock.now() + SLOW)
    _note_attempt(message, now, status, said)


def signed(message: Due, at: datetime) -> dict[str, str]:
    """The headers of one sending: signed with the present secret and with each former one that is still good."""
    name = f"msg_{message.id}"
    signatures = [
        Webhook(sealed.unwrap(one, sealed.KEY)).sign(name, at, message.body)
        for one in (message.secret, *message.former)
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _note_attempt(message: Due, at: datetime, status: int, said: str) -> None:
    """What came of it: told, tried again later, or given up; 410 ends the address, as its owner asked."""
    told = 200 <= status < 300
    wait = None if told else wait_after(message.tries)
    with transaction.atomic():
        shown = said if said.isprintable() else repr(said)[:200]
        Attempt.objects.create(message_id=message.id, at=at, status=status, said=shown.replace("\x00", ""))
        # Past its lease another may carry it, and its end may have come: then what follows is not ours to say.
        Message.objects.filter(pk=message.id, tries=message.tries, next_at=message.lease).update(
            told_at=at if told else None, next_at=None if wait is None else at + wait
        )
        if status == 410:
            Endpoint.objects.filter(pk=message.endpoint_id, ended_at=None).update(ended_at=at)
            Message.objects.filter(endpoint_id=message.endpoint_id).exclude(next_at=None).update(next_at=None)


@audited("party.message-again", lambda given, _: given["message_id"])
def send_again(message_id: int, party_id: int | None = None) -> None:
    """Carry a message once more, now, whatever became of it. Raises MessageUnknown (another party's too)."""
    found = Message.objects.filter(pk=message_id, endpoint__ended_at=None)
    if party_id is not None:
        found = found.filter(endpoint__party_id=party_id)
    if not found.update(next_at=clock.now(), tries=0):
        raise MessageUnknown(str(message_id))


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One line of the log of messages; `state` is told, waiting or given_up."""

    id: int
    endpoint_id: int
    kind: str
    made_at: datetime
    state: str
    tries: int
    next_at: datetime | None
    status: int | None
    said: str


def party_of(endpoint_id: int) -> int:
    """The id of the party that is told at this address. Raises EndpointUnknown."""
    found = Endpoint.objects.filter(pk=endpoint_id).values_list("party_id", flat=True).first()
    if found is None:
        raise EndpointUnknown(str(endpoint_id))
    return found


def endpoints(party_id: int) -> list[Endpoint]:
    """A party's addresses, the newest first, those that ended too."""
    return list(Endpoint.objects.filter(party_id=party_id).order_by("-id"))


def messages(party_id: int, *, before: int | None = None, limit: int = 50) -> list[MessageRow]:
    """A party's messages, the newest first, each with its last attempt."""
    found = Message.objects.filter(endpoint__party_id=party_id).order_by("-id")
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[:limit])
    last: dict[int, Attempt] = {}
    for attempt in Attempt.objects.filter(message_id__in=[row.pk for row in rows]).order_by("id"):
        last[attempt.message_id] = attempt
    return [
        MessageRow(
            row.pk, row.endpoint_id, row.kind, row.made_at,
            "waiting" if row.next_at else "told" if row.told_at else "given_up", row.tries, row.next_at,
            last[row.pk].status if row.pk in last else None, last[row.pk].said if row.pk in last else "",
        )
        for row in rows
    ]  # fmt: skip
