import django.contrib.postgres.fields
from django.db import migrations, models

# Whoever was let in to send events keeps that grant; identifying users was an identity provider's alone.
GRANTS = """
update parties_party p set grants = case
    when p.kind <> 'identity_provider' then array['data']
    when exists (select from parties_scope s where s.party_id = p.id) then array['data', 'identity']
    else array['identity'] end
"""


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0005_webhooks"),
    ]

    operations = [
        migrations.AddField(
            model_name="party",
            name="grants",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="party",
            name="valid_until",
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name="party",
            name="status",
            field=models.TextField(
                choices=[
                    ("trial", "Trial"),
                    ("active", "Active"),
                    ("suspended", "Suspended"),
                    ("left", "Left"),
                ],
                default="active",
            ),
        ),
        migrations.RemoveConstraint(model_name="party", name="parties_status"),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["trial", "active", "suspended", "left"])),
                name="parties_status",
            ),
        ),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(("grants__contained_by", ["data", "identity"])), name="parties_grants"
            ),
        ),
    ]
