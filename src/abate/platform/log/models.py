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
