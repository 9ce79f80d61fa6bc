"""Roles of persons, not of accounts. The one role `operator` of before had no person behind it and no command that gave
it outside the demo: it ends here, and staff are enrolled anew. Reversible the same way: the roles end.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Over two columns, which Django cannot say: what a grant repeats is what the person's own rows say.
KEYS = """
alter table review_grant add constraint review_grant_holder
    foreign key (user_id, human) references review_staff (user_id, human);
alter table review_grant add constraint review_grant_on_side
    foreign key (human, side) references review_human (human, side)
"""
DROP = """
alter table review_grant drop constraint review_grant_holder;
alter table review_grant drop constraint review_grant_on_side
"""
ADMINISTRATION = ["system_admin", "security_admin", "audit_admin"]
OPERATION = ["entry", "check", "approve", "query", "finance", "content"]


class Migration(migrations.Migration):
    dependencies = [("review", "0001_initial")]

    operations = [
        migrations.DeleteModel(name="Grant"),
        migrations.CreateModel(
            name="Human",
            fields=[
                ("human", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                (
                    "side",
                    models.TextField(
                        choices=[("administration", "Administration"), ("operation", "Operation")]
                    ),
                ),
            ],
            options={
                "db_table": "review_human",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("side__in", ["administration", "operation"])),
                        name="review_human_side",
                    ),
                    models.UniqueConstraint(fields=("human", "side"), name="review_human_on_side"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Staff",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="staff",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "human",
                    models.ForeignKey(
                        db_column="human",
                        on_delete=django.db.models.deletion.PROTECT,
                        to="review.human",
                    ),
                ),
            ],
            options={
                "db_table": "review_staff",
                "constraints": [models.UniqueConstraint(fields=("user", "human"), name="review_staff_human")],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user", "role", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("system_admin", "System Admin"),
                            ("security_admin", "Security Admin"),
                            ("audit_admin", "Audit Admin"),
                            ("entry", "Entry"),
                            ("check", "Check"),
                            ("approve", "Approve"),
                            ("query", "Query"),
                            ("finance", "Finance"),
                            ("content", "Content"),
                        ],
                        max_length=16,
                    ),
                ),
                ("human", models.BinaryField(max_length=32)),
                ("side", models.TextField()),
                ("granted_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "review_grant",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ADMINISTRATION), ("side", "administration"))
                        | models.Q(("role__in", OPERATION), ("side", "operation")),
                        name="review_grant_side",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("side", "administration")),
                        fields=("human",),
                        name="review_one_administrator_role",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEYS, DROP),
    ]
