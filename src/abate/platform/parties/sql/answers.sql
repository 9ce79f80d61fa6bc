-- name: lock_key
-- Tried, not waited for: who meets it is told, and comes again.
select pg_try_advisory_lock(%(lock)s, hashtext(%(key)s))

-- name: unlock_key
select pg_advisory_unlock(%(lock)s, hashtext(%(key)s))

-- name: kept
select digest, status, media, body from parties_answer
where party_id = %(party)s and key = %(key)s and until > %(now)s

-- name: keep
insert into parties_answer as old (party_id, key, digest, status, media, body, until)
values (%(party)s, %(key)s, %(digest)s, %(status)s, %(media)s, %(body)s, %(until)s)
on conflict (party_id, key) do update
set digest = excluded.digest, status = excluded.status, media = excluded.media, body = excluded.body, until = excluded.until
where old.until <= %(now)s

-- name: forget
-- More than one at a time, so that what has expired is always on the way out; skipped where another call does it.
delete from parties_answer
where (party_id, key) in (
    select party_id, key from parties_answer where until <= %(now)s order by until limit 4 for update skip locked
)
