"""Rows of the credit rules: what a credit is worth, caps as data, and the balances of caps."""

from __future__ import annotations

from django.db import models

from abate.platform.people.models import Person

EXPIRY_DAYS, EXPIRY_YEARS, CLAIM_DAYS = (1, 36600), (0, 100), (1, 3660)
"""From and to: what a rule may say of each."""


class Rule(models.Model):
    """Of an act of `from_day` or later every kilogram of eligible CO2e makes `credits_per_kg` credits (decision 45).

    Credits booked under the rule expire `expiry_days` days later, or with the end of the `expiry_years`-th
    following year, or never. With `claim_days`, what is booked under it waits to be collected: by its person, before so
    many days are over, and it expires from that day on; what is not collected lapses.
    """

    append_only = True

    from_day = models.DateField(unique=True)
    credits_per_kg = models.IntegerField()
    expiry_days = models.IntegerField(null=True)
    expiry_years = models.IntegerField(null=True)
    claim_days = models.IntegerField(null=True)
    title_zh = models.TextField()
    title_en = models.TextField()

    class Meta:
        db_table = "credits_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expiry_days__isnull=True, expiry_years__isnull=True)
                | models.Q(expiry_days__range=EXPIRY_DAYS, expiry_years__isnull=True)
                | models.Q(expiry_days__isnull=True, expiry_years__range=EXPIRY_YEARS),
                name="credits_rule_expiry",
            ),
            models.CheckConstraint(
                condition=models.Q(credits_per_kg__range=(1, 1_000_000)), name="credits_rule_rate"
            ),
            models.CheckConstraint(
                condition=models.Q(claim_days__isnull=True) | models.Q(claim_days__range=CLAIM_DAYS),
                name="credits_rule_claim",
            ),
        ]


class Cap(models.Model):
    """At most `max_mg` of a behaviour (all of them where it is empty) are eligible within a scope and a period.

    The period is that of the act: a day, a calendar month, or all the days of the cap. An object is what the field
    `field` of the activity record names: a meter, an order. A later cap of the same scope, period, behaviour and field
    takes the place of an earlier one (the view `credits_cap_life`); otherwise caps hold side by side.
    """

    append_only = True
    PERSON, PARTY, OBJECT = SCOPES = ("person", "party", "object")
    DAY, MONTH, EVER = PERIODS = ("day", "month", "ever")

    behaviour = models.TextField(db_default="", db_collation="C")
    scope = models.TextField(db_default=PERSON)
    period = models.TextField(db_default=DAY)
    field = models.TextField(db_default="")
    from_day = models.DateField()
    to_day = models.DateField(null=True)
    max_mg = models.BigIntegerField()
    reason_zh = models.TextField()
    reason_en = models.TextField()

    class Meta:
        db_table = "credits_cap"
        constraints = [
            models.CheckConstraint(condition=models.Q(max_mg__gte=0), name="credits_cap_not_negative"),
            models.CheckConstraint(
                condition=models.Q(to_day__isnull=True) | models.Q(to_day__gte=models.F("from_day")),
                name="credits_cap_days",
            ),
            models.CheckConstraint(
                condition=models.Q(scope__in=["person", "party"], field="")
                | (models.Q(scope="object") & ~models.Q(field="") & ~models.Q(behaviour="")),
                name="credits_cap_scope",
            ),
            models.CheckConstraint(
                condition=models.Q(period__in=["day", "month", "ever"]), name="credits_cap_period"
            ),
            # Two that would hold on the same day for the same thing are never both there.
            models.UniqueConstraint(
                fields=["scope", "period", "behaviour", "field", "from_day"], name="credits_cap_once"
            ),
        ]


class Receiving(models.Model):
    """A code under which somebody else gives this person credits, once, until `expires_at`. Its keyed digest only.

    `order_id` and `payer` say which gift it was used for: the same asked again is the same gift.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    payer = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    order_id = models.UUIDField(null=True)

    class Meta:
        db_table = "credits_receiving"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(payer=None, order_id=None)
                | models.Q(payer__isnull=False, order_id__isnull=False) & ~models.Q(payer=models.F("person")),
                name="credits_receiving_once",
            ),
        ]


class Used(models.Model):
    """The balance of a cap: what of it is used in one period (`start`) by one person, party or object.

    `holder` is the person's or party's id, 0 of an object; `object` the SHA-256 of the object's name, empty of a person
    or party. Under the last constraint no program can count more than the cap admits.
    """

    pk = models.CompositePrimaryKey("cap_id", "start", "holder", "object")
    cap_id = models.BigIntegerField()
    holder = models.BigIntegerField()
    used_mg = models.BigIntegerField()
    max_mg = models.BigIntegerField()
    start = models.DateField()
    object = models.BinaryField()

    class Meta:
        db_table = "credits_used"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_mg__gte=0, used_mg__lte=models.F("max_mg")),
                name="credits_used_within",
            ),
        ]


class Short(models.Model):
    """An award of which a cap took part: how much (`cut_mg`), which cap had the least room, and what is short today.

    Room that one award gives back goes first to what is short of the same person (`short_mg` falls).
    """

    append_only = True
    may_change = ("short_mg",)

    pk = models.CompositePrimaryKey("person_id", "batch_id", "place")
    person_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    cap_id = models.BigIntegerField()
    cut_mg = models.BigIntegerField()
    short_mg = models.BigIntegerField()
    place = models.IntegerField()
    day = models.DateField()

    class Meta:
        db_table = "credits_short"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cut_mg__gt=0, short_mg__gte=0, short_mg__lte=models.F("cut_mg")),
                name="credits_short_within",
            ),
        ]
