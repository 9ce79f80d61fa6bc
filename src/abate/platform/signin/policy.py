"""Our limits on signing in. Policy, not law: an operator changes them with `ABATE_SIGN_IN_POLICY`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

PROFILES = ("asvs", "dengbao3")
"""`asvs`: length and a list of known passwords (OWASP ASVS 5, V6.2). `dengbao3`: kinds of signs and age too
(GB/T 22239-2019, 8.1.4.1 a)."""


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Five wrong tries close an account for the window; an office behind one address gets more of them."""

    profile: str = "asvs"
    tries_per_account: int = 5
    tries_per_address: int = 30
    window_minutes: int = 15
    # How long a passkey or code stands for the next sensitive step.
    fresh_minutes: int = 5
    idle_minutes_staff: int = 15
    idle_minutes: int = 60
    longest_hours: int = 12
    # Of one account; the one that was unused for longest ends when another is opened.
    sessions_at_a_time: int = 10
    password_days: int = 90
    passwords_kept: int = 5
    # Whether who acts for a party on money or keys (acceptors, partners and applicants) shows two factors, as the staff do.
    members_two_factors: bool = False
    # After so long without a sign-in an account of the staff is closed.
    unused_days: int = 90

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"ABATE_SIGN_IN_PROFILE is {self.profile!r}; known are {', '.join(PROFILES)}")

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)

    @property
    def fresh(self) -> timedelta:
        return timedelta(minutes=self.fresh_minutes)

    def idle(self, staff: bool) -> timedelta:
        return timedelta(minutes=self.idle_minutes_staff if staff else self.idle_minutes)

    @property
    def longest(self) -> timedelta:
        return timedelta(hours=self.longest_hours)


def policy() -> SignInPolicy:
    return SignInPolicy(**{"profile": settings.ABATE_SIGN_IN_PROFILE, **settings.ABATE_SIGN_IN_POLICY})
