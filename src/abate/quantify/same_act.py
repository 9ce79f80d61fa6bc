"""By what two records of one person are seen to be one act (P-7.2-e): the rules of methods/same-act.yaml.

Which behaviours may be one act and which of the two counts is the methodologies' (`overlaps`); what a record shows of
it is the operator's to set. Every pair that the methodologies name is either compared by a rule or listed as unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from abate.quantify.catalogue import Catalogue, load
from abate.quantify.method import Decides, Method, Text
from abate.quantify.reading_overlaps import NAME
from abate.quantify.reading_yaml import MethodError, Table, Value, plain, read_yaml

CLAUSE = "P-7.2-e"
SAME_ACT = f"same_act:{CLAUSE}"
"""The reason of a record that is not counted because another one of the same act is; rule and behaviour follow."""
SHIPPED = "same-act.yaml"
_DAY = 86_400
LONGEST = 3660 * _DAY


@dataclass(frozen=True, slots=True)
class Span:
    """What a record of one behaviour takes up: `from` a moment or a date on, `to` another, for the minutes of a field,
    or for `seconds`; and the field that names its object, where the rule compares names.
    """

    start: str
    finish: str | None
    minutes: str | None
    seconds: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Records whose spans share a moment and whose keys are the same are one act."""

    id: str
    says: Text
    why: Text
    spans: Mapping[str, Span]
    itself: frozenset[str]
    across: frozenset[str]


@dataclass(frozen=True, slots=True)
class Acts:
    """The rules in force. `lines` are what the platform's statements read (`_lines`); `digest` is of the file's content."""

    rules: tuple[Rule, ...]
    digest: str
    lines: tuple[Mapping[str, object], ...] = field(repr=False)
    behaviours: frozenset[str]
    _written: dict[frozenset[str], str] = field(default_factory=dict, repr=False, compare=False)

    def compared(self, behaviours: Iterable[str]) -> str:
        """The lines of these behaviours as JSON; empty where nothing of theirs is compared."""
        asked = self.behaviours.intersection(behaviours)
        if asked not in self._written:
            chosen = [_beside(one, asked) for one in self.lines if one["behaviour"] in asked]
            self._written[asked] = json.dumps(chosen, separators=(",", ":")) if chosen else ""
        return self._written[asked]

    def says(self, rule: str) -> Text | None:
        """What a person is told of a rule; None of one that is not in force any more."""
        return next((one.says for one in self.rules if one.id == rule), None)


def read(path: Path, catalogue: Catalogue) -> Acts:
    """The rules of a file, checked against the methodologies; read again when the file changes. Raises MethodError."""
    return _read(path, catalogue.folder, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, folder: Path, _changed: int) -> Acts:
    return _acts(read_yaml(path, path.name), load(folder))


def _acts(top: Value, catalogue: Catalogue) -> Acts:
    table = top.table()
    rules = tuple(_rule(one, catalogue) for one in table["rules"].items())
    unseen = {_pair(one, catalogue) for one in table.entries("unseen")}
    table.done()
    if len({rule.id for rule in rules}) < len(rules):
        raise top.error("two rules have one id", "an id names one rule for ever: give one of them another")
    declared = pairs(catalogue)
    compared = {pair for rule in rules for pair in declared if _compares(rule, pair)}
    _all_told(top, declared, compared, unseen)
    lines = [line for rule in rules for line in _lines(rule, declared, catalogue)]
    content = json.dumps(plain(top), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Acts(
        rules=rules,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        lines=tuple(lines),
        behaviours=frozenset(str(line["behaviour"]) for line in lines),
    )


def _rule(at: Value, catalogue: Catalogue) -> Rule:
    table = at.table()
    name = table["id"]
    if not NAME.fullmatch(name.text()):
        raise name.error(f"{name.text()!r} is not an id", "use small letters, digits and hyphens")
    spans = {
        behaviour: _span(value, behaviour, catalogue) for behaviour, value in table["behaviours"].table()
    }
    itself, across = (frozenset(one.text() for one in table.entries(key)) for key in ("itself", "across"))
    if stray := (itself | across) - set(spans):
        raise at.error(
            f"{', '.join(sorted(stray))}: not among its behaviours", "add it there or remove it here"
        )
    if len({span.key is None for span in spans.values()}) > 1:
        raise at.error(
            "some of its behaviours have a key and some have none", "compare keys on all or on none"
        )
    rule = Rule(name.text(), table["says"].both(), table["why"].both(), spans, itself, across)
    table.done()
    return rule


def _span(at: Value, behaviour: str, catalogue: Catalogue) -> Span:
    if behaviour not in catalogue.methods:
        raise at.error(f"there is no methodology {behaviour}", "`abate methods list` names them all")
    table = at.table()
    start = required_field(table["from"], behaviour, catalogue, ("time", "date"))
    lasts = [key for key in ("to", "for", "minutes", "days") if table.has(key)]
    if len(lasts) != 1:
        raise at.error("it does not say one end", "write one of: to, for, minutes, days")
    finish = required_field(table["to"], behaviour, catalogue, ("time", "date")) if lasts == ["to"] else None
    minutes = (
        required_field(table["for"], behaviour, catalogue, ("number", "integer"))
        if lasts == ["for"]
        else None
    )
    seconds = _seconds(table, lasts[0])
    key = table.get("key")
    found = Span(
        start, finish, minutes, seconds, required_field(key, behaviour, catalogue, ("id",)) if key else None
    )
    table.done()
    return found


def _seconds(table: Table, unit: str) -> int:
    size = {"minutes": 60, "days": _DAY}.get(unit, 0)
    if not size:
        return 0
    number = table[unit].integer()
    if not 0 < number * size <= LONGEST:
        raise table[unit].error(f"{number} {unit} is no span", "write a whole number, of ten years at most")
    return number * size


def required_field(at: Value, behaviour: str, catalogue: Catalogue, kinds: tuple[str, ...]) -> str:
    """A field that every record of every version has: where it could be left out, the act could be told twice."""
    for method in catalogue.methods[behaviour]:
        known = next((one for one in method.activity.fields if one.name == at.text()), None)
        if known is None or known.kind not in kinds or not known.required:
            raise at.error(
                f"{method.id} version {method.version} has no required field {at.text()} of the kind "
                f"{' or '.join(kinds)}",
                f"`abate methods show {behaviour}` lists the fields",
            )
    return at.text()


def _pair(at: Value, catalogue: Catalogue) -> frozenset[str]:
    table = at.table()
    pair = frozenset(table["pair"].texts())
    table["why"].both()
    table.done()
    if pair not in pairs(catalogue):
        raise at.error("no methodology names this pair", "remove it, or name it under `overlaps` of both")
    return pair


def pairs(catalogue: Catalogue) -> dict[frozenset[str], Mapping[str, Decides]]:
    """The pairs that the methodologies name, with what each of the two says decides. Newest versions."""
    numbers = {versions[-1].behaviour: name for name, versions in catalogue.methods.items()}
    found: dict[frozenset[str], dict[str, Decides]] = {}
    for name, versions in catalogue.methods.items():
        for overlap in versions[-1].overlaps:
            other = (
                overlap.behaviour if isinstance(overlap.behaviour, str) else numbers.get(overlap.behaviour)
            )
            if other in catalogue.methods:
                found.setdefault(frozenset((name, str(other))), {})[name] = overlap.decides
    return dict(found)


def _compares(rule: Rule, pair: frozenset[str]) -> bool:
    return pair <= set(rule.spans) and (not rule.across or bool(pair & rule.across))


def _all_told(
    top: Value,
    declared: Mapping[frozenset[str], object],
    compared: set[frozenset[str]],
    unseen: set[frozenset[str]],
) -> None:
    if both := compared & unseen:
        shown = " and ".join(sorted(next(iter(both))))
        raise top.error(f"{shown}: compared by a rule and listed as unseen", "remove one of the two")
    if silent := set(declared) - compared - unseen:
        shown = " and ".join(sorted(min(silent, key=sorted)))
        raise top.error(
            f"{shown} may be one act, and nothing here says how that is seen",
            "put both into a rule, or list the pair under `unseen` with the reason",
        )


def _lines(
    rule: Rule, declared: Mapping[frozenset[str], Mapping[str, Decides]], catalogue: Catalogue
) -> list[dict[str, object]]:
    """What the statements of the platform read: one line for each behaviour that a rule compares with anything.

    `start` is null where it is the event's own moment. `others`: behaviours of which only one of the two counts; of these
    `above` go before this one however late they come, `below` after it, and of `larger` the larger reduction counts.
    """
    found: list[dict[str, object]] = []
    for behaviour, span in rule.spans.items():
        decided = {
            next(iter(pair - {behaviour})): decides[behaviour]
            for pair, decides in declared.items()
            if behaviour in pair and _compares(rule, pair)
        }
        if not decided and behaviour not in rule.itself:
            continue
        newest = catalogue.newest(behaviour)
        if {"this", "other"} <= set(decided.values()):
            raise MethodError(
                SHIPPED,
                1,
                f"{rule.id}: {behaviour} goes before one of its behaviours and after another",
                "put the two pairs into two rules: which of three counts would depend on their order",
            )
        found.append(
            {
                "rule": rule.id,
                "behaviour": behaviour,
                "start": None if _is_dated_by(newest, span.start) else span.start,
                "start_date": _is_date(newest, span.start),
                "finish": span.finish,
                "finish_date": span.finish is not None and _is_date(newest, span.finish),
                "minutes": span.minutes,
                "seconds": span.seconds,
                "key": span.key,
                "own": list(newest.activity.key),
                "itself": behaviour in rule.itself,
                "others": sorted(decided),
                "above": sorted(other for other, says in decided.items() if says == "other"),
                "below": sorted(other for other, says in decided.items() if says == "this"),
                "larger": sorted(other for other, says in decided.items() if says == "larger"),
            }
        )
    return found


def _beside(line: Mapping[str, object], asked: frozenset[str]) -> dict[str, object]:
    """With `beside`: the others that are asked for too."""
    others = line["others"]
    assert isinstance(others, list)
    return {**line, "beside": sorted(asked.intersection(others))}


def _is_dated_by(method: Method, name: str) -> bool:
    """Whether a field is the moment of the event itself, by which every version dates its records."""
    return name == method.activity.dated_by and not _is_date(method, name)


def _is_date(method: Method, name: str) -> bool:
    return method.activity.field(name).kind == "date"


def shipped(catalogue: Catalogue) -> Path:
    """The rules that come with the methodologies."""
    return catalogue.folder / SHIPPED
