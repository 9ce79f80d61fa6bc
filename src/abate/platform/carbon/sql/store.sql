-- name: find_bases
select key, id from carbon_basis where key = any(%(keys)s)

-- name: add_basis
insert into carbon_basis (key, behaviour, version, method_hash, factors, factors_hash, region, grade_floor, pack,
                          pack_hash, first_used_at)
values (%(key)s, %(behaviour)s, %(version)s, %(method_hash)s, %(factors)s, %(factors_hash)s, %(region)s,
        %(grade_floor)s, %(pack)s, %(pack_hash)s, %(at)s)
on conflict (key) do nothing

-- name: store
-- The second part of one statement; `booked` are the entries of its first, the ledger's.
, stored as (
    insert into carbon_quantity (person_id, party_id, event_id, batch_id, basis_id, occurred_at, day, outcome, reason,
                                 be_mg, pe_mg, le_mg, er_mg, eligible_mg, credits, capped, entry_id, place, record)
    select new.person_id, %(party)s, stage.event_id, %(batch)s, (%(bases)s::int[])[stage.basis], stage.occurred_at,
           (stage.occurred_at at time zone %(zone)s)::date, stage.outcome, stage.reason,
           stage.be_mg, stage.pe_mg, stage.le_mg, stage.er_mg, coalesce(booked.eligible_mg, 0),
           coalesce(booked.credits, 0), coalesce(booked.eligible_mg < stage.er_mg, false), booked.entry_id,
           new.place, stage.record
    from pg_temp.events_new new
    join pg_temp.events_stage stage on stage.place = new.place
    left join booked on booked.place = new.place
    order by new.person_id
    returning place, event_id, outcome, reason, er_mg, credits, entry_id, capped
)
select place, event_id, outcome, reason, er_mg, credits, entry_id, capped
from stored
where %(all)s or outcome < 8

-- name: stored
select asked.place, asked.event_id, quantity.outcome, quantity.reason, quantity.er_mg, quantity.credits,
       quantity.entry_id, quantity.capped
from unnest(%(places)s::int[], %(events)s::text[]) as asked (place, event_id)
join events_seen seen on seen.party_id = %(party)s and seen.event_id = asked.event_id collate "C"
join carbon_quantity quantity
    on quantity.person_id = seen.person_id and quantity.batch_id = seen.batch_id and quantity.place = seen.place
