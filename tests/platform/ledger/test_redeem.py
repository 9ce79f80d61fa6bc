"""Spending: one lock, one entry, one leaf; never more than there is."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Counter, Kind
from abate.platform.doors import clock
from abate.platform.ledger import actions, queries
from abate.platform.ledger.errors import InsufficientCredits, NotAnAmount

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
KEY = bytes(range(32))


@pytest.fixture
def person() -> int:
    with connection.cursor() as cursor:
        now = clock.now()
        cursor.execute(
            "insert into review_user (password, handle, kind, is_active, made_up, created_at)"
            " values ('', 'handle', 'person', true, true, %s) returning id",
            [now],
        )
        (user,) = cursor.fetchone()
        cursor.execute(
            "insert into people_person (user_id, pseudonym, commit_key, wrapped_key, identity_enc,"
            " contact_enc, notice_version, made_up, created_at, status)"
            " values (%s, 'pseudonym', %s, %s, '', '', '1', true, %s, 'active') returning id",
            [user, KEY, KEY, now],
        )
        (person_id,) = cursor.fetchone()
    actions.adjust(int(person_id), 10, "opening")
    return int(person_id)


def test_a_redemption_is_one_balanced_entry_with_its_leaf(person: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        entry = actions.post_redeem(cursor, person, 4, "order-1")
    assert (entry.kind, entry.carbon_mg, entry.credits, entry.credits_after) == (Kind.REDEEM, 0, -4, 6)
    assert entry.counter == Counter.CANCELLATION
    assert queries.balance(person) == queries.Balance(0, 6, 0, 0)
    assert queries.entry(person, entry.id) == entry and queries.entries(person)[0] == entry
    personal = leaf.personal_redeem("pseudonym", "order-1", 4)
    expected = leaf.encode(
        leaf.Leaf(
            kind=Kind.REDEEM,
            carbon_mg=0,
            credits=-4,
            at=entry.at,
            cause=leaf.text_hash("order-1"),
            commitment=leaf.commitment(leaf.salt(KEY, entry.id), personal),
        )
    )
    with connection.cursor() as cursor:
        cursor.execute("select entry_id, leaf, hash from log_pending where entry_id = %s", [entry.id])
        ((entry_id, data, digest),) = cursor.fetchall()
    assert (entry_id, bytes(data), bytes(digest)) == (entry.id, expected, leaf.leaf_hash(expected))
    assert entry.leaf_hash == leaf.leaf_hash(expected)


@pytest.mark.parametrize("credits", [11, 10**12])
def test_more_than_there_is_changes_nothing(person: int, credits: int) -> None:
    with pytest.raises(InsufficientCredits), transaction.atomic(), connection.cursor() as cursor:
        actions.post_redeem(cursor, person, credits, "order-1")
    assert queries.balance(person).credits == 10 and len(queries.entries(person)) == 1


@pytest.mark.parametrize("credits", [0, -3])
def test_nothing_or_less_is_no_redemption(person: int, credits: int) -> None:
    with pytest.raises(NotAnAmount), connection.cursor() as cursor:
        actions.post_redeem(cursor, person, credits, "order-1")
    assert queries.balance(person).credits == 10
