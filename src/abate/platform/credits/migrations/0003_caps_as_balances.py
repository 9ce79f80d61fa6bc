"""Caps of any scope and period, and a balance for each; what was counted by the day is carried over.

Reversible until a cap is of another scope or period than a person's day: the old tables have no place for it.
"""

from django.db import migrations, models

# Which days a cap holds: until its end or until a later one of the same kind takes its place.
LIFE = """
create view credits_cap_life as
select cap.*, least(coalesce(to_day, 'infinity'::date),
                    coalesce(lead(from_day) over (partition by scope, period, behaviour, field order by from_day) - 1,
                             'infinity'::date)) as last_day
from credits_cap cap
"""
# What of the act names the balance it is counted on. Inlined, so that a batch and a check say the same.
PARTS = (
    (
        """create function credits_start(period text, from_day date, day date) returns date language sql immutable
        return case period when 'day' then day when 'month' then (date_trunc('month', day::timestamp))::date
                           else from_day end""",
        "drop function credits_start(text, date, date)",
    ),
    (
        """create function credits_holder(scope text, person bigint, party bigint) returns bigint language sql immutable
        return case scope when 'person' then person when 'party' then party else 0 end""",
        "drop function credits_holder(text, bigint, bigint)",
    ),
    (
        """create function credits_object(field text, record text) returns bytea language sql immutable
        return case when field = '' then ''::bytea
                    else sha256(convert_to(coalesce(record::jsonb ->> field, ''), 'UTF8')) end""",
        "drop function credits_object(text, text)",
    ),
)
COUNTED = """
create view credits_counted as
select entry.person_id, entry.id as entry_id, cap.id as cap_id,
       credits_start(cap.period, cap.from_day, entry.act_day) as start,
       credits_holder(cap.scope, entry.person_id, entry.cause_party) as holder,
       credits_object(cap.field, entry.record) as object
from ledger_entry entry
join carbon_basis basis on basis.id = entry.basis_id
join credits_cap_life cap on cap.behaviour in ('', basis.behaviour) and entry.act_day between cap.from_day and cap.last_day
where entry.kind = 1
"""
# Of caps with one beginning the lowest held; it alone stays. A day under several is kept with the one that now holds.
# What was short of a day is spread over its awards that stand, the newest first: the room went to the oldest.
CARRY = """
delete from credits_cap one using credits_cap other
where (one.behaviour, one.from_day) = (other.behaviour, other.from_day)
      and (one.max_mg, one.id) > (other.max_mg, other.id);
insert into credits_used (cap_id, start, holder, object, used_mg, max_mg)
select cap.id, held.day, held.person_id, '', held.eligible_mg, held.max_mg
from credits_day held
join credits_cap_life cap on cap.behaviour = held.behaviour and held.day between cap.from_day and cap.last_day;
insert into credits_short (person_id, batch_id, place, day, cap_id, cut_mg, short_mg)
select line.person_id, line.batch_id, line.place, line.act_day, line.cap_id, line.cut_mg,
       case when undone then 0 else greatest(least(cut_mg, short_mg - (upto_mg - cut_mg)), 0) end
from (select entry.person_id, entry.batch_id, entry.place, entry.act_day, claim.cap_id, undone.entry_id is not null as undone,
             entry.carbon_mg - entry.eligible_mg as cut_mg, held.counted_mg - held.eligible_mg as short_mg,
             sum(case when undone.entry_id is null then entry.carbon_mg - entry.eligible_mg else 0 end) over (
                 partition by entry.person_id, held.behaviour, held.day order by entry.id desc) as upto_mg
      from ledger_entry entry
      join credits_counted claim on claim.person_id = entry.person_id and claim.entry_id = entry.id
      join carbon_basis basis on basis.id = entry.basis_id
      join credits_day held on held.person_id = entry.person_id and held.behaviour = basis.behaviour
                               and held.day = entry.act_day
      left join ledger_reversal undone on undone.person_id = entry.person_id and undone.entry_id = entry.id
      where entry.kind = 1 and entry.eligible_mg < entry.carbon_mg) line;
"""
# Back: what was counted of a day is what is eligible and what is short of it.
CARRY_BACK = """
do $$ begin
    if exists (select from credits_cap where scope <> 'person' or period <> 'day' or behaviour = '') then
        raise exception 'a cap is of another scope or period than a day of a person and a behaviour: no way back';
    end if;
end $$;
insert into credits_day (person_id, behaviour, day, counted_mg, eligible_mg, max_mg)
select used.holder, cap.behaviour, used.start, used.used_mg + coalesce(short.mg, 0), used.used_mg, used.max_mg
from credits_used used
join credits_cap cap on cap.id = used.cap_id
left join (select short.cap_id, short.person_id, short.day, sum(short.short_mg)::bigint as mg
           from credits_short short
           join ledger_entry entry on (entry.person_id, entry.batch_id, entry.place)
                                      = (short.person_id, short.batch_id, short.place)
           where not exists (select from ledger_reversal undone
                             where undone.person_id = entry.person_id and undone.entry_id = entry.id)
           group by short.cap_id, short.person_id, short.day) short
    on (short.cap_id, short.person_id, short.day) = (used.cap_id, used.holder, used.start);
delete from credits_used;
delete from credits_short;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0002_expiry"),
        ("carbon", "0002_kept"),
        ("ledger", "0003_entries_by_month"),
    ]

    operations = [
        migrations.AlterField("Cap", "behaviour", models.TextField(db_default="", db_collation="C")),
        migrations.AddField("Cap", "scope", models.TextField(db_default="person")),
        migrations.AddField("Cap", "period", models.TextField(db_default="day")),
        migrations.AddField("Cap", "field", models.TextField(db_default="")),
        migrations.CreateModel(
            name="Used",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "cap_id",
                        "start",
                        "holder",
                        "object",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("cap_id", models.BigIntegerField()),
                ("holder", models.BigIntegerField()),
                ("used_mg", models.BigIntegerField()),
                ("max_mg", models.BigIntegerField()),
                ("start", models.DateField()),
                ("object", models.BinaryField()),
            ],
            options={
                "db_table": "credits_used",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(used_mg__gte=0, used_mg__lte=models.F("max_mg")),
                        name="credits_used_within",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Short",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "person_id",
                        "batch_id",
                        "place",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("batch_id", models.BigIntegerField()),
                ("cap_id", models.BigIntegerField()),
                ("cut_mg", models.BigIntegerField()),
                ("short_mg", models.BigIntegerField()),
                ("place", models.IntegerField()),
                ("day", models.DateField()),
            ],
            options={
                "db_table": "credits_short",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(cut_mg__gt=0, short_mg__gte=0, short_mg__lte=models.F("cut_mg")),
                        name="credits_short_within",
                    ),
                ],
            },
        ),
        migrations.RunSQL("alter table credits_used set (fillfactor = 70)", migrations.RunSQL.noop),
        migrations.RunSQL(LIFE, "drop view credits_cap_life"),
        *(migrations.RunSQL(make, drop) for make, drop in PARTS),
        migrations.RunSQL(COUNTED, "drop view credits_counted"),
        migrations.RunSQL(CARRY, CARRY_BACK),
        migrations.DeleteModel("Day"),
        migrations.AddConstraint(
            "Cap",
            models.CheckConstraint(
                condition=models.Q(scope__in=["person", "party"], field="")
                | (models.Q(scope="object") & ~models.Q(field="") & ~models.Q(behaviour="")),
                name="credits_cap_scope",
            ),
        ),
        migrations.AddConstraint(
            "Cap",
            models.CheckConstraint(
                condition=models.Q(period__in=["day", "month", "ever"]), name="credits_cap_period"
            ),
        ),
        migrations.AddConstraint(
            "Cap",
            models.UniqueConstraint(
                fields=["scope", "period", "behaviour", "field", "from_day"], name="credits_cap_once"
            ),
        ),
    ]
