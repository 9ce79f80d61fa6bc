"""Cosignatures of witnesses on a checkpoint: C2SP tlog-cosignature, Ed25519 (type 4), each with its moment.

A witness says with one: at this moment, this is the largest tree of this log that I have seen, and it only added
to those before. The signed text is `cosignature/v1`, `time <seconds>`, and the checkpoint's own text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from abate.bookkeeping import checkpoint
from abate.bookkeeping.checkpoint import Note, NoteError

COSIGNATURE = 4
_SIGNED = 8 + 64


@dataclass(frozen=True, slots=True)
class Witness:
    """The public half of a witness's Ed25519 key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([COSIGNATURE]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key string `name+hash+base64`."""
        return (
            f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([COSIGNATURE]) + self.public).decode()}"
        )


@dataclass(frozen=True, slots=True)
class Seal:
    """A cosignature that verified: whose, and when it was given (seconds since 1970 UTC)."""

    witness: Witness
    at: int
    line: str


def read_witness(text: str) -> Witness:
    """The witness that `name+hash+base64` names. Raises NoteError."""
    name, material = checkpoint.read_material(text)
    if len(material) != 33 or material[0] != COSIGNATURE:
        raise NoteError("key-type", "the key is not an Ed25519 key of a witness (type 4, 32 bytes)")
    witness = Witness(name, material[1:])
    if str(witness) != text.strip():
        raise NoteError("key-hash", f"the key's hash is {witness.key_id.hex()}, another is written before it")
    return witness


def witness_of(name: str, seed: bytes) -> Witness:
    """The public key of a witness's signing seed (32 bytes). Raises NoteError."""
    checkpoint.check_name(name)
    return Witness(name, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def cosign(text: str, name: str, seed: bytes, at: int) -> str:
    """The signature line, ended by a newline, on a checkpoint's `text`, given at `at` seconds since 1970."""
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_message(text, at))
    blob = witness_of(name, seed).key_id + at.to_bytes(8) + signature
    return f"\u2014 {name} {base64.b64encode(blob).decode()}\n"


def seals(note: Note, witnesses: Iterable[Witness]) -> list[Seal]:
    """The cosignatures of these witnesses on a note. Raises NoteError where a line of one of them is wrong."""
    found: list[Seal] = []
    for witness in witnesses:
        for line in note.signatures:
            if (line.name, line.key_id) != (witness.name, witness.key_id):
                continue
            at = int.from_bytes(line.signature[:8])
            try:
                if len(line.signature) != _SIGNED or at >= 2**63:
                    raise ValueError
                Ed25519PublicKey.from_public_bytes(witness.public).verify(
                    line.signature[8:], _message(note.text, at)
                )
            except (InvalidSignature, ValueError):
                raise NoteError(
                    "bad-cosignature", f"the cosignature of {witness.name} does not fit the text above it"
                ) from None
            blob = base64.b64encode(line.key_id + line.signature).decode()
            found.append(Seal(witness, at, f"\u2014 {line.name} {blob}\n"))
    return found


def add(note: str, lines: Sequence[str]) -> str:
    """A note with more signature lines, each only once."""
    return note + "".join(line for line in dict.fromkeys(lines) if line not in note)


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
