-- name: differ_numbered
-- Leaves are numbered from 0 without a gap, each has its own hash, and a tile has the hashes of its 256 leaves in their
-- order: tiles that differ, leaves with another hash, numbers that are missing and leaves whose tile is.
select coalesce(sum(tile.wrong), 0)::bigint
     + coalesce((select max(idx) + 1 from log_leaf), 0) - coalesce(sum(tile.leaves), 0)::bigint
from (select held.leaves,
             held.unlike + (held.hashes is distinct from tile.hashes)::int as wrong
      from log_tile tile
      cross join lateral (
          select count(*) as leaves, string_agg(hash, ''::bytea order by idx) as hashes,
                 count(*) filter (where hash is distinct from abate_leaf_hash(leaf)) as unlike
          from log_leaf where idx >= tile.n * 256 and idx < (tile.n + 1) * 256) held
      -- A tile beyond the leaves is the tree's matter.
      where tile.level = 0 and tile.n between 0 and (select max(idx) / 256 from log_leaf)) tile

-- name: differ_queue
-- A leaf stands once, waiting or numbered (the second would halt the numbering), and is of a person or of a series there is.
select (select count(*)
        from (select from (select person_id, entry_id from log_pending
                           union all
                           select done.person_id, done.entry_id from log_leaf done
                           join (select distinct person_id, entry_id from log_pending) waits using (person_id, entry_id)) leaf
              group by person_id, entry_id having count(*) > 1) twice)
     + (select count(*) from log_pending where person_id < %(last_series)s)
     + (select count(*) from log_leaf where person_id < %(last_series)s)

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
