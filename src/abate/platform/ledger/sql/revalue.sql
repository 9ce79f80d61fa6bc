-- name: short_of_carbon
-- Accounts that hold less than is to be taken back: milligrams were retired, and stay so.
select balance.person_id
from unnest(%(persons)s::bigint[], %(carbons)s::bigint[]) as asked (person_id, carbon_mg)
join ledger_balance balance on balance.person_id = asked.person_id
where balance.carbon_mg < asked.carbon_mg

-- name: awards_to_undo
select entry.person_id, entry.id, entry.day, entry.carbon_mg, entry.eligible_mg, balance.eligible_mg,
       coalesce(entry.leaf_hash, abate_leaf_hash(ledger_leaf(entry))), entry.cause_party
from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as asked (person_id, entry_id)
join ledger_entry entry on entry.person_id = asked.person_id and entry.id = asked.entry_id and entry.kind = 1
join ledger_balance balance on balance.person_id = entry.person_id
where not exists (select from ledger_reversal undone
                  where undone.person_id = entry.person_id and undone.entry_id = entry.id)
order by entry.person_id, entry.id

-- name: own_lots
-- The lots that awards of these days were cut into, and whether they can be spent today.
select lot.person_id, lot.day, lot.left_credits, lot.expires_on > %(today)s
from (select distinct person_id, day from unnest(%(persons)s::bigint[], %(days)s::date[]) as own (person_id, day)) own
join ledger_lot lot on lot.person_id = own.person_id and lot.day = own.day and lot.origin = 1
                       and lot.expires_on = credits_expires_on(own.day)

-- name: note_reversals
insert into ledger_reversal (person_id, entry_id, reverse_id, eligible_mg, kind)
select person_id, entry_id, reverse_id, eligible_mg, 1
from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(reverses)s::bigint[], %(eligibles)s::bigint[])
    as undone (person_id, entry_id, reverse_id, eligible_mg)

-- name: draw_own_lots
-- Out of the lots of these days what each entry takes back; the caller holds the accounts and knows what is left.
with own as materialized (
    select asked.person_id, asked.entry_id, asked.day, credits_expires_on(asked.day) as expires_on, asked.credits
    from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(days)s::date[], %(credits)s::bigint[])
        as asked (person_id, entry_id, day, credits)
), lowered as (
    update ledger_lot lot set left_credits = lot.left_credits - total.credits
    from (select person_id, day, expires_on, ledger_sum(credits) as credits from own
          group by person_id, day, expires_on) total
    where (lot.person_id, lot.expires_on, lot.day, lot.origin) = (total.person_id, total.expires_on, total.day, 1)
    returning total.credits
), noted as (
    insert into ledger_draw (person_id, entry_id, expires_on, day, origin, credits)
    select person_id, entry_id, expires_on, day, 1, -credits from own
)
select coalesce(sum(credits), 0)::bigint from lowered

-- name: stand_of
-- What these accounts hold and owe together, and how many owe.
select coalesce(sum(credits), 0)::bigint, coalesce(sum(owed), 0)::bigint,
       count(*) filter (where owed > 0)
from ledger_balance where person_id = any(%(persons)s::bigint[])
