"""Our own limits. Policy, not law: an operator changes those on one-time codes with `ABATE_CODE_POLICY`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.conf import settings

# A mistake is corrected, and perhaps that correction; whoever needs more than this in a year tries out identities.
CORRECTIONS, CORRECTIONS_WITHIN = 3, timedelta(days=365)
# Whoever finds a session open cannot put away every contact before the owner has read what the first of them was told.
CONTACT_REST = timedelta(hours=72)


class Step(StrEnum):
    """What a code is asked for: it is good for nothing else, and its message says so."""

    SIGN_IN = "sign-in"
    CONFIRM = "confirm"
    CONTACT = "contact"

    @property
    def words(self) -> tuple[str, str]:
        """As the message names it: (Chinese, English), after "用于" and "to"."""
        return _WORDS[self]


_WORDS = {
    Step.SIGN_IN: ("登录", "sign in"),
    Step.CONFIRM: ("确认本人操作", "confirm a step"),
    Step.CONTACT: ("更换联系方式", "change a contact"),
}


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """With the defaults a guesser has 20 codes x 5 tries a day, of 1,000,000 each: 1 chance in 10,000.

    For each step, that is. Confirming one takes the owner's session; changing a contact any session, to a contact of anybody's.
    So three times `per_contact_day` is the most that one contact is ever sent in a day, and strangers make at most twice: once
    by signing in, once from sessions of their own. Counted together, these would shut the owner's sign-in.
    """

    digits: int = 6
    valid_minutes: int = 10
    attempts: int = 5
    window_minutes: int = 10
    # For one step: more than a person who mistypes needs, fewer than one who floods a phone wants.
    per_contact: int = 3
    per_contact_day: int = 20
    # A household or an office shares an address.
    per_address: int = 30

    @property
    def valid(self) -> timedelta:
        return timedelta(minutes=self.valid_minutes)

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)


def people_may(act: str) -> bool:
    """Whether the operator lets people do this with their credits themselves: `redeem` or `transfer`. (P-6.5)"""
    return act in settings.ABATE_PEOPLE_MAY


@dataclass(frozen=True, slots=True)
class ChildPolicy:
    """What the account of somebody under 14 may do with its credits, and how many one guardian may look after."""

    may: frozenset[str] = frozenset()
    most: int = 5


def child_policy() -> ChildPolicy:
    return ChildPolicy(may=frozenset(settings.ABATE_CHILDREN_MAY))


def code_policy() -> CodePolicy:
    return CodePolicy(**getattr(settings, "ABATE_CODE_POLICY", {}))
