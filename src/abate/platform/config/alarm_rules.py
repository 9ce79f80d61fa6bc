"""The rules of alarms, read from alarms.toml or the operator's own file, and where each role is told."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from abate.platform.config.findings import STATES, Words, cases
from abate.platform.doors.errors import SetupError
from abate.platform.notices.queries import Place
from abate.platform.people import contacts
from abate.platform.people.errors import ContactMalformed
from abate.platform.review.rights import rights

SHIPPED = Path(__file__).with_name("alarms.toml")
_KEYS = {"to", "states", "limit", "operator", "unit_zh", "unit_en", "why_zh", "why_en"}


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is that of a finding; `to` a role. `limit` in `unit`, None where the thing has its own or the rule is `idle`."""

    name: str
    to: str
    states: frozenset[str]
    limit: int | None
    idle: bool
    unit: Words
    why: Words


@dataclass(frozen=True, slots=True)
class Rules:
    """`every` in seconds, `calm` in minutes; `most`: so many of one rule are told one by one."""

    every: int
    calm: int
    most: int
    rules: Mapping[str, Rule]

    def limit(self, name: str) -> int | None:
        """The limit of a finding; None where no rule is about it, or its rule is idle."""
        rule = self.rules.get(name)
        return None if rule is None else rule.limit


def read(text: str) -> Rules:
    """Raises ValueError naming the rule and what is wrong with it: a typing error must not silence an alarm."""
    data = tomllib.loads(text)
    numbers = [data.get(name) for name in ("every_seconds", "calm_minutes", "most")]
    every, calm, most = (_whole(number, "every_seconds, calm_minutes and most") for number in numbers)
    if unknown := set(data) - {"every_seconds", "calm_minutes", "most", "rules"}:
        raise ValueError(f"{min(unknown)!r} means nothing here")
    return Rules(every, calm, most, {name: _rule(name, raw) for name, raw in data.get("rules", {}).items()})


def _whole(number: object, what: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{what}: a whole number, 1 or more")
    return number


def _rule(name: str, raw: Mapping[str, Any]) -> Rule:
    wrong = {
        "no finding has this name": name not in {known for known, _ in cases()},
        "no such role": raw.get("to") not in rights().roles,
        "a key that means nothing": bool(set(raw) - _KEYS),
        "a state that is none": not set(raw.get("states", ())) <= set(STATES[1:]),
        "a limit needs its unit and the reason for it, in both languages": "limit" in raw
        and not all(raw.get(f"{word}_{lang}") for word in ("unit", "why") for lang in ("zh", "en")),
        "either a limit or operator = true": "limit" in raw and bool(raw.get("operator")),
    }
    for what, faulty in wrong.items():
        if faulty:
            raise ValueError(f"{name}: {what}")
    limit = _whole(raw["limit"], f"{name}: limit") if "limit" in raw else None
    return Rule(
        name,
        raw["to"],
        frozenset(raw.get("states", STATES[1:])),
        limit,
        bool(raw.get("operator")),
        (raw.get("unit_zh", ""), raw.get("unit_en", "")),
        (raw.get("why_zh", ""), raw.get("why_en", "")),
    )


@lru_cache(maxsize=1)
def shipped() -> Rules:
    return read(SHIPPED.read_text(encoding="utf-8"))


def current() -> Rules | None:
    """The rules in force; None where ABATE_ALARMS is `none`. Raises SetupError."""
    named = settings.ABATE_ALARMS
    if named == "none":
        return None
    if not named:
        return shipped()
    try:
        return read(Path(named).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise SetupError("alarm-rules", named=named, fault=fault) from None


def mailboxes() -> dict[str, list[Place]]:
    """Role -> where its alarms are sent besides the console, from ABATE_ALARM_TO: `role=a@b.example 139...; role=...`.

    Raises SetupError.
    """
    found: dict[str, list[Place]] = {}
    for part in filter(None, (one.strip() for one in settings.ABATE_ALARM_TO.split(";"))):
        role, _, places = part.partition("=")
        if role.strip() not in rights().roles or not places.split():
            raise SetupError("alarm-to-malformed", part=repr(part[:60]))
        try:
            reached = [contacts.place(contacts.normal(one)) for one in places.split()]
        except ContactMalformed:
            raise SetupError("alarm-to-address", role=role.strip()) from None
        # Two spellings of one address are one, and a role that is named twice has both.
        found[role.strip()] = list(dict.fromkeys([*found.get(role.strip(), []), *reached]))
    return found
