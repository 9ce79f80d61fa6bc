"""Recovery codes: ten of eight digits, each good once, kept as slow salted hashes and in no other form (ASVS 5, V6.5.2).

They are allauth's rows; what allauth would keep in them, a seed from which the codes are made again, is not kept here.
"""

from __future__ import annotations

import hmac

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from abate.platform.doors import randomness
from abate.platform.doors.keyring import keyring
from abate.platform.review.models import User

COUNT, DIGITS = 10, 8
_SEED = "seed"


def make(user: User) -> list[str]:
    """Ten new codes in place of the earlier ones; shown now, and readable in no row."""
    codes: dict[str, None] = {}
    while len(codes) < COUNT:
        codes[randomness.digits(DIGITS)] = None
    made = list(codes)
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    Authenticator.objects.create(
        user=user, type=Authenticator.Type.RECOVERY_CODES, data=_hashed(user.pk, made)
    )
    return made


def left(one: Authenticator) -> int:
    """How many of this row's codes were not used."""
    return len(_by_seed(one)) if _SEED in one.data else len(one.data["hashes"])


def spend(one: Authenticator, code: str) -> bool:
    """Whether this is a code of the row's that was not used; it is from now on. To be called in a transaction."""
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return False
    held = Authenticator.objects.select_for_update().get(pk=one.pk)
    if _SEED in held.data:
        # Made by an earlier version: what is left of them is hashed now, and the seed goes.
        held.data = _hashed(held.user_id, _by_seed(held))
        held.save(update_fields=["data"])
    asked = _hash(held.user_id, code, held.data["salt"], held.data["iterations"])
    others = [kept for kept in held.data["hashes"] if not hmac.compare_digest(kept, asked)]
    right = len(others) < len(held.data["hashes"])
    if right:
        held.data["hashes"] = others
        held.save(update_fields=["data"])
    return right


def _hashed(user_id: int, codes: list[str]) -> dict[str, object]:
    """What a row keeps: one salt of 128 bits for its codes, so that a try is one slow hash and not ten."""
    salt, iterations = randomness.token_bytes(16).hex(), PBKDF2PasswordHasher.iterations
    return {
        "salt": salt,
        "iterations": iterations,
        "hashes": [_hash(user_id, code, salt, iterations) for code in codes],
    }


def _hash(user_id: int, code: str, salt: str, iterations: int) -> str:
    """PBKDF2 of the code's keyed digest: whoever has the table alone has nothing to guess at."""
    keyed = keyring().code_hmac(f"recovery\x00{user_id}\x00{code}").hex()
    return PBKDF2PasswordHasher().encode(keyed, salt, iterations).rpartition("$")[2]


def _by_seed(one: Authenticator) -> list[str]:
    return RecoveryCodes(one).get_unused_codes()
