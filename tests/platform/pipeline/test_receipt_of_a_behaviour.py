"""From a partner's event to a receipt that a stranger verifies, every figure recomputed."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from tests.platform.pipeline.world import NOW, World, make_world

from abate.bookkeeping import checkpoint, leaf
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import Verdict, verify_receipt
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock
from abate.platform.ledger import actions as ledger_actions
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions, queries
from abate.platform.people import actions as people
from abate.platform.web import openings, receipts

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def world() -> Any:
    with clock.frozen(NOW):
        yield make_world()


def verified(document: dict[str, object] | None) -> Verdict:
    """As a stranger does it: the file, the key, nothing else."""
    assert document is not None
    key = checkpoint.read_key(queries.public_key())
    return verify_receipt(json.dumps(document, ensure_ascii=False), key, Recomputing())


@pytest.mark.clause("P-3.1", "P-8.5-e")
def test_every_entry_has_a_receipt_that_recomputes(world: World) -> None:
    meetings = [
        world.meeting(f"m-{number}", who=number % 3, start=f"2026-05-{10 + number}T09:00:00+08:00")
        for number in range(9)
    ]
    world.send(*meetings[:5])
    world.send(*meetings[5:])
    rows = [(person, row) for person in world.people for row in ledger.entries(person.pk)]
    assert len(rows) == 9
    assert all(receipts.receipt(person, row) is None for person, row in rows), "pending before it is numbered"
    assert actions.sequence() == 9
    for person, row in rows:
        document = receipts.receipt(person, row)
        verdict = verified(document)
        assert {check.name: check.status.value for check in verdict.checks} == dict.fromkeys(
            ("form", "leaf", "signature", "inclusion", "opening", "facts", "recomputed", "credits"), "passed"
        ) | dict.fromkeys(("rate", "total"), "not checked"), verdict.first_failure
        assert document is not None
        data = b64decode(str(document["leaf"]))
        public = leaf.decode(data)
        assert leaf.leaf_hash(data) == bytes(row.leaf_hash) == queries.leaf_hash(person.pk, row.id)
        assert (public.carbon_mg, public.credits) == (row.carbon_mg, row.credits)
        # The entry itself names methodology version and factors (P-3.1): by hash in the leaf, in words in the opening.
        part = leaf.read_personal(document["opening"]["personal"])
        assert isinstance(part, leaf.AwardPart)
        named = catalogue().methods[part.behaviour][part.version - 1]
        assert (named.id, public.method_hash.hex()) == ("online-meeting", named.hash)
        assert part.factors and public.factors_hash == leaf.text_hash(part.factors)


@pytest.mark.clause("P-8.5-e")
def test_a_redemption_has_a_receipt_too(world: World) -> None:
    person = world.people[0]
    world.send(world.meeting("m-1"))
    with transaction.atomic(), connection.cursor() as cursor:
        spent = ledger_actions.post_redeem(cursor, person.pk, 1, "order-1")
    actions.sequence()
    row = ledger.entry(person.pk, spent.id)
    assert row is not None
    verdict = verified(receipts.receipt(person, row))
    assert verdict.ok, verdict.first_failure
    assert "order order-1: 1 credits spent" in [check.detail for check in verdict.checks]


@pytest.mark.clause("P-8.5-e")
def test_after_erasure_old_receipts_verify_and_new_ones_open_nothing(world: World) -> None:
    person = world.people[0]
    world.send(world.meeting("m-1"))
    actions.sequence()
    (row,) = ledger.entries(person.pk)
    before = receipts.receipt(person, row)
    people.destroy(person)
    person.refresh_from_db()
    after = receipts.receipt(person, row)
    assert after is not None
    assert after["opening"] is None
    assert verified(before).ok
    assert verified(after).ok
    assert not openings.own(person.pk, [row.id])


def test_what_credits_nothing_leaves_no_leaf(world: World) -> None:
    world.send(world.meeting("m-1", participants=1), world.ride("r-1"))
    assert queries.waiting() == 0
    assert actions.sequence() == 0


def test_the_log_is_served(world: World, client: Client) -> None:
    actions.sequence()
    assert client.get("/log/checkpoint").content.decode() == queries.checkpoint()
    world.send(world.meeting("m-1"))
    actions.sequence()
    assert len(client.get("/log/tile/0/000.p/1").content) == 32
    assert client.get("/log/tile/0/000").status_code == 404
    assert client.get("/log/tile/entries/000.p/1").status_code == 401
    assert client.get("/log/key").content.decode().strip() == queries.public_key()
