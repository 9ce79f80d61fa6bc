"""A fault at every call of what moves money or closes a book, and is tried through no other test (test_every_call.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.faults.every_call import EveryCall
from tests.faults.test_every_call import clean
from tests.platform.events.test_bulk_files import made
from tests.platform.events.test_intake import token
from tests.platform.parties.test_webhooks import Receiver, hooked, receiver
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, MAY, book, replace
from tests.platform.web import city as stage
from tests.platform.web.test_files import send, world

from abate.demo import desk
from abate.platform import revaluing
from abate.platform.doors import clock
from abate.platform.events.models import File
from abate.platform.incentives import actions as incentives
from abate.platform.incentives.models import Code
from abate.platform.ledger import closing, standing
from abate.platform.parties import webhooks
from abate.platform.spool import Loader

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.5.3-3"), pytest.mark.slow]
__all__ = ["receiver", "replace", "world"]


@pytest.fixture
def city(transactional_db: None) -> stage.City:
    """A person of it has credits, some of them spent already."""
    city = stage.build()
    stage.book_every_outcome(city.partner, city.person)
    desk.adjust(city.person.pk, 1000, "gift")
    return city


def test_a_redemption_undone_as_three_people_decide(city: stage.City) -> None:
    run, before = EveryCall({"approve entry.reverse"}), standing.standing(city.person.pk).free
    asked = {"person": city.person.pseudonym, "entry": _redeemed(city), "reason": "sold out"}
    with run.doors():
        desk.decide("entry.reverse", **asked)
    clean(run, "approve entry.reverse")
    assert standing.standing(city.person.pk).free == before


def test_credits_given_to_another_as_three_people_decide(city: stage.City) -> None:
    run, other = EveryCall({"approve ledger.book"}), city.stranger
    asked = {
        "kind": "transfer",
        "person": city.person.pseudonym,
        "to": other.pseudonym,
        "amount": 40,
        "order": "d-1",
    }
    with run.doors():
        desk.decide("ledger.book", **asked)
    clean(run, "approve ledger.book")
    assert standing.standing(other.pk).free == 40


def test_a_redemption_undone_by_itself(city: stage.City) -> None:
    run, before = EveryCall({"incentives.actions.reverse"}), standing.standing(city.person.pk).free
    entry = _redeemed(city)
    with run.doors():
        incentives.reverse(city.person.pk, entry, "sold out")
    clean(run, "incentives.actions.reverse")
    assert standing.standing(city.person.pk).free == before


def test_a_redemption_by_itself(city: stage.City) -> None:
    """The order asked again shows the code again: each showing has its row of the trail, the work is done once."""
    run, before = EveryCall({"incentives.actions.redeem"}), standing.standing(city.person.pk).free
    with run.doors():
        incentives.redeem(city.person, city.offer, uuid4())
    clean(run, "incentives.actions.redeem")
    assert standing.standing(city.person.pk).free == before - 300 and Code.objects.count() == 1


def _redeemed(city: stage.City) -> int:
    incentives.redeem(city.person, city.offer, uuid4())
    return Code.objects.get(person=city.person).entry_id


def test_days_are_closed(city: stage.City) -> None:
    run = EveryCall({"ledger.closing.close_day"})
    with clock.frozen(clock.now() + timedelta(days=2)), run.doors():
        kept = closing.close_day(clock.today() - timedelta(days=1))
    clean(run, "ledger.closing.close_day")
    assert kept


def test_a_month_is_closed(city: stage.City) -> None:
    run, booked = EveryCall({"ledger.closing.close_month"}), clock.today()
    with clock.frozen(clock.now() + timedelta(days=40)):
        closing.close_day(clock.today() - timedelta(days=1))
        with run.doors():
            kept = closing.close_month(booked)
    clean(run, "ledger.closing.close_month", least=5)
    assert sum(row.entries for row in kept) > 0


def test_a_file_is_taken_in(world: World, tmp_path: Path) -> None:
    run = EveryCall({"Loader.round"})
    send(made(world, tmp_path / "rides.csv").read_bytes(), token(world))
    with run.doors():
        Loader().round()
    clean(run, "Loader.round")
    assert File.objects.get().state == File.DONE


def test_past_quantities_are_booked_anew(world: World, replace: Any) -> None:
    desk.staffed()
    run = EveryCall({"approve revalue.book", "revaluing.book"})
    world.send(*(world.ride(f"r{n}", n, km=3) for n in range(2)))
    replace(BUS)
    digest = revaluing.propose(MAY).digest
    with run.doors():
        assert book(MAY, digest).changed == 2
    clean(run, "approve revalue.book", "revaluing.book")


def test_webhooks_that_are_due(world: World, receiver: Receiver) -> None:
    """Between is a message claimed for a time, and nothing else; when that time is over it is sent again (test_webhooks.py)."""
    run = EveryCall({"parties.webhooks.send_due"})
    hooked(world, receiver)
    world.send(world.meeting("a"))
    with run.doors():
        assert webhooks.send_due() == 1
    clean(run, "parties.webhooks.send_due", least=3)
    assert {row.state for row in webhooks.messages(world.sender.party_id)} == {"told"}
