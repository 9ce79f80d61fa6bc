"""A key that three people approved is collected by its party: its secret is made then, and nobody else ever sees it.

Between approval and collecting there is no secret at all, neither shown nor kept. The party's own people collect it on its
page after a fresh proof; for a party without such people the operator's system administrator writes it into a sealed file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from allauth.idp.oidc.models import Client as OAuthClient
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.notices import actions as notices
from abate.platform.parties.actions import begin_overlap, make_secret
from abate.platform.parties.models import Client
from abate.platform.parties.queries import check_standing, people_of
from abate.platform.review import rights
from abate.platform.review.audit import audited
from abate.platform.review.changes import Json
from abate.platform.review.models import User

WITHIN = timedelta(days=7)
"""Our policy: so long an approved key waits for its party; then it never gets a secret."""


class NothingToCollect(Problem):
    code = "key-not-to-collect"
    status = 409
    zh = "这个密钥不在待领取状态：已领取、已撤销、已过期限，或不属于本机构。"
    en = "This key does not wait to be collected: it was, it was revoked, its time is over, or it is another party's."
    why_zh = "密钥只交给机构本身一次，期限七天。"
    why_en = "A secret is handed out once, to its own party, within seven days."
    remedy_zh = "请运营方提出新的密钥（`abate party key new`），批准后在七天内领取。"
    remedy_en = (
        "Ask the operator to propose another (`abate party key new`) and collect it within seven days."
    )


class PartyCollects(Problem):
    code = "key-collected-by-party"
    status = 403
    zh = "该机构有自己的经办人，其密钥和通知地址由他们在机构页面办理。"
    en = "This party has people of its own: they see to its keys and webhooks on its page."
    why_zh = "运营方的任何人都不应看到机构的密钥，也不应决定其事件发往何处。"
    why_en = "Nobody of the operator's is to see a party's secret, or to say where its events go."
    remedy_zh = "请经办人登录 /partner 办理。"
    remedy_en = "One of them signs in at /partner and does it."


@audited("party.key-waits", lambda given, _: given["client_id"])
def leave_waiting(client_id: str) -> Json:
    """Take the secret from a key just made, and let its party collect one. Returns what those who approve may know."""
    until = clock.now() + WITHIN
    OAuthClient.objects.filter(pk=client_id).update(secret=make_password(None))
    Client.objects.filter(pk=client_id).update(collect_by=until)
    party = Client.objects.select_related("party").get(pk=client_id).party
    notices.write(people_of(party.pk), "party.key", day=clock.day(until))
    return {"party": party.code, "client_id": client_id, "collect_by": until.isoformat()}


@audited("party.collect", lambda given, _: given["client_id"])
def collect(party_id: int, client_id: str) -> tuple[str, str]:
    """(client id, secret) of a key that waits; kept as a password hash only, so this is the one time it can be shown.

    Of two who collect at once one is refused. Raises NothingToCollect, PartySuspended, DocumentsExpired.
    """
    with transaction.atomic():
        waiting = Client.objects.select_for_update(of=("self",)).select_related("party")
        found = waiting.filter(
            party_id=party_id, pk=client_id, revoked_at=None, collect_by__gt=clock.now()
        ).first()
        if found is None:
            raise NothingToCollect(client_id[:40])
        check_standing(found.party.code, found.party.status, found.party.valid_until)
        secret = make_secret()
        OAuthClient.objects.filter(pk=client_id).update(secret=make_password(secret))
        found.collect_by = None
        found.save(update_fields=["collect_by"])
        if found.succeeds_id is not None:
            begin_overlap(client_id)
    return client_id, secret


def collect_for(user: User, client_id: str, keep: Callable[[str, str], None]) -> None:
    """The same for a party that has no people of its own here, such as an adapter that the operator runs itself.

    `keep` is given client id and secret before they count: what it raises leaves the key waiting. Raises NoRight where
    `user` is no system administrator, PartyCollects, and what `collect` raises.
    """
    rights.require(user, "add", "keys")
    found = Client.objects.filter(pk=client_id).first()
    if found is None:
        raise NothingToCollect(client_id[:40])
    require_nobody(found.party_id, client_id)
    with transaction.atomic():
        keep(*collect(found.party_id, client_id))


def require_nobody(party_id: int, asked: str) -> None:
    """Raises PartyCollects, naming what was `asked` for, where the party has people of its own who act for it."""
    if people_of(party_id):
        raise PartyCollects(asked)


def counts(client_id: str, secret: str) -> bool:
    """Whether `secret` is the key's for good: for whoever collected it and lost the answer with the connection.

    Asked on a new connection, when whoever was collecting is through. Raises DatabaseError or InterfaceError where nobody
    can say.
    """
    connection.close()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '10s'")
        # `collect` holds this row until it is kept or undone.
        Client.objects.select_for_update(of=("self",)).filter(pk=client_id).first()
        found = OAuthClient.objects.filter(pk=client_id).first()
        return found is not None and check_password(secret, found.secret)
