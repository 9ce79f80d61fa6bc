"""An award and the quantity it was booked for become one row, and its leaf is put together when the log asks for it.

One heap row and one index where there were two of each; what the leaf will hold stands in the row. Reversible once no leaf
is due: let the sequencer number all first (`abate_log_pending` 0).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

# The moves before the constraint; `carbon_quantity` reads as it always did, whatever row holds the quantity.
MOVE = """
update ledger_entry entry
set batch_id = quantity.batch_id, place = quantity.place, basis_id = quantity.basis_id,
    occurred_at = quantity.occurred_at, act_day = quantity.day, be_mg = quantity.be_mg, pe_mg = quantity.pe_mg,
    le_mg = quantity.le_mg, eligible_mg = quantity.eligible_mg, record = quantity.record, reason = quantity.reason
from carbon_credited quantity
where quantity.person_id = entry.person_id and quantity.entry_id = entry.id;
insert into ledger_batch (batch_id, first_entry, last_entry)
select batch_id, min(entry_id), max(entry_id) from carbon_credited group by batch_id;
drop table carbon_credited;
"""
MOVE_BACK = """
update ledger_entry entry set leaf_hash = leaf.hash from log_leaf leaf
where entry.leaf_hash is null and (leaf.person_id, leaf.entry_id) = (entry.person_id, entry.id);
create table carbon_credited (like carbon_kept including defaults);
alter table carbon_credited add column entry_id bigint, add column eligible_mg bigint not null,
    add column credits bigint not null, add column capped boolean not null,
    add primary key (person_id, batch_id, place);
insert into carbon_credited (person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason,
                             be_mg, pe_mg, le_mg, er_mg, eligible_mg, credits, capped, entry_id, record)
select person_id, batch_id, place, cause_party, cause, basis_id, occurred_at, act_day, 8, reason, be_mg, pe_mg, le_mg,
       carbon_mg, eligible_mg, credits, eligible_mg < carbon_mg, id, record
from ledger_entry where kind = 1;
"""
# The queue has one row for a batch, no index and no constraint: booking pays for the row alone. `person_ids` lead to the
# entries by their own key, wherever a person's rows live; they are numbers, and compressing them costs more than it saves.
DUE = """
create table ledger_due (
    batch_id bigint not null,
    entries int not null,
    person_ids bigint[] not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_insert_threshold = -1);
alter table ledger_due alter column person_ids set storage external
"""
NO_DUE = """
do $$ begin
    if exists (select from ledger_due) then
        raise exception 'leaves are due: let the sequencer number them before this migration is taken back';
    end if;
end $$;
drop table ledger_due
"""
LEAF = (
    # The leaf of an award, from its row and what the row points at.
    """
create function ledger_leaf(entry ledger_entry) returns bytea language sql stable parallel safe
return (select abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash, basis.factors_hash,
                          batch.body_sha256, entry.commitment)
        from carbon_basis basis, events_batch batch
        where basis.id = entry.basis_id and batch.id = entry.batch_id)
""",
    # The same for all that are due, set-based.
    """
create view ledger_due_leaf as
select due.batch_id, entry.person_id, entry.id as entry_id,
       abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash, basis.factors_hash,
                  batch.body_sha256, entry.commitment) as leaf
from ledger_due due
join ledger_batch within on within.batch_id = due.batch_id
join events_batch batch on batch.id = due.batch_id
cross join unnest(due.person_ids) as person (id)
join ledger_entry entry on entry.person_id = person.id and entry.id between within.first_entry and within.last_entry
                           and entry.batch_id = due.batch_id
join carbon_basis basis on basis.id = entry.basis_id
""",
)
VIEW = """
create view carbon_quantity as
select person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason, be_mg, pe_mg, le_mg,
       er_mg, 0::bigint as eligible_mg, 0::bigint as credits, false as capped, null::bigint as entry_id, record
from carbon_kept
union all
select person_id, batch_id, place, cause_party, cause, basis_id, occurred_at, act_day, 8::smallint, reason, be_mg, pe_mg,
       le_mg, carbon_mg, eligible_mg, credits, eligible_mg < carbon_mg, id, record
from ledger_entry where kind = 1
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0001_initial"),
        ("log", "0001_initial"),
        ("events", "0001_initial"),
        ("carbon", "0002_kept"),
    ]

    operations = [
        migrations.AddField("Entry", "batch_id", models.BigIntegerField(null=True)),
        migrations.AddField("Entry", "occurred_at", models.DateTimeField(null=True)),
        migrations.AddField("Entry", "be_mg", models.BigIntegerField(null=True)),
        migrations.AddField("Entry", "pe_mg", models.BigIntegerField(null=True)),
        migrations.AddField("Entry", "le_mg", models.BigIntegerField(null=True)),
        migrations.AddField("Entry", "eligible_mg", models.BigIntegerField(null=True)),
        migrations.AddField("Entry", "place", models.IntegerField(null=True)),
        migrations.AddField("Entry", "basis_id", models.IntegerField(null=True)),
        migrations.AddField("Entry", "act_day", models.DateField(null=True)),
        migrations.AddField("Entry", "record", models.TextField(null=True)),
        migrations.AddField("Entry", "reason", models.TextField(null=True)),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("batch_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("first_entry", models.BigIntegerField()),
                ("last_entry", models.BigIntegerField()),
            ],
            options={"db_table": "ledger_batch"},
        ),
        migrations.AddField("Entry", "commitment", models.BinaryField(null=True)),
        migrations.AlterField("Entry", "leaf_hash", models.BinaryField(null=True)),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.AddConstraint(
            "Entry",
            models.CheckConstraint(
                condition=models.Q(kind=1, commitment__isnull=False, record__isnull=False)
                | (~models.Q(kind=1) & models.Q(commitment__isnull=True, leaf_hash__isnull=False)),
                name="ledger_entry_award",
            ),
        ),
        migrations.RunSQL(VIEW, "drop view carbon_quantity"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DUE, NO_DUE)],
            state_operations=[
                migrations.CreateModel(
                    name="Due",
                    fields=[
                        ("batch_id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("entries", models.IntegerField()),
                        ("person_ids", ArrayField(models.BigIntegerField())),
                    ],
                    options={"db_table": "ledger_due"},
                )
            ],
        ),
        migrations.RunSQL(LEAF[0], "drop function ledger_leaf(ledger_entry)"),
        migrations.RunSQL(LEAF[1], "drop view ledger_due_leaf"),
    ]
