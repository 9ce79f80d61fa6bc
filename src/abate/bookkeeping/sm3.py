"""SM3 (GB/T 32905), the national digest, from the OpenSSL that every installation has."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes

_SM3 = hashes.SM3()


def digest(data: bytes) -> bytes:
    """The 32 bytes of SM3 over `data`."""
    made = hashes.Hash(_SM3)
    made.update(data)
    return made.finalize()
