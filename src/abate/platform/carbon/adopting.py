"""What another basis does to figures: for those who decide about `basis.adopt`, whose documents hold digests.

A figure of a basis is told where all that it rests on lies here to the letter: methodology, factor files and pack. What does not
is named, and stays unknown: nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from abate.platform.carbon import basis
from abate.platform.review.changes import Json
from abate.quantify import methods_diff
from abate.quantify.factors import Chosen, Period, Setting, timeline
from abate.quantify.method import Method, Text
from abate.quantify.methods_diff import Change


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One parameter of a behaviour from `since` on (None: always). A side is None where there is no figure."""

    behaviour: str
    parameter: Text
    since: date | None
    before: Chosen | None
    after: Chosen | None
    unit: str


@dataclass(frozen=True, slots=True)
class MethodChange:
    """A version that came, went or was rewritten; `lines` are what is otherwise than in the version before it."""

    name: str
    behaviour: str
    how: str
    lines: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """`known` is False where figures of before, or of after, do not lie here: then `figures` are those of after alone.
    `away` names what does not."""

    figures: tuple[FigureChange, ...]
    methods: tuple[MethodChange, ...]
    away: tuple[str, ...]


def weigh(before: Json | None, after: Json) -> Weighed:
    """`before` and `after` as the proposal has them under `basis`."""
    new, away_new = _setting(after)
    old, away_old = _setting(before) if before else (None, ())
    figures = list(_figures(old, new, before or {}, after)) if new else []
    return Weighed(
        tuple(figures), tuple(_methods(before or {}, after)), tuple(dict.fromkeys([*away_old, *away_new]))
    )


def _setting(document: Json) -> tuple[Setting | None, tuple[str, ...]]:
    """The setting of a basis; nothing, and the names of what is not here, where its factors or its pack are others now."""
    here = json.loads(basis.present()[1])["factors"]
    told = document["factors"]
    away = [name for name in sorted(told.keys() | here.keys()) if told.get(name) != here.get(name)]
    pack = document["pack"]
    pack_id, _, digest = (pack or "").partition(" ")
    found = basis.stored_setting(
        document["region"], document["floor"], pack_id or None, digest or None, document["zone"]
    )
    if found is None:
        away.append(f"{pack_id} {digest[:12]}")
    return (None if away else found), tuple(away)


def _figures(old: Setting | None, new: Setting, before: Json, after: Json) -> Iterator[FigureChange]:
    for behaviour, versions in sorted(basis.catalogue().methods.items()):
        then, now = (_newest(versions, document.get("methods", {})) for document in (before, after))
        if now is None:
            continue
        left = _timeline(then, old) if then and old else None
        yield from _apart(behaviour, now, left, _timeline(now, new))


def _newest(versions: tuple[Method, ...], told: Json) -> Method | None:
    """The newest version that a basis holds as it lies here."""
    here = [one for one in versions if told.get(f"{one.id} v{one.version}") == one.hash]
    return here[-1] if here else None


def _timeline(method: Method, setting: Setting) -> tuple[Period, ...]:
    return timeline(method, basis.catalogue().registry, setting)


def _apart(
    behaviour: str, method: Method, left: tuple[Period, ...] | None, right: tuple[Period, ...]
) -> Iterator[FigureChange]:
    starts = {period.start for period in (*(left or ()), *right)}
    for name, parameter in method.parameters.items():
        said: tuple[object, object] | None = None
        for start in sorted(starts, key=lambda one: one or date.min):
            was, is_ = (_at(side, name, start) for side in (left or (), right))
            same = _told(was) == _told(is_)
            if same or (_told(was), _told(is_)) == said:
                said = None if same else said
                continue
            said = _told(was), _told(is_)
            yield FigureChange(behaviour, parameter.meaning, start, was, is_, parameter.unit)


def _at(periods: tuple[Period, ...], name: str, start: date | None) -> Chosen | None:
    day = start or date.min
    held = [one for one in periods if (one.start or date.min) <= day]
    return held[-1].resolution.chosen.get(name) if held else None


def _told(one: Chosen | None) -> object:
    return one and (one.value, one.id, one.printed, one.printed_unit, one.document, one.place, one.grade)


def _methods(before: Json, after: Json) -> Iterator[MethodChange]:
    old, new = before.get("methods", {}), after["methods"]
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name) or not old:
            continue
        how = "gone" if name not in new else "rewritten" if name in old else "added"
        behaviour, _, version = name.rpartition(" v")
        yield MethodChange(name, behaviour, how, _lines(behaviour, int(version)) if how == "added" else ())


def _lines(behaviour: str, version: int) -> tuple[Change, ...]:
    """What a new version has otherwise than the one before it, where both lie here."""
    held = {one.version: one for one in basis.catalogue().methods.get(behaviour, ())}
    earlier = held.get(version - 1)
    return methods_diff.diff(earlier, held[version]) if earlier and version in held else ()
