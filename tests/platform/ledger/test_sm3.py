"""Leaves of format 2, with SM3, beside those of format 1: written, proved, opened, exported and erased like them."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from tests.platform.ledger.test_erasing import handed_out, is_even, key
from tests.platform.pipeline.world import NOW, World

from abate.bookkeeping import leaf, sm2
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import Verdict, verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import actions, erasing, expiring, holds
from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.log.models import Leaf
from abate.platform.web import openings

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(expiring_room: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A batch and a redemption from before the switch, then entries of many kinds with it on."""
    ring = replace(keyring(), log_sm2=b"".join(sm2.new_key()))
    monkeypatch.setattr(log, "keyring", lambda: ring)
    made, one, two = expiring_room, expiring_room.people[0].pk, expiring_room.people[1].pk
    with clock.frozen(NOW):
        made.send(*[made.meeting(f"m-{n}", n % 3, f"2026-05-{10 + n}T09:00:00+08:00") for n in range(6)])
        redeem(one, "order-1")
        settings.ABATE_LOG_SM = True
        # A batch of which one event is refused, one was sent before and one credits nothing.
        made.send(
            made.meeting("short", duration_min=30),
            made.meeting("m-0", 0, "2026-05-10T09:00:00+08:00"),
            *[made.ride(f"r-{n}", n % 3) for n in range(4)],
            made.ride("nobody") | {"subject": "a" * 32},
        )
        redeem(one, "order-2")
        actions.adjust(two, 50, "gift"), actions.transfer(one, two, 4, "t")
        held = holds.hold(one, 2, "s", NOW + timedelta(days=2))
        holds.hold(one, 3, "lapses", NOW + timedelta(hours=1))
        holds.settle(one, held.id, "paid")
    with clock.frozen(NOW + timedelta(days=6)):
        expiring.cut_all(), holds.lapse_overdue(), expiring.expire_due()
        log.sequence()
        yield made


def redeem(person: int, order: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        actions.post_redeem(cursor, person, 1, order)


def leaves() -> list[leaf.Leaf]:
    return [leaf.decode(bytes(one)) for one in Leaf.objects.order_by("idx").values_list("leaf", flat=True)]


def verdict_of(folder: Path) -> Verdict:
    export.write_files(folder, entries=True)
    lines = [one.line() + "\n" for one in openings.openings(0, len(leaves()) - 1)]
    return verify_log(
        lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None,
        key(),
        openings=lines,
        recompute=RecomputingAll(),
    )


def test_both_formats_stand_in_one_log(world: World, tmp_path: Path) -> None:
    formats = Counter((Kind(one.kind).name, one.sm3 is not None) for one in leaves())
    assert formats[("AWARD", False)] == 6 and formats[("AWARD", True)] == 4
    assert formats[("REDEEM", False)] == formats[("REDEEM", True)] == 1
    assert {name for name, sm3 in formats if sm3} >= {
        "HOLD",
        "SETTLE",
        "RELEASE",
        "TRANSFER",
        "EXPIRE",
        "ADJUST",
    }
    assert len({one.sm3 for one in leaves() if one.sm3}) == sum(n for (_, sm3), n in formats.items() if sm3)
    assert is_even()
    verdict = verdict_of(tmp_path)
    assert {check.status.value for check in verdict.checks} == {"passed"}, verdict.document()


def test_a_receipt_opens_by_the_national_digest_alone(world: World) -> None:
    """What an auditor does who uses SM3 and no SHA-256, with the receipt's own members."""
    seen = 0
    for text in handed_out(world):
        given = json.loads(text)
        data = b64decode(given["leaf"])
        verdict = verify_receipt(text, key(), Recomputing())
        assert verdict.ok, verdict.first_failure
        if data[0] == leaf.WITH_SM3:
            part = hashlib.new("sm3", given["opening"]["personal"].encode()).digest()
            made = hashlib.new("sm3", b64decode(given["opening"]["salt"]) + part).digest()
            assert made == data[155:]
            seen += 1
    assert seen > 10


def test_erasing_closes_format_2_like_format_1(world: World, tmp_path: Path) -> None:
    before = handed_out(world)
    erased = erasing.erase(world.people[0])
    log.sequence()
    assert erased == sum(one.kind == Kind.ERASED for one in leaves()) > 5
    assert all(one.sm3 is None for one in leaves() if one.kind == Kind.ERASED)
    assert all(verify_receipt(text, key(), Recomputing()).ok for text in before)
    verdict = verdict_of(tmp_path)
    assert verdict.ok and is_even(), verdict.document()


def test_awards_erased_before_they_are_numbered_are_named_by_their_leaves(world: World) -> None:
    """The leaf of a waiting award is put together by its hash when it is erased, and again when it is numbered."""
    world.send(world.ride("late", 1))
    erasing.erase(world.people[1])
    log.sequence()
    numbered = {leaf.leaf_hash(bytes(one)) for one in Leaf.objects.values_list("leaf", flat=True)}
    assert all(one.cause in numbered for one in leaves() if one.kind == Kind.ERASED)
    assert is_even()


def test_a_wrong_sm3_in_a_numbered_leaf_is_named(world: World, tmp_path: Path) -> None:
    world.send(world.ride("late", 1))
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger_batch set sm3 = set_byte(sm3, 0, 255 - get_byte(sm3, 0))"
            " where batch_id = (select max(batch_id) from ledger_due)"
        )
        assert cursor.rowcount == 1
    log.sequence()
    verdict = verdict_of(tmp_path)
    assert verdict.first_failure is not None and verdict.first_failure.name == "openings"
    assert "by SM3" in verdict.first_failure.detail


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_batch set sm3 = set_byte(sm3, 64, 255 - get_byte(sm3, 64)) where sm3 is not null",
        "update ledger_batch set sm3 = null where sm3 is not null",
        "update ledger_entry set sm3 = null where kind = 7",
    ],
)
def test_an_sm3_changed_after_it_was_numbered_is_found_by_the_books(world: World, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0
    assert not is_even()


def test_a_leaf_of_format_2_read_strictly() -> None:
    good = leaf.encode(leaf.Leaf(1, 1, 0, NOW, commitment=b"c" * 32, sm3=b"s" * 32))
    assert len(good) == leaf.SIZE_WITH_SM3 and leaf.encode(leaf.decode(good)) == good
    bad = {
        good[:-1]: "leaf-length",
        good[:155]: "leaf-length",
        b"\x01" + good[1:]: "leaf-length",
        b"\x03" + good[1:]: "leaf-version",
        good[:155] + bytes(32): "leaf-sm3",
        good[:123] + bytes(32) + good[155:]: "leaf-sm3",
    }
    for data, code in bad.items():
        with pytest.raises(leaf.LeafError) as seen:
            leaf.decode(data)
        assert seen.value.code == code
