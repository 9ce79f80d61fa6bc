"""The only writer of parties, what they may send, their keys and the people who act for them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from allauth.idp.oidc.models import Client as OAuthClient
from allauth.idp.oidc.models import Token
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from abate.platform.doors import clock, randomness
from abate.platform.doors.words import on_one_line
from abate.platform.parties import bindable
from abate.platform.parties.conditions import EVENTS, LOG, SHARING, check_scopes, network
from abate.platform.parties.errors import (
    BehaviourMalformed,
    ClientUnknown,
    ConformanceMissing,
    DocumentsExpired,
    GrantMissing,
    PartyCodeTaken,
    PartyKeyMalformed,
    PartyMalformed,
)
from abate.platform.parties.limit_errors import LimitMalformed
from abate.platform.parties.models import Area, Client, Member, Party, PublicKey, Scope
from abate.platform.parties.queries import check_standing
from abate.platform.parties.signatures import algorithm_of, key_id_of
from abate.platform.review.audit import audited
from abate.platform.review.models import User

SANDBOX = "sandbox-"
"""The first signs of the id of every key that was made in a sandbox."""
REQUESTS_PER_MINUTE = 6_000
"""Our policy for a new party: a hundred requests a second, of up to 1,000 events each."""
LONGEST_OVERLAP = timedelta(days=365)
"""Our policy: so long a key and its successor are good together at most."""
_SCOPES = {Party.Kind.VERIFIER.value: LOG, Party.Kind.AUTHORITY.value: SHARING}
_CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")


@audited("party.create", lambda given, _: given["code"])
def create_party(
    code: str,
    kind: str,
    title_zh: str,
    title_en: str,
    behaviours: Iterable[str] = (),
    *,
    made_up: bool = False,
    status: str = Party.Status.ACTIVE.value,
    grants: Iterable[str] | None = None,
    valid_until: date | None = None,
) -> Party:
    """A new party that may send events of `behaviours`: active, or on trial where it was admitted (P-6.1-d).

    `grants` are `data`, `identity` or both; left out, an identity provider identifies users and all others provide data
    (P-6.2-types). Raises PartyCodeTaken, PartyMalformed, GrantMissing.
    """
    check_party(code, kind, title_zh, title_en)
    held = sorted(set(default_grants(kind) if grants is None else grants))
    if set(held) - set(Party.Grant.values):
        raise PartyMalformed(f"grants: of {', '.join(Party.Grant.values)}")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into parties_party (code, kind, title_zh, title_en, status, made_up, created_at,"
                " requests_per_minute, grants, valid_until)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (code) do nothing returning id",
                [code, kind, title_zh.strip(), title_en.strip(), status, made_up, clock.now(),
                 REQUESTS_PER_MINUTE, held, valid_until],
            )  # fmt: skip
            row = cursor.fetchone()
        if row is None:
            raise PartyCodeTaken(code)
        party = Party.objects.get(pk=row[0])
        add_behaviours(party, behaviours)
    return party


def default_grants(kind: str) -> tuple[str, ...]:
    """What a party of this kind may do for people unless somebody decided otherwise."""
    return (Party.Grant.IDENTITY if kind == Party.Kind.IDENTITY_PROVIDER else Party.Grant.DATA,)


def check_party(code: str, kind: str, title_zh: str, title_en: str) -> None:
    """Raises PartyMalformed naming what no party can be called."""
    if not _CODE.fullmatch(code):
        raise PartyMalformed("code")
    if kind not in Party.Kind.values:
        raise PartyMalformed(f"kind: one of {', '.join(Party.Kind.values)}")
    if not title_zh.strip() or not title_en.strip():
        raise PartyMalformed("title")


@audited("party.behaviours", lambda given, _: given["party"].code)
def add_behaviours(party: Party, behaviours: Iterable[str]) -> None:
    """Let `party` send events of these behaviours too. Raises BehaviourMalformed, GrantMissing."""
    wanted = sorted(set(behaviours))
    if wanted and Party.Grant.DATA not in party.grants:
        raise GrantMissing(Party.Grant.DATA)
    for behaviour in wanted:
        if not _CODE.fullmatch(behaviour):
            raise BehaviourMalformed(behaviour[:60])
    Scope.objects.bulk_create([Scope(party=party, behaviour=b) for b in wanted], ignore_conflicts=True)


@audited("party.behaviours", lambda given, _: given["party"].code)
def remove_behaviours(party: Party, behaviours: Iterable[str]) -> None:
    """Events of these behaviours are refused from the next batch on."""
    Scope.objects.filter(party=party, behaviour__in=list(behaviours)).delete()


@audited("party.suspend", lambda given, _: given["party"].code)
def suspend(party: Party) -> None:
    """From now on no token of the party's is accepted; nothing is deleted."""
    Party.objects.filter(pk=party.pk).update(status=Party.Status.SUSPENDED)
    party.status = Party.Status.SUSPENDED


@audited("party.resume", lambda given, _: given["party"].code)
def resume(party: Party) -> None:
    """Let a suspended party in again. Raises DocumentsExpired where its documents are still past their date."""
    if party.valid_until is not None and party.valid_until < clock.today():
        raise DocumentsExpired(party.code)
    Party.objects.filter(pk=party.pk).update(status=Party.Status.ACTIVE)
    party.status = Party.Status.ACTIVE


@audited("party.member", lambda given, _: given["party"].code)
def add_member(user: User, party: Party, role: str) -> None:
    """Let `user` act for `party` as `acceptor` (burns codes) or `partner` (sees the party's events)."""
    if role not in Member.Role.values:
        raise PartyMalformed(f"role: one of {', '.join(Member.Role.values)}")
    Member.objects.get_or_create(user=user, party=party, role=role, defaults={"since": clock.now()})


@audited("party.member", lambda given, _: given["party"].code)
def remove_member(user: User, party: Party, role: str) -> None:
    Member.objects.filter(user=user, party=party, role=role).delete()


@audited("party.limits", lambda given, _: given["party"].code)
def set_limits(party: Party, *, requests_per_minute: int | None, events_per_day: int | None) -> None:
    """What the party may ask for from now on; None is no limit. Raises LimitMalformed."""
    for most in (requests_per_minute, events_per_day):
        if most is not None and not 0 < most < 2**31:
            raise LimitMalformed
    Party.objects.filter(pk=party.pk).update(
        requests_per_minute=requests_per_minute, events_per_day=events_per_day
    )


@audited("party.client", lambda _, made: made[0])
def issue_client(
    party: Party,
    scopes: Iterable[str] | None = None,
    *,
    label: str = "",
    expires_at: datetime | None = None,
    addresses: Iterable[str] = (),
    requests_per_minute: int | None = None,
) -> tuple[str, str]:
    """A new OAuth2 client-credentials key: (client id, secret). The secret is kept as a password hash only,
    so this is the one time it can be shown. `scopes` follow the kind of party: a verifier reads the log, an
    authority asks for figures, all others send events. `addresses` are networks (CIDR), none for any. Raises
    PartySuspended, PartyKeyMalformed, LimitMalformed.
    """
    if scopes is None:
        scopes = (_SCOPES.get(party.kind, EVENTS),)
    granted = check_scopes(scopes)
    conditions = _conditions(label, expires_at, addresses, requests_per_minute)
    return _new_client(party, OAuthClient.GrantType.CLIENT_CREDENTIALS, granted, conditions)


@audited("party.binding", lambda _, made: made[0])
def issue_binding(party: Party, redirects: Iterable[str], *, label: str = "") -> tuple[str, str]:
    """A key with which the party's app asks people to bind their accounts (OpenID Connect): (client id, secret).

    `redirects`: where people may be sent back to, letter by letter. Raises PartySuspended, GrantMissing, RedirectUnfit,
    PartyKeyMalformed.
    """
    conditions = _conditions(label, None, (), None)
    checked = bindable.checked(party, redirects)
    return _new_client(party, OAuthClient.GrantType.AUTHORIZATION_CODE, ["openid"], conditions, checked)


def make_secret() -> str:
    """256 random bits, as text without padding."""
    return base64.urlsafe_b64encode(randomness.token_bytes(32)).decode().rstrip("=")


def _new_client(
    party: Party, grant: str, scopes: list[str], conditions: dict[str, object], redirects: Iterable[str] = ()
) -> tuple[str, str]:
    if party.status == Party.Status.TRIAL:
        raise ConformanceMissing(party.code)
    check_standing(party.code, party.status, party.valid_until)
    secret = make_secret()
    with transaction.atomic():
        oauth = OAuthClient(
            id=(SANDBOX if settings.ABATE_SANDBOX else "") + randomness.new_uuid().hex,
            name=party.code,
            secret=make_password(secret),
            type=OAuthClient.Type.CONFIDENTIAL,
            response_types="code" if redirects else "",
            skip_consent=not redirects,
            created_at=clock.now(),
        )
        oauth.set_grant_types([grant])
        oauth.set_redirect_uris(list(redirects))
        oauth.set_scopes(scopes)
        oauth.set_default_scopes(scopes)
        oauth.save(force_insert=True)
        Client.objects.create(client=oauth, party=party, created_at=clock.now(), **conditions)
    return oauth.pk, secret


def _conditions(
    label: str, expires_at: datetime | None, addresses: Iterable[str], requests_per_minute: int | None
) -> dict[str, object]:
    """A key's conditions as its row has them."""
    label = label.strip()
    if len(label) > 80 or not on_one_line(label):
        raise PartyKeyMalformed("label")
    if expires_at is not None and expires_at <= clock.now():
        raise PartyKeyMalformed("expires")
    if requests_per_minute is not None and not 0 < requests_per_minute < 2**31:
        raise LimitMalformed
    try:
        networks = sorted({network(one) for one in addresses})
    except ValueError:
        raise PartyKeyMalformed("addresses") from None
    return {
        "label": label,
        "expires_at": expires_at,
        "addresses": networks,
        "requests_per_minute": requests_per_minute,
    }


def normal_conditions(
    label: str, expires_at: datetime | None, addresses: Iterable[str], requests_per_minute: int | None
) -> dict[str, object]:
    """The conditions as the key's row will tell them, moments in UTC. Raises PartyKeyMalformed, LimitMalformed."""
    made = _conditions(label, expires_at, addresses, requests_per_minute)
    return made | {"expires_at": expires_at and expires_at.astimezone(UTC).isoformat()}


@audited("party.rotate", lambda given, _: given["client_id"])
def rotate_client(client_id: str, *, overlap: timedelta) -> tuple[str, str]:
    """A new key with the scopes and conditions of `client_id`: (id, secret). The old one stays as it is until
    `begin_overlap`, which whoever hands the secret to its party calls. Raises ClientUnknown, PartySuspended,
    PartyKeyMalformed.
    """
    with transaction.atomic():
        old = Client.objects.select_for_update().filter(client_id=client_id, revoked_at=None).first()
        if old is None or (old.expires_at is not None and old.expires_at <= clock.now()):
            raise ClientUnknown(client_id[:40])
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise PartyKeyMalformed("overlap")
        if redirects := old.client.get_redirect_uris():
            made = issue_binding(old.party, redirects, label=old.label)
        else:
            made = issue_client(
                old.party,
                old.client.get_scopes(),
                label=old.label,
                addresses=old.addresses,
                requests_per_minute=old.requests_per_minute,
            )
        # Where signing was agreed it stays so, and the end too: a rotation must not undo unsaid what was decided.
        kept = {"must_sign": old.must_sign, "expires_at": old.given_end}
        Client.objects.filter(pk=made[0]).update(succeeds=old, overlap=overlap, **kept)
    return made


@audited("party.overlap", lambda given, _: given["client_id"])
def begin_overlap(client_id: str) -> None:
    """The party has this successor's secret from now on: the key before it ends when their overlap has passed, or at an
    earlier end of its own.
    """
    new = Client.objects.exclude(overlap=None).get(pk=client_id)
    Client.objects.filter(pk=new.succeeds_id).update(
        # The least of a moment and of none is the moment (PostgreSQL).
        expires_at=Least(Value(clock.now() + new.overlap), F("expires_at"))
    )


@audited("party.conditions", lambda given, _: given["client_id"])
def change_client(
    client_id: str,
    *,
    label: str,
    expires_at: datetime | None,
    addresses: Iterable[str],
    requests_per_minute: int | None,
) -> None:
    """Give a key other conditions, from the next call on. Raises ClientUnknown, PartyKeyMalformed, LimitMalformed."""
    conditions = _conditions(label, expires_at, addresses, requests_per_minute)
    if not Client.objects.filter(client_id=client_id, revoked_at=None).update(**conditions):
        raise ClientUnknown(client_id[:40])


@audited("party.public-key", lambda _, made: made)
def register_public_key(client_id: str, pem: str, *, must_sign: bool = False) -> str:
    """Let the key `client_id` sign its requests with the private half of `pem`; returns the `keyid` to sign under.

    `must_sign`: from now on its tokens are refused. Raises ClientUnknown, PublicKeyUnfit.
    """
    algorithm, der = algorithm_of(pem)
    with transaction.atomic():
        client = Client.objects.select_for_update().filter(client_id=client_id, revoked_at=None).first()
        if client is None:
            raise ClientUnknown(client_id[:40])
        key_id = key_id_of(client_id, der)
        PublicKey.objects.update_or_create(
            pk=key_id,
            defaults={"client": client, "algorithm": algorithm, "pem": pem.strip(), "created_at": clock.now(),
                      "revoked_at": None},
        )  # fmt: skip
        if must_sign:
            Client.objects.filter(pk=client.pk).update(must_sign=True)
    return key_id


@audited("party.revoke-public-key", lambda given, _: given["key_id"])
def revoke_public_key(key_id: str) -> None:
    """Signatures of this key are refused from now on. Raises ClientUnknown."""
    if not PublicKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=clock.now()):
        raise ClientUnknown(key_id[:60])


def note_use(client_id: str) -> None:
    """The key was used today. Once a day each, so that it costs a call nothing."""
    today = clock.today()
    Client.objects.filter(client_id=client_id).exclude(last_used_on=today).update(last_used_on=today)


@audited("party.revoke", lambda given, _: given["client_id"])
def revoke_client(client_id: str, *, why: str = "") -> None:
    """The key and every token made with it are refused from now on. Raises ClientUnknown."""
    with transaction.atomic():
        revoked = Client.objects.filter(client_id=client_id, revoked_at=None).update(
            revoked_at=clock.now(), revoked_why=why
        )
        if not revoked:
            raise ClientUnknown(client_id[:40])
        # No grant and no usable secret: the token endpoint refuses the key by itself.
        OAuthClient.objects.filter(pk=client_id).update(grant_types="", secret=make_password(None))
        Token.objects.filter(client_id=client_id).delete()


def claim_area(*, sandbox: bool) -> bool:
    """Whether this database is a sandbox's; what it is at its first start it stays."""
    found, _ = Area.objects.get_or_create(pk=1, defaults={"sandbox": sandbox})
    return found.sandbox


def drop_token(token: str) -> None:
    """An access token is good for nothing from now on."""
    Token.objects.by_value(token).delete()
