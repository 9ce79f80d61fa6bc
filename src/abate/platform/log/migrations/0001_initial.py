"""Tables of the log, and the functions by which SQL builds the bytes that `abate.bookkeeping.leaf` defines."""

from django.db import migrations, models

# No index, no constraint: an award writes the row and nothing else. The queue is emptied all the time, so dead rows
# are cleared early, before a scan of it becomes long.
PENDING = """
create table log_pending (
    person_id bigint not null,
    entry_id bigint not null,
    leaf bytea not null,
    hash bytea not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_threshold = -1)
"""

# Bodies are single expressions in the standard's own form (RETURN): PostgreSQL resolves their names when they are
# made, whatever the caller's search path, and writes them into the calling statement.
# abate_personal_redeem is STABLE because to_json is.
FUNCTIONS = (
    """
create function abate_leaf(kind int, carbon_mg bigint, credits bigint, at timestamptz, method_hash bytea,
                           factors_hash bytea, cause bytea, commitment bytea)
returns bytea language sql immutable parallel safe
return '\\x01'::bytea || int2send(kind::int2) || int8send(carbon_mg) || int8send(credits)
    || int8send((extract(epoch from (at - '1970-01-01 00:00:00+00'::timestamptz)) * 1000000)::int8)
    || method_hash || factors_hash || cause || commitment
""",
    """
create function abate_leaf_hash(leaf bytea)
returns bytea language sql immutable parallel safe
return sha256('\\x00'::bytea || leaf)
""",
    """
create function abate_salt(commit_key bytea, entry_id bigint)
returns bytea language sql immutable parallel safe
return sha256(commit_key || '\\x61626174652d73616c742d31'::bytea || int8send(entry_id))
""",
    """
create function abate_personal_redeem(person text, order_id text, credits bigint)
returns text language sql stable parallel safe
return '{"person":' || to_json(person)::text || ',"order":' || to_json(order_id)::text
    || ',"credits":' || credits::text || '}'
""",
    """
create function abate_commitment(salt bytea, personal_digest bytea)
returns bytea language sql immutable parallel safe
return sha256(salt || personal_digest)
""",
)

DROP = (
    "drop function abate_leaf(int, bigint, bigint, timestamptz, bytea, bytea, bytea, bytea)",
    "drop function abate_leaf_hash(bytea)",
    "drop function abate_salt(bytea, bigint)",
    "drop function abate_personal_redeem(text, text, bigint)",
    "drop function abate_commitment(bytea, bytea)",
)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PENDING, "drop table log_pending")],
            state_operations=[
                migrations.CreateModel(
                    name="Pending",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "person_id",
                                "entry_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("person_id", models.BigIntegerField()),
                        ("entry_id", models.BigIntegerField()),
                        ("leaf", models.BinaryField()),
                        ("hash", models.BinaryField()),
                    ],
                    options={"db_table": "log_pending"},
                ),
            ],
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("idx", models.BigIntegerField(primary_key=True, serialize=False)),
                ("person_id", models.BigIntegerField()),
                ("entry_id", models.BigIntegerField()),
                ("leaf", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "log_leaf",
                "constraints": [
                    models.UniqueConstraint(fields=("person_id", "entry_id"), name="log_leaf_entry"),
                    models.CheckConstraint(condition=models.Q(("idx__gte", 0)), name="log_leaf_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "n", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("n", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
            ],
            options={"db_table": "log_tile"},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "log_checkpoint"},
        ),
        *[migrations.RunSQL(make, drop) for make, drop in zip(FUNCTIONS, DROP, strict=True)],
    ]
