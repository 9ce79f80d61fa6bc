-- name: balance
select carbon_mg, credits, eligible_mg from ledger_balance where person_id = %(person)s

-- name: entries
select person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party, cause,
       coalesce(leaf_hash, abate_leaf_hash(ledger_leaf(ledger_entry)))
from ledger_entry
where person_id = %(person)s and id < coalesce(%(before)s::bigint, 9223372036854775807)
order by person_id, id desc
limit %(limit)s

-- name: entry
select person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party, cause,
       coalesce(leaf_hash, abate_leaf_hash(ledger_leaf(ledger_entry)))
from ledger_entry
where person_id = %(person)s and id = %(entry)s

-- name: sums
-- One statement, so one snapshot: what is booked meanwhile is in both sums or in neither. Balances carry no counter.
select null::smallint as counter, coalesce(sum(carbon_mg), 0), coalesce(sum(credits), 0) from ledger_balance
union all
select counter, sum(carbon_mg), sum(credits) from ledger_entry group by counter
order by counter nulls first
