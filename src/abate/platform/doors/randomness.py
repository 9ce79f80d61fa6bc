"""The one door through which randomness comes in: the system's secure source, replaceable by a seeded one in tests."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_source: Callable[[int], bytes] = secrets.token_bytes
# Without 0/O, 1/I/L and U: a code is read aloud and typed by hand. 30 signs, so 12 of them carry 58 bits.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def token_bytes(size: int) -> bytes:
    return _source(size)


def _below(limit: int) -> int:
    """An unbiased whole number in [0, limit) for limit <= 256."""
    ceiling = 256 - 256 % limit
    while True:
        (byte,) = _source(1)
        if byte < ceiling:
            return byte % limit


def token_code(length: int) -> str:
    """A random code over `CODE_ALPHABET`."""
    return "".join(CODE_ALPHABET[_below(len(CODE_ALPHABET))] for _ in range(length))


def digits(length: int) -> str:
    """A random string of decimal digits."""
    return "".join(str(_below(10)) for _ in range(length))


def new_uuid() -> uuid.UUID:
    return uuid.UUID(bytes=_source(16), version=4)


@contextmanager
def seeded(source: Callable[[int], bytes]) -> Iterator[None]:
    """Take random bytes from `source(size)` instead; for tests and the simulator only."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
