-- name: cut
-- Awards booked since the last cut, merged by day into lots. Under the lock of the account no new one can come. A debt
-- is settled first, by the oldest of them, however late the cut is made, and the newest of its day notes it (a hold that
-- lapses meanwhile is a later entry); what waits to be collected settles none.
-- `before`: only those posted before the first entry of that moment or a later one.
with fresh as materialized (
    select entry.person_id, entry.day, ledger_sum(entry.credits) filter (where entry.kind = 1) as credits,
           max(entry.id) as last, max(entry.id) filter (where entry.kind = 1) as award
    from ledger_balance balance
    join ledger_entry entry on entry.person_id = balance.person_id and entry.id > balance.lotted_id
    where balance.person_id = any(%(persons)s::bigint[])
          and (%(before)s::timestamptz is null
               or not exists (select from ledger_entry late
                              where late.person_id = balance.person_id and late.id > balance.lotted_id
                                    and late.id <= entry.id and late.at >= %(before)s::timestamptz))
    group by entry.person_id, entry.day
), dated as (
    select day, credits_award_until(day) as expires_on, credits_award_origin(day) as origin
    from (select distinct day from fresh) days
), paid as materialized (
    select fresh.person_id, fresh.day, dated.expires_on, dated.origin, fresh.award, fresh.credits,
           case when dated.origin = 1 then greatest(least(fresh.credits, balance.owed - (
               ledger_sum(case when dated.origin = 1 then fresh.credits else 0 end) over upto - fresh.credits)), 0)
           else 0 end as debt
    from fresh
    join dated using (day)
    join ledger_balance balance using (person_id)
    where fresh.credits > 0
    window upto as (partition by fresh.person_id order by fresh.day rows unbounded preceding)
), cut as (
    insert into ledger_lot as lot (person_id, expires_on, day, origin, credits_in, left_credits)
    select person_id, expires_on, day, origin, credits, credits - debt from paid
    on conflict (person_id, expires_on, day, origin) do update
    set credits_in = lot.credits_in + excluded.credits_in, left_credits = lot.left_credits + excluded.left_credits
), settled as (
    insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
    select person_id, award, expires_on, day, 1, -debt from paid where debt > 0
)
update ledger_balance balance set lotted_id = newest.id, owed = balance.owed - newest.debt
from (select fresh.person_id, max(fresh.last) as id, coalesce(ledger_sum(paid.debt), 0) as debt
      from fresh
      left join paid using (person_id, day)
      group by fresh.person_id) newest
where newest.person_id = balance.person_id

-- name: draw
-- First expiring first used: by expires_on, day, origin. The demands of one person queue in the order given; a demand
-- and a lot share what their stretches of the running sums overlap.
with demand as (
    select person_id, entry_id, credits, ledger_sum(credits) over (
               partition by person_id order by place rows unbounded preceding) as upto
    from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(credits)s::bigint[])
        with ordinality as demand (person_id, entry_id, credits, place)
), lot as (
    select person_id, expires_on, day, origin, left_credits, ledger_sum(left_credits) over (
               partition by person_id order by expires_on, day, origin rows unbounded preceding) as upto
    from ledger_lot
    where person_id = any(%(persons)s::bigint[]) and left_credits > 0 and origin <> 16
          and expires_on > %(after)s and expires_on <= %(until)s
), taken as materialized (
    select lot.person_id, lot.expires_on, lot.day, lot.origin, demand.entry_id,
           least(demand.upto, lot.upto) - greatest(demand.upto - demand.credits, lot.upto - lot.left_credits) as credits
    from demand
    join lot on lot.person_id = demand.person_id
    where demand.upto - demand.credits < lot.upto and lot.upto - lot.left_credits < demand.upto
), lowered as (
    update ledger_lot lot set left_credits = lot.left_credits - total.credits
    from (select person_id, expires_on, day, origin, ledger_sum(credits) as credits from taken
          group by person_id, expires_on, day, origin) total
    where (lot.person_id, lot.expires_on, lot.day, lot.origin)
          = (total.person_id, total.expires_on, total.day, total.origin)
), noted as (
    insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
    select person_id, entry_id, expires_on, day, origin, -credits from taken
)
select coalesce(sum(credits), 0)::bigint from taken

-- name: draw_waiting
-- What waits to be collected, all that an entry's person has of one span of last days, or of one day of booking.
with taken as materialized (
    select lot.person_id, lot.expires_on, lot.day, lot.origin, given.entry_id, lot.left_credits as credits
    from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as given (person_id, entry_id)
    join ledger_lot lot on lot.person_id = given.person_id
    where lot.origin = 16 and lot.left_credits > 0 and lot.expires_on > %(after)s and lot.expires_on <= %(until)s
          and lot.day = coalesce(%(day)s::date, lot.day)
), lowered as (
    update ledger_lot lot set left_credits = 0
    from taken
    where (lot.person_id, lot.expires_on, lot.day, lot.origin)
          = (taken.person_id, taken.expires_on, taken.day, taken.origin)
), noted as (
    insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
    select person_id, entry_id, expires_on, day, origin, -credits from taken
)
select coalesce(sum(credits), 0)::bigint from taken

-- name: waiting
-- What each of these waits to collect (after today), or let lapse (until today).
select person_id, sum(left_credits)::bigint, min(day), max(day) from ledger_lot
where person_id = any(%(persons)s::bigint[]) and origin = 16 and left_credits > 0
      and expires_on > %(after)s and expires_on <= %(until)s and day = coalesce(%(day)s::date, day)
group by person_id
order by person_id

-- name: all_lots
select person_id, expires_on, day, origin, left_credits from ledger_lot
where person_id = any(%(persons)s::bigint[]) and left_credits > 0
order by person_id, expires_on, day, origin

-- name: gone_lots
-- What expired (5) or lapsed (18) of the lots of awards, and did not come back (21).
select draw.person_id, draw.expires_on, draw.day, draw.origin, -sum(draw.credits)::bigint
from ledger_lot lot
join ledger_draw draw using (person_id, expires_on, day, origin)
join ledger_entry entry on entry.person_id = draw.person_id and entry.id = draw.entry_id
where lot.person_id = any(%(persons)s::bigint[]) and lot.expires_on <= %(today)s and lot.origin in (1, 16)
      and entry.kind in (5, 18, 21)
group by draw.person_id, draw.expires_on, draw.day, draw.origin
having sum(draw.credits) < 0
order by draw.person_id, draw.expires_on, draw.day, draw.origin

-- name: draw_from
-- From the very lots that were chosen under the lock, or, below zero, into them; the table's constraint refuses more than
-- is left.
with drawn as (
    select * from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(expiries)s::date[], %(days)s::date[],
                         %(origins)s::smallint[], %(credits)s::bigint[])
        as drawn (person_id, entry_id, expires_on, day, origin, credits)
), lowered as (
    update ledger_lot lot set left_credits = lot.left_credits - total.credits
    from (select person_id, expires_on, day, origin, ledger_sum(credits) as credits from drawn
          group by person_id, expires_on, day, origin) total
    where (lot.person_id, lot.expires_on, lot.day, lot.origin)
          = (total.person_id, total.expires_on, total.day, total.origin)
)
insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
select person_id, entry_id, expires_on, day, origin, -credits from drawn

-- name: put
-- New credits into lots: of their own origin and day, or, by a transfer, with the expiry and day that they had.
with put as (
    select person_id, entry_id, expires_on, day, credits
    from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(expiries)s::date[], %(days)s::date[],
                %(credits)s::bigint[]) as put (person_id, entry_id, expires_on, day, credits)
), placed as (
    insert into ledger_lot as lot (person_id, expires_on, day, origin, credits_in, left_credits)
    select person_id, coalesce(expires_on, credits_expires_on(day)), day, %(origin)s, sum(credits), sum(credits)
    from put
    group by 1, 2, 3
    on conflict (person_id, expires_on, day, origin) do update
    set credits_in = lot.credits_in + excluded.credits_in, left_credits = lot.left_credits + excluded.left_credits
)
insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
select person_id, entry_id, coalesce(expires_on, credits_expires_on(day)), day, %(origin)s, credits from put

-- name: put_back
-- What an entry drew goes back to the very lots, however late; an expired lot stays unspendable.
with back as materialized (
    select draw.person_id, given.by_entry as entry_id, draw.expires_on, draw.day, draw.origin,
           -ledger_sum(draw.credits) as credits
    from unnest(%(persons)s::bigint[], %(of)s::bigint[], %(by)s::bigint[]) as given (person_id, of_entry, by_entry)
    join ledger_draw draw on draw.person_id = given.person_id and draw.entry_id = given.of_entry
    group by draw.person_id, given.by_entry, draw.expires_on, draw.day, draw.origin
), raised as (
    update ledger_lot lot set left_credits = lot.left_credits + total.credits
    from (select person_id, expires_on, day, origin, ledger_sum(credits) as credits from back
          group by person_id, expires_on, day, origin) total
    where (lot.person_id, lot.expires_on, lot.day, lot.origin)
          = (total.person_id, total.expires_on, total.day, total.origin)
), noted as (
    insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
    select person_id, entry_id, expires_on, day, origin, credits from back
)
select coalesce(sum(credits), 0)::bigint from back

-- name: draws_of
select expires_on, day, -sum(credits)::bigint from ledger_draw
where person_id = %(person)s and entry_id = %(entry)s
group by expires_on, day
order by expires_on, day

-- name: settle_debt
update ledger_balance balance set owed = balance.owed - paid.credits
from unnest(%(persons)s::bigint[], %(credits)s::bigint[]) as paid (person_id, credits)
where balance.person_id = paid.person_id

-- name: persons_to_cut
select balance.person_id from ledger_balance balance
where balance.person_id > %(after)s
      and exists (select from ledger_entry entry
                  where entry.person_id = balance.person_id and entry.id > balance.lotted_id and entry.kind = 1)
order by balance.person_id
limit %(limit)s

-- name: persons_to_expire
select distinct person_id from ledger_lot
where left_credits > 0 and expires_on <= %(today)s and person_id > %(after)s and (origin = 16) = %(waiting)s
order by person_id
limit %(limit)s

-- name: expired
select person_id, sum(left_credits)::bigint from ledger_lot
where person_id = any(%(persons)s::bigint[]) and left_credits > 0 and expires_on <= %(today)s and origin <> 16
group by person_id
order by person_id

-- name: expiring_of
-- Of these users, whose credits expire after today until that day: by the last such day of each.
select last.day, array_agg(last.user_id order by last.user_id)
from (select person.user_id, max(lot.expires_on) as day
      from people_person person
      join ledger_lot lot on lot.person_id = person.id
      where person.user_id = any(%(users)s::bigint[]) and lot.expires_on > %(today)s and lot.expires_on <= %(until)s
            and lot.left_credits > 0 and lot.origin <> 16
      group by person.user_id) last
group by last.day
order by last.day
