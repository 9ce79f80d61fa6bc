"""An act that is booked already and counts elsewhere by its methodologies: its award gives way to the event that came later.

A payment is booked, then the ticket that was paid with it: of the two the ticket counts (P-7.2-e). The award is undone
by a new entry, and a quantity that credits nothing stands in its place, as when it is computed again (revaluing.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from django.db import connection
from psycopg import Cursor

from abate.platform.carbon import acts
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.acts import Compared, GivingWay
from abate.platform.carbon.revaluing import Stored
from abate.platform.credits import actions as credits
from abate.platform.credits import queries as rules
from abate.platform.credits import taking
from abate.platform.doors import clock
from abate.platform.events import actions as events
from abate.platform.events.actions import Arrival
from abate.platform.events.envelope import Sender
from abate.platform.events.notices import tell
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.ledger import reversing

VIA = "revalue"


def one_act(cursor: Cursor, by: Compared, party_id: int, *, displace: bool) -> int:
    """Settle which of the staged events count; returns how many do not, another one standing for the act.

    What is booked gives way where its methodologies say so, if `displace` and its milligrams are still there. Without
    `displace` the events may have been counted before.
    """
    if acts.claim_free(cursor, by, again=not displace):
        return 0
    acts.compare(cursor, by)
    acts.judge(cursor)
    given = acts.giving_way(cursor)
    if given:
        stay = _staying(cursor, by, party_id, given) if displace else given
        if stay:
            acts.keep_standing(cursor, stay)
            acts.judge(cursor)
        given = acts.giving_way(cursor)
    lost = acts.settle(cursor, by)
    if given:
        _give_way(cursor, given)
    return lost


def _staying(cursor: Cursor, by: Compared, party_id: int, given: Sequence[GivingWay]) -> list[GivingWay]:
    """Lock what giving way moves, in the order of a batch, and look again; returns what cannot give way."""
    with connection.cursor() as django:
        awards = [(one.person_id, one.entry_id) for one in given]
        taking.lock_balances(django, party_id, awards)
        # What was taken back until then clashes no more.
        acts.compare(cursor, by)
        acts.judge(cursor)
        found = acts.giving_way(cursor)
        owed: Counter[int] = Counter()
        for one in found:
            owed[one.person_id] += one.carbon_mg
        short = reversing.short_of_carbon(django, owed)
    return [one for one in found if one.person_id in short]


def _give_way(cursor: Cursor, given: Sequence[GivingWay]) -> None:
    by = attrgetter("party_id", "behaviour", "rule", "counts")
    for (_, behaviour, rule, _), group in groupby(sorted(given, key=by), key=by):
        awards = list(group)
        undo(cursor, awards, acts.cause(cursor, rule, behaviour), acts.reason(awards[0]))


def undo(
    cursor: Cursor, awards: Sequence[GivingWay], cause: tuple[int, bytes, tuple[str, str]], reason: str
) -> None:
    """Undo awards of one party and behaviour, whose people, caps and accounts are locked and whose milligrams are there.

    Each is reversed for `cause` (acts.cause), and a quantity that credits nothing, for `reason`, stands in its place. Their
    party is told.
    """
    number, _, why = cause
    set_aside(cursor, awards, cause, reason)
    _reverse(awards, awards[0].behaviour, reading.entry_cause(why, number))
    credits.begin_claims_anew(cursor)  # type: ignore[arg-type]
    tell_of(awards, reason)


def as_it_stands(one: Stored, rule: str) -> GivingWay:
    """A quantity that a decision by `rule` takes out of what counts."""
    return GivingWay(
        person_id=one.person_id,
        entry_id=one.entry_id or 0,
        party_id=one.party_id,
        event_id=one.event_id,
        carbon_mg=one.er_mg or 0,
        rule=rule,
        behaviour=one.behaviour,
        counts="",
        batch_id=one.batch_id,
        place=one.place,
        seen_batch_id=one.seen_batch_id,
        seen_place=one.seen_place,
        day=one.day,
    )


def set_aside(
    cursor: Cursor, given: Sequence[GivingWay], cause: tuple[int, bytes, tuple[str, str]], reason: str
) -> None:
    """Put a quantity that credits nothing, for `reason`, in the place of each, of one party and behaviour; people are locked."""
    number, digest, _ = cause
    sender = Sender(given[0].party_id, "", frozenset({given[0].behaviour}), VIA)
    batch_id = events.open_batch(cursor, Arrival(sender, VIA, clock.now(), digest, len(given)))
    acts.keep_given_way(cursor, batch_id, number, given, reason)


def tell_of(given: Sequence[GivingWay], reason: str, *, decided: bool = False) -> None:
    """Tell their party that these do not count, for `reason`; `decided` as in events.notices.tell."""
    sender = Sender(given[0].party_id, "", frozenset({given[0].behaviour}), VIA)
    told = [
        Result(place, one.event_id, Outcome.NOT_COUNTED, reason, one.carbon_mg)
        for place, one in enumerate(given)
    ]
    tell(sender, told, clock.now(), decided=decided)


def _reverse(awards: Sequence[GivingWay], behaviour: str, reason: str) -> None:
    days = [one.day for one in awards]
    asked = sorted((one.person_id, one.entry_id) for one in awards)
    if rules.any_cap({behaviour}, min(days), max(days)):
        for person, entry in asked:
            credits.reverse(person, entry, reason)
    else:
        with connection.cursor() as cursor:
            reversing.reverse_awards(cursor, asked, reason)
