-- name: close_alone
-- Waits for everyone who books (ledger_booking_day holds it shared), and keeps new ones back until this commits.
select pg_advisory_xact_lock(4912026, 3)

-- name: mark_day
insert into ledger_closed_day (day, at) values (%(day)s, %(at)s)

-- name: last_closed
select max(day) from ledger_closed_day

-- name: first_day
select min(day) from ledger_entry

-- name: head_of_close
-- The first signed head over every entry booked up to a closed day; null where one of them has no number yet. What an earlier
-- close covers is not looked at again: its head is the least.
with before as (
    select last_day, tree_size from ledger_close where period = 'day' and last_day <= %(last)s order by last_day desc limit 1
), need as (
    select coalesce(max(coalesce(leaf.idx + 1, 9223372036854775807)), 0) as size
    from ledger_entry entry
    left join log_leaf leaf on (leaf.person_id, leaf.entry_id) = (entry.person_id, entry.id)
    where entry.day <= %(last)s and entry.day > coalesce((select last_day from before), '-infinity')
)
select min(head.size) from log_checkpoint head, need
where head.size >= greatest(need.size, coalesce((select tree_size from before), 0))

-- name: close
-- One row for each account and asset: people together, and every system account as the other side. The first close
-- carries over what was booked before it; later ones the closing of the one before.
with moved as (
    select counter, carbon_mg, credits from ledger_entry where day between %(first)s and %(last)s
), side as (
    select 'people' as account, 'carbon_mg' as asset, carbon_mg as amount from moved
    union all select 'people', 'credits', credits from moved
    union all select (%(names)s::text[])[counter + 1], 'carbon_mg', -carbon_mg from moved
    union all select (%(names)s::text[])[counter + 1], 'credits', -credits from moved
), total as (
    select account, asset, sum(amount) filter (where amount > 0) as came_in,
           -sum(amount) filter (where amount < 0) as went_out, count(*) as entries
    from side group by account, asset
), before as (
    select account, asset, closing from ledger_close
    where period = %(period)s and last_day = %(first)s::date - 1
), earlier as (
    select (%(names)s::text[])[counter + 1] as account, -sum(carbon_mg) as carbon_mg, -sum(credits) as credits
    from ledger_entry
    where day < %(first)s and not exists (select from before)
    group by counter
), opening as (
    select account, asset, closing from before
    union all select account, 'carbon_mg', carbon_mg from earlier
    union all select account, 'credits', credits from earlier
    union all select 'people', 'carbon_mg', -sum(carbon_mg) from earlier having count(*) > 0
    union all select 'people', 'credits', -sum(credits) from earlier having count(*) > 0
)
insert into ledger_close (period, first_day, last_day, account, asset, opening, came_in, went_out, closing, entries,
                          tree_size, at)
select %(period)s, %(first)s, %(last)s, name.account, kept.asset, coalesce(opening.closing, 0),
       coalesce(came_in, 0), coalesce(went_out, 0),
       coalesce(opening.closing, 0) + coalesce(came_in, 0) - coalesce(went_out, 0), coalesce(entries, 0),
       %(tree)s, %(at)s
from unnest(array_append(%(names)s::text[], 'people')) as name (account)
cross join (values ('carbon_mg'), ('credits')) kept (asset)
left join total using (account, asset)
left join opening using (account, asset)

-- name: closes
select period, first_day, last_day, account, asset, opening::text, came_in::text, went_out::text, closing::text, entries,
       tree_size
from ledger_close
where period = %(period)s and first_day = %(first)s
order by account, asset
