-- name: note_messages
insert into parties_message (endpoint_id, kind, body, made_at, next_at, tries)
select e.id, told.kind, told.body, %(at)s, %(at)s, 0
from unnest(%(kinds)s::text[], %(bodies)s::text[]) with ordinality as told (kind, body, place)
join parties_endpoint e on e.party_id = %(party)s and e.ended_at is null and told.kind = any (e.kinds)
order by told.place, e.id

-- name: claim_due
-- One, claimed for a while, not locked: a lease that covered several would end before the last was carried.
-- The first of each address, of these the first: what waits for a slow address is not walked through, and no other is locked.
-- Who had fewer turns in this round goes before: a party with a day's messages keeps nobody waiting behind all of them.
with waiting as (
    select first.id, first.next_at, coalesce(had.turns, 0) as turns
    from parties_endpoint e
    left join unnest(%(parties)s::bigint[], %(turns)s::bigint[]) as had (party_id, turns) using (party_id)
    cross join lateral (
        select m.id, m.next_at from parties_message m
        where m.endpoint_id = e.id and m.next_at <= %(now)s
        order by m.next_at, m.id limit 1
    ) first
    where %(slow)s::boolean is null or coalesce(e.slow_until > %(now)s, false) = %(slow)s
), due as (
    select m.id
    from waiting
    join parties_message m using (id)
    where m.next_at <= %(now)s
    order by waiting.turns, waiting.next_at, m.id limit 1 for update of m skip locked
)
update parties_message m
set next_at = %(lease)s, tries = m.tries + 1
from due, parties_endpoint e
where m.id = due.id and e.id = m.endpoint_id
returning m.id, e.id, e.party_id, e.url, m.body, m.tries, e.secret, array(
    select f.secret from parties_former_secret f where f.endpoint_id = e.id and f.until > %(now)s order by f.id
)
