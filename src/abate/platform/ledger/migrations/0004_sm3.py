"""Where the SM3 commitments of leaves of format 2 are kept: with the batch for awards, with the entry for all others."""

from django.db import migrations, models

# The digests of a batch stand one behind the other, 32 bytes for each place: a row for a batch where there would be one
# for an entry. Kept outside the row and as they are, so that one digest is read without the others.
STORAGE = "alter table ledger_batch alter column sm3 set storage external"
STORAGE_BACK = "alter table ledger_batch alter column sm3 set storage extended"
LEAF = """
abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash, basis.factors_hash,
           batch.body_sha256, entry.commitment)
"""
WITH_SM3 = f"abate_leaf_sm3({LEAF}, substring(within.sm3 from entry.place * 32 + 1 for 32))"
FUNCTION = """
create or replace function ledger_leaf(entry ledger_entry) returns bytea language sql stable parallel safe
return (select {leaf}
        from carbon_basis basis, events_batch batch, ledger_batch within
        where basis.id = entry.basis_id and batch.id = entry.batch_id and within.batch_id = entry.batch_id)
"""
VIEW = """
create or replace view ledger_due_leaf as
select due.batch_id, entry.person_id, entry.id as entry_id, {leaf} as leaf
from ledger_due due
join ledger_batch within on within.batch_id = due.batch_id
join events_batch batch on batch.id = due.batch_id
cross join unnest(due.person_ids) as person (id)
join ledger_entry entry on entry.person_id = person.id and entry.id between within.first_entry and within.last_entry
                           and entry.batch_id = due.batch_id
join carbon_basis basis on basis.id = entry.basis_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_entries_by_month"),
        ("log", "0004_leaf_with_sm3"),
    ]

    operations = [
        migrations.AddField("Batch", "sm3", models.BinaryField(null=True)),
        migrations.AddField("Entry", "sm3", models.BinaryField(null=True)),
        migrations.RunSQL(STORAGE, STORAGE_BACK),
        migrations.RunSQL(FUNCTION.format(leaf=WITH_SM3), FUNCTION.format(leaf=LEAF)),
        migrations.RunSQL(VIEW.format(leaf=WITH_SM3), VIEW.format(leaf=LEAF)),
    ]
