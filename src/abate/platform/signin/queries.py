"""What others may know of signing in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings

from abate.platform.doors import clock
from abate.platform.review.models import User
from abate.platform.signin.models import OpenSession, Password
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
