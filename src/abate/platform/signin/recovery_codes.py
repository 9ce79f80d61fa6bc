"""Recovery codes: ten of eight digits, each good once, kept as slow salted hashes and in no other form (ASVS 5, V6.5.2).

They are allauth's rows; what allauth would keep in them, a seed from which the codes are made again, is not kept here.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from abate.platform.doors import randomness
from abate.platform.doors.keyring import keyring

COUNT, DIGITS = 10, 8
_SEED = "seed"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Ten codes that were just made, and what a row keeps of them."""

    codes: list[str] = field(repr=False)
    data: dict[str, Any] = field(repr=False)


def draw(user_id: int) -> Drawn:
    """Ten codes, no two alike, and their ten slow hashes: seconds of work, to be done under no lock."""
    codes: dict[str, None] = {}
    while len(codes) < COUNT:
        codes[randomness.digits(DIGITS)] = None
    return Drawn(list(codes), kept(user_id, list(codes)))


def kept(user_id: int, codes: list[str]) -> dict[str, Any]:
    """What a row keeps of these codes: one salt of 128 bits for all, so that a try is one slow hash and not ten."""
    salt, iterations = randomness.token_bytes(16).hex(), PBKDF2PasswordHasher.iterations
    return {
        "salt": salt,
        "iterations": iterations,
        "hashes": [_hash(user_id, code, salt, iterations) for code in codes],
    }


def left(one: Authenticator) -> int:
    """How many of this row's codes were not used."""
    return len(_by_seed(one)) if _SEED in one.data else len(one.data["hashes"])


def without(one: Authenticator, code: str) -> tuple[bool, dict[str, Any]]:
    """Whether this is a code of the row's that was not used, and what the row keeps without it.

    Of codes made by an earlier version, what is left is hashed, and the seed goes.
    """
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return False, one.data
    held = kept(one.user_id, _by_seed(one)) if _SEED in one.data else one.data
    asked = _hash(one.user_id, code, held["salt"], held["iterations"])
    others = [each for each in held["hashes"] if not hmac.compare_digest(each, asked)]
    return len(others) < len(held["hashes"]), {**held, "hashes": others}


def _hash(user_id: int, code: str, salt: str, iterations: int) -> str:
    """PBKDF2 of the code's keyed digest: whoever has the table alone has nothing to guess at."""
    keyed = keyring().code_hmac(f"recovery\x00{user_id}\x00{code}").hex()
    return PBKDF2PasswordHasher().encode(keyed, salt, iterations).rpartition("$")[2]


def _by_seed(one: Authenticator) -> list[str]:
    return RecoveryCodes(one).get_unused_codes()
