"""Rows of organisations: who they are, what they may send, which key and which people act for them."""

from __future__ import annotations

from datetime import date, datetime

from allauth.idp.oidc.models import Client as OAuthClient
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Party(models.Model):
    """An organisation that takes part. Its `code` names it in events (`source`) and commands, for ever."""

    class Kind(models.TextChoices):
        DATA_PROVIDER = "data_provider"
        IDENTITY_PROVIDER = "identity_provider"
        MERCHANT = "merchant"
        WELFARE = "welfare"
        FINANCIAL = "financial"
        PUBLIC_SERVICE = "public_service"
        SETTLEMENT = "settlement"
        CIRCULATION = "circulation"
        ENTERPRISE = "enterprise"
        VERIFIER = "verifier"
        AUTHORITY = "authority"

    class Status(models.TextChoices):
        """`trial`: admitted, and no key on live before its conformance is shown. `left`: for good."""

        TRIAL = "trial"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        LEFT = "left"

    class Grant(models.TextChoices):
        """What a party may do for people. Neither holds the other."""

        DATA = "data"
        IDENTITY = "identity"

    ACCEPTORS = frozenset({Kind.MERCHANT, Kind.WELFARE, Kind.FINANCIAL, Kind.PUBLIC_SERVICE})
    """Kinds that burn codes (P-6.2-types)."""

    id = models.AutoField(primary_key=True)
    code = models.TextField(unique=True)
    kind = models.TextField(choices=Kind.choices)
    title_zh = models.TextField()
    title_en = models.TextField()
    status = models.TextField(choices=Status.choices, default=Status.ACTIVE)
    made_up = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    requests_per_minute = models.PositiveIntegerField(null=True)
    """Of all its keys together; null: no limit."""
    events_per_day = models.PositiveBigIntegerField(null=True)
    grants = ArrayField(models.TextField(), default=list)
    valid_until = models.DateField(null=True)
    """The last day of the first of its documents, or its agreement, to run out; null where nothing does."""

    class Meta:
        db_table = "parties_party"
        verbose_name_plural = "parties"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(code__regex=r"^[a-z][a-z0-9-]{1,39}$"), name="parties_code"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["trial", "active", "suspended", "left"]), name="parties_status"
            ),
            models.CheckConstraint(
                condition=models.Q(grants__contained_by=["data", "identity"]), name="parties_grants"
            ),
            models.CheckConstraint(
                condition=models.Q(requests_per_minute=None) | models.Q(requests_per_minute__gt=0),
                name="parties_requests",
            ),
            models.CheckConstraint(
                condition=models.Q(events_per_day=None) | models.Q(events_per_day__gt=0),
                name="parties_events",
            ),
        ]

    def stands(self, today: date) -> bool:
        """Whether it takes part on that day: let in, and nothing that it stands on past its date."""
        return self.status == self.Status.ACTIVE and (self.valid_until is None or self.valid_until >= today)


class Scope(models.Model):
    """A behaviour that a party may send events of."""

    pk = models.CompositePrimaryKey("party_id", "behaviour")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, db_index=False, related_name="scopes")
    behaviour = models.TextField()

    class Meta:
        db_table = "parties_scope"


class Client(models.Model):
    """A key of a party's for the interface. Revoked keys stay listed: old batches keep their origin.

    `addresses`: the networks it may be used from (CIDR), empty for any. `last_used_on` is written once a day.
    """

    client = models.OneToOneField(OAuthClient, primary_key=True, on_delete=models.PROTECT, related_name="+")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="clients")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_why = models.TextField(default="", db_default="")
    """What somebody of the operator's gave as the reason; empty where its party, or what ended the party, revoked it."""
    label = models.TextField(default="")
    expires_at = models.DateTimeField(null=True)
    last_used_on = models.DateField(null=True)
    addresses = ArrayField(models.TextField(), default=list)
    requests_per_minute = models.PositiveIntegerField(null=True)
    must_sign = models.BooleanField(default=False)
    """Its tokens are refused: it speaks by signed requests only."""
    collect_by = models.DateTimeField(null=True)
    """Approved, without a secret until its party collects one, which it may until then; null where nothing waits."""
    succeeds = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="successors")
    overlap = models.DurationField(null=True)
    """How long the key that it succeeds stays good from the moment somebody has this one's secret."""

    class Meta:
        db_table = "parties_client"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(requests_per_minute=None) | models.Q(requests_per_minute__gt=0),
                name="parties_client_requests",
            )
        ]

    @property
    def given_end(self) -> datetime | None:
        """The end that it was given by decision: where an overlap has shortened its own, that of its newest successor in use."""
        in_use = self.successors.filter(overlap__isnull=False, collect_by=None)
        newest = in_use.order_by("-created_at", "-pk").first()
        return self.expires_at if newest is None else newest.given_end


class Member(models.Model):
    """A user who acts for a party."""

    class Role(models.TextChoices):
        ACCEPTOR = "acceptor"
        PARTNER = "partner"

    pk = models.CompositePrimaryKey("user_id", "party_id", "role")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="memberships"
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="members")
    role = models.TextField(choices=Role.choices)
    since = models.DateTimeField()

    class Meta:
        db_table = "parties_member"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=["acceptor", "partner"]), name="parties_member_role"
            )
        ]


class Till(models.Model):
    """Somebody whom an acceptor lets burn codes for it (tills.py): invited, then at work with an account of their own.

    `digest`: of the invitation's link, until it is taken or ended. `until`: the moment after which this is over, null
    while they are at work; what they may do is their Member row's to say, here and for every seat. `human`: the keyed digest
    of the number of their identity document, as the party gave it; gone with the seat or the invitation, null in those of
    before it was asked.
    """

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="tills")
    name = models.TextField()
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    human = models.BinaryField(max_length=32, null=True)
    invited_at = models.DateTimeField()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "parties_till"
        indexes = [
            models.Index(fields=["human"], condition=models.Q(human__isnull=False), name="parties_till_human")
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None, since=None, until__isnull=False)
                | models.Q(user__isnull=False, since__isnull=False, digest=None),
                name="parties_till_taken",
            )
        ]


class Answer(models.Model):
    """What a call under an `Idempotency-Key` was answered; the same call is answered the same until then."""

    pk = models.CompositePrimaryKey("party_id", "key")
    party_id = models.IntegerField()
    key = models.TextField(db_collation="C")
    digest = models.BinaryField()
    status = models.SmallIntegerField()
    media = models.TextField()
    body = models.BinaryField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "parties_answer"


class Use(models.Model):
    """How far a limit is used up: its allowance is whole again at `full_at`. Unlogged, by its migration."""

    subject = models.TextField(primary_key=True, db_collation="C")
    full_at = models.DateTimeField(db_index=True)
    span = models.DurationField()

    class Meta:
        db_table = "parties_use"


class Area(models.Model):
    """One row: whether this database is a sandbox's. It is written once, at the first start."""

    append_only = True

    id = models.SmallIntegerField(primary_key=True)
    sandbox = models.BooleanField()

    class Meta:
        db_table = "parties_area"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="parties_area_one")]


class PublicKey(models.Model):
    """A public key by which a client signs its requests; `id` is the `keyid` of its signatures."""

    id = models.TextField(primary_key=True, db_collation="C")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="public_keys")
    algorithm = models.TextField()
    pem = models.TextField()
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "parties_public_key"


class Nonce(models.Model):
    """A nonce that a signature was accepted with, for as long as the signature could be sent again."""

    pk = models.CompositePrimaryKey("key_id", "nonce")
    key_id = models.TextField(db_collation="C")
    nonce = models.TextField(db_collation="C")
    until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "parties_nonce"


class Endpoint(models.Model):
    """An address at which a party is told of its events. Secrets are wrapped under the master key."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="endpoints")
    url = models.TextField()
    kinds = ArrayField(models.TextField())
    secret = models.BinaryField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    slow_until = models.DateTimeField(null=True)
    """Until then it is told by the teller of slow addresses: one of its answers took long, or did not come."""

    class Meta:
        db_table = "parties_endpoint"


class FormerSecret(models.Model):
    """A secret of an address that another took the place of; messages are signed with it too until its own end."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="former")
    secret = models.BinaryField()
    until = models.DateTimeField()

    class Meta:
        db_table = "parties_former_secret"


class Message(models.Model):
    """The outbox: one message to one address, written with the batch it tells of. `next_at` is null when it is done."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="messages")
    kind = models.TextField()
    body = models.TextField()
    made_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    tries = models.SmallIntegerField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "parties_message"
        indexes = [
            models.Index(
                fields=["endpoint", "next_at"],
                condition=models.Q(next_at__isnull=False),
                name="parties_message_due",
            )
        ]


class Attempt(models.Model):
    """One sending of a message: what was answered, 0 where nobody did."""

    append_only = True

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    status = models.SmallIntegerField()
    said = models.TextField()

    class Meta:
        db_table = "parties_attempt"
