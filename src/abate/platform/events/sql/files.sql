-- name: lock_file
-- For as long as the connection lives: whoever is killed holds it no longer.
select pg_try_advisory_lock(4912030, hashtext(%(file)s::text))

-- name: unlock_file
select pg_advisory_unlock(4912030, hashtext(%(file)s::text))

-- name: advance
-- In the transaction of the chunk that begins at `before`: a chunk is counted once.
update events_file set rows = %(rows)s, counts = %(counts)s::jsonb
where id = %(file)s and state = 1 and rows = %(before)s

-- name: note_rows
insert into events_filerow (file_id, line, event_id, outcome, reason)
select %(file)s, line, event_id, outcome, reason
from unnest(%(lines)s::bigint[], %(ids)s::text[], %(outcomes)s::smallint[], %(reasons)s::text[])
    as row (line, event_id, outcome, reason)

-- name: end_file
update events_file set state = %(state)s, refusal = %(refusal)s, ended_at = %(at)s where id = %(file)s and state = 1

-- name: wrong_rows
select line, event_id, outcome, reason from events_filerow
where file_id = %(file)s and line > %(after)s order by line limit %(limit)s

-- name: make_rehearsed
-- What a rehearsal has read before: it leaves no event behind that a later chunk could meet.
create temp table if not exists events_rehearsed (event_id text collate "C" primary key, digest bytea)

-- name: clear_rehearsed
truncate pg_temp.events_rehearsed

-- name: rehearse
-- Ids that an earlier chunk has: whether with the same content.
with given as (
    select * from unnest(%(places)s::int[], %(ids)s::text[], %(digests)s::bytea[]) as given (place, event_id, digest)
), added as (
    insert into pg_temp.events_rehearsed as known (event_id, digest)
    select distinct on (event_id) event_id, digest from given order by event_id, place
    on conflict (event_id) do nothing
)
select given.place, known.digest = given.digest
from given
join pg_temp.events_rehearsed known using (event_id)
