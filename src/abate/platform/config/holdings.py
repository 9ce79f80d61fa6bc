"""What an upgrade must leave as it was: totals of every asset, every balance and entry, and the log.

By statements that name only columns there since the first schema, so that they read an older one and a newer one alike.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import connection

from abate.bookkeeping import merkle
from abate.platform.log import queries as log

# A sum of 64-bit digests does not depend on the order of rows, and is the same in every partition.
_PEOPLE = """
select coalesce(sum(carbon_mg), 0), coalesce(sum(credits), 0), count(*),
       coalesce(sum(hashtextextended(concat_ws(':', person_id, carbon_mg, credits, eligible_mg), 0)::numeric), 0)
from ledger_balance"""
_ENTRIES = """
select coalesce(sum(carbon_mg), 0), coalesce(sum(credits), 0), count(*),
       coalesce(sum(hashtextextended(concat_ws(':', person_id, id, kind, carbon_mg, credits), 0)::numeric), 0)
from ledger_entry"""
_EVENTS = """
select count(*), coalesce(sum(hashtextextended(concat_ws(':', party_id, event_id), 0)::numeric), 0) from events_seen"""
_LEAVES = "select count(*), coalesce(sum(hashtextextended(encode(hash, 'hex'), 0)::numeric), 0) from log_leaf"
_HEAD = "select size, encode(root, 'hex') from log_checkpoint order by size desc limit 1"


@dataclass(frozen=True, slots=True)
class Holdings:
    """Sums per asset in milligrams and credits, numbers of rows, digests of them, and the newest signed head."""

    people_mg: int
    people_credits: int
    people: int
    people_digest: str
    entries_mg: int
    entries_credits: int
    entries: int
    entries_digest: str
    events: int
    events_digest: str
    leaves: int
    leaves_digest: str
    head_size: int
    head_root: str

    def document(self) -> dict[str, object]:
        return asdict(self)


def look() -> Holdings:
    """The books as they are, in one look at each table. Raises DatabaseError where a table is not there."""
    with connection.cursor() as cursor:
        found: list[object] = []
        for statement in (_PEOPLE, _ENTRIES, _EVENTS, _LEAVES):
            cursor.execute(statement)
            *numbers, digest = cursor.fetchone()
            found += [*(int(number) for number in numbers), str(digest)]
        cursor.execute(_HEAD)
        size, root = cursor.fetchone() or (0, "")
    return Holdings(*found, int(size), root)  # type: ignore[arg-type]


def apart(before: Holdings, after: Holdings) -> list[str]:
    """What is not as it was, in words; and whether the log's stored tree still gives the remembered head."""
    old, new = before.document(), after.document()
    told = [f"{name}: {old[name]} -> {new[name]}" for name in old if old[name] != new[name]]
    if before.head_size and merkle.root(log.nodes(), before.head_size).hex() != before.head_root:
        told.append(f"the tree no longer gives the head of {before.head_size} leaves that was signed")
    return told
