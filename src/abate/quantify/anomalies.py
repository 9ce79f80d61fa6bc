"""By what a booked record is seen to be worth a second look: the rules of methods/anomalies.yaml. (P-7.3.3.3-b)

A rule never decides: it opens a case with the numbers it compared. Every limit names its source, or is the operator's to give;
until then the rule stands idle and says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from abate.quantify.catalogue import Catalogue, load
from abate.quantify.method import Text
from abate.quantify.reading_overlaps import NAME
from abate.quantify.reading_yaml import Table, Value, plain, read_yaml
from abate.quantify.same_act import required_field
from abate.quantify.units import decimal_text

CLAUSE = "P-7.3.3.3-b"
ANOMALY = f"anomaly:{CLAUSE}"
"""The reason of a record that is not counted because a case about it was confirmed; the rule follows."""
SHIPPED = "anomalies.yaml"
SPEED, DISTANCE, CADENCE, DAY, MONTH, IDENTICAL, DEVICE = KINDS = (
    "speed",
    "distance",
    "cadence",
    "day",
    "month",
    "identical",
    "device",
)
GRADES = ("note", "suspicious", "strong")
"""From what deserves a look to what cannot have been."""
ACTS, THINGS = "act", "item"
_TIMES, _NUMBERS = ("time", "date"), ("number", "integer")


@dataclass(frozen=True, slots=True)
class Compared:
    """The fields of one behaviour's record that a rule reads; those it does not need are None."""

    behaviour: str
    start: str | None = None
    finish: str | None = None
    minutes: str | None = None
    amount: str | None = None
    fields: tuple[str, ...] = ()
    start_date: bool = False
    finish_date: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `limit` is None where the operator has not given it: the rule is idle.

    `cadence` finds what is below its limit, every other kind what is above. `everyone`: traces are compared among all people.
    """

    id: str
    kind: str
    grade: str
    says: Text
    unit: str
    limit: Fraction | None
    source: Text | None
    compared: tuple[Compared, ...]
    per: str
    everyone: bool
    document: str
    """The rule as it stands in the file, as canonical JSON."""

    @property
    def version(self) -> bytes:
        """SHA-256 of the document: a rule that compares anything else is another version."""
        return hashlib.sha256(self.document.encode()).digest()

    @property
    def shown_limit(self) -> str:
        return "" if self.limit is None else decimal_text(self.limit)

    def lines(self) -> list[dict[str, object]]:
        """What the platform's statements read: one line for each behaviour."""
        return [
            {
                "rule": self.id,
                "version": self.version.hex(),
                "per": self.per,
                "limit": self.shown_limit,
                "everyone": self.everyone,
                "behaviour": one.behaviour,
                "start": one.start,
                "start_date": one.start_date,
                "finish": one.finish,
                "finish_date": one.finish_date,
                "minutes": one.minutes,
                "amount": one.amount,
                "fields": list(one.fields),
            }
            for one in self.compared
        ]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force. `digest` is of the file's content; a person may appeal within `appeal_days` of a decision."""

    rules: tuple[Rule, ...]
    appeal_days: int
    appeal_why: Text
    digest: str
    by_version: dict[bytes, Rule] = field(repr=False, compare=False)

    @property
    def active(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.limit is not None)


def read(path: Path, catalogue: Catalogue) -> Rules:
    """The rules of a file, checked against the methodologies; read again when the file changes. Raises MethodError."""
    return _read(path, catalogue.folder, path.stat().st_mtime_ns)


def shipped(catalogue: Catalogue) -> Path:
    """The rules that come with the methodologies."""
    return catalogue.folder / SHIPPED


@lru_cache(maxsize=8)
def _read(path: Path, folder: Path, _changed: int) -> Rules:
    return _rules(read_yaml(path, path.name), load(folder))


def _rules(top: Value, catalogue: Catalogue) -> Rules:
    table = top.table()
    rules = tuple(_rule(one, catalogue) for one in table["rules"].items())
    if len({rule.id for rule in rules}) < len(rules):
        raise top.error("two rules have one id", "an id names one rule: give one of them another")
    appeal = table["appeal"].table()
    days = appeal["days"].integer()
    if not 1 <= days <= 3660:
        raise appeal["days"].error(f"{days} days are no period", "write between 1 and 3660 days")
    why = appeal["why"].both()
    appeal.done()
    table.done()
    return Rules(rules, days, why, _digest(plain(top)), {rule.version: rule for rule in rules})


def _canonical(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(content: object) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _rule(at: Value, catalogue: Catalogue) -> Rule:
    table = at.table()
    name = table["id"]
    if not NAME.fullmatch(name.text()):
        raise name.error(f"{name.text()!r} is not an id", "use small letters, digits and hyphens")
    kind = _one_of(table["kind"], KINDS)
    grade, says = _one_of(table["grade"], GRADES), table["says"].both()
    per = {DAY: "day", MONTH: "month"}.get(kind, "")
    if kind == DEVICE:
        per = _one_of(table["per"], ("day", "month"))
    everyone = kind == IDENTICAL and _one_of(table["among"], ("person", "everyone")) == "everyone"
    listed = list(table["behaviours"].table())
    if not listed:
        raise table["behaviours"].error("names no behaviour", "name one at least")
    read_ = [_compared(value, behaviour, kind, catalogue) for behaviour, value in listed]
    limit, source, unit = _limit(table["limit"])
    for (_, value), (one, fits) in zip(listed, read_, strict=True):
        if fits != unit:
            raise value.error(
                f"what is compared of {one.behaviour} is in {fits}, the limit in {unit}",
                f"write the limit in {fits}, or make a rule of its own for {one.behaviour}",
            )
    table.done()
    return Rule(name.text(), kind, grade, says, unit, limit, source, tuple(one for one, _ in read_), per, everyone,
                _canonical(plain(at)))  # fmt: skip


def _one_of(at: Value, known: tuple[str, ...]) -> str:
    if at.text() not in known:
        raise at.error(f"{at.text()!r} is not known", f"write one of: {', '.join(known)}")
    return at.text()


def _limit(at: Value) -> tuple[Fraction | None, Text | None, str]:
    """A figure with its source, or that the operator gives it: a figure without a source is none."""
    table = at.table()
    unit = table["unit"].text()
    if table.has("operator"):
        if not table["operator"].truth() or table.has("value") or table.has("source"):
            raise at.error(
                "it says both that the operator gives the figure and something else",
                "write `operator: true` alone, or value and source",
            )
        table.done()
        return None, None, unit
    value = table["value"]
    number = value.number()
    if number < 0 or value.decimals() > 6:
        raise value.error(f"{value.node.value} is no limit", "write zero or more, with six decimals at most")
    if not table.has("source"):
        raise at.error(
            "the figure has no source",
            "add `source` with who set it and where, or write `operator: true` in place of the figure",
        )
    source = table["source"].both()
    table.done()
    return number, source, unit


def _compared(at: Value, behaviour: str, kind: str, catalogue: Catalogue) -> tuple[Compared, str]:
    """What is read of one behaviour, and the unit in which that is compared."""
    if behaviour not in catalogue.methods:
        raise at.error(f"there is no methodology {behaviour}", "`abate methods list` names them all")
    table = at.table()
    of = _Fields(table, behaviour, catalogue)
    if kind == SPEED:
        found = Compared(
            behaviour, of["from", ("time",)], of["to", ("time",)], amount=of["distance", _NUMBERS]
        )
        unit = f"{of.unit}/h"
    elif kind == DISTANCE:
        found = Compared(behaviour, amount=of["distance", _NUMBERS])
        unit = of.unit
    elif kind == CADENCE:
        # A record of a whole period has no place in the order of moments.
        found, unit = of.span(("time",)), "min"
    elif kind == IDENTICAL:
        names = tuple(required_field(one, behaviour, catalogue, (*_TIMES, *_NUMBERS, "text", "id"))
                      for one in table["fields"].items())  # fmt: skip
        if not names or len(set(names)) < len(names):
            raise table["fields"].error(
                "names no field, or one twice", "name each field that makes a trace, once"
            )
        found, unit = Compared(behaviour, fields=names), ACTS
    elif kind == DEVICE:
        found, unit = Compared(behaviour, of["at", _TIMES], fields=(of["device", ("id",)],)), THINGS
    elif table.has("from"):
        found, unit = of.span(("time",)), "h"
        if found.finish is None and found.minutes is None:
            raise at.error("it does not say an end", "write `to` or `for`")
    else:
        found = Compared(
            behaviour, of["at", _TIMES], amount=of["amount", _NUMBERS] if table.has("amount") else None
        )
        unit = of.unit if found.amount else ACTS
    table.done()
    return of.dated(found), unit


class _Fields:
    """The fields that a rule names of one behaviour, each of the kind that is needed and there in every record."""

    def __init__(self, table: Table, behaviour: str, catalogue: Catalogue) -> None:
        self._table, self._behaviour, self._catalogue = table, behaviour, catalogue
        self._newest = catalogue.newest(behaviour)
        self.unit = ""

    def __getitem__(self, asked: tuple[str, tuple[str, ...]]) -> str:
        key, kinds = asked
        name = required_field(self._table[key], self._behaviour, self._catalogue, kinds)
        if kinds == _NUMBERS:
            self.unit = self._newest.activity.field(name).unit
        return name

    def span(self, kinds: tuple[str, ...]) -> Compared:
        """`from` a moment, `to` another or `for` the minutes of a field; without either it takes no time."""
        start = self["from", kinds]
        if self._table.has("to"):
            return Compared(self._behaviour, start, self["to", kinds])
        if not self._table.has("for"):
            return Compared(self._behaviour, start)
        minutes = self["for", _NUMBERS]
        if self.unit != "min":
            raise self._table["for"].error(f"{minutes} is in {self.unit}, not min", "name a field of minutes")
        return Compared(self._behaviour, start, minutes=minutes)

    def dated(self, found: Compared) -> Compared:
        """With what the statements need to know of the fields: which of them are days."""
        return Compared(found.behaviour, found.start, found.finish, found.minutes, found.amount, found.fields,
                        *(self._is_day(name) for name in (found.start, found.finish)))  # fmt: skip

    def _is_day(self, name: str | None) -> bool:
        return name is not None and self._newest.activity.field(name).kind == "date"


def behaviours(rules: Rules) -> Iterator[str]:
    """The behaviours that some active rule compares, each once."""
    yield from sorted({one.behaviour for rule in rules.active for one in rule.compared})
