"""Texts that wait in a row and name somebody: encrypted under the master key, each for one purpose."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from abate.platform.doors import randomness
from abate.platform.doors.keyring import keyring


def seal(text: str, purpose: bytes) -> bytes:
    """Nonce (12 bytes) and AES-256-GCM text; under another purpose it does not open."""
    nonce = randomness.token_bytes(12)
    return nonce + AESGCM(keyring().master).encrypt(nonce, text.encode(), purpose)


def unseal(sealed: bytes, purpose: bytes) -> str | None:
    """What `seal` was given; None where the text is not one of its own."""
    try:
        return AESGCM(keyring().master).decrypt(bytes(sealed[:12]), bytes(sealed[12:]), purpose).decode()
    except (InvalidTag, ValueError):
        return None
