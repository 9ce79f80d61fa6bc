"""Erasing a person: nothing of them opens any more, nothing that was proved or booked is lost."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from tests.platform.pipeline.world import NOW, World, make_world

from abate.bookkeeping import checkpoint, leaf
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.platform import pipeline, together
from abate.platform.carbon import queries as carbon
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import actions as ledger_actions
from abate.platform.ledger import erasing
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions, export, queries
from abate.platform.log.models import Leaf
from abate.platform.people import queries as people
from abate.platform.people.errors import PersonErased
from abate.platform.people.models import Person
from abate.platform.web import openings, receipts

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(transactional_db: None) -> Any:
    with clock.frozen(NOW):
        made = make_world()
        made.send(*[made.meeting(f"m-{n}", n % 3, f"2026-05-{10 + n}T09:00:00+08:00") for n in range(12)])
        with transaction.atomic(), connection.cursor() as cursor:
            ledger_actions.post_redeem(cursor, made.people[0].pk, 1, "order-1")
        actions.sequence()
        yield made


def key() -> checkpoint.Key:
    return checkpoint.read_key(queries.public_key())


def handed_out(world: World) -> list[str]:
    """Every receipt that anybody could have by now, as its file."""
    found = []
    for person in world.people:
        person.refresh_from_db()
        for row in ledger.entries(person.pk, limit=1000):
            document = receipts.receipt(person, row)
            if document is not None:
                found.append(json.dumps(document, ensure_ascii=False))
    return found


def is_even() -> bool:
    sums = ledger.sums()
    different = ledger.differences() | carbon.differences()
    return all(one.even for one in sums.values()) and not any(different.values())


@pytest.mark.clause("P-8.5-e")
def test_every_receipt_handed_out_before_still_verifies_after(world: World) -> None:
    before = handed_out(world)
    assert len(before) == 13
    person = world.people[0]
    totals = ledger.balance(person.pk)
    assert erasing.erase(person) == 5
    actions.sequence()
    world.send(*[world.meeting(f"n-{n}", 1 + n % 2, f"2026-05-{10 + n}T15:00:00+08:00") for n in range(6)])
    actions.sequence()
    for text in before:
        verdict = verify_receipt(text, key(), Recomputing())
        assert verdict.ok, verdict.first_failure
        seen = {check.name: check.status.value for check in verdict.checks}
        assert (seen["opening"], seen["facts"]) == ("passed", "passed"), "what was shown cannot be unshown"
    assert ledger.balance(person.pk) == totals, "amounts stay"
    assert is_even()
    after = [json.loads(text) for text in handed_out(world)]
    closed = [one for one in after if one["opening"] is None]
    assert len(closed) == 10, "the person's five entries and the five that say so"
    assert all(verify_receipt(one, key()).ok for one in after)


@pytest.mark.clause("P-8.5-e")
def test_each_entry_is_named_by_an_erased_leaf_once(world: World) -> None:
    person = world.people[0]
    own = {bytes(row.leaf_hash) for row in ledger.entries(person.pk)}
    assert erasing.erase(person) == len(own) == 5
    assert erasing.erase(person) == 0
    actions.sequence()
    said = [leaf.decode(bytes(data)) for data in Leaf.objects.order_by("idx").values_list("leaf", flat=True)]
    erased = [one for one in said if one.kind == Kind.ERASED]
    assert {one.cause for one in erased} == own and len(erased) == 5
    assert all((one.carbon_mg, one.credits, one.commitment) == (0, 0, leaf.NOTHING) for one in erased)
    assert [one.cause for one in erased] == sorted(own), "in no order of time"
    assert is_even()


def test_nothing_of_the_person_opens_any_more(world: World) -> None:
    person = world.people[0]
    opened = [one.index for one in openings.openings(0, 12)]
    erasing.erase(person)
    found = Person.objects.select_related("user").get(pk=person.pk)
    assert (found.wrapped_key, found.commit_key, found.status) == (None, None, "erased")
    assert (bytes(found.identity_enc), bytes(found.contact_enc)) == (b"", b"")
    assert not found.user.is_active
    for look in (people.own_identity, people.own_contacts):
        with pytest.raises(PersonErased):
            look(found)
    assert len(opened) == 13 and len(list(openings.openings(0, 12))) == 8
    for row in ledger.entries(person.pk):
        assert not openings.own(person.pk, [row.id])
    assert all(row.withdrawn_at is not None for row in people.authorisations(person.pk))


@pytest.mark.clause("P-8.5-e")
def test_an_export_says_who_was_erased_and_passes(world: World, tmp_path: Path) -> None:
    erasing.erase(world.people[0])
    actions.sequence()
    export.write_files(tmp_path, entries=True)
    size = queries.size()
    lines = [one.line() + "\n" for one in openings.openings(0, size - 1)]
    verdict = verify_log(
        lambda path: (tmp_path / path).read_bytes() if (tmp_path / path).is_file() else None,
        key(),
        openings=lines,
        recompute=RecomputingAll(),
    )
    assert {check.status.value for check in verdict.checks} == {"passed"}, verdict.document()
    details = {check.name: check.detail for check in verdict.checks}
    assert details["openings"] == "8 entries opened, 5 erased with their person, 0 not opened"
    assert details["recomputed"].endswith("4 were erased with their person")


def test_events_that_come_later_are_refused(world: World) -> None:
    erasing.erase(world.people[0])
    new, again = world.send(world.meeting("late-1"), world.meeting("m-0", 0, "2026-05-10T09:00:00+08:00"))
    assert [one.outcome for one in (new, again)] == [Outcome.REFUSED, Outcome.REFUSED]
    assert {one.reason for one in (new, again)} == {"not_authorised:subject"}
    assert world.send(world.meeting("late-2", 1))[0].outcome == Outcome.CREDITED


def test_a_batch_on_its_way_ends_first_and_is_erased_with_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch has read the person's key; erasing waits until it is booked, and then names its entry too."""
    person, reached, go = world.people[0], threading.Event(), threading.Event()
    really = pipeline.events.name_people

    def pause(*arguments: Any) -> Any:
        done = really(*arguments)
        reached.set()
        assert go.wait(20)
        return done

    monkeypatch.setattr(together, "FEW", 0)
    monkeypatch.setattr(pipeline.events, "name_people", pause)
    results: list[Any] = []

    def book() -> None:
        with clock.frozen(NOW + timedelta(minutes=1)):
            results.extend(world.send(world.meeting("on-its-way")))
        connection.close()

    def leave() -> None:
        with clock.frozen(NOW + timedelta(minutes=2)):
            results.append(erasing.erase(person))
        connection.close()

    booking, leaving = threading.Thread(target=book), threading.Thread(target=leave)
    booking.start()
    assert reached.wait(20)
    leaving.start()
    waits_for_the_lock()
    go.set()
    booking.join(20)
    leaving.join(20)
    assert results[0].outcome == Outcome.CREDITED
    assert results[1] == 6, "five entries before, and the one of the batch on its way"
    assert queries.waiting() == 7
    assert is_even()


def test_a_lone_event_on_its_way_ends_first_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its one statement has read the person's key and waits for the account, which somebody else has locked."""
    person, results = world.people[0], []
    monkeypatch.setattr(together, "PATIENCE", "0")
    monkeypatch.setattr(pipeline, "_book", None)

    def book() -> None:
        with clock.frozen(NOW + timedelta(minutes=1)):
            results.extend(world.send(world.meeting("on-its-way")))
        connection.close()

    def leave() -> None:
        with clock.frozen(NOW + timedelta(minutes=2)):
            results.append(erasing.erase(person))
        connection.close()

    booking, leaving = threading.Thread(target=book), threading.Thread(target=leave)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select from ledger_balance where person_id = %s for update", [person.pk])
        booking.start()
        waits_for_the_lock("transactionid")
        leaving.start()
        waits_for_the_lock()
    booking.join(20)
    leaving.join(20)
    assert results[0].outcome == Outcome.CREDITED
    assert results[1] == 6, "five entries before, and the one of the lone event"
    assert is_even()


def waits_for_the_lock(kind: str = "advisory", backends: int = 1) -> None:
    """Until so many backends are seen waiting for a lock of this kind."""
    pause = threading.Event()
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where locktype = %s and not granted", [kind])
            if cursor.fetchone()[0] >= backends:
                return
        pause.wait(0.01)
    raise AssertionError("nobody waited: erasing did not mind the batch on its way")


def test_a_person_without_entries_leaves_too(world: World) -> None:
    from tests.platform.people.townspeople import made_up_person

    person = made_up_person(77)
    assert erasing.erase(person) == 0
    assert Person.objects.get(pk=person.pk).status == "erased"
