"""What a batch does that also takes back, and what a revaluation does: the model's half, event by event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from tests.simulator.model import TOLERANCE, Booked, Model, Ride, Taken, Taking, copied

Item = Ride | Taking
Told = tuple[str, int, int]
"""Outcome, milligrams and credits, as the partner must be told."""
REFUSED: Told = ("refused", 0, 0)


def answer(model: Model, items: Sequence[Item], now: datetime) -> tuple[Model, list[Told]]:
    """The model after a batch, and its answers. What is new is booked in its order, then what is taken back in its own.

    A correction whose event cannot be taken back is as if it had not been sent: the whole batch without it.
    """
    lost: set[int] = set()
    while True:
        after, told = copied(model), dict.fromkeys(lost, REFUSED)
        rides = {place: one for place, one in enumerate(items) if isinstance(one, Ride) and place not in lost}
        first = {one.id: place for place, one in reversed(rides.items())}
        mended = frozenset(
            one.corrects for place, one in rides.items() if first[one.id] == place and model.claims(one, now)
        )
        for place, one in rides.items():
            told[place] = after.take(one, now, mended)
        more = _take_back(after, items, told, now)
        if not more:
            return after, [told[place] for place in range(len(items))]
        lost |= more


def _take_back(model: Model, items: Sequence[Item], told: dict[int, Told], now: datetime) -> set[int]:
    """Judge what takes back, in order; returns the places of corrections that cannot."""
    asked = [
        (place, one, one.target if isinstance(one, Taking) else one.corrects)
        for place, one in enumerate(items)
        if isinstance(one, Taking)
        or (one.corrects and told[place][0] in ("credited", "needs_figure", "not_counted"))
    ]
    unfit = {place: _unfit(model, one, target) for place, one, target in asked}
    for place, one, _ in asked:
        if not unfit[place]:
            model.ready(one.who, now)
    lost, gone = set(), set()
    for place, one, target in asked:
        name = (one.partner, target)
        if isinstance(one, Taking) and one.at > now + TOLERANCE:
            # Said again after the clock was set back: what lies ahead is refused before anything else is asked of it.
            told[place] = REFUSED
            continue
        if isinstance(one, Taking) and _known(model, one):
            told[place] = _again(model, one)
            continue
        code = "withdrawn_already" if target in gone else unfit[place]
        found = model.booked.get(name)
        if not code and found and found.stands and model.accounts[one.who].carbon < (found.er_mg or 0):
            code = "carbon_retired"
        if code or found is None:
            told[place] = REFUSED
            lost |= set() if isinstance(one, Taking) else {place}
            continue
        gone.add(target)
        took = (-(found.er_mg or 0), -model.take_back(found, now)) if found.stands else (0, 0)
        found.gone = True
        if isinstance(one, Taking):
            model.taken[one.partner, one.id] = Taken(one, *took)
            told[place] = ("withdrawn", *took)
    return lost


def _unfit(model: Model, one: Item, target: str) -> str:
    """Why the event cannot be taken back as it stood before the batch took anything back; empty where it can."""
    found, other = model.booked.get((one.partner, target)), model.taken.get((one.partner, target))
    if found is None and other is None:
        return "event_unknown"
    who = found.ride.who if found else other.taking.who if other else -1
    if who in model.erased:
        return "person_erased"
    if who != one.who:
        return "other_person"
    if found is None:
        return "not_withdrawable"
    if found.gone:
        return "withdrawn_already"
    return "reversed_already" if found.undone else ""


def _known(model: Model, one: Taking) -> bool:
    return (one.partner, one.id) in model.taken or (one.partner, one.id) in model.booked


def _again(model: Model, one: Taking) -> Told:
    first = model.taken.get((one.partner, one.id))
    return ("exists", first.er_mg, first.credits) if first and first.taking == one else ("conflict", 0, 0)


def changes(model: Model, span: tuple[date, date]) -> tuple[list[Booked], list[tuple[object, ...]]]:
    """What of cycling on these days (of the act) changes under the pack in force; and what a digest names of each."""
    found = [
        one
        for one in model.booked.values()
        if one.ride.behaviour == "cycling"
        and span[0] <= one.act.day <= span[1]
        and not (one.ride.who in model.erased or one.undone or one.gone or one.barred)
        and one.er_mg != model.er_mg(one.ride)
    ]
    return found, sorted(
        (one.ride.partner, one.ride.id, one.er_mg or -1, model.er_mg(one.ride) or -1) for one in found
    )


def revalue(model: Model, found: Sequence[Booked], now: datetime) -> list[Booked]:
    """Book the changes: for each partner the old awards go, then the new ones come. Returns what was booked.

    Whoever retired milligrams of them is left as they are.
    """
    done = []
    for partner in range(2):
        mine = [one for one in found if one.ride.partner == partner]
        asked = {
            who: sum(one.er_mg or 0 for one in mine if one.ride.who == who)
            for who in {o.ride.who for o in mine}
        }
        kept = [
            one
            for one in mine
            if not any(o.stands and o.ride.who == one.ride.who for o in mine)
            or asked[one.ride.who] <= model.accounts[one.ride.who].carbon
        ]
        for who in sorted({one.ride.who for one in kept}):
            model.ready(who, now)
        for one in sorted((o for o in kept if o.stands), key=lambda o: (o.ride.who, o.entry)):
            model.take_back(one, now)
        for one in sorted(kept, key=lambda o: o.ride.who):
            one.er_mg = model.er_mg(one.ride)
            model.award(one, now)
        for who in sorted({one.ride.who for one in kept}):
            model.ready(who, now)
        done += kept
    return done
