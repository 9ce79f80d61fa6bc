-- name: note_messages
insert into parties_message (endpoint_id, kind, body, made_at, next_at, tries)
select e.id, told.kind, told.body, %(at)s, %(at)s, 0
from unnest(%(kinds)s::text[], %(bodies)s::text[]) with ordinality as told (kind, body, place)
join parties_endpoint e on e.party_id = %(party)s and e.ended_at is null and told.kind = any (e.kinds)
order by told.place, e.id

-- name: claim_due
-- One, claimed for a while, not locked: a lease that covered several would end before the last was carried.
with due as (
    select id from parties_message where next_at <= %(now)s order by next_at, id limit 1 for update skip locked
)
update parties_message m
set next_at = %(lease)s, tries = m.tries + 1
from due, parties_endpoint e
where m.id = due.id and e.id = m.endpoint_id
returning m.id, e.id, e.url, m.body, m.tries, e.secret, e.old_secret, e.old_until
