-- name: claim_new
-- Locked until where they go is written: whoever dies on the way leaves them new.
select id, user_id, kind, made_at from notices_notice where planned_at is null
order by id limit %(most)s for update skip locked

-- name: claim_due
-- Claimed for a while, not locked: the carrying takes as long as the other side likes.
with due as (
    select id from notices_delivery where next_at <= %(now)s order by next_at, id limit %(most)s for update skip locked
)
update notices_delivery d
set next_at = %(lease)s, tries = d.tries + 1
from due, notices_notice n
where d.id = due.id and n.id = d.notice_id
returning d.id, n.id, d.channel, d.to_enc, d.tries, n.user_id, n.kind, n.fields_enc
