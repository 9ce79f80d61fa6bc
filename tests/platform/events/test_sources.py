"""Sources of public data: what they permit is asked at every door that data goes through, and the mark goes with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.revaluing.decided import BUS, MAY, approve
from tests.platform.revaluing.decided import replace as replace

from abate.demo import desk
from abate.platform import pipeline, revaluing
from abate.platform.carbon import revaluing as reading
from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.events.envelope import Event, Reader, Sender
from abate.platform.events.models import Marked, Source
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import closing
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.review import errors
from abate.platform.sharing import editions
from abate.platform.sharing.models import Cell, Edition
from abate.platform.web import openings, own_data

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-d")]
MONTH = date(2026, 6, 1)
AFTER = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
EVERY = list(sources.USES)


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    """Twelve people of an authority that sends their rides."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(12)


def declare(world: World, **changes: Any) -> None:
    given = {"party": world.sender.code, "source": "metro", "mark": "municipal transport, shared conditionally",
             "level": 2, "uses": EVERY, "retention_days": 365, "valid_from": "2026-01-01",
             "valid_until": "2026-12-31"}  # fmt: skip
    told = {"statistics", "members"} & set(changes.get("uses", EVERY))
    given["shared_with"] = ["*"] if told else []
    desk.decide("source.declare", **given | changes)


def ride(world: World, id: str, who: int = 0, source: str = "metro") -> dict:
    return world.ride(id, who) | {"source": f"{world.sender.code}/{source}"}


def told(world: World, *events: dict) -> list[tuple[Outcome, str | None]]:
    return [(one.outcome, one.reason) for one in world.send(*events)]


def test_a_source_is_declared_by_three_people_and_its_versions_stay(world: World) -> None:
    declare(world)
    declare(world, uses=["quantify", "credit"], level=3)
    assert list(Source.objects.order_by("version").values_list("version", "level")) == [(1, 2), (2, 3)]
    (newest,) = sources.newest()
    assert newest.version == 2 and newest.uses == ("credit", "quantify")
    told = newest.document(world.sender.code)
    assert (
        told["source"] == f"{world.sender.code}/metro"
        and told["level"] == 3
        and told["retention_days"] == 365
    )
    for wrong in ({"uses": ["sell"]}, {"uses": []}, {"level": 5}, {"source": "a b"}, {"retention_days": 0},
                  {"valid_until": "2025-01-01"}, {"mark": " "}, {"valid_from": "soon"}):  # fmt: skip
        with pytest.raises(errors.ArgumentsMalformed):
            declare(world, **wrong)
    assert Source.objects.count() == 2


def test_at_the_door_what_a_source_does_not_permit_is_refused_by_name(world: World) -> None:
    assert told(world, ride(world, "a")) == [(Outcome.REFUSED, "unknown_source:source")]
    declare(world)
    assert told(world, ride(world, "a")) == [(Outcome.CREDITED, None)]
    assert told(world, world.ride("b", 1) | {"source": "another/metro"}) == [
        (Outcome.REFUSED, "wrong_source:source")
    ]
    declare(world, source="census", uses=["statistics"])
    assert told(world, ride(world, "c", 2, "census")) == [(Outcome.REFUSED, "source_use:quantify")]
    declare(world, source="meters", uses=["quantify", "statistics"])
    assert told(world, ride(world, "c", 2, "meters")) == [(Outcome.REFUSED, "source_use:credit")]
    declare(world, source="old", valid_until="2026-05-31")
    declare(world, source="coming", valid_from="2026-06-02")
    assert told(world, ride(world, "d", 3, "old"), ride(world, "e", 4, "coming")) == [
        (Outcome.REFUSED, "source_ended:source"),
        (Outcome.REFUSED, "source_ended:source"),
    ]
    # What was taken can be taken back after the end of its source.
    declare(world, valid_until="2026-05-31")
    gone = withdrawal(world, "w", "a") | {"source": f"{world.sender.code}/metro"}
    assert told(world, gone)[0][0] == Outcome.WITHDRAWN, told(world, gone)
    assert Marked.objects.count() == 1


def test_a_version_that_is_laid_down_ahead_leaves_no_gap_before_it(world: World) -> None:
    declare(world)
    declare(world, valid_from="2026-07-01", valid_until="2027-06-30", level=3)
    assert told(world, ride(world, "a")) == [(Outcome.CREDITED, None)]
    assert [one.version for one in sources.newest()] == [1]
    with clock.frozen(AFTER):
        assert [one.version for one in sources.newest()] == [2]


def test_a_long_file_asks_again_with_each_chunk(world: World) -> None:
    declare(world)
    sender = Sender(world.sender.party_id, world.sender.code, frozenset({"cycling"}), "", False)
    reader, raw = Reader(sender, ["cycling"], NOW), json.dumps(ride(world, "a")).encode()
    assert isinstance(reader.read(0, raw), Event)
    declare(world, valid_until="2026-05-31")
    reader.begin(clock.now())
    assert reader.read(0, raw).code == "source_ended"


def test_the_mark_is_that_of_the_first_time_and_of_no_refused_event(world: World) -> None:
    declare(world)
    mixed = [ride(world, "a"), world.ride("b", 1), ride(world, "c", 2) | {"data": {"trip_id": "c"}}]
    assert [outcome for outcome, _ in told(world, *mixed)] == [
        Outcome.CREDITED,
        Outcome.CREDITED,
        Outcome.REFUSED,
    ]
    declare(world, level=4)
    assert told(world, ride(world, "a"), ride(world, "b", 1))[0][0] == Outcome.EXISTS
    code = world.sender.party_id
    found = sources.marks([(code, "a"), (code, "b"), (code, "c")])
    assert (
        list(found) == [(code, "a")] and found[code, "a"]["version"] == 1 and found[code, "a"]["level"] == 2
    )
    # By the large lane, which names only what was not credited, too.
    world.send(ride(world, "d", 3), everything=False)
    assert sources.marks([(code, "d")])[code, "d"]["level"] == 4


def test_the_mark_goes_with_a_persons_own_copy(world: World) -> None:
    declare(world)
    world.send(ride(world, "a"), world.ride("b", start="2026-05-21T10:30:00+08:00"))
    copied = json.loads(own_data.as_json(own_data.gather(world.people[0])))["behaviours"]
    marks = {one["event_id"]: one["source"] for one in copied}
    assert (
        marks["b"] is None
        and marks["a"]["mark"].startswith("municipal")
        and marks["a"]["uses"] == sorted(EVERY)
    )


def entries(world: World, who: int) -> list[int]:
    return [one.id for one in ledger.entries(world.people[who].pk, limit=9)]


def opened() -> list[int]:
    return [one.index for one in openings.openings(0, 99)]


def test_a_verifier_is_shown_only_what_the_source_permits_and_for_its_days(world: World) -> None:
    declare(world, uses=["quantify", "credit", "verification"])
    declare(world, source="closed", uses=["quantify", "credit"])
    world.send(ride(world, "a"), ride(world, "b", 1, "closed"), world.ride("c", 2))
    log.sequence()
    with connection.cursor() as cursor:
        cursor.execute(
            "select quantity.event_id, leaf.idx from log_leaf leaf join carbon_quantity quantity using (person_id, entry_id)"
        )
        places = dict(cursor.fetchall())
    assert {places["a"], places["c"]} <= set(opened()) and places["b"] not in opened()
    # What takes an award back tells as much of it as the award.
    for event, who in (("a", 0), ("b", 1)):
        gone = withdrawal(world, f"w-{event}", event, who) | {"source": f"{world.sender.code}/metro"}
        assert told(world, gone)[0][0] == Outcome.WITHDRAWN
    log.sequence()
    undone = {
        event: {one.index for one in openings.own(world.people[who].pk, entries(world, who)).values()}
        for event, who in (("a", 0), ("b", 1))
    }
    assert len(undone["a"]) == len(undone["b"]) == 2
    assert undone["a"] <= set(opened()) and undone["b"].isdisjoint(opened())
    own = openings.own(world.people[1].pk, entries(world, 1))
    assert places["b"] in own
    with clock.frozen(NOW + timedelta(days=365)):
        assert places["a"] in opened()
    with clock.frozen(NOW + timedelta(days=366)):
        assert places["a"] not in opened() and places["c"] in opened()


def figures() -> dict[str, int]:
    closing.close_day(clock.today() - timedelta(days=1))
    closing.close_month(MONTH)
    editions.edition(MONTH)
    return {one.behaviour: int(one.carbon_mg) for one in Cell.objects.filter(month=MONTH)}


@pytest.mark.parametrize("permitted", [True, False])
def test_figures_of_groups_leave_out_what_may_not_be_counted_and_say_so(
    permitted: bool, world: World
) -> None:
    uses = ["quantify", "credit", *(["statistics"] if permitted else [])]
    declare(world, uses=uses)
    world.send(*(world.ride(f"r-{n}", n) for n in range(12)), *(ride(world, f"m-{n}", n) | {"time": "2026-05-22T10:30:00+08:00"}
               | {"data": world.ride(f"m-{n}", n, "2026-05-22T10:30:00+08:00")["data"]} for n in range(12)))  # fmt: skip
    every = sum(mg for mg, _, _ in world.totals())
    with clock.frozen(AFTER):
        found = figures()
    assert found == {"cycling": every if permitted else every // 2} and every > 0
    left = Edition.objects.get(month=MONTH).left_out
    assert left == ([] if permitted else [f"{world.sender.code}/metro"])


def test_planted_doors_that_do_not_ask_are_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each enforcement taken away: what the tests above hold is no longer so."""
    declare(world, source="meters", uses=["quantify"])
    with monkeypatch.context() as planted:
        planted.setattr(sources, "TO_BOOK", ("quantify",))
        assert told(world, ride(world, "m", 2, "meters")) == [(Outcome.CREDITED, None)]
    declare(world, uses=["statistics"])
    monkeypatch.setattr(sources.SourceRow, "refusal", lambda *_: None)
    assert told(world, ride(world, "a")) == [(Outcome.CREDITED, None)]
    monkeypatch.setattr(pipeline, "_mark", lambda *_: None)
    world.send(ride(world, "b", 1))
    assert list(sources.marks([(world.sender.party_id, "a"), (world.sender.party_id, "b")])) == [
        (world.sender.party_id, "a")
    ]
    log.sequence()
    assert len(opened()) == 1
    monkeypatch.setattr(openings, "_BY_NUMBER", openings._BY_NUMBER.replace(openings._PERMITTED, ""))
    assert len(opened()) == 3


def test_planted_figures_that_hold_nothing_back_are_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(world, uses=["quantify", "credit"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    nothing = (
        editions.SQL["hold_back"].replace("where ", "where false and ").replace(" or marked", " and marked")
    )
    monkeypatch.setitem(editions.SQL, "hold_back", nothing)
    with clock.frozen(AFTER):
        assert sum(figures().values()) == sum(mg for mg, _, _ in world.totals()) > 0


def test_what_may_be_used_no_more_is_not_measured_again(world: World) -> None:
    """A figure of the past is replaced: what is lent no longer stays as it was booked, and is counted."""
    declare(world)
    world.send(ride(world, "a"), world.ride("b", 1))
    for days, left in ((365, {}), (366, {"ended": 1})):
        with clock.frozen(NOW + timedelta(days=days)):
            found = revaluing.propose(MAY)
            assert (found.events, found.left_alone) == (2, left)
    (of_a_case,) = reading.of_events([(world.people[0].pk, world.sender.party_id, "a")])
    assert of_a_case.left_alone is None


def test_what_was_decided_on_the_last_day_of_a_source_is_completed_on_the_next(
    world: World, replace: Any
) -> None:
    declare(world)
    world.send(ride(world, "a"), world.ride("b", 1))
    replace(BUS)
    with clock.frozen(NOW + timedelta(days=365)):
        digest = revaluing.propose(MAY).digest
        approve(MAY, digest)
    with clock.frozen(NOW + timedelta(days=366)):
        assert revaluing.book(MAY, digest).changed == 2
        assert revaluing.propose(MAY).left_alone == {"ended": 1}
