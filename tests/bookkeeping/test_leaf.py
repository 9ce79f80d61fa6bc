"""The leaf's bytes, one by one, and what is refused as a leaf or as a personal part."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.bookkeeping import leaf
from abate.bookkeeping.leaf import Leaf, LeafError

AT = datetime(2026, 11, 21, 1, 32, 59, 123456, tzinfo=UTC)
RECORD = '{"trip_id":"t1","distance_km":"1.25"}'
AWARD = leaf.personal_award("p1", "metro-card", "e-1", "walking", AT, RECORD, 250_000, 1, "factor-a;factor-b")


def test_the_layout_byte_by_byte() -> None:
    digests = [bytes([number]) * 32 for number in (1, 2, 3, 4)]
    data = leaf.encode(Leaf(1, 250_000, -7, AT, *digests))
    assert len(data) == leaf.SIZE == 155
    assert data[:27].hex(" ", 1) == " ".join(
        [
            "01",
            "00 01",
            "00 00 00 00 00 03 d0 90",
            "ff ff ff ff ff ff ff f9",
            (1_795_224_779_123_456).to_bytes(8).hex(" "),
        ]
    )
    assert data[27:] == b"".join(digests)
    assert leaf.leaf_hash(data) == hashlib.sha256(b"\x00" + data).digest()


BIGINT = st.integers(-(2**63), 2**63 - 1)
DIGEST = st.binary(min_size=32, max_size=32)


@given(
    st.builds(
        Leaf,
        st.integers(-(2**15), 2**15 - 1),
        BIGINT,
        BIGINT,
        st.datetimes(timezones=st.just(UTC)),
        DIGEST,
        DIGEST,
        DIGEST,
        DIGEST,
    )
)
def test_there_and_back(value: Leaf) -> None:
    assert leaf.decode(leaf.encode(value)) == value


def test_a_moment_counts_whatever_its_offset() -> None:
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))
    assert leaf.encode(Leaf(1, 1, 0, shanghai)) == leaf.encode(Leaf(1, 1, 0, AT))
    assert leaf.time_text(shanghai) == "2026-11-21T01:32:59.123456Z"


GOOD = leaf.encode(Leaf(1, 1, 0, AT))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "leaf-length"),
        (GOOD[:-1], "leaf-length"),
        (GOOD + b"\x00", "leaf-length"),
        (b"\x00" + GOOD[1:], "leaf-version"),
        (b"\x02" + GOOD[1:], "leaf-length"),
        (b"\x03" + GOOD[1:], "leaf-version"),
        (GOOD[:19] + (2**63 - 1).to_bytes(8) + GOOD[27:], "leaf-time"),
    ],
)
def test_what_is_no_leaf(data: bytes, code: str) -> None:
    with pytest.raises(LeafError) as seen:
        leaf.decode(data)
    assert seen.value.code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (Leaf(2**15, 0, 0, AT), "out-of-range"),
        (Leaf(1, 2**63, 0, AT), "out-of-range"),
        (Leaf(1, 0, -(2**63) - 1, AT), "out-of-range"),
        (Leaf(1, 0, 0, AT.replace(tzinfo=None)), "naive-time"),
        (Leaf(1, 0, 0, AT, method_hash=b"short"), "digest-length"),
        (Leaf(1, 0, 0, AT, commitment=bytes(33)), "digest-length"),
    ],
)
def test_what_fits_no_leaf(value: Leaf, code: str) -> None:
    with pytest.raises(LeafError) as seen:
        leaf.encode(value)
    assert seen.value.code == code


def test_the_personal_part_of_an_award_is_what_the_recipe_says() -> None:
    assert AWARD == (
        '{"subject":"p1","party":"metro-card","event":"e-1","behaviour":"walking",'
        '"occurred_at":"2026-11-21T01:32:59.123456Z","record":{"trip_id":"t1","distance_km":"1.25"},'
        '"er_mg":250000,"version":1,"factors":"factor-a;factor-b"}'
    )
    part = leaf.read_personal(AWARD)
    assert isinstance(part, leaf.AwardPart)
    assert (part.record, part.er_mg, part.version, part.factors) == (RECORD, 250_000, 1, "factor-a;factor-b")


def test_the_personal_part_of_a_redemption() -> None:
    text = leaf.personal_redeem("p1", "order-1", 20)
    assert text == '{"person":"p1","order":"order-1","credits":20}'
    assert leaf.read_personal(text) == leaf.RedeemPart("p1", "order-1", 20)


@given(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
)
def test_any_text_comes_back_from_a_personal_part(name: str, value: str) -> None:
    record = "{" + leaf.json_text(name) + ":" + leaf.json_text(value) + "}"
    part = leaf.read_personal(leaf.personal_award(name, value, "e", "b", AT, record, -1, 1, value))
    assert isinstance(part, leaf.AwardPart)
    assert (part.subject, part.party, part.record) == (name, value, record)
    assert json.loads(part.record) == {name: value}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        AWARD + " ",
        AWARD.replace(":1,", ": 1,"),
        AWARD.replace("250000", "250000.0"),
        AWARD.replace("250000", '"250000"'),
        AWARD.replace("250000", "2.5e5"),
        AWARD.replace('"p1"', "1"),
        AWARD.replace('"p1"', '"\\u0070\\u0031"'),
        AWARD.replace('"subject":"p1",', ""),
        AWARD.replace('"subject":"p1",', '"subject":"p2","subject":"p1",'),
        AWARD.replace('"trip_id":"t1"', '"trip_id":"t1","trip_id":"t2"'),
        AWARD.replace(RECORD, '"text"'),
        AWARD.replace(RECORD, " " + RECORD + ',"x":1'),
        AWARD.replace('"version":1', '"version":true'),
        AWARD[:-1] + ',"more":1}',
        "[" * 100_000,
    ],
)
def test_what_is_no_personal_part(text: str) -> None:
    with pytest.raises(LeafError) as seen:
        leaf.read_personal(text)
    assert seen.value.code in {"personal-json", "personal-form"}


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff"])
def test_text_that_postgresql_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(LeafError, match=r"U\+0000"):
        leaf.json_text(text)


def test_salt_and_commitment() -> None:
    key = bytes(range(32))
    salt = leaf.salt(key, 77)
    assert salt == hashlib.sha256(key + b"abate-salt-1" + (77).to_bytes(8)).digest()
    assert salt != leaf.salt(key, 78)
    assert (
        leaf.commitment(salt, AWARD)
        == hashlib.sha256(salt + hashlib.sha256(AWARD.encode()).digest()).digest()
    )
    with pytest.raises(LeafError, match="32 bytes"):
        leaf.salt(b"short", 77)
