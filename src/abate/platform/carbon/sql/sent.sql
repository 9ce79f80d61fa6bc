-- name: batches
-- The party's batches behind a place, the newest first, each with how many events were in those before it: so many as
-- it takes for `most` events, read from the key (party, moment, id). A place (0, 0) is behind all that is in its batch.
-- Where only refusals are asked for, only they are counted, and no further than a page looks: a batch of 10,000 accepted
-- events costs one look into a key, one of 10,000 refusals as many as a page.
select id, received_at,
       (sum(held) over (order by received_at desc, id desc rows unbounded preceding) - held)::bigint as before
from events_batch
cross join lateral (select case when %(refused)s
    then (select count(*) from (select from events_refusal refusal where refusal.batch_id = events_batch.id
                                limit %(most)s) counted_to)
    else events_batch.count end as held) counted
where party_id = %(party)s and via <> 'revalue'
      and received_at >= coalesce(%(first)s::timestamptz, '-infinity')
      and received_at < coalesce(%(until)s::timestamptz, 'infinity')
      and (received_at, id) <= (%(at)s::timestamptz, %(batch)s::bigint)
      and not (id = %(batch)s and %(kind)s = 0 and %(n)s = 0)
order by received_at desc, id desc limit %(most)s + 1

-- name: arrived
-- What is in these batches behind a place, by (moment, batch, kind, n): accepted events (kind 1) by their place in the
-- batch, refused ones (kind 0) by the number of the refusal.
select at, batch_id, kind, n, event_id
from (select batch.at, batch.id as batch_id, 1 as kind, seen.place::bigint as n, seen.event_id
      from unnest(%(ids)s::bigint[], %(ats)s::timestamptz[]) as batch (id, at)
      join events_seen seen on seen.batch_id = batch.id
      where 1 = any(%(kinds)s::int[])
      union all
      select batch.at, batch.id, 0, refusal.id, refusal.event_id
      from unnest(%(ids)s::bigint[], %(ats)s::timestamptz[]) as batch (id, at)
      join events_refusal refusal on refusal.batch_id = batch.id
      where 0 = any(%(kinds)s::int[])) arrived
where (at, batch_id, kind, n) < (%(at)s::timestamptz, %(batch)s::bigint, %(kind)s::int, %(n)s::bigint)
order by at desc, batch_id desc, kind desc, n desc limit %(most)s

-- name: of_subject
-- The same of one person: from what is kept and booked of them, by the person's own keys; and what took it back.
with acted as (
    select distinct event_id from carbon_quantity where person_id = %(person)s and party_id = %(party)s
), own as (
    select event_id from acted
    union
    select gone.by_id from events_withdrawal gone join acted on acted.event_id = gone.event_id
    where gone.party_id = %(party)s
)
select batch.received_at, seen.batch_id, 1, seen.place::bigint, seen.event_id
from own
join events_seen seen on seen.party_id = %(party)s and seen.event_id = own.event_id
join events_batch batch on batch.id = seen.batch_id
where batch.received_at >= coalesce(%(first)s::timestamptz, '-infinity')
      and batch.received_at < coalesce(%(until)s::timestamptz, 'infinity')
      and (batch.received_at, seen.batch_id, 1, seen.place::bigint)
          < (%(at)s::timestamptz, %(batch)s::bigint, %(kind)s::int, %(n)s::bigint)
order by 1 desc, 2 desc, 4 desc limit %(most)s

-- name: named
-- The event of this id: what it was accepted as, else its newest refusal.
select * from (
    select batch.received_at, seen.batch_id, 1 as kind, seen.place::bigint as n, seen.event_id
    from events_seen seen
    join events_batch batch on batch.id = seen.batch_id
    where seen.party_id = %(party)s and seen.event_id = %(event)s
    union all
    (select batch.received_at, refusal.batch_id, 0, refusal.id, refusal.event_id
     from events_refusal refusal
     join events_batch batch on batch.id = refusal.batch_id
     where refusal.party_id = %(party)s and refusal.event_id = %(event)s
     order by refusal.id desc limit 1)
) found
order by kind desc limit 1

-- name: told
-- What became of these, as it stands; nothing of whose they are. `stands` is an outcome, or 10 where a correction stands
-- in the event's place. An award is found by its key: the batch says between which ids its entries are.
select at, batch_id, kind, n, event_id, behaviour, occurred_at, stands, stored, reason, er_mg, credits, capped, entry_id,
       by_id, cause, takes_back, corrects
from (
    select asked.at, asked.batch_id, asked.kind, asked.n, asked.event_id,
           coalesce(basis.behaviour, refusal.behaviour) as behaviour, quantity.occurred_at,
           case when asked.kind = 0 then 1 when gone.kind = 2 then 10 when gone.kind = 1 or own.kind = 1 then 9
                else quantity.outcome end as stands,
           case when gone.kind is not null then quantity.outcome end as stored,
           case when asked.kind = 1 then quantity.reason
                when refusal.detail = '' then refusal.code else refusal.code || ':' || refusal.detail end as reason,
           quantity.er_mg, coalesce(quantity.credits, 0) as credits, coalesce(quantity.capped, false) as capped,
           quantity.entry_id, gone.by_id, gone.cause,
           case when own.kind = 1 then own.event_id end as takes_back,
           case when own.kind = 2 then own.event_id end as corrects
    from unnest(%(ats)s::timestamptz[], %(batches)s::bigint[], %(kinds)s::int[], %(ns)s::bigint[], %(events)s::text[])
        as asked (at, batch_id, kind, n, event_id)
    left join events_refusal refusal on asked.kind = 0 and refusal.id = asked.n
    left join events_seen seen
        on asked.kind = 1 and seen.party_id = %(party)s and seen.event_id = asked.event_id collate "C"
    left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                       where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                             = (seen.person_id, seen.batch_id, seen.place)
                       order by revision.batch_id desc, revision.place desc limit 1) newest on true
    left join lateral (
        select kept.occurred_at, kept.outcome, kept.reason, kept.er_mg, 0::bigint as credits, false as capped,
               null::bigint as entry_id, kept.basis_id
        from carbon_kept kept
        where kept.person_id = seen.person_id and kept.batch_id = coalesce(newest.batch_id, seen.batch_id)
              and kept.place = coalesce(newest.place, seen.place)
        union all
        select entry.occurred_at, 8, entry.reason, entry.carbon_mg, entry.credits, entry.eligible_mg < entry.carbon_mg,
               entry.id, entry.basis_id
        from ledger_batch within
        join ledger_entry entry on entry.person_id = seen.person_id
                                   and entry.id between within.first_entry and within.last_entry
        where within.batch_id = coalesce(newest.batch_id, seen.batch_id) and entry.kind = 1
              and entry.batch_id = within.batch_id and entry.place = coalesce(newest.place, seen.place)
    ) quantity on true
    left join carbon_basis basis on basis.id = quantity.basis_id
    left join events_withdrawal gone
        on asked.kind = 1 and gone.party_id = %(party)s and gone.event_id = asked.event_id collate "C"
    left join events_withdrawal own
        on asked.kind = 1 and own.party_id = %(party)s and own.by_id = asked.event_id collate "C"
) told
where stands is not null and (%(behaviour)s::text is null or behaviour = %(behaviour)s)
      and (%(stands)s::int is null or stands = %(stands)s)
order by at desc, batch_id desc, kind desc, n desc limit %(limit)s
