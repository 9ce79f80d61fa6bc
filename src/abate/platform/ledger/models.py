"""Rows of the ledger: entries that never change, and one balance per person that sums them."""

from __future__ import annotations

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
    leaf_hash = models.BinaryField()

    class Meta:
        db_table = "ledger_entry"


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
