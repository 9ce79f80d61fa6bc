"""Changes that need three people: what was proposed, and who took which step of it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Over two columns, which Django cannot say: the account is the human's own, and the step before was taken.
KEYS = """
alter table review_step add constraint review_step_holder
    foreign key (user_id, human) references review_staff (user_id, human);
alter table review_step add constraint review_step_previous
    foreign key (proposal_id, after) references review_step (proposal_id, number)
"""
DROP = """
alter table review_step drop constraint review_step_holder;
alter table review_step drop constraint review_step_previous
"""


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0002_humans_and_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("one", models.BooleanField(default=True, primary_key=True, serialize=False)),
                ("document", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "review_opening",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("one", True)), name="review_opened_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("action", models.TextField()),
                ("arguments", models.TextField()),
                ("before", models.TextField()),
                ("after", models.TextField()),
                ("reason", models.TextField()),
                ("nonce", models.BinaryField(max_length=16)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "review_proposal",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("at"))), name="review_proposal_expires"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="review_proposal_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("number", models.SmallIntegerField(null=True)),
                ("after", models.SmallIntegerField(null=True)),
                ("human", models.BinaryField(max_length=32)),
                ("role", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("signature", models.BinaryField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="review.proposal",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "review_step",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("after__isnull", True), ("kind", "propose"), ("number", 1)),
                            models.Q(("after", 1), ("kind", "check"), ("number", 2)),
                            models.Q(("after", 2), ("kind", "approve"), ("number", 3)),
                            models.Q(
                                ("after__isnull", True),
                                ("kind", "reject"),
                                ("number__isnull", True),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="review_step_order",
                    ),
                    models.UniqueConstraint(fields=("proposal", "number"), name="review_step_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "reject"), _negated=True),
                        fields=("proposal", "human"),
                        name="review_step_three_humans",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["approve", "reject"])),
                        fields=("proposal",),
                        name="review_step_one_end",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEYS, DROP),
    ]
