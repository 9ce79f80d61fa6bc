-- name: one_at_a_time
-- Files of one party and side are compared in turn.
select pg_advisory_xact_lock(4912027, hashtext(%(party)s::text || %(side)s))

-- name: plan
-- Whatever the intake set on this connection: a whole day is joined by hash, read through once.
select set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true),
       set_config('work_mem', '128MB', true)

-- name: fresh
-- Two files in one transaction: the tables of the first are still there.
drop table if exists pg_temp.reconciliation_stage, pg_temp.reconciliation_met

-- name: stage
create temporary table reconciliation_stage (
    line int not null, item text collate "C" not null, label text not null, outcome text, er_mg bigint, credits bigint
) on commit drop

-- name: copy
copy pg_temp.reconciliation_stage (line, item, label, outcome, er_mg, credits) from stdin

-- name: met
create temporary table reconciliation_met (
    item text collate "C" not null, label text not null, kind text not null, ours jsonb, theirs jsonb
) on commit drop

-- name: twice
select label, min(line), max(line), count(*) from pg_temp.reconciliation_stage
group by item, label having count(*) > 1 order by min(line)

-- name: meet_events
-- Every item of either side once; what breaks is kept, the rest counted. What is not here on that day may be here on
-- another, under its id. An event that its party took back stands as withdrawn with nothing: left out there, or listed so,
-- it agrees; listed as credited it differs. A withdrawal itself has no day and agrees wherever it is listed. The figure of a
-- record that was dropped is gone here, and says nothing against theirs.
with ours as (
    select quantity.event_id as item, case when gone.event_id is null then quantity.outcome else 9 end as outcome,
           case when gone.event_id is null then quantity.er_mg else 0 end as er_mg,
           case when gone.event_id is null then quantity.credits else 0 end as credits,
           case when gone.event_id is null then quantity.dropped_at end as dropped_at
    from carbon_quantity quantity
    left join events_withdrawal gone on gone.party_id = quantity.party_id and gone.event_id = quantity.event_id
    where quantity.party_id = %(party)s and quantity.day = %(day)s
          and not exists (select from carbon_revision later
                          where (later.person_id, later.old_batch_id, later.old_place)
                                = (quantity.person_id, quantity.batch_id, quantity.place))
), itself as (
    select by_id as item from events_withdrawal where party_id = %(party)s and kind = 1
), met as (
    select coalesce(theirs.item, ours.item) as item, coalesce(theirs.label, ours.item) as label,
           theirs.item is not null as there, ours.item is not null as here,
           theirs.outcome as their_outcome, theirs.er_mg as their_er_mg, theirs.credits as their_credits,
           (%(names)s::text[])[ours.outcome + 1] as outcome, ours.er_mg, ours.credits,
           ours.dropped_at
    from pg_temp.reconciliation_stage theirs
    full join ours on ours.item = theirs.item
), elsewhere as (
    select met.item, quantity.day, (%(names)s::text[])[quantity.outcome + 1] as outcome, quantity.er_mg, quantity.credits
    from met
    join events_seen seen on seen.party_id = %(party)s and seen.event_id = met.item
    left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                       where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                             = (seen.person_id, seen.batch_id, seen.place)
                       order by revision.batch_id desc, revision.place desc limit 1) newest on true
    join carbon_quantity quantity on quantity.person_id = seen.person_id
                                     and quantity.batch_id = coalesce(newest.batch_id, seen.batch_id)
                                     and quantity.place = coalesce(newest.place, seen.place)
    where not met.here
), verdict as materialized (
    select met.item, met.label, met.there,
           case when not met.there and met.outcome = 'withdrawn' then 'gone'
                when not met.there then 'missing_there'
                when itself.item is not null then 'matched'
                when elsewhere.item is not null then 'different'
                when not met.here and met.their_outcome = any(%(not_kept)s::text[]) then 'matched'
                when not met.here then 'missing_here'
                when (met.their_outcome is not null and met.their_outcome is distinct from met.outcome)
                     or (met.their_er_mg is not null and met.dropped_at is null
                         and met.their_er_mg is distinct from met.er_mg)
                     or (met.their_credits is not null and met.their_credits is distinct from met.credits)
                then 'different'
                else 'matched' end as kind,
           case when met.here then jsonb_build_object('outcome', met.outcome, 'er_mg', met.er_mg, 'credits', met.credits)
                when elsewhere.item is not null
                then jsonb_build_object('day', elsewhere.day, 'outcome', elsewhere.outcome, 'er_mg', elsewhere.er_mg,
                                        'credits', elsewhere.credits) end as ours,
           case when met.there then jsonb_strip_nulls(jsonb_build_object(
               'outcome', met.their_outcome, 'er_mg', met.their_er_mg, 'credits', met.their_credits)) end as theirs
    from met
    left join elsewhere on elsewhere.item = met.item
    left join itself on itself.item = met.item
), kept as (
    insert into pg_temp.reconciliation_met (item, label, kind, ours, theirs)
    select item, label, kind, ours, theirs from verdict where kind not in ('matched', 'gone')
)
select count(*) filter (where there), count(*) filter (where kind = 'matched'),
       count(*) filter (where kind = 'missing_here'), count(*) filter (where kind = 'missing_there'),
       count(*) filter (where kind = 'different')
from verdict

-- name: meet_codes
-- A code that is not this acceptor's is not here, as if it did not exist. One that is, and was not burnt on that day,
-- differs: ours says what it is.
with mine as (
    select encode(code.code_hmac, 'hex') as item, code.id, code.burnt_at, code.cancelled_at, code.expires_at
    from incentives_code code
    join incentives_offer offer on offer.id = code.offer_id and offer.party_id = %(party)s
), ours as (
    select * from mine where burnt_at >= %(from)s and burnt_at < %(until)s
), met as (
    select coalesce(theirs.item, ours.item) as item, coalesce(theirs.label, '#' || ours.id) as label,
           theirs.item is not null as there, ours.item is not null as here, ours.burnt_at
    from pg_temp.reconciliation_stage theirs
    full join ours on ours.item = theirs.item
), verdict as materialized (
    select met.item, met.label, met.there,
           case when not met.there then 'missing_there' when met.here then 'matched'
                when mine.item is not null then 'different' else 'missing_here' end as kind,
           case when met.here then jsonb_build_object('burnt_at', met.burnt_at)
                when mine.item is not null then jsonb_strip_nulls(jsonb_build_object(
                    'state', case when mine.burnt_at is not null then 'burnt' when mine.cancelled_at is not null then 'cancelled'
                                  else 'not_burnt' end, 'burnt_at', mine.burnt_at)) end as ours,
           case when met.there then jsonb_build_object('state', 'burnt') end as theirs
    from met
    left join mine on mine.item = met.item and not met.here
), kept as (
    insert into pg_temp.reconciliation_met (item, label, kind, ours, theirs)
    select item, label, kind, ours, theirs from verdict where kind <> 'matched'
)
select count(*) filter (where there), count(*) filter (where kind = 'matched'),
       count(*) filter (where kind = 'missing_here'), count(*) filter (where kind = 'missing_there'),
       count(*) filter (where kind = 'different')
from verdict

-- name: note_breaks
insert into reconciliation_break (party_id, side, day, item, label, opened_at)
select %(party)s, %(side)s, %(day)s, item, label, %(at)s from pg_temp.reconciliation_met
on conflict (party_id, side, day, item) do nothing

-- name: open
-- A step for what is new, for what looks other than before, and for what was closed and differs still; a difference that
-- was accepted stays so as long as it is the same. The owner follows the kind, also where that is another now; one that
-- somebody named stays.
insert into reconciliation_step (break_id, at, state, kind, ours, theirs, owner, resolution, note, by, file_id)
select broken.id, %(at)s, 'open', met.kind, met.ours, met.theirs,
       coalesce(nullif(newest.owner, case newest.kind when 'missing_here' then %(code)s else %(operator)s end),
                case met.kind when 'missing_here' then %(code)s else %(operator)s end), null, '', '', %(file)s
from pg_temp.reconciliation_met met
join reconciliation_break broken on (broken.party_id, broken.side, broken.day, broken.item)
                                    = (%(party)s, %(side)s, %(day)s, met.item)
left join lateral (select * from reconciliation_step step where step.break_id = broken.id order by id desc limit 1) newest
    on true
where newest.id is null
   or (newest.kind, newest.ours, newest.theirs) is distinct from (met.kind, met.ours, met.theirs)
   or newest.state = 'cleared'
   or (newest.state = 'resolved' and newest.resolution <> 'accepted')

-- name: clear
insert into reconciliation_step (break_id, at, state, kind, ours, theirs, owner, resolution, note, by, file_id)
select broken.id, %(at)s, 'cleared', newest.kind, newest.ours, newest.theirs, newest.owner, null, '', '', %(file)s
from reconciliation_break broken
cross join lateral (select * from reconciliation_step step where step.break_id = broken.id order by id desc limit 1) newest
where (broken.party_id, broken.side, broken.day) = (%(party)s, %(side)s, %(day)s)
  and newest.state in ('open', 'assigned')
  and not exists (select from pg_temp.reconciliation_met met where met.item = broken.item)

-- name: breaks
select broken.id, broken.party_id, broken.side, broken.day, broken.label, broken.opened_at, newest.at, newest.state, newest.kind,
       newest.ours, newest.theirs, newest.owner, newest.resolution, newest.note, newest.by
from reconciliation_break broken
cross join lateral (select * from reconciliation_step step where step.break_id = broken.id order by id desc limit 1) newest
where (%(party)s::int is null or broken.party_id = %(party)s)
  and (%(id)s::bigint is null or broken.id = %(id)s)
  and (%(day)s::date is null or broken.day = %(day)s)
  and (%(closed)s or newest.state in ('open', 'assigned'))
  and broken.id > %(after)s
order by broken.id
limit %(limit)s

-- name: open_count
select count(*), min(broken.opened_at)
from reconciliation_break broken
cross join lateral (select state from reconciliation_step step where step.break_id = broken.id order by id desc limit 1) newest
where newest.state in ('open', 'assigned') and (%(party)s::int is null or broken.party_id = %(party)s)
  and (%(day)s::date is null or broken.day = %(day)s)
