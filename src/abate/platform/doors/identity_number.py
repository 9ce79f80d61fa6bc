"""One way to write an identity number, for people and staff: what is compared by its digest must be written alike."""

from __future__ import annotations

import re
import unicodedata

# GB 11643 (ISO/IEC 7064 MOD 11-2): the weights of the first 17 digits, and the sign for each remainder.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SIGNS = "10X98765432"
_LONGEST = 18
# Passports and permits are shorter than a resident's number, and none is a word or a name: our policy.
_DOCUMENT = re.compile(r"(?=.*[0-9]{4})[0-9A-Z]{6,17}|[0-9]{17}[0-9X]")


def normal_number(number: str) -> str:
    """Full-width signs, spaces and a small x are ways of writing, not other numbers."""
    return "".join(unicodedata.normalize("NFKC", number).split()).upper()


def check_sign(first: str) -> str:
    """The 18th sign for the first 17 digits."""
    return _SIGNS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def is_document(number: str) -> bool:
    """Whether a number as normal_number writes it can be that of an identity document: a resident's with a right check sign,
    or a shorter one of a passport or permit. It says nothing of whether it was given out, or to whom.
    """
    if not _DOCUMENT.fullmatch(number):
        return False
    return len(number) < _LONGEST or number[-1] == check_sign(number[:-1])
