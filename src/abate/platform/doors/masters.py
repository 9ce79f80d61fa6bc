"""The master keys of an installation: the one that seals, and those beside it that still open what they sealed.

    next      made, copied to where the secret file has its copies, and not used yet
    present   seals; there is always one
    leaving   sealed until the exchange began: what it sealed is sealed anew
    retired   nothing here is under it any more; it opens backups that are older than the exchange

A master is known by its own digest, so that no file and no row can call it by another's name. (P-8.3; decision 0048)
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NEXT, PRESENT, LEAVING, RETIRED = "next", "present", "leaving", "retired"
MARK = b"AMK\x01"
_ID_BYTES = 8
SETTLED = "0" * (2 * _ID_BYTES)
"""Stands as the id before a text that opens under no master and that somebody said so of: what it was comes after it, whole."""
SETTLED_HEAD = MARK + bytes.fromhex(SETTLED)
HEAD_BYTES = len(MARK) + _ID_BYTES
"""Bytes that say under which master a text lies: `AMK`, a version, the master's id."""


@dataclass(frozen=True, slots=True)
class Master:
    """One 256-bit key. `made_at` and `retired_at` are RFC 3339 texts; empty where nobody wrote it down, or not yet."""

    key: bytes = field(repr=False)
    state: str
    made_at: str = ""
    retired_at: str = ""

    @property
    def id(self) -> str:
        """16 hexadecimal digits that tell masters apart and nothing of the key."""
        return hashlib.sha256(b"abate-master-id\x00" + self.key).digest()[:_ID_BYTES].hex()

    @property
    def head(self) -> bytes:
        """What every text under this master begins with (HEAD_BYTES)."""
        return MARK + bytes.fromhex(self.id)


Masters = tuple[Master, ...]
"""The present one first, the others as they stand in the file."""


def named(text: bytes) -> str | None:
    """The id of the master that a text says it lies under; None of one from before texts said so."""
    return text[len(MARK) : HEAD_BYTES].hex() if text.startswith(MARK) else None


def read(document: Mapping[str, Any]) -> Masters:
    """The masters of a secret file. Raises KeyError, TypeError, ValueError for what is none."""
    first = Master(_key(document["master"]), PRESENT, document.get("master_made_at", ""))
    others = [
        Master(_key(one["key"]), one["state"], one["made_at"], one["retired_at"])
        for one in document.get("other_masters", ())
    ]
    if any(one.state not in (NEXT, LEAVING, RETIRED) for one in others):
        raise ValueError("other_masters: a state that means nothing")
    if len({one.key for one in (first, *others)}) <= len(others):
        raise ValueError("other_masters: a key that stands there twice")
    return (first, *others)


def _key(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def written(masters: Masters) -> dict[str, Any]:
    """What of a secret file says these masters; `read` gives them back."""
    first, *others = masters
    told = [
        {"key": _text(one), "state": one.state, "made_at": one.made_at, "retired_at": one.retired_at}
        for one in others
    ]
    return {"master": _text(first), "master_made_at": first.made_at, "other_masters": told}


def _text(one: Master) -> str:
    return base64.b64encode(one.key).decode()


def prepared(masters: Masters, key: bytes, at: str) -> Masters:
    """With one more that is used next."""
    return (*masters, Master(key, NEXT, at))


def begun(masters: Masters) -> Masters:
    """The next one seals from now on; what sealed until now is leaving."""
    (coming,) = [one for one in masters if one.state == NEXT]
    former = replace(masters[0], state=LEAVING)
    return (
        replace(coming, state=PRESENT),
        former,
        *(one for one in masters[1:] if one.state != NEXT),
    )


def finished(masters: Masters, at: str) -> Masters:
    """Nothing is under those that were leaving."""
    return tuple(
        replace(one, state=RETIRED, retired_at=at) if one.state == LEAVING else one for one in masters
    )


def needed(masters: Masters, ids: Collection[str], at: str) -> Masters:
    """Those retired ones of `ids` were under use until now; with an empty id among them, any may have been."""
    return tuple(
        replace(one, retired_at=at) if one.state == RETIRED and ("" in ids or one.id in ids) else one
        for one in masters
    )


def without(masters: Masters, gone: str) -> Masters:
    return tuple(one for one in masters if one.id != gone)
