"""Rows of the ledger: entries that never change, and one balance per person that sums them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Entry(models.Model):
    """One balanced transfer. Amounts are the person's side, signed; the account `counter` has the opposite.

    `carbon_after` and `credits_after` are the person's balances after this entry. Ids of one person ascend in
    booking order: an id is drawn only while the person's balance row is locked.
    """

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "id")
    person_id = models.BigIntegerField()
    id = models.BigIntegerField()
    at = models.DateTimeField()
    carbon_mg = models.BigIntegerField()
    credits = models.BigIntegerField()
    carbon_after = models.BigIntegerField()
    credits_after = models.BigIntegerField()
    cause_party = models.IntegerField(null=True)
    day = models.DateField()
    kind = models.SmallIntegerField()
    counter = models.SmallIntegerField()
    cause = models.TextField(db_collation="C")
    # Null for an award: its leaf follows from the columns below and is put together when the log asks (due.py);
    # `abate_leaf_hash(ledger_leaf(ledger_entry))` is its hash at any time.
    leaf_hash = models.BinaryField(null=True)
    # Of an award only: the quantity it was booked for, in the same row (the view `carbon_quantity` shows it). `carbon_mg`
    # is the amount avoided, `cause` the event's id, `act_day` the day of the act.
    batch_id = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField(null=True)
    be_mg = models.BigIntegerField(null=True)
    pe_mg = models.BigIntegerField(null=True)
    le_mg = models.BigIntegerField(null=True)
    eligible_mg = models.BigIntegerField(null=True)
    place = models.IntegerField(null=True)
    basis_id = models.IntegerField(null=True)
    act_day = models.DateField(null=True)
    record = models.TextField(null=True)
    reason = models.TextField(null=True)
    commitment = models.BinaryField(null=True)

    class Meta:
        db_table = "ledger_entry"
        constraints = [
            # An award has its quantity, and nothing else has one.
            models.CheckConstraint(
                condition=models.Q(kind=1, commitment__isnull=False, record__isnull=False)
                | (~models.Q(kind=1) & models.Q(commitment__isnull=True, leaf_hash__isnull=False)),
                name="ledger_entry_award",
            ),
        ]


class Batch(models.Model):
    """Between which ids the awards of a batch are: the way from a batch and a person to the entry, by its key."""

    append_only = True

    batch_id = models.BigIntegerField(primary_key=True)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()

    class Meta:
        db_table = "ledger_batch"


class Due(models.Model):
    """A batch whose awards have no leaf in the log's queue yet: whose they are, and how many.

    The table has no index and no constraint; the key below is Django's way to name a row and exists in no database.
    """

    batch_id = models.BigIntegerField(primary_key=True)
    entries = models.IntegerField()
    person_ids = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "ledger_due"


class Balance(models.Model):
    """What a person holds. `eligible_mg` is the running total credits are counted from; it never falls."""

    person_id = models.BigIntegerField(primary_key=True)
    carbon_mg = models.BigIntegerField(default=0)
    credits = models.BigIntegerField(default=0)
    eligible_mg = models.BigIntegerField(default=0)
    entries = models.IntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_balance"
        constraints = [
            models.CheckConstraint(condition=models.Q(carbon_mg__gte=0), name="ledger_balance_carbon"),
            models.CheckConstraint(condition=models.Q(credits__gte=0), name="ledger_balance_credits"),
            models.CheckConstraint(condition=models.Q(eligible_mg__gte=0), name="ledger_balance_eligible"),
        ]
