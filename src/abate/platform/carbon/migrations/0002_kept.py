"""Accepted events that credit nothing get a table of their own; the credited ones become part of their entry.

What was credited waits in `carbon_credited` for the ledger's migration, which moves it (a room knows no later one).
From then on `carbon_quantity` is a view over both.
"""

from django.db import migrations, models

APART = """
create table carbon_kept (like carbon_quantity including defaults);
insert into carbon_kept select * from carbon_quantity where outcome <> 8;
delete from carbon_quantity where outcome <> 8;
alter table carbon_quantity rename to carbon_credited;
alter table carbon_credited drop constraint carbon_quantity_entry;
alter table carbon_kept drop column entry_id, drop column eligible_mg, drop column credits, drop column capped;
alter table carbon_kept add constraint carbon_kept_pkey primary key (person_id, batch_id, place);
alter table carbon_kept add constraint carbon_kept_outcome check (outcome between 4 and 7);
"""
TOGETHER = """
alter table carbon_credited rename to carbon_quantity;
insert into carbon_quantity (person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason,
                             be_mg, pe_mg, le_mg, er_mg, eligible_mg, credits, capped, record)
select person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason,
       be_mg, pe_mg, le_mg, er_mg, 0, 0, false, record
from carbon_kept;
alter table carbon_quantity add constraint carbon_quantity_entry check (
    (entry_id is not null and outcome = 8 and er_mg > 0)
    or (entry_id is null and credits = 0 and eligible_mg = 0 and outcome <> 8));
drop table carbon_kept;
"""


class Migration(migrations.Migration):
    dependencies = [("carbon", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(APART, TOGETHER)],
            state_operations=[
                migrations.RemoveConstraint("Quantity", "carbon_quantity_entry"),
                migrations.RemoveField("Quantity", "entry_id"),
                migrations.RemoveField("Quantity", "eligible_mg"),
                migrations.RemoveField("Quantity", "credits"),
                migrations.RemoveField("Quantity", "capped"),
                migrations.RenameModel("Quantity", "Kept"),
                migrations.AlterModelTable("Kept", "carbon_kept"),
                migrations.AddConstraint(
                    "Kept",
                    models.CheckConstraint(
                        condition=models.Q(outcome__gte=4, outcome__lte=7), name="carbon_kept_outcome"
                    ),
                ),
            ],
        ),
    ]
