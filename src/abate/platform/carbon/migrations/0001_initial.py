from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Basis",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.BinaryField(unique=True)),
                ("behaviour", models.TextField()),
                ("version", models.IntegerField()),
                ("method_hash", models.BinaryField()),
                ("factors", models.TextField()),
                ("factors_hash", models.BinaryField()),
                ("region", models.TextField(null=True)),
                ("grade_floor", models.TextField()),
                ("pack", models.TextField(null=True)),
                ("pack_hash", models.TextField(null=True)),
                ("first_used_at", models.DateTimeField()),
            ],
            options={
                "db_table": "carbon_basis",
            },
        ),
        migrations.CreateModel(
            name="Quantity",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id",
                        "batch_id",
                        "place",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("batch_id", models.BigIntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("entry_id", models.BigIntegerField(null=True)),
                ("be_mg", models.BigIntegerField(null=True)),
                ("pe_mg", models.BigIntegerField(null=True)),
                ("le_mg", models.BigIntegerField(null=True)),
                ("er_mg", models.BigIntegerField(null=True)),
                ("eligible_mg", models.BigIntegerField()),
                ("credits", models.BigIntegerField()),
                ("party_id", models.IntegerField()),
                ("basis_id", models.IntegerField()),
                ("place", models.IntegerField()),
                ("day", models.DateField()),
                ("outcome", models.SmallIntegerField()),
                ("capped", models.BooleanField()),
                ("event_id", models.TextField(db_collation="C")),
                ("record", models.TextField()),
                ("reason", models.TextField(null=True)),
            ],
            options={
                "db_table": "carbon_quantity",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("entry_id__isnull", False), ("er_mg__gt", 0), ("outcome", 8)),
                            models.Q(
                                ("credits", 0),
                                ("eligible_mg", 0),
                                ("entry_id__isnull", True),
                                models.Q(("outcome", 8), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="carbon_quantity_entry",
                    )
                ],
            },
        ),
    ]
