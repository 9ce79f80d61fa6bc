"""What a party that registered an address for it is told of its events: one message an event, in the batch's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from abate.platform.events import sources
from abate.platform.events.envelope import Sender
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.parties import webhooks
from abate.quantify.anomalies import ANOMALY
from abate.quantify.same_act import SAME_ACT

_KINDS = {
    Outcome.CREDITED: "event.credited",
    Outcome.REFUSED: "event.refused",
    Outcome.QUARANTINED: "event.quarantined",
    Outcome.WITHDRAWN: "event.withdrawn",
}
"""Of a correction that is credited, `event.corrected`; of an act that counts elsewhere, or that a case
found untrue, `event.not_counted`; so too of what was in quarantine and credits nothing. Nothing is told of what changed
nothing, or was told before."""
_write = msgspec.json.Encoder().encode


def tell(sender: Sender, results: Iterable[Result], at: datetime, *, decided: bool = False) -> None:
    """Put the messages of a batch into the outbox; the sender of them takes them from there after the commit.

    Of an event that another party's made give way, its own party is told, `results` being of these. `decided`: they waited in
    quarantine, so whatever they came to is told.
    """
    webhooks.note(sender.party_id, list(_messages(sender.party_id, list(results), at, decided)), at)


def _messages(
    party_id: int, results: Sequence[Result], at: datetime, decided: bool
) -> Iterator[tuple[str, str]]:
    moment = at.isoformat()
    # What gives way, is computed again or decided about later comes without its mark: the mark goes with it all the same.
    unmarked = [(party_id, one.id) for one in results if one.id and one.source is None]
    marks = sources.marks(unmarked) if unmarked and sources.any_of(party_id) else {}
    for one in results:
        kind = (
            "event.corrected" if one.undone is not None and one.entry is not None else _KINDS.get(one.outcome)
        )
        if one.outcome == Outcome.WITHDRAWN:
            kind = _KINDS[one.outcome]
        other = one.outcome == Outcome.NOT_COUNTED and (one.reason or "").startswith((SAME_ACT, ANOMALY))
        if other or (decided and one.outcome in Outcome.without_credits()):
            kind = "event.not_counted"
        if kind is None or one.outcome == Outcome.EXISTS:
            continue
        data: dict[str, object] = {
            "id": one.id,
            "outcome": one.outcome.text,
            "er_mg": one.er_mg,
            "credits": one.credits,
            "entry": one.entry,
            "reason": one.reason,
        }
        if one.undone is not None:
            data["undone"] = one.undone
        mark = one.source or marks.get((party_id, one.id or ""))
        if mark is not None:
            data["source"] = mark
        yield kind, _write({"type": kind, "timestamp": moment, "data": data}).decode()
