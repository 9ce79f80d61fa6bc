"""Rows of the ledger: entries that never change, and one balance per person that sums them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F


class Entry(models.Model):
    """One balanced transfer. Amounts are the person's side, signed; the account `counter` has the opposite.

    `carbon_after` and `credits_after` are the person's balances after this entry. Ids of one person ascend in
    booking order: an id is drawn only while the person's balance row is locked.
    """

    append_only = True
    by_month = True
    stays = (
        "every balance, statement, system account and reconciliation is a sum from the first entry on, and a receipt's "
        "opening is made from its entry"
    )

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
    # The SM3 commitment of an entry that is no award and whose leaf has format 2; an award's stands with its batch.
    sm3 = models.BinaryField(null=True)

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
    # Where leaves have format 2: the SM3 commitments of the awards, 32 bytes for each place of the batch.
    sm3 = models.BinaryField(null=True)

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
    """What a person holds. `eligible_mg` is the running total that earns credits, `earned` what it earned at the rates of
    its days, in millionths of a credit: credits are counted from it.

    `held` of the credits are set aside. `owed` is what reversals took beyond what was there: earnings settle it when
    they are cut into lots, and until then `credits` may be as far below zero. `lotted_id` is the newest entry whose
    credits are in lots. Whatever the program does, the last constraint refuses a spend of what is not there.
    """

    person_id = models.BigIntegerField(primary_key=True)
    carbon_mg = models.BigIntegerField(default=0)
    credits = models.BigIntegerField(default=0)
    eligible_mg = models.BigIntegerField(default=0)
    earned = models.BigIntegerField(db_default=0)
    held = models.BigIntegerField(db_default=0)
    owed = models.BigIntegerField(db_default=0)
    lotted_id = models.BigIntegerField(db_default=0)
    entries = models.IntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_balance"
        constraints = [
            models.CheckConstraint(condition=models.Q(carbon_mg__gte=0), name="ledger_balance_carbon"),
            models.CheckConstraint(condition=models.Q(eligible_mg__gte=0), name="ledger_balance_eligible"),
            models.CheckConstraint(condition=models.Q(earned__gte=0), name="ledger_balance_earned"),
            models.CheckConstraint(
                condition=models.Q(held__gte=0, owed__gte=0, held__lte=F("credits") + F("owed")),
                name="ledger_balance_credits",
            ),
        ]


class Lot(models.Model):
    """Credits of one person that expire on one day, came on one day, in one way (`origin`, a code of Kind).

    Spendable before `expires_on`, whether or not the job has run; 9999-12-31 never comes.
    """

    pk = models.CompositePrimaryKey("person_id", "expires_on", "day", "origin")
    person_id = models.BigIntegerField()
    expires_on = models.DateField()
    day = models.DateField()
    origin = models.SmallIntegerField()
    credits_in = models.BigIntegerField()
    left_credits = models.BigIntegerField()

    class Meta:
        db_table = "ledger_lot"
        indexes = [
            models.Index(
                fields=["expires_on", "person_id"],
                condition=models.Q(left_credits__gt=0),
                name="ledger_lot_expiry",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(left_credits__gte=0, left_credits__lte=F("credits_in")),
                name="ledger_lot_left",
            ),
        ]


class Draw(models.Model):
    """By how much an entry changed a lot; what an award brought is not repeated here."""

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "id")
    person_id = models.BigIntegerField()
    # Numbered by the database (the migration makes it an identity).
    id = models.BigIntegerField()
    entry_id = models.BigIntegerField()
    credits = models.BigIntegerField()
    expires_on = models.DateField()
    day = models.DateField()
    origin = models.SmallIntegerField()

    class Meta:
        db_table = "ledger_draw"
        indexes = [models.Index(fields=["person_id", "entry_id"], name="ledger_draw_entry")]
        constraints = [models.CheckConstraint(condition=~models.Q(credits=0), name="ledger_draw_moves")]


class Hold(models.Model):
    """Credits set aside by an entry of kind hold until `expires_at`. It ends once: settled, released or lapsed."""

    OPEN, SETTLED, RELEASED, LAPSED = range(1, 5)
    append_only = True
    may_change = ("ended_at", "end_entry_id", "state")

    pk = models.CompositePrimaryKey("person_id", "entry_id")
    person_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()
    credits = models.BigIntegerField()
    at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_entry_id = models.BigIntegerField(null=True)
    state = models.SmallIntegerField(default=OPEN)

    class Meta:
        db_table = "ledger_hold"
        indexes = [
            models.Index(
                fields=["expires_at", "person_id"], condition=models.Q(state=1), name="ledger_hold_expiry"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state=1, ended_at=None, end_entry_id=None)
                | models.Q(state__in=[2, 3, 4], ended_at__isnull=False, end_entry_id__isnull=False),
                name="ledger_hold_ended",
            ),
            models.CheckConstraint(condition=models.Q(credits__gt=0), name="ledger_hold_credits"),
        ]


class Order(models.Model):
    """Registry: an order id of a person stands for one movement; the digest says which."""

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "order_id")
    person_id = models.BigIntegerField()
    order_id = models.TextField(db_collation="C")
    entry_id = models.BigIntegerField()
    digest = models.BinaryField()

    class Meta:
        db_table = "ledger_order"


class Reversal(models.Model):
    """An entry that was undone, and by which. The key admits one reversal of an entry."""

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "entry_id")
    person_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()
    reverse_id = models.BigIntegerField()
    eligible_mg = models.BigIntegerField()
    kind = models.SmallIntegerField()

    class Meta:
        db_table = "ledger_reversal"


class ClosedDay(models.Model):
    """Days up to this one are closed: what is booked later carries a later day."""

    append_only = True

    day = models.DateField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_closed_day"


class Close(models.Model):
    """One account and asset over a closed day or month: opening carried over, movements, closing."""

    append_only = True

    pk = models.CompositePrimaryKey("period", "first_day", "account", "asset")
    period = models.TextField()
    first_day = models.DateField()
    last_day = models.DateField()
    account = models.TextField()
    asset = models.TextField()
    opening = models.DecimalField(max_digits=38, decimal_places=0)
    came_in = models.DecimalField(max_digits=38, decimal_places=0)
    went_out = models.DecimalField(max_digits=38, decimal_places=0)
    closing = models.DecimalField(max_digits=38, decimal_places=0)
    entries = models.BigIntegerField()
    tree_size = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_close"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    closing=F("opening") + F("came_in") - F("went_out"), came_in__gte=0, went_out__gte=0
                ),
                name="ledger_close_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(period__in=["day", "month"]), name="ledger_close_period"
            ),
        ]


class Duty(models.Model):
    """Records of acts of a behaviour from `first_day` to `last_day` are kept up to and including `keep_until`, whoever leaves.

    Such as a crediting period whose reductions are still to be verified; `ground` says by what rule, in both languages.
    """

    append_only = True

    behaviour = models.TextField()
    first_day = models.DateField()
    last_day = models.DateField()
    keep_until = models.DateField()
    ground_zh = models.TextField()
    ground_en = models.TextField()

    class Meta:
        db_table = "ledger_duty"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first_day__lte=F("last_day"), last_day__lte=F("keep_until")),
                name="ledger_duty_days",
            ),
            models.UniqueConstraint(
                fields=["behaviour", "first_day", "last_day", "keep_until"], name="ledger_duty_once"
            ),
        ]
