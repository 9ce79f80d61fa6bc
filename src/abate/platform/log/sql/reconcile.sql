-- name: differ_numbered
-- Leaves are numbered from 0 without a gap; each has its own hash, and its tile has it at its number.
select count(*)
from (select idx, row_number() over (order by idx) - 1 as place, leaf, hash from log_leaf) leaf
left join log_tile tile on tile.level = 0 and tile.n = leaf.idx / 256
where leaf.idx <> leaf.place or leaf.hash is distinct from abate_leaf_hash(leaf.leaf)
   or leaf.hash is distinct from substring(tile.hashes from (leaf.idx % 256)::int * 32 + 1 for 32)

-- name: leaves
select count(*) from log_leaf

-- name: notes_unlike_rows
-- Heads whose note says another size or root than their row.
select count(*) from log_checkpoint
where not starts_with(note, concat_ws(E'\n', %(origin)s, size, encode(root, 'base64'), ''))

-- name: heads_of_days
-- The newest head of each day.
select distinct on (date_trunc('day', at, 'UTC')) size, root, note
from log_checkpoint
order by date_trunc('day', at, 'UTC'), size desc
