"""Days are counted by the zone in force at the booking: a change of it leaves what was booked before as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.platform.pipeline.acts import payment, ticket, two_partners
from tests.platform.pipeline.world import NOW, World, differences, make_world
from tests.platform.quarantine.kept_back import decided, proposed, rule, stands
from tests.platform.revaluing.decided import BUS, MAY, book
from tests.platform.revaluing.decided import replace as replace

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli import reconcile
from abate.demo import desk
from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.web import statement

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.2-a", "P-7.4")]
SHANGHAI = "Asia/Shanghai"
BEFORE = datetime(2026, 11, 20, tzinfo=UTC)
BOOKED = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)
"""The evening of 1 December in UTC, the night of 2 December in Shanghai."""
ACT = "2026-11-30T16:30:00Z"
"""Of 30 November in UTC, of 1 December in Shanghai: from then on online meetings go by version 2, and a kilogram makes 4500."""
LATER = BOOKED + timedelta(days=3)


@pytest.fixture(params=[(SHANGHAI, "UTC"), ("UTC", SHANGHAI)], ids="-".join)
def changed(world: World, request: pytest.FixtureRequest, settings: Any) -> Iterator[World]:
    """Acts of one moment, booked under one zone and then under another, each put in force by three people."""
    former, later = request.param
    settings.ABATE_ZONE = former
    with clock.frozen(BEFORE):
        desk.staffed()
        desk.decide("rule.add", from_day="2026-12-01", credits_per_kg=4500, title_zh="试", title_en="tried")
    with clock.frozen(BOOKED):
        world.send(world.meeting("then", start=ACT), world.meeting("then, more", start=ACT, pkm_coach=300))
    settings.ABATE_ZONE = later
    with clock.frozen(BOOKED + timedelta(days=1)):
        desk.decide("basis.adopt")
    with clock.frozen(LATER):
        world.send(world.meeting("now", start=ACT), world.meeting("now, more", start=ACT, pkm_coach=300))
        yield world


def versions(world: World) -> dict[str, int]:
    return {one.event_id: one.version for one in carbon.feed(world.people[0].pk)}


def test_what_was_booked_before_is_explained_by_the_zone_of_then(changed: World, settings: Any) -> None:
    then, now = (2, 1) if settings.ABATE_ZONE == "UTC" else (1, 2)
    assert versions(changed) == {"then": then, "then, more": then, "now": now, "now, more": now}
    for event in versions(changed):
        told = carbon.explanation(changed.people[0].pk, changed.sender.party_id, event)
        assert told.version == versions(changed)[event]
    # The page says the day that was counted where today's zone shows another beside the moment.
    browser = Client()
    browser.force_login(changed.people[0].user, backend="django.contrib.auth.backends.ModelBackend")
    for one in carbon.feed(changed.people[0].pk):
        page = browser.get(f"/entries/{one.entry_id}", headers={"accept-language": "en"}).content.decode()
        day = "1 Dec" if settings.ABATE_ZONE == "UTC" else "30 Nov"
        shown = f"<dt>Day counted</dt><dd>{day} <" in page
        assert shown is one.event_id.startswith("then"), one.event_id


def test_recomputing_and_the_books_agree_over_a_change_of_the_zone(changed: World) -> None:
    assert recomputing.recompute() == (4, 0)
    assert differences() == {}
    assert reconcile.report(recompute=True)["even"]


def test_what_is_set_aside_after_the_change_was_measured_before_it(
    transactional_db: None, settings: Any
) -> None:
    """A payment gives way to its ticket, a quarantined record is dismissed: neither is measured again."""
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT, settings.ABATE_ZONE = "demo", None, SHANGHAI
    with clock.frozen(BEFORE):
        one, other = two_partners()
        desk.staffed()
    with clock.frozen(BOOKED):
        one.send(payment(one, "paid", at=ACT))
        rule(one, valid_from="2026-11-01", valid_until="2026-12-31")
        one.send(one.meeting("dismissed", who=1, start=ACT))
    settings.ABATE_ZONE = "UTC"
    with clock.frozen(BOOKED + timedelta(days=1)):
        desk.decide("basis.adopt")
    with clock.frozen(LATER):
        other.send(ticket(other, "bought", at=ACT))
        assert set(decided(proposed("dismiss")).records.values()) == {"dismissed"}
        kept = [stands(one, "paid"), stands(one, "dismissed", who=1)]
        reasons = [found.reason for found in kept]
        assert reasons == ["same_act:P-7.2-e:payment:online-ticket", "quarantine_dismissed:new-partner"]
        for found in kept:
            assert found.day == date(2026, 12, 1)
            assert carbon.explain(found).version == found.version
        assert recomputing.recompute()[1] == 0 and differences() == {}


def test_a_bill_dated_by_the_zone_of_then_can_still_be_released(
    transactional_db: None, settings: Any
) -> None:
    """Its first day begins at midnight in Shanghai, which is another day in UTC: it was taken in as it is."""
    settings.ABATE_OPERATOR_PACK, settings.ABATE_ZONE = "demo", SHANGHAI
    data = {"household_id": "h", "period_start": "2026-04-01", "period_end": "2026-04-30", "tier": "2"}
    with clock.frozen(NOW):
        world = make_world(1, ("saving-electricity",))
        desk.staffed()
        rule(world)
        data["actual_kwh"] = "75.858"
        world.send(world.event("bill", "saving-electricity", 0, "2026-04-01T00:00:00+08:00", data))
    settings.ABATE_ZONE = "UTC"
    with clock.frozen(NOW + timedelta(days=1)):
        desk.decide("basis.adopt")
        assert set(decided(proposed()).records.values()) == {"booked"}
        assert stands(world, "bill").outcome == Outcome.CREDITED
        assert recomputing.recompute()[1] == 0 and differences() == {}


def test_an_event_dated_by_the_zone_of_then_is_the_same_event_when_it_is_sent_again(
    transactional_db: None, settings: Any
) -> None:
    """Taken in under one zone it was answered, under another, as one whose date does not fit its moment."""
    settings.ABATE_OPERATOR_PACK, settings.ABATE_ZONE = "demo", SHANGHAI
    data = {"household_id": "h", "period_start": "2026-04-01", "period_end": "2026-04-30", "tier": "2"}
    data["actual_kwh"] = "75.858"
    with clock.frozen(NOW):
        world = make_world(1, ("saving-electricity",))
        desk.staffed()
        bill = world.event("bill", "saving-electricity", 0, "2026-04-01T00:00:00+08:00", data)
        assert [one.outcome for one in world.send(bill)] == [Outcome.CREDITED]
    settings.ABATE_ZONE = "UTC"
    with clock.frozen(NOW + timedelta(days=1)):
        desk.decide("basis.adopt")
        (again,) = world.send(bill)
        assert (again.outcome, again.stored) == (Outcome.EXISTS, Outcome.CREDITED)
        # What is not the same, or was never taken in, is asked as ever.
        told = world.send(
            bill | {"data": data | {"actual_kwh": "75.859"}},
            bill | {"id": "never seen"},
            bill | {"id": "twice"},
        )
        assert {one.reason for one in told} == {"time_mismatch:period_start"}
        assert differences() == {}


@pytest.mark.clause("P-7.4")
def test_room_under_a_cap_is_given_back_on_the_day_that_was_counted(
    world: World, replace: Any, settings: Any
) -> None:
    """The cap held on the day of then alone: computed again as of a day before, the acts take none of it."""
    settings.ABATE_ZONE = SHANGHAI
    desk.staffed()
    day, act = date(2026, 5, 20), "2026-05-19T16:30:00Z"
    credits.add_cap("cycling", day, 600, ("上限", "A cap"), to_day=day)
    world.send(*[world.ride(f"r{n}", start=act, km=2) for n in range(2)])
    assert world.totals()[0][2] == 600
    settings.ABATE_ZONE = "UTC"
    with clock.frozen(NOW + timedelta(days=1)):
        replace(BUS)
        book(MAY, revaluing.propose(MAY).digest)
        mg, _, eligible = world.totals()[0]
        assert eligible == mg > 600
        assert differences() == {} and recomputing.recompute()[1] == 0


def test_a_statement_over_a_change_of_the_zone_verifies(changed: World) -> None:
    while log.sequence():
        pass
    made = json.loads(statement.make(changed.people[0], BEFORE.date(), clock.today()).text())
    assert verdict(made).first_failure is None
    # No other zone and no other moment passes for these rows.
    first, second = made["zones"]
    assert (first["from"], first["zone"]) != (second["from"], second["zone"])
    for zones in (
        [first],
        [first | {"zone": second["zone"]}],
        [first, second | {"from": "2026-12-01T17:00:00.000000Z"}],
    ):
        failed = verdict(made | {"zones": zones}).first_failure
        assert failed and failed.name == "receipts", zones
    for unfit in ([], [second], [first, first], [first, second, second], [first | {"zone": "Asia/Nowhere"}]):
        failed = verdict(made | {"zones": unfit}).first_failure
        assert failed and failed.name == "form", unfit


def verdict(document: object) -> Verdict:
    key = checkpoint.read_key(log_queries.public_key())
    return verify_statement(json.dumps(document, ensure_ascii=False), key, Recomputing())
