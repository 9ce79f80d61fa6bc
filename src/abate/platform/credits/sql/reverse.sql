-- What taking back an award does to the caps it was counted on. Places are ids of entries here; the award's own is 0.

-- name: claims_back
-- The award, asking nothing, and what is short of the same person, stands and shares a balance with it.
-- What was booked at another rate stays short: its credits would not be those that the room earned.
with award as (
    select counted.cap_id, counted.start, counted.holder, counted.object, credits_per_kg(entry.act_day) as per_kg
    from credits_counted counted
    join ledger_entry entry on entry.person_id = counted.person_id and entry.id = counted.entry_id
    where counted.person_id = %(person)s and counted.entry_id = %(entry)s
), short as (
    select entry.id as entry_id, short.short_mg
    from credits_short short
    join ledger_batch within on within.batch_id = short.batch_id
    join ledger_entry entry on entry.person_id = short.person_id and entry.batch_id = short.batch_id
                               and entry.place = short.place and entry.id between within.first_entry and within.last_entry
    where short.person_id = %(person)s and short.short_mg > 0 and entry.id <> all(%(gone)s::bigint[])
          and credits_per_kg(entry.act_day) = (select per_kg from award limit 1)
          and not exists (select from ledger_reversal undone
                          where undone.person_id = entry.person_id and undone.entry_id = entry.id)
          and exists (select from credits_counted other
                      join award on (award.cap_id, award.start, award.holder, award.object)
                                    = (other.cap_id, other.start, other.holder, other.object)
                      where other.person_id = %(person)s and other.entry_id = entry.id)
)
insert into pg_temp.credits_claim (place, cap_id, start, holder, object, asked_mg, granted_mg)
select 0, cap_id, start, holder, object, 0, 0 from award
union all
select short.entry_id, claim.cap_id, claim.start, claim.holder, claim.object, short.short_mg, short.short_mg
from short
join credits_counted claim on claim.person_id = %(person)s and claim.entry_id = short.entry_id
returning place, cap_id, start, holder, encode(object, 'hex'), asked_mg

-- name: clear_claims
delete from pg_temp.credits_claim

-- name: reversed
-- A look before the account's lock; the registry's key decides. And at what rate the award was booked.
select exists (select from ledger_reversal where person_id = %(person)s and entry_id = %(entry)s),
       (select credits_per_kg(act_day) from ledger_entry where person_id = %(person)s and id = %(entry)s)

-- name: stands
-- What of an award is eligible today: all of it, less what is short.
select entry.carbon_mg - coalesce(short.short_mg, 0)
from ledger_entry entry
left join credits_short short
    on (short.person_id, short.batch_id, short.place) = (entry.person_id, entry.batch_id, entry.place)
where entry.person_id = %(person)s and entry.id = %(entry)s

-- name: make_room
-- The room that the award gives back, in each of its balances; and what all that is short may get of it together, as the
-- room of a cap 0 that is in no table.
with raised as (
    update pg_temp.credits_claim claim set room_mg = claim.room_mg + %(stood)s
    from pg_temp.credits_claim award
    where award.place = 0 and (award.cap_id, award.start, award.holder, award.object)
                              = (claim.cap_id, claim.start, claim.holder, claim.object)
)
insert into pg_temp.credits_claim (place, cap_id, start, holder, object, asked_mg, granted_mg, room_mg)
select distinct place, 0, date '2000-01-01', 0, ''::bytea, asked_mg, asked_mg, %(stood)s::bigint
from pg_temp.credits_claim
where place > 0

-- name: refill
-- Balances fall by the award and rise by what takes its room; that is short no more. Returns how much took room.
with moved as (
    select cap_id, start, holder, object,
           ledger_sum(granted_mg) - case when bool_or(place = 0) then %(stood)s else 0 end as mg
    from pg_temp.credits_claim
    where cap_id > 0
    group by cap_id, start, holder, object
), raised as (
    update credits_used used set used_mg = used.used_mg + moved.mg
    from moved
    where (used.cap_id, used.start, used.holder, used.object) = (moved.cap_id, moved.start, moved.holder, moved.object)
), filled as (
    select entry.batch_id, entry.place, claim.granted_mg as mg
    from pg_temp.credits_claim claim
    join ledger_entry entry on entry.person_id = %(person)s and entry.id = claim.place
    where claim.cap_id = 0 and claim.granted_mg > 0
), lowered as (
    update credits_short short set short_mg = short.short_mg - filled.mg
    from filled
    where short.person_id = %(person)s and short.batch_id = filled.batch_id and short.place = filled.place
)
select coalesce(sum(mg), 0)::bigint from filled
