"""Rows of sharing: requests, what was decided, editions of figures, and every answer given. All of them are only added to."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Edition(models.Model):
    """The figures of one closed month, made once. `least_people` and `largest_percent` are the policy they were made by.

    `withheld`: the month has too few people for any figure. `tree_size` is the log's size then.
    """

    append_only = True

    month = models.DateField(primary_key=True)
    at = models.DateTimeField()
    least_people = models.IntegerField()
    largest_percent = models.IntegerField()
    withheld = models.BooleanField()
    tree_size = models.BigIntegerField()
    left_out = ArrayField(models.TextField(), default=list, db_default=[])
    """Sources, as `PARTY/SOURCE`, whose data may not be used for statistics: it is in no group."""

    class Meta:
        db_table = "sharing_edition"
        constraints = [
            models.CheckConstraint(
                condition=Q(least_people__gte=2, largest_percent__gte=1, largest_percent__lte=100),
                name="sharing_edition_policy",
            ),
        ]


class Cell(models.Model):
    """A group of one edition: a behaviour, or `other`, which holds `behaviours` that are too small to be shown.

    Amounts are what the month booked: awards less awards taken back. `people` had a part in either.
    """

    append_only = True

    pk = models.CompositePrimaryKey("month", "behaviour")
    month = models.DateField()
    behaviour = models.TextField(db_collation="C")
    behaviours = models.IntegerField()
    people = models.BigIntegerField()
    acts = models.BigIntegerField()
    carbon_mg = models.DecimalField(max_digits=38, decimal_places=0)
    credits = models.DecimalField(max_digits=38, decimal_places=0)
    sources = ArrayField(models.IntegerField(), default=list, db_default=[])
    """The versions of declared sources whose data is in it: who may be told the group is for them to say."""

    class Meta:
        db_table = "sharing_cell"
        constraints = [
            models.CheckConstraint(condition=Q(people__gte=2, behaviours__gte=1), name="sharing_cell_people"),
        ]


FIGURES = ("people", "acts", "carbon_mg", "credits")
"""What a request may name of each group."""
DETAILS = ("month", "behaviour", "acts", "carbon_mg", "credits")
"""What a request may name of each person, beside the party's own name for them, which every answer has. A closed list: what
names or reaches a person, and what another party sent of them, is not on it."""
AGGREGATE, PEOPLE = "aggregate", "people"
FIELDS = {AGGREGATE: FIGURES, PEOPLE: DETAILS}
"""What a request is about, and what it may name of that."""


class Request(models.Model):
    """What a party asks to see, and why. Without `behaviours` all of them; of each the `fields`, of FIELDS by what it is
    `about`. The answer to `until` is its last day. `contact`: how people whom it is about reach the party (PIPL article 23).
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    # Only a number: the room of parties keeps no foreign keys towards it.
    party_id = models.IntegerField()
    purpose = models.TextField()
    kind = models.TextField(default="statistics", db_default="statistics")
    """Of which kind the purpose is: of sources.PURPOSES."""
    ground = models.TextField()
    about = models.TextField(default=AGGREGATE, db_default=AGGREGATE)
    contact = models.TextField(default="", db_default="")
    behaviours = ArrayField(models.TextField())
    fields = ArrayField(models.TextField(), db_default=list(FIGURES))
    from_month = models.DateField()
    to_month = models.DateField()
    until = models.DateField()
    at = models.DateTimeField()
    client_id = models.TextField()

    class Meta:
        db_table = "sharing_request"
        indexes = [models.Index(fields=["party_id", "-at"], name="sharing_request_party")]
        constraints = [
            models.CheckConstraint(condition=Q(from_month__lte=F("to_month")), name="sharing_request_months"),
            models.CheckConstraint(
                condition=Q(
                    about=AGGREGATE, fields__len__gte=1, fields__contained_by=list(FIGURES), contact=""
                )
                | (Q(about=PEOPLE, fields__len__gte=1, fields__contained_by=list(DETAILS)) & ~Q(contact="")),
                name="sharing_request_fields",
            ),
        ]


class Decision(models.Model):
    """What became of a request: granted or refused once, and a grant revoked once. `by` is the account or proposal."""

    GRANTED, REFUSED, REVOKED = "granted", "refused", "revoked"

    append_only = True

    pk = models.CompositePrimaryKey("request_id", "first")
    request_id = models.UUIDField()
    first = models.BooleanField()
    """The answer to the request; otherwise its end."""
    state = models.TextField()
    at = models.DateTimeField()
    reason = models.TextField()
    by = models.TextField()

    class Meta:
        db_table = "sharing_decision"
        constraints = [
            models.CheckConstraint(
                condition=Q(first=True, state__in=["granted", "refused"]) | Q(first=False, state="revoked"),
                name="sharing_decision_state",
            ),
        ]


class Read(models.Model):
    """One answer that was given: to whom, which months, how many cells, and the SHA-256 of the canonical JSON. `people`: how
    many it was about, each with a row of Told; null of an answer about groups."""

    append_only = True

    request_id = models.UUIDField()
    at = models.DateTimeField()
    client_id = models.TextField()
    from_month = models.DateField()
    to_month = models.DateField()
    cells = models.IntegerField()
    people = models.IntegerField(null=True)
    sha256 = models.BinaryField()

    class Meta:
        db_table = "sharing_read"
        indexes = [models.Index(fields=["request_id", "id"], name="sharing_read_of")]


class Told(models.Model):
    """An answer held something of this person, who sees so in the privacy centre."""

    append_only = True

    pk = models.CompositePrimaryKey("person_id", "read_id")
    person_id = models.BigIntegerField()
    read = models.ForeignKey(Read, on_delete=models.PROTECT, db_index=False, related_name="told")

    class Meta:
        db_table = "sharing_told"


class MembersEdition(models.Model):
    """What an organisation is told of its members' closed month, made once: sums, or that they are too few (all null)."""

    append_only = True

    pk = models.CompositePrimaryKey("party_id", "month")
    party_id = models.IntegerField()
    month = models.DateField()
    at = models.DateTimeField()
    least_people = models.IntegerField()
    largest_percent = models.IntegerField()
    people = models.IntegerField(null=True)
    acts = models.BigIntegerField(null=True)
    carbon_mg = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    credits = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    left_out = ArrayField(models.TextField(), default=list, db_default=[])

    class Meta:
        db_table = "sharing_members_edition"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    people__isnull=True, acts__isnull=True, carbon_mg__isnull=True, credits__isnull=True
                )
                | Q(people__gte=2, acts__isnull=False, carbon_mg__isnull=False, credits__isnull=False),
                name="sharing_members_edition_sums",
            ),
        ]


class MembersRead(models.Model):
    """One answer about its members that an organisation was given: which months, and the SHA-256 of the canonical JSON."""

    append_only = True

    party_id = models.IntegerField()
    at = models.DateTimeField()
    client_id = models.TextField()
    from_month = models.DateField()
    to_month = models.DateField()
    sha256 = models.BinaryField()

    class Meta:
        db_table = "sharing_members_read"
        indexes = [models.Index(fields=["party_id", "id"], name="sharing_members_read_of")]
