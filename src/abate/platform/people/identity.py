"""The real-name check, behind a provider named in settings; and our own rules on age and made-up people."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.doors.identity_number import check_sign
from abate.platform.people.errors import IdentityRefused, TooYoung
from abate.platform.people.family_errors import NotAChild

BUILT_IN = "abate.platform.people.identity.FormProvider"
# An area that GB/T 2260 has never given out: numbers of made-up people start with it, real ones cannot.
MADE_UP_AREA = "999999"
# PIPL article 31: below this age a guardian must agree, and opens the account (guardians.py).
YOUNGEST = 14
# Civil Code, article 17: from this age on somebody can be a guardian.
ADULT = 18

# First two digits by GB/T 2260, and 81 to 83 of the residence permits that follow the same standard.
_PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        [71],
    )
    for code in [*codes, 81, 82, 83]
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A provider's answer. `authority` is whether it asked someone who knows, or only looked at the form;
    `reason` is a code of errors.REASONS where it did not pass. Of the age it says `born`, or only whether the person is
    under 14; none of it is kept for whoever is not."""

    passed: bool
    provider: str
    authority: bool
    reason: str = ""
    born: date | None = None
    under_14: bool | None = None


class RealNameProvider(Protocol):
    def check(self, name: str, number: str) -> Verdict:
        """Whether `name` and `number` (both normalised) belong to one real person. Keeps neither."""


class FormProvider:
    """Looks at the form of a resident identity number only. It is no authority: it cannot know whether the
    number was given out, or to whom. For trials, tests and the demo; a live platform names one that can."""

    name = "form"

    def check(self, name: str, number: str) -> Verdict:
        reason = _fault(name, number)
        born = None if reason else birth_date(number)
        return Verdict(passed=not reason, provider=self.name, authority=False, reason=reason, born=born)


def _fault(name: str, number: str) -> str:
    letters = [sign for sign in name if sign not in " ·.-'’"]
    if not letters or len(name) > 60 or not all(unicodedata.category(sign)[0] in "LM" for sign in letters):
        return "name"
    if (
        len(number) != 18
        or not number.isascii()
        or not number[:17].isdigit()
        or number[17] not in "0123456789X"
    ):
        return "form"
    if number[:6] != MADE_UP_AREA and number[:2] not in _PROVINCES:
        return "area"
    born = birth_date(number)
    if born is None or born > clock.today() or born.year < 1880:
        return "birth-date"
    return "" if number[17] == check_sign(number[:17]) else "check-digit"


def birth_date(number: str) -> date | None:
    """The date in digits 7 to 14, or None where they are no date."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def made_up_number(born: date, order: int) -> str:
    """A number that no real person can have, right in form; `order` is 0 to 999."""
    first = f"{MADE_UP_AREA}{born:%Y%m%d}{order:03d}"
    return first + check_sign(first)


def normal_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def provider() -> RealNameProvider:
    """The provider that `ABATE_REAL_NAME` names. Raises SetupError where there is none of that name."""
    named = getattr(settings, "ABATE_REAL_NAME", BUILT_IN)
    try:
        found: RealNameProvider = import_string(named)()
    except (ImportError, TypeError) as fault:
        raise SetupError("real-name-not-loaded", named=repr(named), fault=fault) from fault
    return found


def birthday(born: date, age: int) -> date:
    """The day on which somebody turns `age`; born on 29 February, that is 1 March where there is none."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def verify(name: str, number: str, *, made_up: bool, child: bool = False) -> tuple[Verdict, date]:
    """Ask the provider, then our own rules; returns its verdict and the birth date that counts.

    `child`: a guardian asks, for somebody under 14. Raises IdentityRefused, TooYoung, NotAChild, none of which names the
    person. (P-6.5, P-8.4-b)
    """
    is_made_up = number.startswith(MADE_UP_AREA)
    if is_made_up != made_up:
        raise IdentityRefused("made-up" if is_made_up else "not-made-up")
    # A made-up person is known to nobody: only the form can be looked at.
    verdict = (FormProvider() if made_up else provider()).check(name, number)
    if not verdict.passed:
        raise IdentityRefused(verdict.reason)
    born = verdict.born or birth_date(number)
    if born is None:
        raise IdentityRefused("birth-date")
    young = clock.today() < birthday(born, YOUNGEST)
    # The provider knows better than the digits: where they disagree nobody's age is guessed.
    if verdict.under_14 is not None and verdict.under_14 != young:
        raise IdentityRefused("age")
    if young and not child:
        raise TooYoung
    if child and not young:
        raise NotAChild
    return verdict, born
