"""The one place that seals under the master key and opens it again: keys that lie in rows, and texts that wait in one.

Text = `AMK`, version byte 0x01, the master's id (8 bytes), nonce (12), AES-256-GCM text, bound to those first 12 bytes and to
the purpose. A text from before masters could be exchanged is nonce and AES-256-GCM text, bound to the purpose alone; it is
opened by whichever master does. Which columns hold such texts stands in config/fields.toml (`sealed`). (P-8.3)
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from abate.platform.doors import masters, randomness
from abate.platform.doors.errors import SetupError
from abate.platform.doors.keyring import Keyring, keyring, reread

KEY = b"abate-person-key"
"""Purpose of keys that are random bytes or bound to their row by what they open."""
_NONCE = 12


class MasterMissing(SetupError):
    """A text lies under a master that the secret file does not hold. Nothing may be thrown away for it."""

    def __init__(self, name: str) -> None:
        super().__init__("master-missing", name=name)
        self.name = name


def wrap(plain: bytes, purpose: bytes) -> bytes:
    """Seal bytes under the present master; under another purpose they do not open."""
    one, nonce = keyring().masters[0], randomness.token_bytes(_NONCE)
    return one.head + nonce + AESGCM(one.key).encrypt(nonce, plain, one.head + purpose)


def unwrap(wrapped: bytes, purpose: bytes) -> bytes:
    """What `wrap` was given. Raises MasterMissing, and InvalidTag where it is not one of ours or has another purpose."""
    wrapped, ring = bytes(wrapped), keyring()
    name = masters.named(wrapped)
    if name == masters.SETTLED:
        raise InvalidTag
    one = name and (_holds(ring, name) or _holds(reread(), name))
    if one:
        try:
            return _decrypt(one, wrapped[masters.HEAD_BYTES :], one.head + purpose)
        except InvalidTag:
            pass  # A text of the old form begins so once in 2^96; its own tag decides.
    for each in ring.masters:
        try:
            return _decrypt(each, wrapped, purpose)
        except InvalidTag:
            continue
    if name and not one:
        raise MasterMissing(name)
    raise InvalidTag


def _holds(ring: Keyring, name: str) -> masters.Master | None:
    return next((one for one in ring.masters if one.id == name), None)


def _decrypt(one: masters.Master, text: bytes, bound: bytes) -> bytes:
    if len(text) < _NONCE:
        raise InvalidTag
    return AESGCM(one.key).decrypt(text[:_NONCE], text[_NONCE:], bound)


def seal(text: str, purpose: bytes) -> bytes:
    """`wrap` of a text that waits in a row and may name somebody."""
    return wrap(text.encode(), purpose)


def unseal(sealed: bytes, purpose: bytes) -> str | None:
    """What `seal` was given; None where the text is not one of its own. Raises MasterMissing."""
    try:
        return unwrap(sealed, purpose).decode()
    except (InvalidTag, ValueError):
        return None
