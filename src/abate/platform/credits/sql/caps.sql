-- name: caps
select exists (select from credits_cap_life
               where (behaviour = '' or behaviour = any(%(behaviours)s)) and from_day <= %(last)s and last_day >= %(first)s)

-- name: make_claim
-- Each capped event of a batch, by its place, with each balance of a cap that it is counted on. For an award that is taken
-- back the places are ids of entries (reverse.sql).
create temporary table if not exists credits_claim (
    place bigint not null,
    cap_id bigint not null,
    start date not null,
    holder bigint not null,
    object bytea not null,
    asked_mg bigint not null,
    granted_mg bigint not null,
    room_mg bigint,
    cut_by bigint
) on commit delete rows

-- name: claim
insert into pg_temp.credits_claim (place, cap_id, start, holder, object, asked_mg, granted_mg)
select stage.place, cap.id, credits_start(cap.period, cap.from_day, stage.day),
       credits_holder(cap.scope, who.person_id, %(party)s), credits_object(cap.field, stage.record), stage.er_mg, stage.er_mg
from pg_temp.events_stage stage
join pg_temp.events_who who on who.who = stage.who
join credits_cap_life cap on (cap.behaviour = '' or cap.behaviour = who.behaviour)
                             and stage.day between cap.from_day and cap.last_day
where stage.outcome = 8

-- name: lock_used
-- Every balance of a cap, made where it is missing, locked in the order of its key; then what room each has.
with held as (
    insert into credits_used as used (cap_id, start, holder, object, used_mg, max_mg)
    select distinct claim.cap_id, claim.start, claim.holder, claim.object, 0, cap.max_mg
    from pg_temp.credits_claim claim
    join credits_cap cap on cap.id = claim.cap_id
    order by cap_id, start, holder, object
    on conflict (cap_id, start, holder, object) do update set used_mg = used.used_mg
    returning cap_id, start, holder, object, used.max_mg - used.used_mg as room_mg
)
update pg_temp.credits_claim claim set room_mg = held.room_mg
from held
where (held.cap_id, held.start, held.holder, held.object) = (claim.cap_id, claim.start, claim.holder, claim.object)

-- name: spread
-- What each event gets if all before it, by place, get what they have now: what it asks, or the least room that is left
-- by them. Done again until nothing changes: then, and only then, it is what granting one after the other would give,
-- since the first event is right after one pass and each further one after those before it.
with offer as (
    select place, cap_id, asked_mg, room_mg - coalesce(ledger_sum(granted_mg) over (
               partition by cap_id, start, holder, object order by place
               rows between unbounded preceding and 1 preceding), 0) as left_mg
    from pg_temp.credits_claim
), granted as (
    select place, greatest(least(min(asked_mg), min(left_mg)), 0) as mg,
           case when min(left_mg) < min(asked_mg) then (array_agg(cap_id order by left_mg, cap_id))[1] end as cut_by
    from offer
    group by place
)
update pg_temp.credits_claim claim
set granted_mg = granted.mg, cut_by = granted.cut_by
from granted
where granted.place = claim.place and (granted.mg, granted.cut_by) is distinct from (claim.granted_mg, claim.cut_by)

-- name: grant
-- Every balance is raised by what was counted; what was cut is noted with the cap that had the least room.
with counted as (
    select cap_id, start, holder, object, ledger_sum(granted_mg) as mg
    from pg_temp.credits_claim
    group by cap_id, start, holder, object
    having ledger_sum(granted_mg) > 0
), raised as (
    update credits_used used set used_mg = used.used_mg + counted.mg
    from counted
    where (used.cap_id, used.start, used.holder, used.object)
          = (counted.cap_id, counted.start, counted.holder, counted.object)
), cut as materialized (
    select distinct place, granted_mg, asked_mg - granted_mg as mg, cut_by
    from pg_temp.credits_claim
    where granted_mg < asked_mg
), noted as (
    insert into credits_short (person_id, batch_id, place, day, cap_id, cut_mg, short_mg)
    select who.person_id, %(batch)s, stage.place, stage.day, cut.cut_by, cut.mg, cut.mg
    from cut
    join pg_temp.events_stage stage on stage.place = cut.place
    join pg_temp.events_who who on who.who = stage.who
)
update pg_temp.events_stage stage set eligible_mg = cut.granted_mg
from cut
where stage.place = cut.place

-- name: keep_batches_out
-- The other side is in events/sql (open_batch): batches on their way end first, later ones see what is set here.
select pg_advisory_xact_lock(4912026, 2)

-- name: keep_bookings_out
-- The other side is in ledger_booking_day: postings that hold a day to book on.
select pg_advisory_xact_lock(4912026, 3)

-- name: booked_since
select greatest((select max(day) from ledger_entry where day >= %(from_day)s), (select max(day) + 1 from ledger_closed_day))

-- name: counted_since
select exists (select from carbon_quantity quantity
               join carbon_basis basis on basis.id = quantity.basis_id
               where %(behaviour)s in ('', basis.behaviour) and quantity.day >= %(from_day)s)

-- name: cuts
-- The caps that took part of awards, by the awards' entries.
select entry.id, cap.reason_zh, cap.reason_en, short.cut_mg, cap.scope, cap.period
from ledger_entry entry
join credits_short short on (short.person_id, short.batch_id, short.place) = (entry.person_id, entry.batch_id, entry.place)
join credits_cap cap on cap.id = short.cap_id
where entry.person_id = %(person)s and entry.id = any(%(entries)s::bigint[])

-- name: rule
select credits_per_kg from credits_rule where from_day <= %(day)s order by from_day desc limit 1

-- name: rate_over
-- The rate of acts of these days; no row where they have several.
select min(credits_per_kg) as credits_per_kg from credits_rule
where from_day <= %(last)s::date
      and from_day >= coalesce((select max(from_day) from credits_rule where from_day <= %(first)s::date), 'infinity')
having min(credits_per_kg) = max(credits_per_kg)

-- name: first_rule
-- A thousand credits a kilogram, one for every whole gram of the running total; T/CECA-G 0203 (3.4, 7.4) leaves the rule to the operator.
insert into credits_rule (from_day, credits_per_kg, title_zh, title_en)
values ('2000-01-01', 1000, '每满 1 克减排量计 1 个绿色积分', 'One green credit for every whole gram avoided')
on conflict (from_day) do nothing
