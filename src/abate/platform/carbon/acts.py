"""One act counts once (P-7.2-e): what the events of a batch take up, and which of them another one stands for.

The people are locked before anything is read of their acts, so that of two batches that tell of one act the second finds
what the first has booked. Every step is one statement over the whole batch; where nothing clashes there are two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from psycopg import Cursor

from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.statements import statements
from abate.quantify.same_act import SAME_ACT

SQL = statements(Path(__file__).parent / "sql")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a batch is compared by: the rules as `acts` (JSON), and which event each of its corrections stands in for."""

    acts: str
    places: Sequence[int] = ()
    targets: Sequence[str] = ()
    values: dict[str, object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        told = {"acts": self.acts, "places": list(self.places), "targets": list(self.targets)}
        object.__setattr__(self, "values", told | {"zone": clock.zone().key, "reason": SAME_ACT})


@dataclass(frozen=True, slots=True)
class GivingWay:
    """A booked award that gives way to an event of the batch, by `rule`, and where its quantity is."""

    person_id: int
    entry_id: int
    party_id: int
    event_id: str
    carbon_mg: int
    rule: str
    behaviour: str
    counts: str
    batch_id: int
    place: int
    seen_batch_id: int
    seen_place: int
    day: date


def lock(cursor: Cursor) -> None:
    """Lock the people of the staged events, in order, until the batch ends. After its ids, before caps and accounts."""
    cursor.execute(SQL["lock_acts"])


def claim_free(cursor: Cursor, by: Compared, *, again: bool) -> bool:
    """Claim the acts of the staged events, if none of them is of one act with another; returns whether it was so.

    The people are locked. `again`: the events are computed again, and have claimed theirs when they came.
    """
    claim = claims("carbon_mark", "where not (select found from clash)", again=again)
    cursor.execute(filled("claim_free", marks=SQL["marks"], claim=claim), by.values)
    found = cursor.fetchone()
    return found is not None and not found[0]


def compare(cursor: Cursor, by: Compared) -> None:
    """Lay out what the staged events take up, and what each clashes with."""
    for table in ("mark", "clash"):
        cursor.execute(SQL[f"make_{table}"])
        cursor.execute(f"delete from pg_temp.carbon_{table}")
    cursor.execute(SQL["mark"].format(marks=SQL["marks"]), by.values)
    cursor.execute(filled("clash_booked"), by.values)
    cursor.execute(filled("clash_within"), by.values)


def judge(cursor: Cursor) -> None:
    """Say of every staged event whether another one counts in its place."""
    while True:
        cursor.execute(SQL["judge"])
        if not cursor.rowcount:
            return


def giving_way(cursor: Cursor) -> list[GivingWay]:
    """The booked awards that give way to events of the batch that count, each once."""
    cursor.execute(SQL["giving_way"])
    found = [GivingWay(*row) for row in cursor.fetchall()]
    return [one for n, one in enumerate(found) if not n or found[n - 1].entry_id != one.entry_id]


def keep_standing(cursor: Cursor, stay: Sequence[GivingWay]) -> None:
    """These awards cannot be undone, so they stand, and what they would have given way to is not counted."""
    values = {"persons": [one.person_id for one in stay], "entries": [one.entry_id for one in stay]}
    cursor.execute(SQL["cannot_give_way"], values)


def settle(cursor: Cursor, by: Compared) -> int:
    """Take the events that another one stands for out of what is credited; claim the acts of the others.

    Returns how many were taken out: they are kept as not counted, the reason naming rule and behaviour.
    """
    cursor.execute(SQL["not_counted"], by.values)
    lost = cursor.rowcount
    cursor.execute(claims("pg_temp.carbon_mark", "where not mark.lost", again=True))
    return lost


def cause(cursor: Cursor, rule: str, behaviour: str) -> tuple[int, bytes, tuple[str, str]]:
    """Number, digest and reason (Chinese, English) of what every award of the behaviour that gives way by a rule is undone
    for. No person decides on one: the rules are in force, and three people put them there (basis.py).
    """
    found = basis.acts()
    says = found.says(rule) if found else None
    why = (says.zh, says.en) if says else (rule, rule)
    digest = hashlib.sha256("\n".join(("same act", rule, behaviour, *why)).encode()).digest()
    header = {"same_act": rule, "rules": found.digest if found else None}
    return note_cause(cursor, behaviour, digest, header, why), digest, why


def note_cause(
    cursor: Cursor, behaviour: str, digest: bytes, header: Mapping[str, object], why: tuple[str, str]
) -> int:
    """Write down, once for a digest, why quantities of a behaviour are replaced without a proposal; returns its number."""
    now = clock.now()
    values = {"digest": digest, "behaviour": behaviour, "day": clock.day(now), "at": now}
    values |= {"header": json.dumps(header, sort_keys=True), "zh": why[0], "en": why[1]}
    cursor.execute(SQL["note_cause"], values)
    cursor.execute(SQL["revaluation"], {"proposal": digest})
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def reason(given: GivingWay) -> str:
    """Why an award that gave way is not counted: rule and behaviour, as `settle` says it of an event."""
    return f"{SAME_ACT}:{given.rule}:{given.counts}"


def keep_given_way(
    cursor: Cursor, batch_id: int, revaluation_id: int, given: Sequence[GivingWay], reason_: str
) -> None:
    """Put a quantity that credits nothing in the place of each award that gave way. Both stay, and both recompute."""
    values = {
        "batch": batch_id,
        "revaluation": revaluation_id,
        "persons": [one.person_id for one in given],
        "places": list(range(len(given))),
        "old_batches": [one.batch_id for one in given],
        "old_places": [one.place for one in given],
        "seen_batches": [one.seen_batch_id for one in given],
        "seen_places": [one.seen_place for one in given],
        "reasons": [reason_] * len(given),
    }
    cursor.execute(SQL["revise"], values)
    cursor.execute(SQL["give_way"], values)


def filled(name: str, **more: str) -> str:
    """A statement with the parts that several of them share."""
    return SQL[name].format(
        **{part: SQL[part] for part in ("alike", "met", "mended", "standing_act")}, **more
    )


def claims(marked: str, where: str, *, again: bool) -> str:
    """The statement that claims the acts of what stands on `marked`; `again`: some of them may be claimed already."""
    claim = SQL["claim_acts"].format(marked=marked, where=where)
    return SQL["claim_acts_again"].format(claim_acts=claim) if again else claim


def differences(cursor: Cursor) -> dict[str, int]:
    """`acts`: pairs of awards that stand for one act by the rules in force. `claims`: awards that stand and have not claimed
    their act, of those booked since these rules were put in force.
    """
    rules = basis.acts()
    compared = rules.compared(rules.behaviours) if rules else ""
    if not rules or not compared:
        return {"acts": 0, "claims": 0}
    values = {"acts": compared, "zone": clock.zone().key, "digest": rules.digest}
    cursor.execute(SQL["acts_since"], values)
    (since,) = cursor.fetchone() or (None,)
    found = {"claims": 0}
    asked = {"acts": filled("differ_acts")}
    if since is not None:
        asked["claims"] = SQL["differ_claims"].format(marks=SQL["marks"])
    for name, statement in asked.items():
        cursor.execute(statement, values | {"since": since})
        found[name] = int((cursor.fetchone() or (0,))[0])
    return found
