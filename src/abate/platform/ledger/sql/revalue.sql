-- name: short_of_carbon
-- Accounts that hold less than is to be taken back: milligrams were retired, and stay so.
select balance.person_id
from unnest(%(persons)s::bigint[], %(carbons)s::bigint[]) as asked (person_id, carbon_mg)
join ledger_balance balance on balance.person_id = asked.person_id
where balance.carbon_mg < asked.carbon_mg

-- name: awards_to_undo
select entry.person_id, entry.id, entry.day, entry.carbon_mg, entry.eligible_mg, credits_per_kg(entry.act_day),
       coalesce(entry.leaf_hash, abate_leaf_hash(ledger_leaf(entry))), entry.cause_party
from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as asked (person_id, entry_id)
join ledger_entry entry on entry.person_id = asked.person_id and entry.id = asked.entry_id and entry.kind = 1
where not exists (select from ledger_reversal undone
                  where undone.person_id = entry.person_id and undone.entry_id = entry.id)
order by entry.person_id, entry.id

-- name: stand_of
-- What these accounts hold and owe together, and how many owe.
select coalesce(sum(credits), 0)::bigint, coalesce(sum(owed), 0)::bigint,
       count(*) filter (where owed > 0)
from ledger_balance where person_id = any(%(persons)s::bigint[])
