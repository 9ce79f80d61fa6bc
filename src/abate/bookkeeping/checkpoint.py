"""Signed tree heads: C2SP signed notes, checkpoints and Ed25519 verifier keys, read strictly.

A note is text that ends in a newline, an empty line, then signature lines `— <name> <base64(key id ||
signature)>`. A checkpoint's text is the log's origin, the tree's size, the base64 root, each on a line.
Lines signed by keys that are not known are left alone (witnesses, other signature types); a line of a known
key must verify.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 64
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note, key or checkpoint that is not what it should be. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who signed, which of their keys, the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read; nothing in it is verified yet."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """The public half of a log's Ed25519 key. Its name is the log's origin."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([ED25519]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key string `name+hash+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([ED25519]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log, how many leaves, the RFC 6962 root over them."""

    origin: str
    size: int
    root: bytes


def read_key(text: str) -> Key:
    """The key that `name+hash+base64` names. Raises NoteError."""
    name, material = read_material(text)
    if len(material) != 33 or material[0] != ED25519:
        raise NoteError("key-type", "the key is not an Ed25519 key of signed notes (type 1, 32 bytes)")
    key = Key(name, material[1:])
    written = text.strip().split("+", 2)[1]
    if key.key_id.hex() != written:
        raise NoteError(
            "key-hash", f"the key's hash is {key.key_id.hex()}, but {written!r} is written before it"
        )
    return key


def read_material(text: str) -> tuple[str, bytes]:
    """(name, type byte and key) of a verifier key string, its hash not looked at. Raises NoteError."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _name_ok(parts[0]):
        raise NoteError("key-form", "a verifier key reads name+hash+base64, on one line")
    return parts[0], _bytes(parts[2], "key-form", "the key's base64 part")


def key_of(origin: str, seed: bytes) -> Key:
    """The public key of a signing seed (32 bytes), under the log's name."""
    check_name(origin)
    return Key(origin, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def read_note(note: str | bytes) -> Note:
    """Take a signed note apart. Raises NoteError for anything the format does not allow."""
    if isinstance(note, bytes):
        try:
            note = note.decode()
        except UnicodeDecodeError:
            raise NoteError("note-form", "a note is UTF-8 text; this is not") from None
    if len(note) > MAX_NOTE:
        raise NoteError("note-form", f"a note of more than {MAX_NOTE} characters is not read")
    if any(char < " " and char != "\n" for char in note):
        raise NoteError("note-form", "a note holds no control characters but the newline")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not text or not lines.endswith("\n"):
        raise NoteError(
            "note-form", "a note is text, an empty line and signature lines, each ended by a newline"
        )
    signed = lines[:-1].split("\n")
    if len(signed) > MAX_SIGNATURES:
        raise NoteError("note-form", f"a note with more than {MAX_SIGNATURES} signatures is not read")
    return Note(text + "\n", tuple(_read_signature(line) for line in signed))


def _read_signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not _name_ok(parts[1]):
        raise NoteError("note-form", "a signature line reads: em dash, space, name, space, base64")
    blob = _bytes(parts[2], "note-form", "a signature line's base64 part")
    if len(blob) < 5:
        raise NoteError("note-form", "a signature has four bytes of key id and the signature after them")
    return Signature(parts[1], blob[:4], blob[4:])


def sign_note(text: str, name: str, seed: bytes) -> str:
    """`text` signed with an Ed25519 seed under `name`, as a note."""
    check_name(name)
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise NoteError("note-form", "a note's text ends in a newline and holds no other control character")
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
    return f"{text}\n\u2014 {name} {_base64(key_of(name, seed).key_id + signature)}\n"


def check_signature(note: Note, key: Key) -> None:
    """`note` is signed by `key`, and no line of that key is wrong. Raises NoteError."""
    own = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    if not own:
        names = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in note.signatures)
        raise NoteError(
            "not-signed", f"no line is signed by {key.name}+{key.key_id.hex()}; there are: {names}"
        )
    for line in own:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(line.signature, note.text.encode())
        except (InvalidSignature, ValueError):
            raise NoteError(
                "bad-signature", f"the signature of {key.name} does not fit the text above it"
            ) from None


def sign_checkpoint(checkpoint: Checkpoint, seed: bytes) -> str:
    """The signed note of a tree head; the key's name is the origin."""
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{_base64(checkpoint.root)}\n"
    return sign_note(text, checkpoint.origin, seed)


def read_checkpoint(text: str) -> Checkpoint:
    """The tree head in a note's text; extension lines are allowed and not used. Raises NoteError."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NoteError("checkpoint-form", "a checkpoint's text is lines, none empty: origin, size, root")
    if not _SIZE.fullmatch(lines[1]) or int(lines[1]) >= 2**63:
        raise NoteError("checkpoint-form", f"the tree's size is a decimal number, not {lines[1]!r}")
    root = _bytes(lines[2], "checkpoint-form", "the root line")
    if len(root) != 32:
        raise NoteError("checkpoint-form", f"a root has 32 bytes, not {len(root)}")
    return Checkpoint(lines[0], int(lines[1]), root)


def open_checkpoint(note: str | bytes, key: Key) -> Checkpoint:
    """The tree head of a note signed by `key`, of the log that `key` names. Raises NoteError."""
    read = read_note(note)
    check_signature(read, key)
    checkpoint = read_checkpoint(read.text)
    if checkpoint.origin != key.name:
        raise NoteError(
            "other-log", f"the checkpoint is of log {checkpoint.origin!r}, the key of {key.name!r}"
        )
    return checkpoint


def _name_ok(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def check_name(name: str) -> None:
    """Raises NoteError where `name` cannot stand in a signature line."""
    if not _name_ok(name):
        raise NoteError("key-name", f"a key's name has no space and no plus sign and is not empty: {name!r}")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, code: str, what: str) -> bytes:
    """Strict base64: one spelling for the same bytes, so that one flipped character is always seen."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(code, f"{what} is not base64") from None
    if _base64(data) != text:
        raise NoteError(code, f"{what} is not base64 as RFC 4648 writes it")
    return data
