"""The change of this room that needs three people (review/changes.py): a rule by which events are kept back for a time."""

from __future__ import annotations

import re
from datetime import date

from abate.platform.carbon import basis
from abate.platform.doors.words import on_one_line
from abate.platform.events import sources
from abate.platform.parties import interest
from abate.platform.parties import queries as parties
from abate.platform.quarantine import actions
from abate.platform.quarantine.models import Rule
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TERMS = ("cause", "older_than_days", "source", "reason_zh", "reason_en")
_TOLD = ("told_zh", "told_en")
_OF = ("party", "held_behaviours")
_DAYS = ("valid_from", "valid_until")
LONGEST_REASON = 300


def _malformed(text: str) -> ArgumentsMalformed:
    return ArgumentsMalformed(f"quarantine.rule: {text}")


def _complete(given: Json) -> Json:
    if not _CODE.fullmatch(given["rule"]):
        raise _malformed("rule: small letters, digits and dashes, 40 at most")
    known = basis.catalogue().methods
    if not all(isinstance(one, str) and one in known for one in given["held_behaviours"]):
        raise _malformed("held_behaviours: those of `abate methods list`, or none for all")
    try:
        days = {name: date.fromisoformat(given[name]).isoformat() for name in _DAYS}
    except ValueError:
        raise _malformed("valid_from, valid_until: days like 2026-07-01") from None
    if days["valid_from"] > days["valid_until"]:
        raise _malformed("valid_from, valid_until: in order")
    words = {name: given[name].strip() for name in ("reason_zh", "reason_en")}
    if not all(one and _sayable(one) for one in words.values()):
        raise _malformed(f"reason_zh, reason_en: 1 to {LONGEST_REASON} characters, on one line")
    told = {name: (given[name] or "").strip() for name in _TOLD}
    if len(list(filter(None, told.values()))) == 1 or not all(_sayable(one) for one in told.values()):
        raise _malformed(
            f"told_zh, told_en: both or neither, {LONGEST_REASON} characters at most, on one line"
        )
    _named(given)
    return given | days | words | told | {"held_behaviours": sorted(set(given["held_behaviours"]))}


def _sayable(words: str) -> bool:
    return len(words) <= LONGEST_REASON and on_one_line(words)


def _named(given: Json) -> None:
    """Each cause says what it needs to say, and nothing else. Raises ArgumentsMalformed, PartyUnknown."""
    cause, party = given["cause"], given["party"]
    if cause not in Rule.CAUSES:
        raise _malformed(f"cause: of {', '.join(Rule.CAUSES)}")
    number = parties.party(party).pk if party else None
    if number is None and cause in (Rule.PROBATION, Rule.MARK):
        raise _malformed(f"party: {cause} is of one party")
    late = given["older_than_days"] is not None
    if late != (cause == Rule.LATE) or (late and not 1 <= given["older_than_days"] <= 36_600):
        raise _malformed("older_than_days: 1 to 36600, where the cause is late alone")
    if (given["source"] is not None) != (cause == Rule.MARK):
        raise _malformed("source: where the cause is mark alone")
    if cause == Rule.MARK and given["source"] not in {one.code for one in sources.newest(number)}:
        raise _malformed("source: one that the party has declared")


def _look(given: Json) -> Json:
    last = Rule.objects.filter(code=given["rule"]).order_by("-version").first()
    return {"rule": None if last is None else _row(last)}


def _row(one: Rule) -> Json:
    told = {name: getattr(one, name) for name in (*_TERMS, *_TOLD)} | {
        "held_behaviours": list(one.behaviours),
        "party": parties.codes().get(one.party_id) if one.party_id else None,
    }
    return told | {name: getattr(one, name).isoformat() for name in _DAYS} | {"version": one.version}


def _stands(given: Json, after: Json) -> bool:
    """The version that it made; later ones stand beside it."""
    made = Rule.objects.filter(code=given["rule"], version=after["rule"]["version"]).first()
    return made is not None and changes.still(after["rule"], _row(made))


def _after(given: Json, before: Json) -> Json:
    version = before["rule"]["version"] + 1 if before["rule"] else 1
    return {"rule": {name: given[name] for name in (*_OF, *_TERMS, *_TOLD, *_DAYS)} | {"version": version}}


def _set(given: Json) -> Json:
    actions.set_rule(
        given["rule"],
        party_id=parties.party(given["party"]).pk if given["party"] else None,
        behaviours=given["held_behaviours"],
        cause=given["cause"],
        older_than_days=given["older_than_days"],
        source=given["source"],
        reason=(given["reason_zh"], given["reason_en"]),
        told=(given["told_zh"], given["told_en"]),
        valid_from=date.fromisoformat(given["valid_from"]),
        valid_until=date.fromisoformat(given["valid_until"]),
    )
    return {}


def register() -> None:
    """Called once, when Django has started."""
    changes.register(_ACTION)


_ACTION = Action(
    name="quarantine.rule",
    zh="设定隔离规则（有期限）",
    en="set a rule of quarantine, for a time",
    fields={
        "rule": (str, REQUIRED),
        "party": (str, None),
        "held_behaviours": (list, []),
        "cause": (str, REQUIRED),
        "older_than_days": (int, None),
        "source": (str, None),
        "reason_zh": (str, REQUIRED),
        "reason_en": (str, REQUIRED),
        "told_zh": (str, None),
        "told_en": (str, None),
        "valid_from": (str, REQUIRED),
        "valid_until": (str, REQUIRED),
    },
    normal=_complete,
    look=_look,
    after=_after,
    execute=_set,
    stands=_stands,
    concerns=lambda given, human: interest.has_part(given["party"] or "", human),
)
