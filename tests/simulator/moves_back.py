"""What is taken back, corrected, computed again and collected: partners, the operator and people after the fact."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from pathlib import Path
from random import Random

from django.conf import settings
from tests.platform.revaluing.decided import BUS, COACH, WHY, adopt, approve, write
from tests.simulator import taking
from tests.simulator.city import BACK, PEOPLE, Answer, City, fingerprint, same
from tests.simulator.model import FIGURES, Booked, Ride, Taking
from tests.simulator.moves_events import check_results, new_ride, send

from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.revaluing import Asked
from abate.platform.doors import clock
from abate.platform.ledger import collecting

COLLECTED = 17
PACKS: dict[str, str | None] = {"bus": BUS, "coach": COACH, "none": None}


def lay_packs(folder: Path) -> None:
    """The packs that the operator changes between, at hand from the start; the sample one is in force."""
    settings.ABATE_FORMER_PACKS = [str(write(folder, factor, name)) for name, factor in PACKS.items()]
    settings.ABATE_OPERATOR_PACK = "demo"


def some_items(city: City, dice: Random) -> list[taking.Item]:
    """One partner's batch that takes back: what it sent before or in this batch, what is not its own, what is gone already."""
    partner, items = dice.randrange(2), []
    told = [one.ride for (who, _), one in city.model.booked.items() if who == partner]
    for _ in range(dice.choice((1, 2, 2, 4, 7))):
        fate = dice.random()
        if fate < 0.2 or not told:
            ride = new_ride(city, dice)
            ride.partner = partner
            items.append(ride)
            told.append(ride)
        elif fate < 0.45:
            target = dice.choice(told)
            right = copy.copy(target)
            right.id, right.corrects = city.order(), target.id
            right.hundreds = dice.choice((0, 1, 5)) + target.hundreds // 2 + 1
            items.append(right)
            told.append(right)
        else:
            items.append(_taking(city, dice, partner, dice.choice(told)))
    return items


def _taking(city: City, dice: Random, partner: int, target: Ride) -> Taking:
    """A withdrawal: of an event of its own; or once more; or with something wrong about it."""
    fate, at = dice.random(), city.now.replace(microsecond=0)
    before = [one.taking for (who, _), one in city.model.taken.items() if who == partner]
    if before and fate < 0.15:
        return dice.choice(before)
    event, who, id_ = target.id, target.who, city.order()
    if fate < 0.2:
        who = (who + 1) % PEOPLE
    elif fate < 0.25:
        event = f"never-{event}"
    elif fate < 0.3 and before:
        event = dice.choice(before).id
    elif fate < 0.35 and before:
        id_ = dice.choice(before).id
    elif fate < 0.4:
        others = [one.ride for (other, _), one in city.model.booked.items() if other != partner]
        event = dice.choice(others).id if others else event
    return Taking(partner, id_, event, who, at, dice.choice(("returned", "not_happened", "fraud")))


def take_back(city: City, dice: Random) -> None:
    items = some_items(city, dice)
    found = city.attempt("a batch that takes back", "", lambda: send(city, items))
    check_results(city, items, found.value)  # type: ignore[arg-type]


def revalue(city: City, dice: Random) -> None:
    """Another figure comes into force; the effect is shown; something may happen meanwhile; what was shown is booked, once."""
    name = dice.choice(sorted(FIGURES))
    city.model.pack = name
    files = {Path(path).stem: path for path in settings.ABATE_FORMER_PACKS}
    settings.ABATE_OPERATOR_PACK = files.get(name, name)
    with clock.frozen(city.now):
        adopt()
    span = _span(city, dice)
    asked = Asked("cycling", *span)
    fault, city.fault, kept = city.fault, None, fingerprint()
    shown = city.attempt("showing an effect", "", lambda: revaluing.propose(asked)).value
    same("what showing an effect changed", fingerprint(), kept)
    digest: str = shown.digest  # type: ignore[attr-defined]
    with clock.frozen(city.now):
        if reading.approved(bytes.fromhex(digest)) is None:
            approve(asked, digest)
    before = taking.changes(city.model, span)[1]
    if dice.random() < 0.3:
        city.now += timedelta(seconds=dice.randint(1, 40_000))
        take_back(city, dice)
    city.fault = fault
    found, now = taking.changes(city.model, span)
    expected = "" if now == before else "revaluation-changed"

    def book() -> revaluing.Effect:
        return revaluing.book(asked, digest)

    done = city.attempt("booking what was shown", expected, book)
    if expected:
        return
    booked = _book(city, found)
    if done.repeated and _said(done)[0] > len(booked):
        # The first time all was booked and only the answer was lost: the second looked at the retired once more.
        booked += _book(city, _rest(found, booked))
    same("events booked, and left as retired", _said(done), (len(booked), len(found) - len(booked)))
    again = city.attempt("booking it again", "", book)
    more = _book(city, _rest(found, booked))
    same("events booked again", again.value.changed, len(more))  # type: ignore[attr-defined]
    _number(city, booked + more)
    with clock.frozen(city.now):
        same("quantities that another computation gives otherwise", recomputing.recompute()[1], 0)


def _span(city: City, dice: Random) -> tuple[date, date]:
    last = clock.day(city.latest)
    if dice.random() < 0.6:
        return last - 4 * BACK, last
    days = [one.act.day for one in city.model.booked.values()] or [last]
    return min(dice.choice(days), dice.choice(days)), last


def _book(city: City, found: list[Booked]) -> list[Booked]:
    """What is booked of these changes: not what is of people who lack the milligrams now."""
    return taking.revalue(city.model, found, city.now)


def _rest(found: list[Booked], booked: list[Booked]) -> list[Booked]:
    done = {id(one) for one in booked}
    return [one for one in found if id(one) not in done]


def _said(answer: Answer) -> tuple[int, int]:
    """Events booked, by an attempt that a fault broke or by this one, and left as retired."""
    effect: revaluing.Effect = answer.value  # type: ignore[assignment]
    return effect.changed + effect.booked_before, effect.retired


def _number(city: City, booked: list[Booked]) -> None:
    """Every event stands with the figure of today, and its award has a number."""
    for one in booked:
        party = city.partners[one.ride.partner].sender.party_id
        row = carbon.behaviour(city.person(one.ride.who), party, one.ride.id)
        told = row and (row.er_mg, row.credits, row.corrected)
        same(f"present figures of {one.ride}", told, (one.er_mg, one.credits, WHY))
        one.entry = (row.entry_id if row else None) or 0


def collect(city: City, dice: Random) -> None:
    """A tap: all that waits, or what was booked on one day; and once more, when nothing waits."""
    undo = city.trial()
    waiting = [who for who in range(PEOPLE) if city.model.ready(who, city.now).waiting(city.now)]
    undo()
    who, undo = dice.choice([*range(PEOPLE), *waiting * 3]), city.trial()
    account = city.model.ready(who, city.now)
    days = sorted({key[1] for key in account.waiting(city.now)})
    day = dice.choice(days) if days and dice.random() < 0.3 else None
    expected = "" if account.waiting(city.now, day) else "nothing-to-collect"
    expected = "account-erased" if who in city.model.erased else expected
    city.attempt("collecting", expected, lambda: collecting.collect(city.person(who), day))
    if expected:
        return undo()
    account.collect(city.model.key(city.now, COLLECTED), city.now, day)
