"""The figures of a methodology: what each parameter takes on a day, as one answer or as a step function of
the day.

The public face of the factor registry; `factors_registry.py` says what things are, `factors_choice.py`
how one is chosen.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta

from abate.quantify.factors_choice import own, select
from abate.quantify.factors_registry import (
    GRADES,
    KINDS,
    Chosen,
    Document,
    Factor,
    FactorError,
    Figure,
    Pack,
    Period,
    Registry,
    Resolution,
    Setting,
    admits,
)
from abate.quantify.factors_review import overdue_from, past_review, review_note, selectable
from abate.quantify.method import Method, Text

__all__ = [
    "GRADES",
    "KINDS",
    "Chosen",
    "Document",
    "Factor",
    "FactorError",
    "Figure",
    "Pack",
    "Period",
    "Registry",
    "Resolution",
    "Setting",
    "admits",
    "resolve",
    "timeline",
]


def resolve(method: Method, registry: Registry, setting: Setting, day: date) -> Resolution:
    """What every parameter of `method` takes for a record of `day`."""
    periods = timeline(method, registry, setting)
    starts = [p.start or date.min for p in periods]
    return periods[bisect_right(starts, day) - 1].resolution


def timeline(method: Method, registry: Registry, setting: Setting) -> tuple[Period, ...]:
    """The same as a step function of the day: periods ascending, the first from the beginning of time."""
    pack = setting.pack.hash if setting.pack else None
    key = (method.hash, setting.region, setting.floor, pack, setting.on)
    known = registry.remembered(key)
    if known is not None:
        return known
    periods = [Period(None, _resolve(method, registry, setting, date.min))]
    for day in sorted(_steps(method, registry, setting)):
        resolution = _resolve(method, registry, setting, day)
        if resolution != periods[-1].resolution:
            periods.append(Period(day, resolution))
    return registry.remember(key, tuple(periods))


def _steps(method: Method, registry: Registry, setting: Setting) -> set[date]:
    """Every day on which some parameter may change."""
    days: set[date | None] = set()
    for parameter in method.parameters.values():
        for value in parameter.values:
            days |= {value.start, value.end + timedelta(1) if value.end else None}
        if parameter.selection and setting.on is None:
            for factor in registry.family(parameter.selection.family):
                days |= {factor.published, registry.ends(factor)}
            if parameter.selection.past_review == "refuse":
                days |= {overdue_from(f) for f in selectable(parameter.selection, registry)}
    if setting.pack and setting.pack.listing:
        days |= setting.pack.listing.steps(method.id)
    for figure in setting.pack.figures if setting.pack else ():
        days |= {figure.start, figure.end + timedelta(1) if figure.end else None}
        days.add(figure.estimate.review_by + timedelta(1) if figure.estimate else None)
    return {d for d in days if d is not None}


def _resolve(method: Method, registry: Registry, setting: Setting, day: date) -> Resolution:
    listing, region = setting.pack.listing if setting.pack else None, registry.region(setting.region)
    if listing and (why := listing.closed(method.id, region, day)):
        return Resolution({}, closed=why)
    chosen: dict[str, Chosen] = {}
    missing: list[str] = []
    absent: list[str] = []
    lacking: list[str] = []
    notes: dict[str, Text] = {}
    overdue: set[str] = set()
    for name, parameter in method.parameters.items():
        if parameter.values:
            found: Chosen | Text = own(parameter, registry, day)
            suppliable = False
        else:
            found, suppliable = select(method, parameter, registry, setting, day)
            if isinstance(found, Chosen) and past_review(parameter, found, setting, day):
                found, suppliable = review_note(method, parameter, found), False
                overdue.add(name)
        if isinstance(found, Chosen):
            chosen[name] = found
        else:
            notes[name] = found
            (lacking if parameter.only_where_read else missing if suppliable else absent).append(name)
    stand_ins = {name: method.parameters[name].high for name in lacking}
    return Resolution(
        chosen, tuple(missing), tuple(absent), notes, frozenset(overdue), tuple(lacking), stand_ins
    )
