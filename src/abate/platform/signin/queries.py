"""What others may know of signing in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Count

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.review.models import Audit, Grant, User
from abate.platform.signin.models import OpenSession, Password, Try
from abate.platform.signin.policy import policy


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One open session. `number` stands for it on the page, since its key must not be shown."""

    number: int
    key: str
    began_at: datetime
    seen_at: datetime
    device: str

    def __repr__(self) -> str:
        return f"SessionRow({self.number})"


def sessions(user: User) -> list[SessionRow]:
    """The sessions in which `user` is signed in now, the oldest first."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = OpenSession.objects.filter(user=user).order_by("began_at", "key")
    live = [row for row in rows if store.exists(row.key)]
    return [SessionRow(n, r.key, r.began_at, r.seen_at, r.device) for n, r in enumerate(live, 1)]


def tries() -> tuple[int, int]:
    """How many tries that were not right there were within the window, and from how many addresses."""
    since = clock.now() - policy().window
    found = Try.objects.filter(at__gt=since, address_hmac__isnull=False)
    return found.count(), found.values("address_hmac").distinct().count()


def password_set_at(user: User) -> datetime | None:
    """When the present password was set; None where there is none."""
    if not user.has_usable_password():
        return None
    return Password.objects.filter(user=user).order_by("-id").values_list("at", flat=True).first()


def password_too_old(user: User) -> bool:
    """Whether the profile asks for a new one. Only `dengbao3` has an age."""
    rules = policy()
    at = password_set_at(user) if rules.profile == "dengbao3" else None
    return at is not None and clock.now() >= at + timedelta(days=rules.password_days)


@dataclass(frozen=True, slots=True)
class Burst:
    """Wrong tries within the window that reached the limit: `account` is a handle of the staff's or a till's, empty where the
    name that was tried is none; `digest` the beginning of the keyed digest of that name, or of the address."""

    by: str
    account: str
    digest: str
    count: int


def bursts() -> list[Burst]:
    """Accounts and addresses that are closed for a while by the sign-in policy, by wrong tries of the present window."""
    limits = policy()
    since, ring = clock.now() - limits.window, keyring()
    told = []
    for by, column, most in (
        ("account", "account_hmac", limits.tries_per_account),
        ("address", "address_hmac", limits.tries_per_address),
    ):
        rows = Try.objects.filter(at__gt=since, **{f"{column}__isnull": False}).values(column)
        found = rows.annotate(count=Count("id")).filter(count__gte=most).order_by(column)
        told += [(by, bytes(row[column]), row["count"]) for row in found]
    names = {}
    if any(by == "account" for by, _, _ in told):
        for pk, handle in User.objects.exclude(kind=User.Kind.PERSON).values_list("pk", "handle"):
            # The names under which tries are counted (actions.py, factors.py).
            tried = (f"password\x00{handle.lower()}", f"present\x00{pk}", f"second\x00{pk}")
            for name in tried:
                names[ring.identity_hmac(f"try\x00{name}")] = handle
    return [
        Burst(by, names.get(digest, "") if by == "account" else "", digest.hex()[:12], count)
        for by, digest, count in told
    ]


def nobodys_yet(user: User) -> bool:
    """Whether a link may be made for this account without anybody's session.

    So in the set-up only, which is over once any security administrator ever held a second factor, whatever became of
    account, role and factor since; and never for an account that holds one.
    """
    held = Authenticator.objects.filter(type__in=(Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN))
    if held.filter(user=user).exists():
        return False
    role = "security_admin"
    if held.filter(user__in=Grant.objects.filter(role=role).values("user")).exists():
        return False
    # Factors and roles are taken away again; that they were given stands in the trail.
    handles = User.objects.filter(staff__isnull=False).values_list("handle", flat=True)
    granted = Audit.objects.filter(what="role.grant", subject__in=[f"{one} {role}" for one in handles])
    ever = [subject.partition(" ")[0] for subject in granted.values_list("subject", flat=True)]
    return not Audit.objects.filter(what__in=("signin.app", "signin.passkey"), subject__in=ever).exists()
