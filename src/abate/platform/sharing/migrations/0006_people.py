"""Requests about single people, and whom an answer was about."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

_FIGURES = ["people", "acts", "carbon_mg", "credits"]
_DETAILS = ["month", "behaviour", "acts", "carbon_mg", "credits"]


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0005_fields"),
    ]

    operations = [
        migrations.AddField(
            model_name="request",
            name="about",
            field=models.TextField(db_default="aggregate", default="aggregate"),
        ),
        migrations.AddField(
            model_name="request",
            name="contact",
            field=models.TextField(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="read",
            name="people",
            field=models.IntegerField(null=True),
        ),
        migrations.RemoveConstraint(model_name="request", name="sharing_request_fields"),
        migrations.AddConstraint(
            model_name="request",
            constraint=models.CheckConstraint(
                condition=Q(about="aggregate", fields__len__gte=1, fields__contained_by=_FIGURES, contact="")
                | (Q(about="people", fields__len__gte=1, fields__contained_by=_DETAILS) & ~Q(contact="")),
                name="sharing_request_fields",
            ),
        ),
        migrations.CreateModel(
            name="Told",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id", "read_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                (
                    "read",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="told",
                        to="sharing.read",
                    ),
                ),
            ],
            options={"db_table": "sharing_told"},
        ),
    ]
