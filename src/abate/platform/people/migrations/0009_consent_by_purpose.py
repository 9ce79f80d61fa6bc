"""Whom a purpose was agreed to by, without reading everybody's consents."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0008_contact_undo")]

    operations = [
        migrations.AddIndex(
            model_name="consent",
            index=models.Index(
                condition=models.Q(("withdrawn_at__isnull", True)),
                fields=["purpose", "person"],
                name="people_consent_by_purpose",
            ),
        ),
    ]
