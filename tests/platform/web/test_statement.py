"""A person's statement holds every kind of entry, verifies offline, and names the row of any figure that is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from django.db import connection, transaction
from tests.platform.ledger.conftest import DAYS, expiring_room
from tests.platform.pipeline.world import NOW, World

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli import verify as command
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import actions, expiring, holds, queries, standing
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.people import actions as people
from abate.platform.web import statement

pytestmark = [pytest.mark.platform]
__all__ = ["expiring_room"]
RECOMPUTING = Recomputing()
FIRST, LAST = (NOW.date(), (NOW + timedelta(days=29)).date())


@pytest.fixture
def told(expiring_room: World) -> Iterator[tuple[World, dict[str, Any]]]:
    """A month of one person in which every kind of entry occurs, made at its end."""
    world, (one, two, _) = expiring_room, (person.pk for person in expiring_room.people)
    with clock.frozen(NOW - timedelta(days=10)):
        world.send(world.meeting("before", start="2026-05-01T09:00:00+08:00"))
    for day in range(4):
        with clock.frozen(NOW + timedelta(days=day)):
            world.send(
                *(
                    world.meeting(f"m-{day}-{n}", start=f"2026-05-{10 + day}T0{n}:00:00+08:00")
                    for n in range(3)
                ),
                world.ride(f"r-{day}", start=f"2026-05-{10 + day}T09:00:00+08:00", km="2.5"),
            )
    with clock.frozen(NOW + timedelta(days=3, hours=2)):
        with transaction.atomic(), connection.cursor() as cursor:
            spent = actions.post_redeem(cursor, one, 3, f"order-{uuid4()}")
        ends = clock.now() + timedelta(hours=1)
        kept = [holds.hold(one, 2, f"hold-{n}", ends) for n in range(3)]
        holds.settle(one, kept[0].id, "used")
        holds.release(one, kept[1].id, "not used")
        actions.transfer(one, two, 2, "gift")
        actions.transfer(two, one, 1, "gift back")
        actions.cancel(one, 1, "for good")
        actions.exchange_out(one, 1, "out")
        actions.exchange_in(one, 4, "in")
        actions.adjust(one, 2, "mended")
        actions.retire(one, 500, "offset")
        credits.reverse(one, spent.id, "returned")
    with clock.frozen(NOW + timedelta(days=4)):
        # What is there is given away, then an award is taken back: a debt, which the next award settles.
        actions.cancel(one, standing.standing(one).free, "all that is left")
        award = next(row for row in queries.entries(one, limit=100) if row.kind == 1 and row.credits)
        credits.reverse(one, award.id, "withdrawn")
        assert standing.standing(one).owed
        world.send(world.meeting("later", start="2026-05-20T09:00:00+08:00"))
    with clock.frozen(NOW + timedelta(days=5 + DAYS)):
        expiring.cut_all()
        expiring.expire_due()
        while log.sequence():
            pass
        made = json.loads(statement.make(world.people[0], FIRST, clock.today()).text())
        yield world, made


def verdict(document: object) -> Verdict:
    key = checkpoint.read_key(log_queries.public_key())
    return verify_statement(json.dumps(document, ensure_ascii=False), key, RECOMPUTING)


@pytest.mark.clause("P-4.4", "P-8.5-e", "P-3.1")
def test_every_kind_of_entry_is_told_and_verifies_offline(
    told: tuple[World, dict[str, Any]], tmp_path: Path
) -> None:
    world, document = told
    kinds = {row["kind"] for row in document["rows"]}
    assert kinds >= {"award", "redeem", "hold", "settle", "release", "transfer", "cancel", "exchange_out", "exchange_in",
                     "adjust", "retire", "reverse", "expire"}  # fmt: skip
    assert any(row["owed_after"] for row in document["rows"]) and document["opening"]["credits"]
    found = verdict(document)
    assert {check.name: check.status.value for check in found.checks} == dict.fromkeys(
        (
            "form",
            "signature",
            "receipts",
            "rows",
            "person",
            "order",
            "running",
            "credits",
            "lots",
            "recomputed",
        ),
        "passed",
    ), found.first_failure or found.checks
    now = queries.balance(world.people[0].pk)
    closing = document["closing"]
    assert (closing["carbon_mg"], closing["credits"], closing["eligible_mg"]) == (
        now.carbon_mg,
        now.credits,
        now.eligible_mg,
    )
    file, key = tmp_path / "statement.json", tmp_path / "log.key"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    key.write_text(log_queries.public_key())
    done = CliRunner().invoke(command.command, [str(file), "--key", str(key)])
    assert done.exit_code == 0 and "Verified." in done.output, done.output
    assert CliRunner().invoke(command.command, [str(file), "--key", str(key), "--json"]).exit_code == 0


def figures(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every figure and text beside the receipts: its place, who holds it, its name."""
    for end in ("opening", "closing"):
        yield from ((f"{end} {name}", document[end], name) for name in document[end] if name != "lots")
        yield from ((f"{end} lots", lot, name) for lot in document[end]["lots"] for name in lot)
    for number, row in enumerate(document["rows"], 1):
        place = f"row {number} (entry {row['entry']}"
        # `entry` is the platform's own number of the row, under which no receipt could be wrong.
        yield from ((place, row, name) for name in row if name not in {"lots", "receipt", "entry"})
        yield from ((place, lot, name) for lot in row["lots"] for name in lot)


def another(value: Any, name: str) -> Any:
    """A value of the same form that is not this one."""
    if name in {"kind", "origin"}:
        return "cancel" if value != "cancel" else "award"
    if isinstance(value, int):
        return value + 1
    if name in {"day", "expires_on"}:
        return "2020-02-29"
    if name in {"at", "occurred_at"} and value:
        return value.replace("2026", "2025")
    return f"{value}x"


@pytest.mark.clause("P-8.5-e")
def test_any_changed_figure_is_found_and_its_row_named(told: tuple[World, dict[str, Any]]) -> None:
    _, document = told
    places = list(figures(document))
    assert len(places) > 400
    # Each kind of figure once on every kind of row; all of them would only take longer.
    tried: set[tuple[str, str, int]] = set()
    for number, (place, holder, name) in enumerate(places):
        sort = (holder.get("kind", place.partition(" (")[0][:4]), name, 0)
        if sort in tried:
            continue
        tried.add(sort)
        changed = deepcopy(document)
        _, target, _ = list(figures(changed))[number]
        target[name] = another(target[name], name)
        failed = verdict(changed).first_failure
        assert failed is not None, f"{place}: {name} may be anything"
        if place.startswith("row") and name != "kind" and "expires_on" not in holder:
            assert place in failed.detail or failed.name == "form", (place, name, failed)
    assert len(tried) > 100


def test_what_is_left_out_added_or_swapped_is_found(told: tuple[World, dict[str, Any]]) -> None:
    world, document = told
    other = json.loads(statement.make(world.people[1], FIRST, clock.today()).text())
    assert verdict(other).ok

    def spoil(change: Any) -> str:
        changed = deepcopy(document)
        change(changed)
        failed = verdict(changed).first_failure
        assert failed is not None
        return failed.name

    assert spoil(lambda d: d["rows"].pop()) == "running"
    assert spoil(lambda d: d["rows"].pop(3)) == "running"
    assert spoil(lambda d: d["rows"].insert(0, d["rows"][0])) == "receipts"
    assert spoil(lambda d: d["rows"].reverse()) == "order"
    assert spoil(lambda d: d["rows"][0].update(receipt=d["rows"][1]["receipt"])) == "receipts"
    assert spoil(lambda d: d["rows"][0].update(receipt=other["rows"][0]["receipt"])) == "rows"
    assert spoil(lambda d: d.update(person=other["person"])) == "person"
    assert (
        spoil(
            lambda d: d.update(checkpoint=d["checkpoint"].replace("\u2014 abate.test", "\u2014 abate.fest"))
        )
        == "signature"
    )
    assert spoil(lambda d: d.update(mg_per_credit=999)) == "credits"
    assert spoil(lambda d: d.update(first="2026-06-03")) == "order"
    assert spoil(lambda d: d.update(last="2026-06-02")) == "order"
    assert spoil(lambda d: d.update(zone="Nowhere/City")) == "form"
    assert spoil(lambda d: d.update(extra=1)) == "form"
    assert (
        spoil(lambda d: d["rows"][0]["receipt"].update(index=0 if d["rows"][0]["receipt"]["index"] else 1))
        == "receipts"
    )


def test_periods_meet_without_a_gap_and_odd_ones_are_refused(told: tuple[World, dict[str, Any]]) -> None:
    world, document = told
    person, cut = world.people[0], NOW.date() + timedelta(days=2)
    before = statement.make(person, FIRST, cut)
    after = statement.make(person, cut + timedelta(days=1), clock.today())
    assert before.closing == after.opening and before.rows and after.rows
    assert [row.entry for row in before.rows + after.rows] == [row["entry"] for row in document["rows"]]
    for part in (before, after):
        assert verdict(part.document()).ok, verdict(part.document()).first_failure
    empty = statement.make(world.people[2], FIRST, min(LAST, clock.today()))
    assert not empty.rows and verdict(empty.document()).ok
    for odd in ((cut, FIRST), (FIRST, clock.today() + timedelta(days=1)), (FIRST - timedelta(days=400), cut)):
        with pytest.raises(statement.PeriodUnfit):
            statement.make(person, *odd)


def test_a_pending_entry_is_told_as_such_and_an_erased_person_opens_nothing(
    told: tuple[World, dict[str, Any]],
) -> None:
    world, _ = told
    person = world.people[0]
    world.send(world.meeting("pending", start="2026-06-02T09:00:00+08:00"))
    found = verdict(statement.make(person, FIRST, clock.today()).document())
    assert found.ok and "pending" in [check.name for check in found.checks]
    log.sequence()
    people.destroy(person)
    person.refresh_from_db()
    closed = statement.make(person, FIRST, clock.today()).document()
    found = verdict(closed)
    assert found.ok, found.first_failure
    status = {check.name: check.status.value for check in found.checks}
    assert status["person"] == status["recomputed"] == "not checked" and status["running"] == "passed"
