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

Of an entry whose data came from a declared source of public data the format is "abate-receipt/2", with one member
more: the terms on which the data was lent, which whoever hands the receipt on hands on with it (P-8.5-d). The leaf
does not bind them: they are the platform's word.

     "source": {"source": "<PARTY/SOURCE>", "version": 1, "mark": "<text>", "level": 2, "uses": ["quantify", ...],
                "shared_with": ["*", ...], "retention_days": 730, "valid_from": "2026-07-01",
                "valid_until": "2027-06-30", "use_until": "2028-09-01"}

Of an award for an act of a day on which a kilogram made another number of credits than 1000 the format is "abate-receipt/3", with
the member `rate`, that number, and `source` where there is one. The leaf does not bind it either; a statement shows the
running total that it leads to.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from abate.bookkeeping import strict_json
from abate.bookkeeping.kinds import MILLION

FORMAT = "abate-receipt/1"
MARKED = "abate-receipt/2"
RATED = "abate-receipt/3"
SHIPPED = 1000
"""Credits a kilogram where no rule says another number."""
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
    source: Mapping[str, object] | None = None
    rate: int = SHIPPED

    def document(self) -> dict[str, object]:
        """The JSON document, ready for json.dumps."""
        return {
            "format": RATED if self.rate != SHIPPED else MARKED if self.source else FORMAT,
            "log": self.log,
            "index": self.index,
            "leaf": _base64(self.leaf),
            "proof": [_base64(one) for one in self.proof],
            "checkpoint": self.checkpoint,
            **opened(self.opening, self.method, self.terms, self.source),
            **({"rate": self.rate} if self.rate != SHIPPED else {}),
        }


def opened(
    opening: Opening | None,
    method: MethodName | None,
    terms: Terms | None,
    source: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The members `opening`, `method`, `setting`, and `source` if there is one, as receipts and openings have them."""
    made: dict[str, object] = {
        "opening": opening and {"salt": _base64(opening.salt), "personal": opening.personal},
        "method": method and {"id": method.id, "version": method.version},
        "setting": terms and {name: getattr(terms, name) for name in _TERMS},
    }
    return made | {"source": dict(source)} if source else made


def read(source: str | bytes | Mapping[str, object]) -> Receipt:
    """The receipt in a JSON text or a document. Raises ReceiptError for anything but exactly the form
    above.
    """
    members = members_of(source, "receipt", set(_MEMBERS), "source", "rate")
    form = members["format"]
    if form not in (FORMAT, MARKED, RATED):
        raise ReceiptError("format", f"{form!r} is not known here; {RATED!r} is. Take a newer verifier")
    if ("source" in members) != (form == MARKED) and form != RATED:
        raise ReceiptError("source", f"belongs to {MARKED!r} and {RATED!r}, and to no other format")
    if ("rate" in members) != (form == RATED):
        raise ReceiptError("rate", f"belongs to {RATED!r}, and to no other format")
    rate = _one("rate", members.get("rate", SHIPPED), int)
    if not 1 <= rate <= MILLION or (rate == SHIPPED and form == RATED):
        raise ReceiptError("rate", f"must be from 1 to {MILLION} credits a kilogram, and not {SHIPPED}")
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
        read_source(members),
        rate,
    )


def members_of(
    source: str | bytes | Mapping[str, object], place: str, names: set[str], *maybe: str
) -> Mapping[str, object]:
    """The members of a JSON text or document that has exactly `names`, and perhaps `maybe`, none twice. Raises
    ReceiptError.
    """
    given = source if isinstance(source, Mapping) else _parse(source)
    more = {name for name in maybe if name in given} if isinstance(given, Mapping) else set()
    return _members(given, place, names | more)


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


def read_source(members: Mapping[str, object]) -> Mapping[str, object] | None:
    """The member `source`, None where there is none. Raises ReceiptError."""
    if "source" not in members:
        return None
    given = _members(members["source"], "source", set(_SOURCE))
    for name, kind in _SOURCE.items():
        place, value = f"source.{name}", given[name]
        if kind is int:
            if not 0 <= _one(place, value, int) <= _MOST:
                raise ReceiptError(place, f"must be from 0 to {_MOST}")
        elif kind is list:
            if len(_one(place, value, list)) > _ENTRIES:
                raise ReceiptError(place, f"has more than {_ENTRIES} entries")
            for one in value:  # type: ignore[attr-defined]
                _shown(place, one)
        else:
            _shown(place, value)
            if name in _DAYS and not _is_day(str(value)):
                raise ReceiptError(place, "must be a day like 2026-07-01")
    return given


def _shown(place: str, value: object) -> None:
    """A text that is shown to people: nothing in it may pass for a line of its own, or hide. Raises ReceiptError."""
    text = _one(place, value, str)
    if not 1 <= len(text) <= _LONGEST or not text.isprintable():
        raise ReceiptError(place, f"must be 1 to {_LONGEST} characters that can be printed")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_DAYS = ("valid_from", "valid_until", "use_until")
_LONGEST, _ENTRIES, _MOST = 200, 1_000, 2**31 - 1
"""Of `source`: characters of a text, entries of a list, and the largest number."""
_SOURCE: dict[str, type] = {
    **dict.fromkeys(("source", "mark", *_DAYS), str),
    **dict.fromkeys(("version", "level", "retention_days"), int),
    **dict.fromkeys(("uses", "shared_with"), list),
}
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
        return strict_json.read(text)
    except (ValueError, RecursionError) as fault:
        raise ReceiptError("receipt", f"not the JSON it should be: {fault}") from None


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
