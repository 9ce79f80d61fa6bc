"""Rows of offers and codes. The limits that no race may break are constraints here."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from abate.platform.parties.models import Party
from abate.platform.people.models import Person


class Offer(models.Model):
    """What an acceptor gives for credits. `stock` counts what can still be redeemed."""

    class Kind(models.TextChoices):
        VOUCHER = "voucher"

    id = models.UUIDField(primary_key=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.VOUCHER)
    title_zh = models.CharField(max_length=80)
    title_en = models.CharField(max_length=120)
    detail_zh = models.TextField()
    detail_en = models.TextField()
    price_credits = models.BigIntegerField()
    stock = models.BigIntegerField()
    valid_days = models.IntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    active = models.BooleanField(default=True)
    made_up = models.BooleanField(default=False)

    class Meta:
        db_table = "incentives_offer"
        constraints = [
            models.CheckConstraint(condition=Q(stock__gte=0), name="incentives_offer_stock"),
            models.CheckConstraint(condition=Q(price_credits__gt=0), name="incentives_offer_price"),
            models.CheckConstraint(condition=Q(valid_days__range=(1, 3660)), name="incentives_offer_valid"),
            models.CheckConstraint(condition=Q(to_at__gt=F("from_at")), name="incentives_offer_period"),
        ]


class Code(models.Model):
    """One order of a person and the code it gave. The code itself is readable only with the person's key."""

    append_only = True
    may_change = ("burnt_at", "burnt_by_id", "cancelled_at")

    pk = models.CompositePrimaryKey("person_id", "id")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False, related_name="+")
    # Numbered by the database (the migration makes it an identity).
    id = models.BigIntegerField()
    order_id = models.UUIDField()
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, db_index=False, related_name="+")
    entry_id = models.BigIntegerField()
    code_hmac = models.BinaryField()
    code_enc = models.BinaryField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    burnt_at = models.DateTimeField(null=True)
    burnt_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "incentives_code"
        constraints = [
            # The idempotency key of an order is the person's own: two persons' order ids never meet.
            models.UniqueConstraint(fields=["person", "order_id"], name="incentives_code_order"),
            models.UniqueConstraint(fields=["person", "entry_id"], name="incentives_code_entry"),
            models.CheckConstraint(
                condition=Q(burnt_at=None, burnt_by=None) | Q(burnt_at__isnull=False, burnt_by__isnull=False),
                name="incentives_code_burnt",
            ),
            # One end only: used, or given back.
            models.CheckConstraint(
                condition=Q(burnt_at=None) | Q(cancelled_at=None), name="incentives_code_one_end"
            ),
        ]
        indexes = [
            models.Index(fields=["offer", "burnt_at"], name="incentives_code_today"),
            # The newest of each till; what is not burnt is not in it.
            models.Index(
                fields=["burnt_by", "burnt_at"],
                condition=Q(burnt_by__isnull=False),
                name="incentives_code_by",
            ),
        ]


class CodeKey(models.Model):
    """Registry: to which person's order a code's digest belongs. Unique across people, so no foreign key."""

    append_only = True

    code_hmac = models.BinaryField(primary_key=True, max_length=32)
    person_id = models.BigIntegerField()
    code_id = models.BigIntegerField()

    class Meta:
        db_table = "incentives_codekey"


class WrongCodes(models.Model):
    """How many wrong codes a user of an acceptor has typed since `since`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    since = models.DateTimeField()
    count = models.IntegerField(default=0)

    class Meta:
        db_table = "incentives_wrongcodes"
