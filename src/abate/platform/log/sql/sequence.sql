-- name: lock
-- One sequencer at a time, whatever number of processes run one; given back when the transaction ends.
select pg_try_advisory_xact_lock(4912026, 1)

-- name: lock_out
-- The same lock, waited for: until this transaction ends, nothing is numbered and no head signed.
select pg_advisory_xact_lock(4912026, 1)

-- name: other_beginning
-- The head of the empty tree where it is the only one, and signed under another name.
select exists (select from log_checkpoint where size = 0 and not starts_with(note, %(origin)s || E'\n'))
       and not exists (select from log_checkpoint where size > 0)

-- name: forget_beginning
delete from log_checkpoint where size = 0

-- name: lock_anchors
-- One process chooses what is anchored next; the others wait for its word.
select pg_advisory_xact_lock(4912026, 5)

-- name: waiting
select exists (select from log_pending)

-- name: head
select size, root, note from log_checkpoint order by size desc limit 1

-- name: edge
-- The partial tile at the right edge of each level of a tree of `size` leaves.
select tile.level, tile.hashes
from generate_series(0, 7) as at (level)
join log_tile as tile
    on tile.level = at.level and tile.n = div(%(size)s::numeric, 256::numeric ^ (at.level + 1))::bigint

-- name: take
-- Leaves leave the queue and get their numbers in one statement, so that neither can happen without the other.
-- Their order among themselves is that of the entry ids as far as these leaves go; a late commit comes later.
-- The sum of what does not fit is returned and not filtered: a damaged leaf must stop the log, not vanish from it.
with taken as (
    delete from log_pending
    where ctid = any (array(select ctid from log_pending limit %(limit)s))
    returning person_id, entry_id, leaf, hash
),
numbered as (
    select %(size)s - 1 + row_number() over (order by entry_id, person_id) as idx, taken.*
    from taken
),
stored as (
    insert into log_leaf (idx, person_id, entry_id, leaf, hash)
    select idx, person_id, entry_id, leaf, hash from numbered
)
select count(*), string_agg(hash, ''::bytea order by idx),
    min(entry_id) filter (where octet_length(leaf) <> case substring(leaf for 1) when '\x01' then 155
                                                           when '\x02' then 187 else 0 end
                                or hash is distinct from abate_leaf_hash(leaf))
from numbered

-- name: write_tiles
insert into log_tile (level, n, hashes)
select * from unnest(%(level)s::smallint[], %(n)s::bigint[], %(hashes)s::bytea[])
on conflict (level, n) do update set hashes = excluded.hashes
