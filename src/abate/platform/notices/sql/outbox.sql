-- name: claim_new
-- Locked until where they go is written: whoever dies on the way leaves them new.
select id, user_id, kind, made_at from notices_notice where planned_at is null
order by id limit %(most)s for update skip locked

-- name: write
-- Once under a name for each user, whoever writes it, and however often; without a name always.
insert into notices_notice (user_id, kind, fields_enc, made_at, planned_at, said, once)
select told.user_id, %(kind)s, told.fields_enc, %(now)s, %(planned)s, '', %(once)s
from unnest(%(users)s::bigint[], %(fields)s::bytea[]) as told (user_id, fields_enc)
on conflict do nothing
returning id

-- name: claim_due
-- One, claimed for a while, not locked: a lease that covered several would end before the last was carried.
with due as (
    select id from notices_delivery where next_at <= %(now)s and channel = any(%(channels)s)
    order by next_at, id limit 1 for update skip locked
)
update notices_delivery d
set next_at = %(lease)s, tries = d.tries + 1
from due, notices_notice n
where d.id = due.id and n.id = d.notice_id
returning d.id, n.id, d.channel, d.to_enc, d.tries, n.user_id, n.kind, n.fields_enc
