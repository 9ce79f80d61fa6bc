"""Tokens by which a partner's app asks who a person is to it: seen and ended by that person (ASVS 5, V10.4.9).

Such a token tells the app its own name for the person and nothing else; it sends no events (queries.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allauth.idp.oidc.models import Token
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from abate.platform.doors import clock
from abate.platform.parties.models import Client
from abate.platform.review import audit
from abate.platform.review.audit import audited
from abate.platform.review.models import User


@dataclass(frozen=True, slots=True)
class Held:
    """What one party's apps hold about a person: how many live tokens, and until when the last of them lasts."""

    party_code: str
    title_zh: str
    title_en: str
    count: int
    until: datetime


def held(user: User) -> list[Held]:
    """The parties whose apps hold live tokens about `user`, by code."""
    rows = (
        Client.objects.filter(client__token__user=user, client__token__expires_at__gt=clock.now())
        .values_list("party__code", "party__title_zh", "party__title_en")
        .annotate(count=Count("client__token"), until=Max("client__token__expires_at"))
        .order_by("party__code")
    )
    return [Held(*row) for row in rows]


def end(user: User, party_id: int | None = None) -> int:
    """End every token about `user` that this party's apps hold, or anybody's: refused from now on. Returns how many."""
    with transaction.atomic():
        ended, _ = _about(user, party_id).delete()
        if ended:
            audit.note("party.tokens-end", user.handle, tokens=ended)
    return ended


@audited("party.tokens-end-all", lambda _, made: f"{made} tokens")
def end_all() -> int:
    """End every token there is, about a person or of a party alone; returns how many. A program asks for another with its key."""
    ended, _ = Token.objects.all().delete()
    return ended


def _about(user: User, party_id: int | None) -> QuerySet[Token]:
    found = Token.objects.filter(user=user)
    if party_id is None:
        return found
    return found.filter(client_id__in=Client.objects.filter(party_id=party_id).values("client_id"))
