"""The receipt: one JSON document that proves one entry offline, years later, with the log's public key alone.

    {"format": "abate-receipt/1",
     "log": "example.org/log",             origin of the log
     "index": 785,                         number of the leaf, from 0
     "leaf": "<base64, 155 bytes>",
     "proof": ["<base64, 32 bytes>", ...], RFC 6962 path from the leaf up, for the size in the checkpoint
     "checkpoint": "<signed note>",
     "opening": {"salt": "<base64, 32 bytes>", "personal": "<text that was committed to>"},
     "method": {"id": "walking", "version": 1},
     "setting": {"region": null, "floor": "standard", "pack": null, "zone": "Asia/Shanghai"}}

`opening`, `method` and `setting` may be null: then the entry is proved and its personal part stays closed.
`method` and `setting` are hints what to recompute with; nothing is believed because it stands there, the
leaf binds the methodology's hash and the factors used.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

FORMAT = "abate-receipt/1"
MAX_BYTES = 1_000_000
MAX_PROOF = 64

T = TypeVar("T")


class ReceiptError(ValueError):
    """A document that is no receipt; `member` names the place."""

    def __init__(self, member: str, text: str) -> None:
        super().__init__(f"{member}: {text}")
        self.member = member


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the commitment of a leaf: its salt and the personal part. Only the person's key yields the
    salt.
    """

    salt: bytes
    personal: str


@dataclass(frozen=True, slots=True)
class MethodName:
    """The methodology version that quantified the entry."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The setting that quantified the entry: region, grade floor, operator's pack by id, zone of its days."""

    region: str | None = None
    floor: str = "standard"
    pack: str | None = None
    zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as read or made; nothing in it is verified yet."""

    log: str
    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: str
    opening: Opening | None = None
    method: MethodName | None = None
    terms: Terms | None = None

    def document(self) -> dict[str, object]:
        """The JSON document, ready for json.dumps."""
        return {
            "format": FORMAT,
            "log": self.log,
            "index": self.index,
            "leaf": _base64(self.leaf),
            "proof": [_base64(one) for one in self.proof],
            "checkpoint": self.checkpoint,
            **opened(self.opening, self.method, self.terms),
        }


def opened(opening: Opening | None, method: MethodName | None, terms: Terms | None) -> dict[str, object]:
    """The members `opening`, `method` and `setting`, as receipts and openings have them."""
    return {
        "opening": opening and {"salt": _base64(opening.salt), "personal": opening.personal},
        "method": method and {"id": method.id, "version": method.version},
        "setting": terms and {name: getattr(terms, name) for name in _TERMS},
    }


def read(source: str | bytes | Mapping[str, object]) -> Receipt:
    """The receipt in a JSON text or a document. Raises ReceiptError for anything but exactly the form
    above.
    """
    members = members_of(source, "receipt", set(_MEMBERS))
    if members["format"] != FORMAT:
        raise ReceiptError(
            "format", f"{members['format']!r} is not known here; {FORMAT!r} is. Take a newer verifier"
        )
    proof = _proof(members)
    index = _one("index", members["index"], int)
    if index < 0:
        raise ReceiptError("index", "a leaf's number is 0 or more")
    return Receipt(
        _one("log", members["log"], str),
        index,
        _bytes("leaf", members["leaf"]),
        tuple(proof),
        _one("checkpoint", members["checkpoint"], str),
        *read_opened(members),
    )


def members_of(
    source: str | bytes | Mapping[str, object], place: str, names: set[str]
) -> Mapping[str, object]:
    """The members of a JSON text or document that has exactly `names`, none twice. Raises ReceiptError."""
    return _members(source if isinstance(source, Mapping) else _parse(source), place, names)


def proof_between(members: Mapping[str, object]) -> tuple[str, str, list[bytes]]:
    """The members `old`, `new` and `proof` of a consistency proof (consistency.py). Raises ReceiptError."""
    return _one("old", members["old"], str), _one("new", members["new"], str), _proof(members)


def _proof(members: Mapping[str, object]) -> list[bytes]:
    proof = _one("proof", members["proof"], list)
    if len(proof) > MAX_PROOF:
        raise ReceiptError("proof", f"no tree needs a path of more than {MAX_PROOF} hashes")
    return [_bytes(f"proof[{place}]", one) for place, one in enumerate(proof)]


def read_opened(members: Mapping[str, object]) -> tuple[Opening | None, MethodName | None, Terms | None]:
    """The members `opening`, `method` and `setting`. Raises ReceiptError."""
    return _opening(members["opening"]), _method(members["method"]), _terms(members["setting"])


_TERMS = ("region", "floor", "pack", "zone")
_MEMBERS = ("format", "log", "index", "leaf", "proof", "checkpoint", "opening", "method", "setting")


def _opening(value: object) -> Opening | None:
    if value is None:
        return None
    members = _members(value, "opening", {"salt", "personal"})
    return Opening(
        _bytes("opening.salt", members["salt"]), _one("opening.personal", members["personal"], str)
    )


def _method(value: object) -> MethodName | None:
    if value is None:
        return None
    members = _members(value, "method", {"id", "version"})
    return MethodName(_one("method.id", members["id"], str), _one("method.version", members["version"], int))


def _terms(value: object) -> Terms | None:
    if value is None:
        return None
    members = _members(value, "setting", set(_TERMS))

    def text(name: str) -> str:
        return _one(f"setting.{name}", members[name], str)

    region, pack = (None if members[name] is None else text(name) for name in ("region", "pack"))
    return Terms(region, text("floor"), pack, text("zone"))


def _parse(text: str | bytes) -> object:
    if len(text) > MAX_BYTES:
        raise ReceiptError("receipt", f"a receipt of more than {MAX_BYTES} bytes is not read")
    try:
        return json.loads(text, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError) as fault:
        raise ReceiptError("receipt", f"not the JSON it should be: {fault}") from None


def _no_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return made


def _members(value: object, place: str, names: set[str]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ReceiptError(place, "must be a JSON object")
    if set(value) != names:
        lacks, extra = sorted(names - set(value)), sorted(map(str, set(value) - names))
        raise ReceiptError(
            place, f"lacks {lacks or 'nothing'}, has {extra or 'nothing'} that does not belong there"
        )
    return value


def _one(place: str, value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ReceiptError(place, f"must be of type {kind.__name__}, not {type(value).__name__}")
    return value


def _bytes(place: str, value: object) -> bytes:
    text = _one(place, value, str)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ReceiptError(place, "is not base64") from None
    if _base64(data) != text:
        raise ReceiptError(place, "is not base64 as RFC 4648 writes it")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
