"""What others may know of parties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from allauth.idp.oidc.adapter import get_adapter
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.parties.conditions import Condition
from abate.platform.parties.errors import (
    ClientUnknown,
    DocumentsExpired,
    NotAVerifier,
    PartySuspended,
    PartyUnknown,
    SignatureNeeded,
)
from abate.platform.parties.models import Client, Endpoint, Member, Message, Party, PublicKey
from abate.platform.review.models import User

# One statement, led by the tokens' unique index (type, hash); what is revoked is not found, what is suspended refused by name.
_WHO = """
select p.id, p.code, c.client_id, {scopes},
       array(select s.behaviour from parties_scope s where s.party_id = p.id and 'data' = any (p.grants)
             order by s.behaviour),
       p.kind, p.requests_per_minute, c.requests_per_minute, p.events_per_day, c.last_used_on,
       exists (select 1 from parties_endpoint e where e.party_id = p.id and e.ended_at is null),
       c.expires_at, c.addresses, c.must_sign, p.valid_until, p.status
from {source}
join parties_client c on c.client_id = {client} and c.revoked_at is null
join parties_party p on p.id = c.party_id and p.status in ('active', 'suspended')
where {where}
"""
_BY_DIGEST = _WHO.format(
    scopes="t.scopes",
    source="allauth_idp_oidc_token t",
    client="t.client_id",
    # A token that was made for a person says who that is, and speaks for no party.
    where="t.type = 'at' and t.hash = %s and t.expires_at > %s and t.user_id is null",
)
_BY_PUBLIC_KEY = _WHO.format(
    scopes="o.scopes",
    source="parties_public_key k join allauth_idp_oidc_client o on o.id = k.client_id",
    client="k.client_id",
    where="k.id = %s and k.revoked_at is null",
)


@dataclass(frozen=True, slots=True)
class TokenParty:
    """Who speaks with a token, and what it may say: OAuth2 `scopes`, and the behaviours it may send now."""

    party_id: int
    code: str
    client_id: str
    scopes: frozenset[str]
    behaviours: frozenset[str]
    kind: str = Party.Kind.DATA_PROVIDER.value
    requests_per_minute: int | None = None
    key_requests_per_minute: int | None = None
    events_per_day: int | None = None
    last_used_on: date | None = None
    hooked: bool = False


@dataclass(slots=True)
class Asker:
    """What is known of who asks, however far they came: the key that they named (`claim`), and once they showed that they
    hold one, its client id and its party's code."""

    claim: str = ""
    client_id: str = ""
    party: str = ""

    def showed(self, client_id: str, party: str) -> None:
        self.client_id, self.party = client_id, party

    def whose(self) -> tuple[str, str]:
        """(client id, party's code) of the key that was shown, or of the one that was named; empty where there is none.

        A key that was named is looked up, revoked or not; the `keyid` of a signature begins with its client's id.
        """
        if self.client_id:
            return self.client_id, self.party
        named = self.claim.partition(".")[0][:100]
        found = Client.objects.filter(client_id=named).values_list("client_id", "party__code").first()
        return found or ("", "")


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


def token_party(
    token: str,
    scope: str | None = "events",
    address: str | None = None,
    *,
    signed: bool = False,
    asker: Asker | None = None,
) -> TokenParty | None:
    """The party of a live access token that carries `scope`; None where it is unknown, expired, revoked or
    without that scope. Used from `address`, perhaps beside a signature (`signed`).
    Raises PartySuspended, DocumentsExpired, KeyExpired, AddressRefused, SignatureNeeded. (P-6.1-b)
    """
    # A token has 86 signs; a long text is not hashed for a stranger.
    if not token or len(token) > 512:
        return None
    row = _row(_BY_DIGEST, get_adapter().hash_token(token), clock.now())
    if row is None:
        return None
    if asker is not None:
        asker.showed(row[2], row[1])
    found = _speaker(row, address)
    if row[13] and not signed:
        raise SignatureNeeded
    return found if scope is None or scope in found.scopes else None


def signing_party(key_id: str, address: str | None = None) -> tuple[TokenParty, PublicKey] | None:
    """Who signs under `key_id`, and the public key; None where it is unknown or revoked.

    The request itself is still to be verified (signatures.py). Raises what token_party raises of a party and a key.
    """
    row = _row(_BY_PUBLIC_KEY, key_id)
    if row is None:
        return None
    return _speaker(row, address), PublicKey.objects.get(pk=key_id)


def _row(statement: str, *values: object) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return cursor.fetchone()


def _speaker(row: tuple[Any, ...], address: str | None) -> TokenParty:
    """Who speaks, where its party may and its key may be used now and from there."""
    check_standing(row[1], row[15], row[14])
    Condition(row[11], tuple(row[12])).check(address, clock.now())
    return TokenParty(row[0], row[1], row[2], frozenset(row[3].split()), frozenset(row[4]), *row[5:11])


def check_standing(code: str, status: str, valid_until: date | None) -> None:
    """Whether a party may take part today; by the date itself, whatever job has run. Raises DocumentsExpired,
    PartySuspended."""
    if valid_until is not None and valid_until < clock.today():
        raise DocumentsExpired(code)
    if status != Party.Status.ACTIVE:
        raise PartySuspended(code)


def may_identify(code: str) -> bool:
    """Whether the party `code` may identify users now: a grant of its own, held by no data provider. (P-6.2-types)"""
    found = Party.objects.filter(code=code, grants__contains=[Party.Grant.IDENTITY]).first()
    if found is None:
        return False
    try:
        check_standing(found.code, found.status, found.valid_until)
    except Problem:
        return False
    return True


def may_use(client_id: str, address: str) -> None:
    """Whether a key may be used now, from `address`. Raises ClientUnknown, PartySuspended, KeyExpired, AddressRefused."""
    found = Client.objects.filter(client_id=client_id, revoked_at=None).select_related("party").first()
    if found is None:
        raise ClientUnknown
    check_standing(found.party.code, found.party.status, found.party.valid_until)
    Condition(found.expires_at, tuple(found.addresses)).check(address, clock.now())


def compare_with_none(client_id: str, secret: str) -> None:
    """What comparing a secret costs, where there is no key of this id that it could have been compared with."""
    if not Client.objects.filter(client_id=client_id[:100]).exists():
        make_password(secret[:100])


def bound_party(client_id: str) -> Party | None:
    """The party in good standing whose live key `client_id` is; None where there is none."""
    found = Client.objects.filter(client_id=client_id, revoked_at=None).select_related("party").first()
    return found.party if found and found.party.stands(clock.today()) else None


def party(code: str) -> Party:
    """The party of this code. Raises PartyUnknown."""
    found = Party.objects.filter(code=code).first()
    if found is None:
        raise PartyUnknown(code[:60])
    return found


def of_status(code: str) -> str:
    """What decisions settle that let a party work, or end it for a time (Action.of)."""
    return f"status {code}"


def called(codes: Iterable[str]) -> list[Party]:
    """Those of these codes that there are."""
    return list(Party.objects.filter(code__in=list(codes)))


def key_of(client_id: str) -> KeyRow | None:
    """One key with its conditions; None where there is none of this id."""
    found = _stated(clock.now()).filter(client_id=client_id).first()
    return _key_row(found) if found else None


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


def is_hooked(party_id: int) -> bool:
    """Whether a party has an address at which it is told of its events."""
    return Endpoint.objects.filter(party_id=party_id, ended_at=None).exists()


def codes() -> dict[int, str]:
    """Every party's code by its number."""
    return dict(Party.objects.values_list("id", "code"))


def behaviours(party_id: int, loaded: Party | None = None) -> tuple[str, ...]:
    """What a party may send; nothing where it does not hold the grant to provide data."""
    party_ = loaded or Party.objects.get(pk=party_id)
    if Party.Grant.DATA not in party_.grants:
        return ()
    return tuple(sorted(scope.behaviour for scope in party_.scopes.all()))


KEY_STATES = ("live", "waiting", "lapsed", "expiring", "replaced", "expired", "revoked")
"""`waiting`: to be collected; `lapsed`: it was not, in time; `expiring`: good until a day; `replaced`: good until the
overlap with its successor, which its party has, is over."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One line of a party's keys; `state` is one of KEY_STATES."""

    client_id: str
    party: str
    label: str
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]
    state: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None
    requests_per_minute: int | None
    collect_by: datetime | None = None
    succeeds: str | None = None
    overlap_hours: int | None = None
    """How long the key that it succeeds stays good once this one's secret is its party's."""
    revoked_why: str = ""

    @property
    def opens(self) -> bool:
        """Whether it lets its party in now, where the party itself stands."""
        return self.state in ("live", "expiring", "replaced")

    def as_data(self) -> dict[str, object]:
        """As JSON has it."""
        found = asdict(self)
        for name in ("created_at", "expires_at", "revoked_at", "last_used_on", "collect_by"):
            found[name] = found[name].isoformat() if found[name] else None
        return found


def keys(party_id: int) -> list[KeyRow]:
    """A party's keys with their conditions, the newest first."""
    return [_key_row(one) for one in _stated(clock.now()).filter(party_id=party_id)]


def keys_of_all(
    party_id: int | None = None, state: str = "", *, before: str = "", limit: int
) -> list[KeyRow]:
    """Keys of all parties, the newest first, by one statement; of one party or in one state where that is asked for.

    `before`: the client id after which a page goes on; one that is not there is followed by nothing.
    """
    found = _stated(clock.now())
    if party_id is not None:
        found = found.filter(party_id=party_id)
    if state:
        found = found.filter(state=state)
    if before:
        made = Subquery(Client.objects.filter(pk=before).values("created_at"))
        found = found.filter(Q(created_at__lt=made) | Q(created_at=made, client_id__lt=before))
    return [_key_row(one) for one in found[:limit]]


def _stated(now: datetime) -> QuerySet[Client]:
    """All keys with their `state`, the newest first."""
    collected = Client.objects.filter(succeeds=OuterRef("pk"), overlap__isnull=False, collect_by=None)
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(collect_by__gt=now, then=Value("waiting")),
        When(collect_by__isnull=False, then=Value("lapsed")),
        When(expires_at=None, then=Value("live")),
        When(expires_at__lte=now, then=Value("expired")),
        When(Exists(collected), then=Value("replaced")),
        default=Value("expiring"),
    )
    return (
        Client.objects.select_related("client", "party")
        .annotate(state=state)
        .order_by("-created_at", "-client_id")
    )


def _key_row(one: Any) -> KeyRow:
    return KeyRow(
        one.client_id, one.party.code, one.label, tuple(one.client.get_scopes()), tuple(one.addresses), one.state,
        one.created_at, one.expires_at, one.revoked_at, one.last_used_on, one.requests_per_minute, one.collect_by,
        one.succeeds_id, one.overlap and round(one.overlap.total_seconds() / 3600), one.revoked_why,
    )  # fmt: skip


def clients(party_id: int) -> Sequence[Client]:
    """A party's keys, newest first, the revoked ones too."""
    return list(Client.objects.filter(party_id=party_id).order_by("-created_at"))


def is_member(user: User, party_id: int, role: str) -> bool:
    """Whether `user` acts for the party in this role now, both being active."""
    found = Member.objects.select_related("party").filter(user=user, party_id=party_id, role=role).first()
    return user.is_active and found is not None and found.party.stands(clock.today())


def seats(user: User) -> list[tuple[str, Party]]:
    """(role, party) of each party for which `user` acts, by the party's code; whether it stands is not asked here."""
    if not user.is_active:
        return []
    found = Member.objects.filter(user=user).select_related("party").order_by("party__code", "role")
    return [(one.role, one.party) for one in found]


def people_of(party_id: int) -> list[int]:
    """The users who act for a party on its page and whose accounts are open."""
    found = Member.objects.filter(party_id=party_id, role=Member.Role.PARTNER, user__is_active=True)
    return list(found.order_by("user_id").values_list("user_id", flat=True))


def parties_of(user: User, role: str) -> list[Party]:
    """The parties in good standing for which `user` acts in `role`, by code."""
    return [party for held, party in seats(user) if held == role and party.stands(clock.today())]


def webhooks_overdue_since() -> datetime | None:
    """Since when the webhook that is longest due waits to be taken up; None where none does."""
    due = Message.objects.filter(next_at__lte=clock.now()).order_by("next_at")
    return due.values_list("next_at", flat=True).first()


def ending(until: date) -> list[tuple[str, date]]:
    """(code, last day) of every party at work whose documents or agreement end on `until` or before, the first first."""
    rows = Party.objects.filter(
        status__in=(Party.Status.ACTIVE, Party.Status.SUSPENDED), valid_until__lte=until
    )
    return list(rows.order_by("valid_until", "code").values_list("code", "valid_until"))
