"""Accounts that are for the till of one acceptor alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0004_audit"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="kind",
            field=models.CharField(
                choices=[("person", "Person"), ("staff", "Staff"), ("till", "Till")], max_length=8
            ),
        ),
    ]
