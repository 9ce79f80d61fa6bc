"""The kinds of notices, read from kinds.toml: who may switch what off, and the words, with named fields and no others."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LABELS = ("public", "internal")
"""Labels that a field of a notice may have. What is personal or sensitive stays behind the sign-in: a message on a locked
screen is read by whoever is near."""
LONGEST = 200
"""Signs of one language's text with every field filled: three parts of an SMS, our policy."""
CHANNELS = ("email", "phone", "push")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `compulsory`: why it cannot be switched off, (zh, en), or None. `default`: the channels of which the first that
    reaches the person is used until they say otherwise. `fields`: name -> label."""

    id: str
    title: tuple[str, str]
    text: tuple[str, str]
    purpose: str
    page: str
    compulsory: tuple[str, str] | None
    default: tuple[str, ...]
    fields: Mapping[str, str]
    audience: str


def read(text: str) -> dict[str, Kind]:
    """Raises ValueError naming the kind and what is wrong with it."""
    told = tomllib.loads(text)
    found = {}
    for name, raw in told["kinds"].items():
        why = raw.get("compulsory")
        reason = told["compulsory"].get(why) if why else None
        one = Kind(
            name,
            (raw["title_zh"], raw["title_en"]),
            (raw["zh"], raw["en"]),
            raw["purpose"],
            raw["page"],
            (reason["zh"], reason["en"]) if reason else None,
            tuple(raw.get("default", ())),
            raw.get("fields", {}),
            raw.get("audience", "person"),
        )
        _check(one, why)
        found[name] = one
    return found


def _check(one: Kind, why: str | None) -> None:
    named = {
        field for text in one.text for _, field, _, _ in string.Formatter().parse(text) if field is not None
    }
    wrong = {
        "compulsory names no reason": bool(why) and one.compulsory is None,
        "compulsory and a default": one.compulsory is not None and bool(one.default),
        "a channel that is none": bool(set(one.default) - set(CHANNELS)),
        "a field that is not declared, or not used": named != set(one.fields),
        "a field whose label may not leave": bool(set(one.fields.values()) - set(LABELS)),
        "no page of ours": not one.page.startswith("/"),
        "audience": one.audience not in ("person", "party", "staff"),
        "too long": any(len(text) > LONGEST for text in one.text),
    }
    for what, faulty in wrong.items():
        if faulty:
            raise ValueError(f"kinds.toml: {one.id}: {what}")


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    return read(Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8"))
