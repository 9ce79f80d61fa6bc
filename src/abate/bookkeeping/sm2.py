"""A second signature under a log's heads, by SM2 (GB/T 32918.2) with SM3: a line of its own in the signed note.

    key id       = SHA-256(name || 0x0A || 0xff || "sm2-sm3-gbt32918" || public key)[:4]
    verifier key = name "+" hex(key id) "+" base64(0xff || "sm2-sm3-gbt32918" || public key)
    line         = "— " name " " base64(key id || signature)

0xff is what C2SP signed-note reserves for types without a byte of their own, followed by an identifier. The public
key is the point X || Y, 64 bytes, on the curve of GB/T 32918.5. What is signed is the note's text with Z before
it, as GB/T 32918.2 has it; the signer's id in Z is its default, "1234567812345678". The signature is the DER
sequence of r and s (GB/T 35276), as national tools write and read it.

The key id is SHA-256 because the note's format says so; it names a key and proves nothing. Readers who do not know
the key leave the line alone. The arithmetic is GmSSL's, through `gmssl-pyx`: the extra `abate[sm]`.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from abate.bookkeeping.checkpoint import Note, NoteError, check_name, read_material

TYPE = b"\xffsm2-sm3-gbt32918"
SIGNER_ID = b"1234567812345678"
PUBLIC, PRIVATE = 64, 32


class Sm2Missing(NoteError):
    """SM2 was asked for, and what computes it is not installed."""

    def __init__(self) -> None:
        super().__init__("sm2-missing", 'SM2 needs GmSSL: pip install "abate[sm]"')


@dataclass(frozen=True, slots=True)
class Sm2Key:
    """The public half of a log's SM2 key: its name, which is the log's origin, and X || Y."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + TYPE + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key string `name+hash+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(TYPE + self.public).decode()}"


def library() -> Any:
    """GmSSL. Raises Sm2Missing where it is not installed."""
    try:
        import gmssl_pyx  # lazy: an extra, wanted by those alone who sign or check by SM2
    except ImportError:
        raise Sm2Missing from None
    return gmssl_pyx


def new_key() -> tuple[bytes, bytes]:
    """(private, public) of a new key. Raises Sm2Missing."""
    public, private = library().sm2_key_generate()
    return bytes(private), bytes(public)


def read_key(text: str) -> Sm2Key:
    """The key that `name+hash+base64` names. Raises NoteError."""
    name, material = read_material(text)
    if len(material) != len(TYPE) + PUBLIC or not material.startswith(TYPE):
        raise NoteError("key-type", "the key is not an SM2 key (type 0xff sm2-sm3-gbt32918, 64 bytes)")
    key = Sm2Key(name, material[len(TYPE) :])
    written = text.strip().split("+", 2)[1]
    if key.key_id.hex() != written:
        raise NoteError(
            "key-hash", f"the key's hash is {key.key_id.hex()}, but {written!r} is written before it"
        )
    return key


def line(text: str, name: str, private: bytes, public: bytes) -> str:
    """The signature line over a note's text, to stand behind the others. Raises Sm2Missing, NoteError."""
    check_name(name)
    found, key = library(), Sm2Key(name, public)
    try:
        signature = bytes(found.sm2_sign(private, public, text.encode(), SIGNER_ID))
        # A private and a public half that do not belong together would sign heads that nobody can check.
        fits = found.sm2_verify(public, text.encode(), signature, SIGNER_ID)
    except (found.InvalidValueError, found.GmsslInnerError) as fault:
        raise NoteError("sm2-key", f"the SM2 key does not sign: {fault}") from None
    if not fits:
        raise NoteError("sm2-key", "the SM2 key's private half is not that of its public half")
    return f"\u2014 {name} {base64.b64encode(key.key_id + signature).decode()}\n"


def check(note: Note, key: Sm2Key) -> str:
    """`note` is signed by `key`, and no line of that key is wrong; what was seen. Raises NoteError, Sm2Missing."""
    found = library()
    own = [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    if not own:
        raise NoteError("sm2-not-signed", f"no line is signed by the SM2 key {key.name}+{key.key_id.hex()}")
    for one in own:
        try:
            fits = found.sm2_verify(key.public, note.text.encode(), one.signature, SIGNER_ID)
        except (found.InvalidValueError, found.GmsslInnerError):
            fits = False
        if not fits:
            raise NoteError(
                "sm2-bad-signature", f"the SM2 signature of {key.name} does not fit the text above it"
            )
    return f"signed by SM2 too: {key.name}+{key.key_id.hex()}"
