-- name: position
-- Whoever sweeps holds this row: a second sweep waits, and goes on where the first one ended.
select batch_id from anomalies_position for update

-- name: first_position
insert into anomalies_position (one, batch_id, at) values (true, 0, %(at)s) on conflict do nothing

-- name: move
update anomalies_position set batch_id = %(upto)s, at = %(at)s

-- name: drawn
-- The last batch id that was drawn, and which transactions may still be about to commit one of these: they hold the table
-- for writing before they draw. An id is committed late or never, so a position may pass it only when they are gone.
-- A sequence that nobody drew from says 1 too.
select case when is_called then last_value else 0 end from events_batch_id_seq

-- name: writing
select array_agg(distinct virtualtransaction) from pg_locks
where locktype = 'relation' and relation = 'events_batch'::regclass and mode = 'RowExclusiveLock' and granted
      and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()

-- name: chunk
-- The next batches with awards, as many as hold so many entries; at least one.
select max(batch_id), min(first_entry), max(last_entry), min(received_at)
from (
    select batch.batch_id, batch.first_entry, batch.last_entry, came.received_at,
           sum(batch.last_entry - batch.first_entry + 1) over (order by batch.batch_id)
               - (batch.last_entry - batch.first_entry + 1) as before
    from (select * from ledger_batch where batch_id > %(after)s and batch_id <= %(upto)s
          order by batch_id limit 5000) batch
    join events_batch came on came.id = batch.batch_id
) next
where before < %(entries)s

-- name: make_fresh
create temporary table if not exists anomalies_fresh (
    person_id bigint not null,
    entry_id bigint not null,
    party_id int not null,
    event_id text collate "C" not null,
    behaviour text collate "C" not null,
    record text not null
)

-- name: make_found
create temporary table if not exists anomalies_found (
    version bytea not null,
    person_id bigint not null,
    grp text collate "C" not null,
    total numeric,
    party_id int not null,
    event_id text collate "C" not null,
    own numeric,
    beside boolean not null
)

-- name: read
insert into pg_temp.anomalies_fresh
select entry.person_id, entry.id, entry.cause_party, entry.cause, basis.behaviour, entry.record
from ledger_entry entry
join carbon_basis basis on basis.id = entry.basis_id and basis.behaviour = any(%(behaviours)s)
where entry.kind = 1 and entry.day >= %(since)s and entry.id between %(first)s and %(last)s
      and entry.batch_id > %(after)s and entry.batch_id <= %(upto)s
      and not exists (select from ledger_reversal undone
                      where undone.person_id = entry.person_id and undone.entry_id = entry.id)

-- name: rules
json_to_recordset(%(lines)s::json)
    as rule (version text, per text, "limit" numeric, everyone boolean, behaviour text, start text, start_date boolean,
             finish text, finish_date boolean, minutes text, amount text, fields text[])

-- name: told
-- The record, from when to when it goes (a day from its midnight in the platform's zone), and its number.
cross join lateral (select {row}.record::json as record offset 0) told
cross join lateral (select case when rule.start_date
                                then (told.record ->> rule.start)::date::timestamp at time zone %(zone)s::text
                                else (told.record ->> rule.start)::timestamptz end as starts
                    offset 0) begun
cross join lateral (select case when rule.finish is not null then (told.record ->> rule.finish)::timestamptz
                                when rule.minutes is not null
                                then begun.starts + (told.record ->> rule.minutes)::float8 * interval '1 minute'
                                else begun.starts end as ends,
                           (told.record ->> rule.amount)::numeric as amount
                    offset 0) span

-- name: standing
-- The awards of the people who have something fresh under a rule, as they stand.
from (select distinct version, person_id from touched) who
join rule on rule.version = who.version
join ledger_entry entry on entry.person_id = who.person_id and entry.kind = 1
                           and not exists (select from ledger_reversal undone
                                           where undone.person_id = entry.person_id and undone.entry_id = entry.id)
join carbon_basis basis on basis.id = entry.basis_id and basis.behaviour = rule.behaviour

-- name: speed
-- Compared without dividing: a distance in no time at all is above any limit.
insert into pg_temp.anomalies_found
select decode(rule.version, 'hex'), fresh.person_id, fresh.party_id || ':' || fresh.event_id,
       round(span.amount * 3600 / nullif(seconds, 0), 6), fresh.party_id, fresh.event_id,
       round(span.amount * 3600 / nullif(seconds, 0), 6), false
from pg_temp.anomalies_fresh fresh
join {rules} on rule.behaviour = fresh.behaviour
{told}
cross join lateral (select extract(epoch from span.ends - begun.starts) as seconds offset 0) took
where span.amount * 3600 > rule."limit" * took.seconds

-- name: distance
insert into pg_temp.anomalies_found
select decode(rule.version, 'hex'), fresh.person_id, fresh.party_id || ':' || fresh.event_id, span.amount,
       fresh.party_id, fresh.event_id, span.amount, false
from pg_temp.anomalies_fresh fresh
join {rules} on rule.behaviour = fresh.behaviour
{told}
where span.amount > rule."limit"

-- name: cadence
-- Each record against those that began in the month before it, and with it: how long after the last of them ended it began.
-- Listed beside it are all that ended too late for it.
insert into pg_temp.anomalies_found
with rule as materialized (select * from {rules}),
touched as materialized (
    select rule.version, fresh.person_id, min(begun.starts) as first, max(begun.starts) as last
    from pg_temp.anomalies_fresh fresh
    join rule on rule.behaviour = fresh.behaviour
    {told_fresh}
    group by rule.version, fresh.person_id
),
line as materialized (
    select rule.version, rule."limit", entry.person_id, entry.cause_party as party_id, entry.cause as event_id,
           begun.starts, span.ends, touched.first
    {standing}
    join touched on touched.version = rule.version and touched.person_id = entry.person_id
    {told_entry}
    where begun.starts between touched.first - interval '31 days' and touched.last + interval '31 days'
),
ordered as (
    select line.*, max(ends) over (partition by version, person_id order by starts
                                   range between interval '31 days' preceding and current row exclude current row) as before
    from line
),
flagged as materialized (
    select * from ordered
    where starts >= first and extract(epoch from starts - before) < "limit" * 60
)
select decode(version, 'hex'), person_id, party_id || ':' || event_id, round(extract(epoch from starts - before) / 60, 6),
       party_id, event_id, round(extract(epoch from starts - before) / 60, 6), false
from flagged
union all
select decode(flagged.version, 'hex'), flagged.person_id, flagged.party_id || ':' || flagged.event_id,
       round(extract(epoch from flagged.starts - flagged.before) / 60, 6), other.party_id, other.event_id,
       round(extract(epoch from flagged.starts - other.ends) / 60, 6), true
from flagged
join line other on other.version = flagged.version and other.person_id = flagged.person_id
                   and (other.party_id, other.event_id) <> (flagged.party_id, flagged.event_id)
                   and other.starts between flagged.starts - interval '31 days' and flagged.starts
                   and extract(epoch from flagged.starts - other.ends) < flagged."limit" * 60

-- name: bucketed
-- The days or months that a record lies in, and what of it: of what takes time the seconds within each, else its number, or 1.
cross join lateral (
    select to_char(begins, case rule.per when 'day' then 'YYYY-MM-DD' else 'YYYY-MM' end) as name,
           case when rule.finish is null and rule.minutes is null then coalesce(span.amount, 1)
                else extract(epoch from least(span.ends, (begins + ('1 ' || rule.per)::interval) at time zone %(zone)s::text)
                                        - greatest(begun.starts, begins at time zone %(zone)s::text)) end as amount
    from generate_series(date_trunc(rule.per, begun.starts at time zone %(zone)s::text),
                         date_trunc(rule.per, greatest(begun.starts, span.ends - interval '1 microsecond')
                                              at time zone %(zone)s::text),
                         ('1 ' || rule.per)::interval) begins
) bucket

-- name: sums
-- Sums, or different things, of a person's day or month, over all that stands in it. `scale`: an hour's seconds, or 1.
insert into pg_temp.anomalies_found
with rule as materialized (
    select *, case when finish is null and minutes is null then 1 else 3600 end as scale from {rules}
),
touched as materialized (
    select distinct rule.version, fresh.person_id, bucket.name
    from pg_temp.anomalies_fresh fresh
    join rule on rule.behaviour = fresh.behaviour
    {told_fresh}
    {bucketed}
),
line as materialized (
    select rule.version, rule."limit", rule.scale, entry.person_id, entry.cause_party as party_id, entry.cause as event_id,
           bucket.name, bucket.amount, told.record ->> rule.fields[1] as thing
    {standing}
    {told_entry}
    {bucketed}
    join touched on touched.version = rule.version and touched.person_id = entry.person_id and touched.name = bucket.name
),
summed as (
    select version, person_id, name, case when count(thing) > 0 then count(distinct thing) else sum(amount) end as total
    from line
    group by version, person_id, name, "limit", scale
    having case when count(thing) > 0 then count(distinct thing) else sum(amount) end > "limit" * scale
)
select decode(version, 'hex'), person_id, name, round(summed.total / line.scale, 6), line.party_id, line.event_id,
       case when line.thing is null then round(line.amount / line.scale, 6) end, false
from summed
join line using (version, person_id, name)

-- name: keep_traces
insert into anomalies_trace (version, digest, party_id, event_id, person_id, entry_id)
select decode(rule.version, 'hex'),
       sha256(convert_to(concat_ws(E'\n', rule.behaviour, case when not rule.everyone then fresh.person_id end,
                                   (select string_agg(told.record ->> field, E'\n' order by nth)
                                    from unnest(rule.fields) with ordinality as named (field, nth))), 'UTF8')),
       fresh.party_id, fresh.event_id, fresh.person_id, fresh.entry_id
from pg_temp.anomalies_fresh fresh
join {rules} on rule.behaviour = fresh.behaviour
cross join lateral (select fresh.record::json as record offset 0) told
order by 1, 2, 3, 4
on conflict (version, digest, party_id, event_id) do update set entry_id = excluded.entry_id
where anomalies_trace.entry_id < excluded.entry_id

-- name: identical
-- Traces that more records have than may: a group for each person of them, who is told of their own only.
insert into pg_temp.anomalies_found
with rule as materialized (select distinct version, "limit" from {rules}),
touched as materialized (
    select distinct trace.version, trace.digest, rule."limit"
    from pg_temp.anomalies_fresh fresh
    cross join rule
    join anomalies_trace trace on trace.version = decode(rule.version, 'hex') and trace.digest = any(array(
        select own.digest from anomalies_trace own
        where own.version = decode(rule.version, 'hex') and own.party_id = fresh.party_id and own.event_id = fresh.event_id))
),
line as materialized (
    select trace.version, trace.digest, trace.person_id, trace.party_id, trace.event_id, touched."limit"
    from touched
    join anomalies_trace trace on trace.version = touched.version and trace.digest = touched.digest
    where not exists (select from ledger_reversal undone
                      where undone.person_id = trace.person_id and undone.entry_id = trace.entry_id)
),
many as (
    select version, digest, count(*) as total from line group by version, digest, "limit" having count(*) > "limit"
)
select line.version, line.person_id, encode(line.digest, 'hex'), many.total, line.party_id, line.event_id, null, false
from many
join line using (version, digest)

-- name: lock_open
-- Open cases of what was found stay open until this ends: of a decision and a sweep one comes second, and sees the other.
select cases.id from anomalies_case cases
where (cases.version, cases.person_id, cases.grp) in (select version, person_id, grp from pg_temp.anomalies_found)
      and cases.state = 1
order by cases.id for update

-- name: open
-- A group that has no open case gets one where a record of it is in none yet.
insert into anomalies_case (version, person_id, grp, part, measured, state, opened_at)
select found.version, found.person_id, found.grp,
       coalesce((select max(cases.part) from anomalies_case cases
                 where (cases.version, cases.person_id, cases.grp) = (found.version, found.person_id, found.grp)), 0) + 1,
       max(found.total), 1, %(at)s
from pg_temp.anomalies_found found
where not found.beside
      and not exists (select from anomalies_case cases
                      where (cases.version, cases.person_id, cases.grp) = (found.version, found.person_id, found.grp)
                            and (cases.state = 1
                                 or exists (select from anomalies_record record
                                            where record.case_id = cases.id and not record.beside
                                                  and (record.party_id, record.event_id) = (found.party_id, found.event_id))))
group by found.version, found.person_id, found.grp
order by found.version, found.person_id, found.grp

-- name: measure
update anomalies_case cases
set measured = found.total
from (select version, person_id, grp, max(total) as total from pg_temp.anomalies_found group by version, person_id, grp) found
where (cases.version, cases.person_id, cases.grp) = (found.version, found.person_id, found.grp)
      and cases.state = 1 and cases.measured is distinct from found.total

-- name: fill
insert into anomalies_record (case_id, party_id, event_id, measured, beside, came)
select cases.id, found.party_id, found.event_id, found.own, found.beside, ''
from pg_temp.anomalies_found found
join anomalies_case cases on (cases.version, cases.person_id, cases.grp) = (found.version, found.person_id, found.grp)
                             and cases.state = 1
where not exists (select from anomalies_case earlier
                  join anomalies_record record on record.case_id = earlier.id and not record.beside
                  where (earlier.version, earlier.person_id, earlier.grp) = (found.version, found.person_id, found.grp)
                        and earlier.part < cases.part
                        and (record.party_id, record.event_id) = (found.party_id, found.event_id))
order by cases.id, found.party_id, found.event_id
on conflict (case_id, party_id, event_id) do update
set measured = excluded.measured where anomalies_record.measured is distinct from excluded.measured

-- name: note_rule
insert into anomalies_rule (version, name, kind, grade, document, at)
values (%(version)s, %(name)s, %(kind)s, %(grade)s, %(document)s, %(at)s)
on conflict (version) do nothing
