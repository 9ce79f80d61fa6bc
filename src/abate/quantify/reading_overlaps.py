"""The overlaps of a methodology: which other behaviour may be the same act, and which of the two counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast, get_args

from abate.quantify.method import Decides, Method, Overlap
from abate.quantify.reading_yaml import MethodError, Value

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MIRROR: Mapping[str, str] = {"this": "other", "other": "this", "first": "first", "larger": "larger"}


def read_overlaps(value: Value | None) -> tuple[Overlap, ...]:
    """The optional list `overlaps`. Raises MethodError."""
    return tuple(_overlap(item) for item in value.items()) if value else ()


def _overlap(at: Value) -> Overlap:
    table = at.table()
    decides = table["decides"].text()
    if decides not in get_args(Decides):
        raise table["decides"].error(
            f"{decides} does not decide between two acts", f"choose one of: {', '.join(get_args(Decides))}"
        )
    overlap = Overlap(_behaviour(table["behaviour"]), table["rule"].both(), cast("Decides", decides))
    table.done()
    return overlap


def _behaviour(value: Value) -> str | int:
    if value.node.tag.endswith(":int"):
        if not 1 <= value.integer() <= 59:
            raise value.error(
                f"behaviour {value.integer()} is not in Appendix A", "its behaviours are numbered 1 to 59"
            )
        return value.integer()
    if not NAME.fullmatch(value.text()):
        raise value.error(f"{value.text()!r} is not an id", "name a methodology, like metro, or a number")
    return value.text()


def check_overlaps(method: Method, at: Value | None) -> None:
    """No methodology overlaps with itself, and each other one is named once."""
    seen: set[str | int] = set()
    for overlap, item in zip(method.overlaps, at.items() if at else (), strict=True):
        if overlap.behaviour in (method.id, method.behaviour):
            raise item.error(
                "overlaps with itself", "the same act sent twice is found by `activity.key`; remove this"
            )
        if overlap.behaviour in seen:
            raise item.error(f"{overlap.behaviour} stands twice", "keep one rule for each other behaviour")
        seen.add(overlap.behaviour)


def check_pairs(methods: Mapping[str, tuple[Method, ...]]) -> None:
    """Where both of a pair are there, both name each other and agree which counts (P-7.2-e).

    A behaviour that this folder does not hold is let pass: an operator may use a part of the catalogue.
    Looked at are the newest versions. Raises MethodError.
    """
    newest = [versions[-1] for versions in methods.values()]
    for method in newest:
        for overlap in method.overlaps:
            for other in newest:
                if overlap.behaviour in (other.id, other.behaviour):
                    _mirrored(method, overlap, other)


def _mirrored(method: Method, overlap: Overlap, other: Method) -> None:
    back = [o for o in other.overlaps if o.behaviour in (method.id, method.behaviour)]
    if not back:
        raise MethodError(
            other.path,
            1,
            f"{method.id} overlaps with {other.id}, which does not name {method.id}",
            f"add under `overlaps` of {other.id}: behaviour {method.id}, decides {MIRROR[overlap.decides]}",
        )
    if back[0].decides != MIRROR[overlap.decides]:
        raise MethodError(
            other.path,
            1,
            f"{method.id} says `{overlap.decides}` and {other.id} says `{back[0].decides}`: "
            "they do not agree which of the two counts",
            f"write `{MIRROR[overlap.decides]}` in {other.id}, or correct {method.id}",
        )
