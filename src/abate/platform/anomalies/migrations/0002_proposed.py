"""A confirmation takes two people: the step that confirms comes after one that proposed it, by another human."""

from django.db import migrations, models
from django.db.models import Q

PROPOSED = models.CheckConstraint(
    condition=Q(state=2, after=0) | (~Q(state=2) & Q(after__isnull=True)), name="anomalies_step_proposed"
)
# What one person confirmed until now stands: rows that are there are not held to it (a step is append only, so none is written
# anew). Where there is none, all are.
ASKED = """
alter table anomalies_step add constraint anomalies_step_proposed
    check ((state = 2 and after is not null and after = 0) or (state <> 2 and after is null)) not valid;
alter table anomalies_step add constraint anomalies_step_after
    foreign key (case_id, after) references anomalies_step (case_id, stage);
do $$ begin
    if not exists (select from anomalies_step where state = 2) then
        alter table anomalies_step validate constraint anomalies_step_proposed;
    end if;
end $$
"""
# The tables of before have no room for a proposal, and a step that people took is not thrown away.
DROP = """
do $$ begin
    if exists (select from anomalies_step where stage = 0) then
        raise exception 'anomalies 0002 cannot be taken back: a case was proposed to be confirmed; go back by a copy of before';
    end if;
end $$;
alter table anomalies_step drop constraint anomalies_step_after;
alter table anomalies_step drop constraint anomalies_step_proposed
"""


class Migration(migrations.Migration):
    dependencies = [("anomalies", "0001_initial")]

    operations = [
        migrations.AddField("Step", "after", models.SmallIntegerField(null=True)),
        migrations.RemoveConstraint("Case", "anomalies_case_state"),
        migrations.AddConstraint(
            "Case",
            models.CheckConstraint(condition=Q(state__gte=1, state__lte=7), name="anomalies_case_state"),
        ),
        migrations.RemoveConstraint("Step", "anomalies_step_state"),
        migrations.AddConstraint(
            "Step",
            models.CheckConstraint(
                condition=Q(stage=0, state=7)
                | Q(stage=1, state__in=[2, 3])
                | Q(stage=2, state=4)
                | Q(stage=3, state__in=[5, 6]),
                name="anomalies_step_state",
            ),
        ),
        migrations.RemoveConstraint("Step", "anomalies_step_by"),
        migrations.AddConstraint(
            "Step",
            models.CheckConstraint(
                condition=Q(stage=2, human__isnull=True, words_enc__isnull=False)
                | Q(stage__in=[0, 1, 3], human__isnull=False, user__isnull=False, words_enc__isnull=True),
                name="anomalies_step_by",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ASKED, DROP)],
            state_operations=[migrations.AddConstraint("Step", PROPOSED)],
        ),
    ]
