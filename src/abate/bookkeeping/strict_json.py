"""JSON as a verifier reads it: one meaning for one text, whoever reads it, and nothing that cannot be hashed or printed."""

from __future__ import annotations

import json
import re

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of half a sign beyond the basic plane; two of them may make one."""


def read(text: str | bytes) -> object:
    """What a JSON text says. Raises ValueError or RecursionError for what is none, for a member that stands twice in one
    object (readers differ on which counts), and for an unpaired surrogate, which no UTF-8 holds.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    else:
        text.encode()
    made: object = json.loads(text, object_pairs_hook=_no_twice)
    if _HALF.search(text):
        json.dumps(made, ensure_ascii=False).encode()
    return made


def _no_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return made
