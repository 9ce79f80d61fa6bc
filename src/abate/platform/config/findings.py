"""A finding: one thing looked at, how it stands, and in both languages what that is and what to do (findings.toml)."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from abate.platform.doors.errors import Words, in_language

STATES = ("ok", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `state` is `ok`, `warning` (works, but not for a city) or `fault` (mend before serving).

    Texts are English, those in `zh` Chinese: name, what, remedy. `key` tells causes of one name apart, such as an account;
    `owner` is the code of the party that must act, where it is not the operator.
    """

    name: str
    state: str
    what: str
    remedy: str
    zh: tuple[str, str, str]
    key: str = ""
    owner: str = ""

    def document(self) -> dict[str, str]:
        """For JSON: the English texts, and the Chinese ones beside them."""
        name, what, remedy = self.zh
        return {
            "name": self.name,
            "state": self.state,
            "what": self.what,
            "remedy": self.remedy,
            "name_zh": name,
            "what_zh": what,
            "remedy_zh": remedy,
        }

    def said(self, language: str) -> tuple[str, str, str]:
        """(name, what, remedy) in `zh` or `en`."""
        return self.zh if language == "zh" else (self.name, self.what, self.remedy)


@dataclass(frozen=True, slots=True)
class Case:
    """How a thing may stand: its words with named fields, as (Chinese, English)."""

    state: str
    what: Words
    remedy: Words


def read(text: str) -> dict[tuple[str, str], tuple[str, Case]]:
    """(name, case) -> (Chinese name, words). Raises ValueError naming what is wrong."""
    found = {}
    for name, thing in tomllib.loads(text).items():
        for word, raw in thing["cases"].items():
            one = Case(
                raw.get("state", "ok"), (raw["zh"], raw["en"]), (raw.get("do_zh", ""), raw.get("do_en", ""))
            )
            wrong = {
                "state": one.state not in STATES,
                "no remedy": (one.state != "ok") != all(one.remedy),
                "a key that means nothing": bool(set(raw) - {"state", "zh", "en", "do_zh", "do_en"}),
            }
            for what, faulty in wrong.items():
                if faulty:
                    raise ValueError(f"findings.toml: {name}: {word}: {what}")
            found[name, word] = (thing["zh"], one)
    return found


@lru_cache(maxsize=1)
def cases() -> Mapping[tuple[str, str], tuple[str, Case]]:
    return read(Path(__file__).with_name("findings.toml").read_text(encoding="utf-8"))


def fields_of(text: str) -> set[str]:
    """The named fields in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def found(name: str, case: str = "ok", *, key: str = "", owner: str = "", **fields: object) -> Finding:
    """The finding that `name` stands as `case` says, its words filled from `fields`: one that is (Chinese, English) each in its
    own. Raises KeyError for what has no words."""
    name_zh, words = cases()[name, case]
    zh, en = (text.format(**in_language(place, fields)) for place, text in enumerate(words.what))
    do_zh, do_en = (text.format(**in_language(place, fields)) for place, text in enumerate(words.remedy))
    return Finding(name, words.state, en, do_en, (name_zh, zh, do_zh), key, owner)
