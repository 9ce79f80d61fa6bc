"""Whose days a log counts: the zone in force when an award was booked, as three people put it in force.

`zones.jsonl` beside a log's `checkpoint` has one line for every approved change `basis.adopt`, which settles the zone among
other things:

    {"at": "<moment of the approval, RFC 3339 in UTC>", "document": "<the proposal's text>"}

The SHA-256 of the text is the `cause` of the change's steps in the log (decisions.py), their last one says the moment; of
the text are read `before.basis.zone` and `after.basis.zone`. Without the file a log has one zone, that of its openings.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from abate.bookkeeping.decisions import Decisions
from abate.bookkeeping.leaf import time_text
from abate.bookkeeping.receipt import ReceiptError, members_of
from abate.bookkeeping.verify import Unable, Unlike

FILE = "zones.jsonl"
ACTION = "basis.adopt"
_UNDER_WAY = timedelta(hours=1) // timedelta(microseconds=1)
"""Our policy, in microseconds: a batch on its way at the approval is booked by the former zone, and clocks may be apart."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """From `at` on (microseconds since 1970 in UTC) days are those of `after`, by the proposal of this digest (64
    hexadecimal digits). `before`: whose they were, None where nothing was in force.
    """

    at: int
    before: str | None
    after: str
    digest: str


def line(at: datetime, document: str) -> str:
    """One line of the file, without its newline."""
    return json.dumps({"at": time_text(at), "document": document}, ensure_ascii=False)


def read(data: bytes) -> list[Change]:
    """The changes in the file's bytes, the oldest first. Raises ReceiptError naming the line."""
    found: list[Change] = []
    for number, text in enumerate(data.splitlines(), 1):
        try:
            given = members_of(text, "line", {"at", "document"})
            told = json.loads(str(given["document"]))
            before, after = told["before"]["basis"], told["after"]["basis"]["zone"]
            before = before and before["zone"]
            if told["action"] != ACTION or type(after) is not str or type(before) not in (str, type(None)):
                raise ValueError("no zone put in force")
            moment = datetime.fromisoformat(str(given["at"])) - _EPOCH
            digest = sha256(str(given["document"]).encode()).hexdigest()
            found.append(Change(moment // timedelta(microseconds=1), before, after, digest))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
            raise ReceiptError(f"{FILE}, line {number}", str(fault)) from None
    found.sort()
    for earlier, later in pairwise(found):
        if later.before != earlier.after:
            raise ReceiptError(
                FILE, f"{later.before} was in force where {earlier.after} had been put in force"
            )
    return found


@dataclass(slots=True)
class Zones:
    """The zones that the folder of a log states. `fault`: why the file cannot be read."""

    changes: Sequence[Change] = ()
    fault: str | None = None
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [one.at for one in self.changes]

    @classmethod
    def of(cls, data: bytes | None) -> Zones:
        """`data`: the bytes of the file, None where there is none."""
        try:
            return cls(read(data or b""))
        except ReceiptError as fault:
            return cls(fault=str(fault))

    def in_force(self, at: int) -> set[str | None]:
        """Whose days an award booked at this moment (microseconds) may be counted by; None stands for any one."""
        first = bisect_left(self._starts, at - _UNDER_WAY)
        last = bisect_right(self._starts, at + _UNDER_WAY)
        former = self.changes[first - 1].after if first else self.changes[0].before
        return {former, *(one.after for one in self.changes[first:last])}

    def see(self, decisions: Decisions) -> None:
        """Every zone was put in force by three people, when the file says, and none is kept back. Raises Unlike, Unable."""
        if self.fault is not None:
            raise Unlike(self.fault)
        approved = {
            one.digest: one for one in decisions.seen if (one.action, one.step) == (ACTION, "approve")
        }
        for change in self.changes:
            step = approved.pop(change.digest, None)
            if step is None or (step.at - _EPOCH) // timedelta(microseconds=1) != change.at:
                raise Unlike(
                    f"{FILE}: nobody in this log put the zone {change.after} in force at that moment"
                )
        if self.changes and approved:
            first = min(one.index for one in approved.values())
            raise Unable(
                f"{len(approved)} settings put in force are not in {FILE}, the first is entry {first}"
            )
