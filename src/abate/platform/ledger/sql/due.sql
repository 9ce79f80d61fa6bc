-- name: oldest_due
select array_agg(batch_id)
from (select batch_id, sum(entries) over (order by batch_id) - entries as before from ledger_due) line
where before < %(limit)s

-- name: queue_due
insert into log_pending (person_id, entry_id, leaf, hash)
select person_id, entry_id, leaf, abate_leaf_hash(leaf) from ledger_due_leaf where batch_id = any(%(batches)s)

-- name: drop_due
delete from ledger_due where batch_id = any(%(batches)s) returning entries

-- name: count_due
select coalesce(sum(entries), 0) from ledger_due

-- name: due_since
-- The queue has no index: its first rows, and each one's entry by its key.
select least(
    (select received_at from events_batch where id = (select min(batch_id) from ledger_due)),
    (select min(entry.at)
     from (select person_id, entry_id from log_pending limit 200) pending
     cross join lateral (select at from ledger_entry entry
                         where entry.person_id = pending.person_id and entry.id = pending.entry_id offset 0) entry))
