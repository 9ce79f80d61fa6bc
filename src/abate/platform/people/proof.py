"""A signed text that says: whoever holds it has just entered the code sent to this contact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.core import signing

_SALT = "abate.people.contact"
VALID = timedelta(minutes=30)


def issue(contact_hmac: bytes) -> str:
    """Carries the contact's keyed digest, not the contact."""
    return signing.dumps(contact_hmac.hex(), salt=_SALT)


def proved(texts: Iterable[str]) -> frozenset[bytes]:
    """The digests of the contacts that these texts prove; forged and stale ones prove nothing."""
    found = set()
    for text in texts:
        try:
            found.add(bytes.fromhex(signing.loads(text, salt=_SALT, max_age=VALID)))
        except signing.BadSignature:
            continue
    return frozenset(found)
