"""What an entry can be held to: its leaf opens, its figure recomputes, its rows cannot be rewritten."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from tests.platform.pipeline.world import World, differences

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Kind
from abate.platform.carbon import measure, queries, staging
from abate.platform.carbon.basis import setting
from abate.platform.carbon.errors import NotReproducible
from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.events.envelope import Event, Reader
from abate.platform.ledger import due as award_leaves
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log.errors import LogDamaged
from abate.platform.web import openings

pytestmark = [pytest.mark.platform]


def test_the_leaf_is_the_one_that_the_recipe_writes(world: World) -> None:
    awkward = world.meeting('quote " and \\ back, 会议')
    awkward["data"]["meeting_id"] = '"start":"1999-01-01T00:00:00Z", \\ 会议'
    results = world.send(awkward, world.ride("plain"))
    with connection.cursor() as cursor:
        cursor.execute("select entry_id, leaf from ledger_due_leaf")
        due = dict(cursor.fetchall())
        award_leaves.hand_over(cursor, 1)
        cursor.execute("select entry_id, leaf, hash from log_pending")
        pending = {entry_id: (bytes(data), bytes(digest)) for entry_id, data, digest in cursor.fetchall()}
    log.sequence()
    for result in results:
        person, entry_id = world.people[0], result.entry or 0
        (opened,) = openings.own(person.pk, [entry_id]).values()
        opening = opened.opening
        row, entry = queries.behaviour_of_entry(person.pk, entry_id), ledger.entry(person.pk, entry_id)
        assert row and entry
        expected = leaf.encode(
            leaf.Leaf(
                kind=Kind.AWARD,
                carbon_mg=entry.carbon_mg,
                credits=entry.credits,
                at=entry.at,
                method_hash=row.method_hash,
                factors_hash=leaf.text_hash(row.factors),
                cause=row.body_sha256,
                commitment=leaf.commitment(opening.salt, opening.personal),
            )
        )
        assert bytes(due[entry_id]) == expected
        assert pending[entry_id] == (expected, leaf.leaf_hash(expected))
        assert entry.leaf_hash == leaf.leaf_hash(expected)
        assert leaf.read_personal(opening.personal).event == row.event_id  # type: ignore[union-attr]


def test_alone_and_as_columns_an_event_is_staged_alike(world: World) -> None:
    sent = [world.meeting("a"), world.meeting("b", duration_min=30), world.meeting("c", participants=-1)]
    sent += [world.meeting("d", duration_min="75.50", start="2026-05-20T01:00:00.250Z"), world.ride("e")]
    sent += [world.ride("f", km="0.0010"), world.meeting("g", start="2023-05-01T09:00:00+08:00")]
    sent[3]["time"] = "2026-05-20T09:00:00.25+08:00"
    reader = Reader(world.sender, world.sender.behaviours, clock.now())
    import msgspec  # lazy: only this test writes JSON the partner's way

    events = [reader.read(place, msgspec.json.encode(one)) for place, one in enumerate(sent)]
    assert all(isinstance(one, Event) for one in events)
    together = measure.measure(events, setting(), clock.now())  # type: ignore[arg-type]
    alone = [m for one in events for m in measure.measure([one], setting(), clock.now())]  # type: ignore[list-item]
    assert _rows(alone) == _rows(together)


def _rows(measured: list[measure.Measured]) -> bytes:
    return staging.rows(staging.lines(measured, staging.used(measured), staging.subjects(measured), "party"))


@pytest.mark.clause("P-7.2-a")
def test_a_figure_that_was_changed_does_not_recompute(world: World) -> None:
    (result,) = world.send(world.meeting("a"))
    person = world.people[0].pk
    assert queries.explanation(person, world.sender.party_id, "a")
    with connection.cursor() as cursor:
        cursor.execute("update ledger_entry set be_mg = be_mg + 1")
    with pytest.raises(NotReproducible):
        queries.explanation(person, world.sender.party_id, "a")
    assert result.entry


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_entry set credits = credits + 1",
        "delete from ledger_entry",
        "update ledger_entry set record = ''",
        "update carbon_kept set er_mg = 0",
        "delete from carbon_kept",
        "update ledger_batch set last_entry = 0",
        "delete from events_seen",
        "update events_batch set count = 2",
        "delete from events_refusal",
        "update carbon_basis set factors = ''",
        "update credits_cap set max_mg = 9",
        "truncate ledger_entry",
    ],
)
def test_what_is_append_only_cannot_be_rewritten_by_the_application(world: World, statement: str) -> None:
    grants.apply_grants(connection)
    with connection.cursor() as cursor:
        cursor.execute("set role abate_app")
        try:
            world.send(world.meeting("a"))
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(statement)
        finally:
            cursor.execute("reset role")
    assert differences() == {}


# (what is done behind the ledger's back, the rules that must see it)
TAMPERED = {
    "update ledger_balance set credits = credits + 1": {
        "balance_entries",
        "balance_last",
        "credit_rule",
        "credits",
    },
    "delete from ledger_entry where id = (select max(id) from ledger_entry)": {
        "balance_entries",
        "seen",
        "leaf",
    },
    "update ledger_entry set carbon_mg = carbon_mg + 1": {"balance_entries", "running", "carbon_mg"},
    "update ledger_entry set counter = 2": {"counter"},
    "update ledger_entry set leaf_hash = sha256('x')": {"leaf"},
    "delete from ledger_due": {"leaf"},
    "update ledger_due set person_ids = person_ids[2:]": {"leaf"},
    "delete from events_seen": {"seen"},
    "update ledger_entry set eligible_mg = eligible_mg - 1": {"eligible"},
}


# Once the log has numbered the entries, it tells what they were.
NUMBERED = {
    "update ledger_entry set commitment = sha256('x')": {"leaf"},
    "update ledger_entry set at = at + interval '1 s'": {"leaf"},
    "update events_batch set body_sha256 = sha256('x')": {"leaf"},
    "delete from log_leaf where idx = 1": {"leaf"},
}


@pytest.mark.parametrize("statement", NUMBERED)
def test_reconciliation_sees_what_the_log_knows_otherwise(world: World, statement: str) -> None:
    world.send(world.meeting("a"), world.ride("b"), world.ride("c", who=1))
    assert log.sequence() == 3
    assert differences() == {}
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert NUMBERED[statement] <= differences().keys()


def test_an_award_that_is_gone_before_the_log_asked_for_it_stops_the_log(world: World) -> None:
    world.send(world.meeting("a"), world.ride("b"))
    with connection.cursor() as cursor:
        cursor.execute("delete from ledger_entry where id = (select max(id) from ledger_entry)")
    with pytest.raises(LogDamaged, match="award-missing"):
        log.sequence()


@pytest.mark.parametrize("statement", TAMPERED)
def test_reconciliation_sees_what_was_tampered_with(world: World, statement: str) -> None:
    world.send(world.meeting("a"), world.ride("b"), world.ride("c", who=1))
    assert differences() == {}
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert TAMPERED[statement] <= differences().keys()
