-- name: raise
-- Balances are raised in the order of persons, so that two batches with the same persons wait and never in a circle; the
-- update sees the newest row of each person, however long it waited. They then hold the totals after this batch, from
-- which the running sums of the staged events lead back to each entry.
insert into ledger_balance as held (person_id, carbon_mg, credits, eligible_mg, earned, entries, updated_at)
select person_id, er_mg, {earned} / 1000000, eligible_mg, {earned}, entries, %(at)s::timestamptz
from events_who
where entries > 0
order by person_id
on conflict (person_id) do update
set carbon_mg = held.carbon_mg + excluded.carbon_mg,
    credits = held.credits + (held.earned + excluded.earned) / 1000000 - held.earned / 1000000,
    eligible_mg = held.eligible_mg + excluded.eligible_mg,
    earned = held.earned + excluded.earned,
    entries = held.entries + excluded.entries,
    updated_at = excluded.updated_at
returning person_id, carbon_mg, credits, earned

-- name: enter
-- Ids are drawn after the sort, where every balance concerned is locked (`raised`), in the order of places. Entry and
-- commitment stand or fall together; the leaf follows from the row (due.sql).
insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                          cause_party, cause, batch_id, place, basis_id, occurred_at, act_day, be_mg, pe_mg, le_mg,
                          eligible_mg, record, reason, commitment)
select person_id, entry_id, %(kind)s::smallint, %(at)s::timestamptz, (select ledger_booking_day(%(day)s)), er_mg,
       earned_after / 1000000 - (earned_after - eligible * {rate}) / 1000000, carbon_after,
       credits_offset + earned_after / 1000000, %(counter)s::smallint, party_id, event_id, batch_id, place,
       {basis}, occurred_at, day, be_mg, pe_mg, le_mg, eligible, record, reason,
       abate_commitment(abate_salt(commit_key, entry_id), part)
from (
    select line.*, nextval('ledger_entry_id_seq') as entry_id
    from (
        select stage.place, stage.basis, stage.occurred_at, stage.day, stage.be_mg, stage.pe_mg, stage.le_mg,
               stage.er_mg, stage.event_id, stage.part, stage.record, stage.reason,
               coalesce(stage.eligible_mg, stage.er_mg) as eligible, raised.person_id, who.commit_key, who.party_id,
               who.batch_id, raised.credits - raised.earned / 1000000 as credits_offset,
               raised.carbon_mg - who.er_mg + stage.upto_mg as carbon_after,
               raised.earned + {upto} as earned_after
        from events_stage stage
        join events_who who on who.who = stage.who
        join raised on raised.person_id = who.person_id
        where stage.upto_mg is not null
        order by raised.person_id, stage.place
    ) line
    offset 0
) numbered

-- name: award
with raised as ({raise}) {enter}

-- name: booked
returning batch_id, place, cause, reason, carbon_mg, credits, id, eligible_mg < carbon_mg as capped

-- name: first_entry
select nextval('ledger_entry_id_seq')

-- name: salts
-- For the SM3 commitments, which PostgreSQL cannot make: what salts each award that was just booked.
select entry.place, abate_salt(who.commit_key, entry.id)
from events_who who
join ledger_entry entry on entry.person_id = who.person_id and entry.batch_id = who.batch_id
                           and entry.id between %(first)s and (select currval('ledger_entry_id_seq'))
where who.entries > 0

-- name: staged
-- What would be added, with what each account holds before the batch: milligrams, and millionths of a credit earned.
select stage.place, stage.event_id, who.behaviour, who.person_id, stage.er_mg, credits_per_kg(stage.day),
       coalesce(held.carbon_mg, 0), coalesce(held.earned, 0)
from events_stage stage
join events_who who on who.who = stage.who
left join ledger_balance held on held.person_id = who.person_id
where stage.outcome = 8
order by stage.place

-- name: note_span
-- Where the awards of a batch are (`ledger_span`), for good, and that their leaves are due, until the log has asked for
-- them.
insert into ledger_batch (batch_id, first_entry, last_entry, sm3)
select batch_id, first_entry, last_entry, sm3 from ledger_span

-- name: note_due
insert into ledger_due (batch_id, entries, person_ids)
select batch_id, sum(entries), array_agg(person_id) from events_who where entries > 0 group by batch_id

-- name: close_batch
with ledger_span as (
    select %(batch)s::bigint as batch_id, %(first)s::bigint as first_entry, currval('ledger_entry_id_seq') as last_entry,
           %(sm3)s::bytea as sm3
), noted as ({note_span}) {note_due}

-- name: stored
-- The awards of events that are sent again: from the batch to the ids it took, so that the key of entries finds them;
-- where the event was revalued, the batch of that.
select asked.place, asked.event_id, entry.reason, entry.carbon_mg, entry.credits, entry.id,
       entry.eligible_mg < entry.carbon_mg
from unnest(%(places)s::int[], %(events)s::text[]) as asked (place, event_id)
join events_seen seen on seen.party_id = %(party)s and seen.event_id = asked.event_id collate "C"
left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                   where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                         = (seen.person_id, seen.batch_id, seen.place)
                   order by revision.batch_id desc, revision.place desc limit 1) newest on true
join ledger_batch batch on batch.batch_id = coalesce(newest.batch_id, seen.batch_id)
join ledger_entry entry on entry.person_id = seen.person_id and entry.id between batch.first_entry and batch.last_entry
                           and entry.batch_id = batch.batch_id and entry.place = coalesce(newest.place, seen.place)
