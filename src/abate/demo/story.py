"""What the demo shows at its end: one voucher led back, link by link, to a real ride, its formula and its documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from abate.bookkeeping.kinds import Kind
from abate.demo.rides import Ride
from abate.platform.carbon import queries as carbon
from abate.platform.doors import randomness
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as offers
from abate.platform.ledger import queries as ledger
from abate.platform.people.models import Person
from abate.platform.review.models import User
from abate.platform.web import receipts
from abate.quantify import explain


@dataclass(frozen=True, slots=True)
class Voucher:
    """A redeemed and burnt voucher of one resident."""

    person: Person
    entry_id: int
    code: str
    order_id: UUID


def redeem_and_burn(riders: dict[str, int], cashier: User) -> Voucher:
    """The resident whose first ride earned most redeems the first offer; the acceptor burns the code."""
    offer = offers.offers()[0]
    able = [p for p in riders.values() if ledger.balance(p).credits >= offer.price_credits]
    person_id = max(able, key=lambda p: (first_award(p).carbon_mg, -p))
    person = Person.objects.get(id=person_id)
    order = randomness.new_uuid()
    made = incentives.redeem(person, offer.id, order)
    incentives.burn(cashier, made.text)
    return Voucher(person, made.entry_id, made.text, order)


def first_award(person_id: int) -> ledger.EntryRow:
    """The person's first award: FIFO, its milligrams stand behind the first credits that were spent."""
    oldest = [e for e in ledger.entries(person_id, limit=1000) if e.kind == Kind.AWARD and e.credits > 0]
    return oldest[-1]


def chain(voucher: Voucher, sample: list[Ride], folder: Path) -> Iterator[str]:
    """The links from code to documents, one line each; writes the receipt beside the data and names it."""
    spent = ledger.entry(voucher.person.id, voucher.entry_id)
    award = first_award(voucher.person.id)
    act = carbon.behaviour_of_entry(voucher.person.id, award.id)
    assert spent is not None and act is not None
    ride = next(r for r in sample if r.event_id == act.event_id)
    yield f"code {voucher.code} (burnt) <- order {voucher.order_id}"
    yield f"order <- entry {spent.id}: {-spent.credits} credits cancelled; the account that took them never pays out"
    yield f"credits 1 to {award.credits_after} of this person <- entry {award.id}: +{award.carbon_mg:,} mg CO2e"
    yield f"entry {award.id} <- event {act.event_id}: a real ride, trip {ride.trip_id}"
    yield f"ride <- bike {ride.bike_id}, {ride.distance_m} m"
    yield f"ride <- dates shifted; original start {ride.event_id.rsplit('-', 1)[-1]} (arXiv:1909.03679)"
    yield "ride -> figure, recomputed now:"
    explanation = carbon.explanation(voucher.person.id, act.party_id, act.event_id)
    yield from ("    " + line for line in explain.render_text(explanation, "en").splitlines())
    document = receipts.receipt(voucher.person, award)
    if document is not None:
        path = folder / "receipt.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        yield f"receipt -> {path}"
