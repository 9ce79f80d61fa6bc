"""Rows of the transparency log: the queue, the numbered leaves, the tree's tiles and the signed heads."""

from __future__ import annotations

from django.db import models


class Pending(models.Model):
    """A leaf written with its entry, not yet numbered.

    The table has no index and no constraint, so that an award pays for the row alone. The key below is
    Django's way to name a row and exists in no database (the migration makes the table by hand).
    """

    pk = models.CompositePrimaryKey("person_id", "entry_id")
    person_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()
    leaf = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        db_table = "log_pending"


class Leaf(models.Model):
    """A numbered leaf. `idx` runs from 0 without a gap; `hash` is RFC 6962's hash of `leaf`."""

    append_only = True

    idx = models.BigIntegerField(primary_key=True)
    person_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()
    leaf = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        db_table = "log_leaf"
        constraints = [
            # An entry has one place in the log; also the way from an entry to its receipt.
            models.UniqueConstraint(fields=["person_id", "entry_id"], name="log_leaf_entry"),
            models.CheckConstraint(condition=models.Q(idx__gte=0), name="log_leaf_idx"),
        ]


class Tile(models.Model):
    """Up to 256 hashes of one tree level (C2SP tlog-tiles). Only the right edge of a level ever grows."""

    pk = models.CompositePrimaryKey("level", "n")
    level = models.SmallIntegerField()
    n = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        db_table = "log_tile"


class Checkpoint(models.Model):
    """A signed tree head: for each size at most one, for ever."""

    append_only = True

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "log_checkpoint"


class Access(models.Model):
    """A verifier may open the entries `first` to `last` until a moment, for a stated case.

    Rows are added; the only thing that can change is the end of one, once.
    """

    append_only = True
    may_change = ("ended_at",)

    id = models.BigAutoField(primary_key=True)
    # The room of parties comes after this one: its number, without a foreign key.
    party_id = models.IntegerField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    reason = models.TextField()
    given_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "log_access"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first__gte=0, last__gte=models.F("first"), until__gt=models.F("given_at")),
                name="log_access_span",
            )
        ]
        indexes = [models.Index(fields=["party_id", "first"], name="log_access_party")]


class Reading(models.Model):
    """Somebody was shown leaves or openings: written before they leave, in the same transaction or not at all."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    # Null where the operator's own command wrote a file.
    party_id = models.IntegerField(null=True)
    client_id = models.TextField()
    what = models.TextField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    access_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "log_reading"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(what__in=["leaves", "openings"]), name="log_reading_what"
            )
        ]


class Anchor(models.Model):
    """A head that is to be anchored, and since when it is. At most one waits, the one of the largest size."""

    append_only = True
    may_change = ("kept_at",)

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    at = models.DateTimeField()
    kept_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "log_anchor"


class Cosignature(models.Model):
    """A witness's signature line on the head of one size."""

    append_only = True

    pk = models.CompositePrimaryKey("size", "key_id")
    size = models.BigIntegerField()
    key_id = models.BinaryField()
    line = models.TextField()
    at = models.BigIntegerField()

    class Meta:
        db_table = "log_cosignature"
        indexes = [models.Index(fields=["key_id", "size"], name="log_cosignature_last")]
