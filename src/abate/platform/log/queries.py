"""The only way others read the log: its head, its tiles, the receipt of an entry."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from abate.bookkeeping import checkpoint as notes
from abate.bookkeeping import cosignature, merkle
from abate.bookkeeping.receipt import SHIPPED, MethodName, Opening, Receipt, Terms
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.log.errors import NoHead
from abate.platform.log.models import Access, Anchor, Checkpoint, Cosignature, Leaf, Pending, Reading, Tile
from abate.platform.log.sources import SOURCES


def checkpoint() -> str | None:
    """The newest signed tree head as a note, with the cosignatures that are there by now; None before the
    sequencer ran for the first time.
    """
    head = Checkpoint.objects.order_by("-size").values_list("size", "note").first()
    return head and _sealed(*head)


def _sealed(size: int, note: str) -> str:
    lines = Cosignature.objects.filter(size=size).order_by("at", "key_id").values_list("line", flat=True)
    return cosignature.add(note, list(lines))


def size() -> int:
    """How many leaves the newest checkpoint covers."""
    return Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0


def waiting() -> int:
    """How many leaves have no number yet."""
    return Pending.objects.count() + sum(source.waiting() for source in SOURCES)


def public_key() -> str:
    """The log's verifier key string `name+hash+base64`, for `abate verify --key`."""
    ring = keyring()
    return str(notes.key_of(ring.log_origin, ring.log_signing))


def tile(level: int, number: int, width: int = merkle.WIDTH) -> bytes | None:
    """The first `width` hashes of a tile; None where the tree has no such tile yet."""
    found = _hashes(level, number)[: width * merkle.HASH]
    return found if len(found) == width * merkle.HASH else None


def _hashes(level: int, number: int) -> bytes:
    return bytes(Tile.objects.filter(level=level, n=number).values_list("hashes", flat=True).first() or b"")


def leaf_hash(person_id: int, entry_id: int) -> bytes | None:
    """The tree's hash of a numbered entry: the `cause` of an entry that reverses or erases it."""
    found = Leaf.objects.filter(person_id=person_id, entry_id=entry_id).values_list("hash", flat=True).first()
    return None if found is None else bytes(found)


def numbered(person_id: int, entry_ids: Collection[int], size: int | None = None) -> set[int]:
    """Which of a person's entries have their number, and so a receipt; with `size`, one below it."""
    rows = Leaf.objects.filter(person_id=person_id, entry_id__in=entry_ids)
    rows = rows if size is None else rows.filter(idx__lt=size)
    return set(rows.values_list("entry_id", flat=True))


def receipt(
    person_id: int,
    entry_id: int,
    opening: Opening | None = None,
    method: MethodName | None = None,
    terms: Terms | None = None,
    source: Mapping[str, object] | None = None,
    rate: int = SHIPPED,
) -> dict[str, object] | None:
    """The receipt document of an entry (docs/reference/log-format.md), or None while it is pending.

    `opening` is what only later rooms know: the salt and the personal part; without it (an erased person, a
    stranger's proof) the receipt proves the entry and opens nothing. `method` and `terms` tell the
    verifier what to recompute with; they are claims that the leaf and the opening bind. `source`: the mark of its data;
    `rate`: the credits that a kilogram made on the day of the act.
    """
    row = Leaf.objects.filter(person_id=person_id, entry_id=entry_id).values_list("idx", "leaf").first()
    if row is None:
        return None
    index, leaf = row
    head = _head_for(index)
    proof = merkle.inclusion(nodes(), index, head[0])
    made = Receipt(
        keyring().log_origin, index, bytes(leaf), tuple(proof), head[1], opening, method, terms, source, rate
    )
    return made.document()


def receipts(person_id: int, entry_ids: Collection[int]) -> tuple[str, dict[int, Receipt]]:
    """A signed head, and the proofs of a person's entries under it, by entry, nothing opened.

    Entries without a number yet are left out. Raises NoHead before the log's first head.
    """
    rows = Leaf.objects.filter(person_id=person_id, entry_id__in=entry_ids)
    found = list(rows.values_list("entry_id", "idx", "leaf"))
    if not Checkpoint.objects.exists():
        raise NoHead
    size, note = _head_for(max((index for _, index, _ in found), default=0))
    origin, tree = keyring().log_origin, nodes()
    return note, {
        entry_id: Receipt(origin, index, bytes(leaf), tuple(merkle.inclusion(tree, index, size)), note)
        for entry_id, index, leaf in found
    }


def bundle(number: int, width: int = merkle.WIDTH) -> bytes | None:
    """The first `width` leaves of a tile, each after its length as two bytes; None where there are not so many.

    Leaves hold amounts and times of single persons' entries: for those who may see these, never for the public.
    """
    leaves = _leaves(number, width)
    return _joined(leaves) if len(leaves) == width else None


def bundle_as_found(number: int, width: int) -> bytes:
    """The same, with whatever leaves are there."""
    return _joined(_leaves(number, width))


def _leaves(number: int, width: int) -> list[bytes]:
    first = number * merkle.WIDTH
    rows = Leaf.objects.filter(idx__gte=first, idx__lt=first + width).order_by("idx")
    return [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)]


def _joined(leaves: list[bytes]) -> bytes:
    return b"".join(len(leaf).to_bytes(2) + leaf for leaf in leaves)


def nodes() -> merkle.Nodes:
    """The stored tree."""
    return merkle.from_tiles(_hashes)


def checkpoint_of(size: int) -> str | None:
    """The signed tree head of exactly this size with its cosignatures, if there was one."""
    note = Checkpoint.objects.filter(size=size).values_list("note", flat=True).first()
    return note and _sealed(size, note)


def cosigned_by(size: int) -> set[bytes]:
    """Key ids of the witnesses that cosigned the head of this size."""
    return {bytes(one) for one in Cosignature.objects.filter(size=size).values_list("key_id", flat=True)}


def last_cosigned(key_id: bytes) -> int:
    """The size of the newest head that this witness cosigned, 0 where none."""
    found = Cosignature.objects.filter(key_id=key_id).order_by("-size").values_list("size", flat=True).first()
    return found or 0


def _head_for(index: int) -> tuple[int, str]:
    """The newest head with a cosignature, where it covers leaf `index`; else the newest."""
    seal = Cosignature.objects.filter(size__gt=index).order_by("-size").values_list("size", flat=True).first()
    wanted = Checkpoint.objects.filter(size=seal) if seal else Checkpoint.objects.order_by("-size")
    # A leaf is stored with a checkpoint that covers it, in one transaction: the newest one does, then.
    size, note = wanted.values_list("size", "note")[0]
    return size, _sealed(size, note)


def anchors() -> list[Anchor]:
    """Every anchor, the oldest first; one that is not kept yet waits."""
    return list(Anchor.objects.order_by("size"))


def anchor_late(every: int) -> float:
    """Seconds by which anchoring is behind: since when one waits, or since when one should have been chosen; else 0."""
    now, last = clock.now(), Anchor.objects.order_by("-size").first()
    if last is not None and last.kept_at is None:
        return (now - last.at).total_seconds()
    grown = Checkpoint.objects.filter(size__gt=last.size if last else 0).order_by("size")
    since = grown.values_list("at", flat=True).first()
    if since is None:
        return 0.0
    due = max(since, last.at + timedelta(seconds=every)) if last else since
    return max(0.0, (now - due).total_seconds())


def access_to(party_id: int, index: int) -> int | None:
    """The number of an access by which this verifier may open entry `index` now."""
    now = clock.now()
    live = Access.objects.filter(
        party_id=party_id, first__lte=index, last__gte=index, given_at__lte=now, until__gt=now, ended_at=None
    )
    return live.order_by("id").values_list("id", flat=True).first()


def accesses() -> list[Access]:
    """Every access that was ever given, the newest first."""
    return list(Access.objects.order_by("-id"))


def readings(limit: int = 1000) -> list[Reading]:
    """Who was shown what, the newest first."""
    return list(Reading.objects.order_by("-id")[:limit])


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """Somebody was shown `leaves` leaves of one person's: a party, or with None the operator."""

    id: int
    at: datetime
    party_id: int | None
    what: str
    leaves: int


_READINGS_OF = (
    "from log_reading reading join log_leaf leaf on leaf.person_id = %s and leaf.idx between reading.first and reading.last"
    " where (%s::bigint is null or reading.id < %s)"
)


def readings_of(person_id: int, before: int | None = None, limit: int | None = None) -> list[ReadingRow]:
    """Who was shown leaves of this person's, the newest first; without `limit` every time. (P-8.4-b)"""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select reading.id, reading.at, reading.party_id, reading.what, count(*) {_READINGS_OF}"
            " group by reading.id order by reading.id desc limit %s",
            [person_id, before, before, limit],
        )
        return [ReadingRow(*row) for row in cursor.fetchall()]


def times_read(person_id: int, before: int) -> int:
    """How many of readings_of are older than the reading `before`."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(distinct reading.id) {_READINGS_OF}", [person_id, before, before])
        return int(cursor.fetchone()[0])


def waiting_since() -> datetime | None:
    """Since when the oldest entry waits for its number, as its room tells; None where none waits."""
    found = [at for source in SOURCES if (at := source.since()) is not None]
    return min(found, default=None)


def uncosigned_since(key_id: bytes) -> datetime | None:
    """When the first head was signed that this witness has neither cosigned nor passed; None where there is none."""
    later = Checkpoint.objects.filter(size__gt=last_cosigned(key_id)).order_by("size")
    return later.values_list("at", flat=True).first()
