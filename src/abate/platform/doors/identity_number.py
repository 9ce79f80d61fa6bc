"""One way to write an identity number, for people and staff: what is compared by its digest must be written alike."""

from __future__ import annotations

import unicodedata


def normal_number(number: str) -> str:
    """Full-width signs, spaces and a small x are ways of writing, not other numbers."""
    return "".join(unicodedata.normalize("NFKC", number).split()).upper()
