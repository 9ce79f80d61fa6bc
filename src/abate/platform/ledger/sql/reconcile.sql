-- name: differ_balance_entries
select count(*)
from (select person_id, sum(carbon_mg) as carbon_mg, sum(credits) as credits, count(*) as entries
      from ledger_entry group by person_id) entry
full join ledger_balance balance using (person_id)
where (coalesce(entry.carbon_mg, 0), coalesce(entry.credits, 0), coalesce(entry.entries, 0))
      is distinct from (balance.carbon_mg::numeric, balance.credits::numeric, balance.entries::bigint)

-- name: differ_balance_last
select count(*)
from (select distinct on (person_id) person_id, carbon_after, credits_after
      from ledger_entry order by person_id, id desc) last
full join ledger_balance balance using (person_id)
where (coalesce(last.carbon_after, 0), coalesce(last.credits_after, 0))
      is distinct from (balance.carbon_mg, balance.credits)

-- name: differ_running
select count(*)
from (select carbon_after, credits_after, carbon_mg, credits,
             lag(carbon_after, 1, 0::bigint) over one as carbon_before,
             lag(credits_after, 1, 0::bigint) over one as credits_before
      from ledger_entry
      window one as (partition by person_id order by id)) line
where carbon_after <> carbon_before + carbon_mg or credits_after <> credits_before + credits

-- name: differ_credit_rule
select count(*)
from ledger_balance balance
left join (select person_id, sum(credits) filter (where kind <> 1) as moved
           from ledger_entry group by person_id) spent using (person_id)
where balance.credits <> balance.eligible_mg / %(mg_per_credit)s + coalesce(spent.moved, 0)

-- name: differ_leaf
-- The hash that each entry's own row gives, against the one in the log or its queue; and what is due is all there.
with entry as materialized (
    select entry.person_id, entry.id as entry_id,
           coalesce(entry.leaf_hash,
                    abate_leaf_hash(abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash,
                                               basis.factors_hash, batch.body_sha256, entry.commitment))) as hash
    from ledger_entry entry
    left join carbon_basis basis on basis.id = entry.basis_id
    left join events_batch batch on batch.id = entry.batch_id
)
select count(*) + (select count(*)
                   from ledger_due due
                   left join (select batch_id, count(*) as entries from ledger_due_leaf group by batch_id) found
                       using (batch_id)
                   where found.entries is distinct from due.entries)
from entry
full join (select person_id, entry_id, hash from log_leaf
           union all
           select pending.person_id, pending.entry_id, pending.hash from log_pending pending
           where not exists (select from log_leaf done
                             where (done.person_id, done.entry_id) = (pending.person_id, pending.entry_id))
           union all
           select person_id, entry_id, abate_leaf_hash(leaf) from ledger_due_leaf) leaf
    using (person_id, entry_id)
where entry.hash is distinct from leaf.hash or entry.hash is null

-- name: differ_counter
-- Codes of bookkeeping/kinds.py: award against issuance, redeem and cancel against cancellation, and so on.
select count(*) from ledger_entry
where (kind, counter) not in ((1, 1), (3, 2), (4, 2), (5, 3), (6, 4), (12, 5), (13, 5), (15, 0))
