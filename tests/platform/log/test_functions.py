"""SQL and Python build the same bytes: leaf, salt, personal parts, commitment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.bookkeeping import leaf

pytestmark = [pytest.mark.platform, pytest.mark.django_db]

BIGINT = st.integers(-(2**63), 2**63 - 1)
DIGEST = st.binary(min_size=32, max_size=32)
MOMENT = st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


def one(query: str, *values: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        value = cursor.fetchone()[0]
    return bytes(value) if isinstance(value, memoryview) else value


LEAF_SQL = "select abate_leaf(%s, %s, %s, %s, %s, %s, %s, %s)"


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-(2**15), 2**15 - 1),
    BIGINT,
    BIGINT,
    MOMENT,
    DIGEST,
    DIGEST,
    DIGEST,
    DIGEST,
    st.binary(max_size=200),
)
def test_leaf_and_its_hash(kind, carbon, credits, at, method, factors, cause, commitment, other) -> None:
    made = leaf.encode(leaf.Leaf(kind, carbon, credits, at, method, factors, cause, commitment))
    assert one(LEAF_SQL, kind, carbon, credits, at, method, factors, cause, commitment) == made
    assert one("select abate_leaf_sm3(%s, null)", made) == made
    if leaf.NOTHING not in (commitment, cause):
        told = leaf.Leaf(kind, carbon, credits, at, method, factors, cause, commitment, cause)
        assert one("select abate_leaf_sm3(%s, %s)", made, cause) == leaf.encode(told)
    assert one("select abate_leaf_hash(%s)", made) == leaf.leaf_hash(made)
    assert one("select abate_leaf_hash(%s)", other) == leaf.leaf_hash(other)


def test_a_moment_is_the_same_in_every_session_zone() -> None:
    at = datetime(2026, 11, 21, 1, 32, 59, 123457, tzinfo=UTC)
    with connection.cursor() as cursor:
        for zone in ("Asia/Shanghai", "America/New_York", "UTC"):
            cursor.execute("select set_config('timezone', %s, true)", [zone])
            shifted = at.astimezone(UTC) + timedelta(0)
            made = leaf.encode(leaf.Leaf(1, 2, 3, at))
            assert one(LEAF_SQL, 1, 2, 3, shifted, *[leaf.NOTHING] * 4) == made


@settings(max_examples=100, deadline=None)
@given(DIGEST, BIGINT)
def test_salt(key, entry) -> None:
    assert one("select abate_salt(%s, %s)", key, entry) == leaf.salt(key, entry)


@settings(max_examples=100, deadline=None)
@given(TEXT, DIGEST)
def test_commitment(personal, salt) -> None:
    call = "select abate_commitment(%s, sha256(convert_to(%s, 'UTF8')))"
    assert one(call, salt, personal) == leaf.commitment(salt, personal)


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, BIGINT)
def test_personal_part_of_a_redemption(person, order, credits) -> None:
    made = leaf.personal_redeem(person, order, credits)
    assert one("select abate_personal_redeem(%s, %s, %s)", person, order, credits) == made


def test_every_character_a_json_string_may_hold_is_written_alike() -> None:
    text = "".join(chr(code) for code in (*range(1, 0xD800), *range(0xE000, 0x11000), 0x1F6B2, 0x10FFFF))
    assert one("select to_json(%s::text)::text", text) == leaf.json_text(text)


def test_functions_are_written_into_the_calling_statement() -> None:
    """A call that stays a call costs an executor of its own for every row of a batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "explain (verbose, costs off) select abate_leaf_hash(abate_leaf_sm3(abate_leaf(1, g, g, now(), z, z,"
            " z, abate_commitment(abate_salt(z, g), sha256(convert_to(abate_personal_redeem('a', 'b', g),"
            " 'UTF8')))), substring(z from g::int * 32 + 1 for 32)))"
            " from generate_series(1::bigint, 3) g, (select sha256('x') z offset 0)"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "abate_" not in plan
