"""Each person's own key: what it encrypts is readable while it exists, and by nobody once it is destroyed.

Text = version byte 0x01, nonce (12 bytes), AES-256-GCM text. Its associated data names the purpose and the
person, so that a text moved to another column or person does not open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from abate.platform.doors import clock, randomness, sealed
from abate.platform.people.errors import PersonErased
from abate.platform.people.models import Person
from abate.platform.review import audit

_VERSION = b"\x01"
ALWAYS_TOLD = ("identity", "contacts")
"""Purposes of texts that name a person: that one is opened is in the audit trail, even where its own person does it. Of the
other texts only what somebody else opens is."""
_minute = 0


def new_wrapped_key() -> bytes:
    """A fresh 256-bit key, wrapped by the master key; the bare key is never stored."""
    return sealed.wrap(randomness.token_bytes(32), sealed.KEY)


def encrypt(person: Person, plain: bytes, purpose: str = "data") -> bytes:
    """Encrypt under the person's key. Raises PersonErased."""
    nonce = randomness.token_bytes(12)
    return _VERSION + nonce + _cipher(person).encrypt(nonce, plain, _bound(person, purpose))


def decrypt(person: Person, text: bytes, purpose: str = "data") -> bytes:
    """Decrypt what `encrypt` gave for the same person and purpose. Raises PersonErased, or cryptography's
    InvalidTag where the text, the person or the purpose is another."""
    return decrypt_each([(person, text)], purpose)[0]


def decrypt_each(texts: Sequence[tuple[Person, bytes]], purpose: str) -> list[bytes]:
    """As `decrypt`, of many: what is told of them is told by one statement."""
    ciphers = [_cipher(person) for person, _ in texts]
    told = [one for one, _ in texts if purpose in ALWAYS_TOLD or not audit.is_by(one.user_id)]
    # First the rows, then the texts: where it cannot be written down nothing is opened.
    audit.read_each(f"person.{purpose}", [one.pseudonym for one in told])
    return [
        _open(cipher, bytes(text), _bound(person, purpose))
        for cipher, (person, text) in zip(ciphers, texts, strict=True)
    ]


def _open(cipher: AESGCM, text: bytes, bound: bytes) -> bytes:
    if text[:1] != _VERSION:
        raise ValueError("this text was not written under a person's key of version 1")
    return cipher.decrypt(text[1:13], text[13:], bound)


def forget() -> None:
    """Drop every unwrapped key from this process's memory."""
    _unwrapped.cache_clear()


def _bound(person: Person, purpose: str) -> bytes:
    return f"abate|{purpose}|{person.pseudonym}".encode()


def _cipher(person: Person) -> AESGCM:
    if person.wrapped_key is None:
        raise PersonErased
    return AESGCM(_recent(bytes(person.wrapped_key)))


def _recent(wrapped: bytes) -> bytes:
    # A page opens several texts of one person; beyond the minute no bare key waits in memory.
    global _minute
    minute = int(clock.now().timestamp()) // 60
    if minute != _minute:
        _minute = minute
        forget()
    return _unwrapped(wrapped)


@lru_cache(maxsize=1024)
def _unwrapped(wrapped: bytes) -> bytes:
    return sealed.unwrap(wrapped, sealed.KEY)
