"""Words of a rule for people, which records a proposal is about, and what its decision left each of them as.

A proposal of before is about the records that name it still. Of decisions before, what can still be read is filled in: of an
accepted one what its records say, unless they were proposed anew since; of a refused one that they waited on.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

_ABOUT = """
alter table quarantine_proposal add column if not exists about bigint[];
update quarantine_proposal proposal
set about = coalesce((select array_agg(id order by id) from quarantine_record where proposal_id = proposal.id), '{}')
where about is null;
alter table quarantine_proposal alter column about set not null
"""
_FILL = """
update quarantine_proposal proposal
set came = (
    select array_agg(case when proposal.accepted and record.proposal_id = proposal.id then record.came
                          when proposal.accepted then 'unkept'
                          when gone.at <= proposal.decided_at then 'withdrawn' else '' end order by about.place)
    from unnest(proposal.about) with ordinality as about (id, place)
    join quarantine_record record on record.id = about.id
    left join events_withdrawal gone on gone.party_id = record.party_id and gone.event_id = record.event_id
)
where proposal.accepted is not null
"""


class Migration(migrations.Migration):
    dependencies = [("quarantine", "0001_initial"), ("events", "0004_withdrawals")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(_ABOUT, "alter table quarantine_proposal drop column about")
            ],
            state_operations=[
                migrations.AddField(
                    "ruling", "about", django.contrib.postgres.fields.ArrayField(models.BigIntegerField())
                )
            ],
        ),
        migrations.AddField("rule", "told_zh", models.TextField(db_default="")),
        migrations.AddField("rule", "told_en", models.TextField(db_default="")),
        migrations.AddConstraint(
            "rule",
            models.CheckConstraint(
                condition=models.Q(told_zh="", told_en="") | ~models.Q(told_zh="") & ~models.Q(told_en=""),
                name="quarantine_rule_told",
            ),
        ),
        migrations.AddField(
            "ruling",
            "came",
            django.contrib.postgres.fields.ArrayField(models.TextField(), null=True),
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
