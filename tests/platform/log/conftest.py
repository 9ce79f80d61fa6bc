"""Leaves put into the queue as the pipeline puts them there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

COMMIT_KEY = bytes(range(32))
AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

FILL = """
with made as (
    select id, abate_leaf(1, 1000 + id, 1, %(at)s, sha256('m'), sha256('f-1'), sha256('batch'),
        abate_commitment(abate_salt(%(key)s, id), sha256(convert_to(
            '{"subject":"p-' || %(person)s || '","party":"party","event":"e-' || id || '","behaviour":"walking",'
            || '"occurred_at":"2026-11-21T01:00:00.000000Z","record":{"trip_id":"t' || id || '"},"er_mg":'
            || 1000 + id || ',"version":1,"factors":"f-1"}', 'UTF8')))) as leaf
    from generate_series(%(first)s::bigint, %(last)s::bigint) as id
)
insert into log_pending (person_id, entry_id, leaf, hash)
select %(person)s, id, leaf, abate_leaf_hash(leaf) from made
"""


def queue(first: int, last: int, *, person: int = 7) -> None:
    """Entries `first` to `last` of one person: awards of 1000 + id milligrams."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"at": AT, "key": COMMIT_KEY, "person": person, "first": first, "last": last})


@pytest.fixture
def fill() -> Callable[..., None]:
    return queue
