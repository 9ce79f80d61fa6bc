"""What others may know of parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.idp.oidc.adapter import get_adapter
from django.db import connection

from abate.platform.doors import clock
from abate.platform.parties.errors import NotAVerifier, PartyUnknown
from abate.platform.parties.models import Client, Member, Party
from abate.platform.review.models import User

# One statement, led by the tokens' unique index (type, hash); what is suspended or revoked is not found.
_BY_DIGEST = """
select p.id, p.code, c.client_id, t.scopes,
       array(select s.behaviour from parties_scope s where s.party_id = p.id order by s.behaviour),
       p.kind
from allauth_idp_oidc_token t
join parties_client c on c.client_id = t.client_id and c.revoked_at is null
join parties_party p on p.id = c.party_id and p.status = 'active'
where t.type = 'at' and t.hash = %s and t.expires_at > %s
"""


@dataclass(frozen=True, slots=True)
class TokenParty:
    """Who speaks with a token, and what it may say: OAuth2 `scopes`, and the behaviours it may send now."""

    party_id: int
    code: str
    client_id: str
    scopes: frozenset[str]
    behaviours: frozenset[str]
    kind: str = Party.Kind.DATA_PROVIDER.value


@dataclass(frozen=True, slots=True)
class PartyRow:
    """One line of the list of parties."""

    code: str
    kind: str
    title_zh: str
    title_en: str
    status: str
    behaviours: tuple[str, ...]
    made_up: bool


def token_party(token: str, scope: str | None = "events") -> TokenParty | None:
    """The party of a live access token that carries `scope`; None where it is unknown, expired, revoked or
    without that scope, or its party is suspended. (P-6.1-b)"""
    # A token has 86 signs; a long text is not hashed for a stranger.
    if not token or len(token) > 512:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_BY_DIGEST, [get_adapter().hash_token(token), clock.now()])
        row = cursor.fetchone()
    if row is None:
        return None
    found = TokenParty(row[0], row[1], row[2], frozenset(row[3].split()), frozenset(row[4]), row[5])
    return found if scope is None or scope in found.scopes else None


def party(code: str) -> Party:
    """The party of this code. Raises PartyUnknown."""
    found = Party.objects.filter(code=code).first()
    if found is None:
        raise PartyUnknown(code[:60])
    return found


def verifier(code: str) -> Party:
    """The party of this code, a verifier. Raises PartyUnknown, NotAVerifier."""
    found = party(code)
    if found.kind != Party.Kind.VERIFIER:
        raise NotAVerifier(f"{code[:60]} is a {found.kind}")
    return found


def parties() -> list[PartyRow]:
    """All parties by code, with what each may send."""
    return [
        PartyRow(p.code, p.kind, p.title_zh, p.title_en, p.status, behaviours(p.pk, p), p.made_up)
        for p in Party.objects.prefetch_related("scopes").order_by("code")
    ]


def codes() -> dict[int, str]:
    """Every party's code by its number."""
    return dict(Party.objects.values_list("id", "code"))


def behaviours(party_id: int, loaded: Party | None = None) -> tuple[str, ...]:
    """What a party may send."""
    party_ = loaded or Party.objects.get(pk=party_id)
    return tuple(sorted(scope.behaviour for scope in party_.scopes.all()))


def clients(party_id: int) -> Sequence[Client]:
    """A party's keys, newest first, the revoked ones too."""
    return list(Client.objects.filter(party_id=party_id).order_by("-created_at"))


def is_member(user: User, party_id: int, role: str) -> bool:
    """Whether `user` acts for the party in this role now, both being active."""
    found = Member.objects.filter(user=user, party_id=party_id, role=role, party__status=Party.Status.ACTIVE)
    return user.is_active and found.exists()


def parties_of(user: User, role: str) -> list[Party]:
    """The active parties for which `user` acts in `role`, by code."""
    if not user.is_active:
        return []
    return list(
        Party.objects.filter(members__user=user, members__role=role, status=Party.Status.ACTIVE).order_by(
            "code"
        )
    )
