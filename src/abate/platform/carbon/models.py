"""Rows of recognised behaviours: what was computed, from what record, on what basis."""

from __future__ import annotations

from django.db import models


class Basis(models.Model):
    """What a quantity rests on: the methodology version, the figures used, and the setting of that day.

    Few rows, shared by millions of quantities; together with the stored record it recomputes any of them.
    `key` is the SHA-256 over the other columns, so that the same basis is one row.
    """

    append_only = True

    key = models.BinaryField(unique=True)
    behaviour = models.TextField()
    version = models.IntegerField()
    method_hash = models.BinaryField()
    factors = models.TextField()
    factors_hash = models.BinaryField()
    region = models.TextField(null=True)
    grade_floor = models.TextField()
    pack = models.TextField(null=True)
    pack_hash = models.TextField(null=True)
    first_used_at = models.DateTimeField()

    class Meta:
        db_table = "carbon_basis"


class Kept(models.Model):
    """An accepted event that credited nothing, with its record and the reason. Amounts in mg CO2e, null where nothing
    was quantified, or where the record was dropped (`dropped_at`, dropping.py) and they could not be computed again.

    Named by its place in its batch, as in the registry of event ids, which alone knows that an id is unique: a key
    of numbers is half as wide as one with the id. A credited event is one row with its award (`ledger_entry`), which
    saves a second row and a second index; the view `carbon_quantity` shows both, and is what this room reads.
    """

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "batch_id", "place")
    person_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    be_mg = models.BigIntegerField(null=True)
    pe_mg = models.BigIntegerField(null=True)
    le_mg = models.BigIntegerField(null=True)
    er_mg = models.BigIntegerField(null=True)
    party_id = models.IntegerField()
    basis_id = models.IntegerField()
    place = models.IntegerField()
    day = models.DateField()
    outcome = models.SmallIntegerField()
    event_id = models.TextField(db_collation="C")
    record = models.TextField(null=True)
    reason = models.TextField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "carbon_kept"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(record__isnull=False, dropped_at=None)
                | models.Q(
                    record=None, be_mg=None, pe_mg=None, le_mg=None, er_mg=None, dropped_at__isnull=False
                ),
                name="carbon_kept_dropped",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__gte=4, outcome__lte=7), name="carbon_kept_outcome"
            ),
        ]


class Revaluation(models.Model):
    """A proposal that was approved: which quantities it found changed, under what setting, and why people are told so.

    `proposal` is the digest of the changes and of `header`, what else was shown with them (carbon/revaluing.py). Or a rule
    by which quantities gave way to others of the same act (carbon/acts.py): its digest, and what it says.
    """

    append_only = True

    proposal = models.BinaryField(unique=True)
    behaviour = models.TextField()
    from_day = models.DateField()
    to_day = models.DateField()
    header = models.TextField()
    reason_zh = models.TextField()
    reason_en = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "carbon_revaluation"


class Adoption(models.Model):
    """What quantities rest on, put in force by three people. `digest` is the SHA-256 of `document` (basis.present)."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    digest = models.BinaryField(max_length=32)
    document = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "carbon_adoption"


class Revision(models.Model):
    """One event's quantity that a later one stands for: both stay. `seen_*` is its place in the registry of event ids.

    A quantity is superseded once: what stands for an event is the one that no revision names as old.
    """

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "batch_id", "place")
    person_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    old_batch_id = models.BigIntegerField()
    seen_batch_id = models.BigIntegerField()
    revaluation_id = models.BigIntegerField()
    place = models.IntegerField()
    old_place = models.IntegerField()
    seen_place = models.IntegerField()

    class Meta:
        db_table = "carbon_revision"
        constraints = [
            models.UniqueConstraint(
                fields=["person_id", "old_batch_id", "old_place"], name="carbon_revision_once"
            ),
        ]
        indexes = [
            models.Index(fields=["person_id", "seen_batch_id", "seen_place"], name="carbon_revision_seen"),
            models.Index(fields=["revaluation_id"], name="carbon_revision_of"),
        ]


class Act(models.Model):
    """What a credited event takes up of its person's time or things, by one rule of those that see two records to be one
    act (quantify/same_act.py). It counts while the event's award stands; a row of one that was undone bars nothing.

    `key` and `own` are digests: of the name that the rule compares, and of what identifies the record for its party.
    """

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "rule", "ends_at", "party_id", "event_id")
    person_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    party_id = models.IntegerField()
    rule = models.TextField(db_collation="C")
    behaviour = models.TextField(db_collation="C")
    event_id = models.TextField(db_collation="C")
    key = models.BinaryField()
    own = models.BinaryField()

    class Meta:
        db_table = "carbon_act"
