-- name: lock_seals
-- One seal at a time.
select pg_advisory_xact_lock(4912026, 21)

-- name: next_seal
select coalesce(max(id), 0) + 1 from review_audit_seal

-- name: seal_rows
-- What can be seen now: a row that commits later is in a later seal.
update review_audit set seal = %(seal)s where seal is null
returning id, at, account, role, via, act, what, subject, detail

-- name: add_seal
insert into review_audit_seal (id, rows, nonce, digest, at) values (%(seal)s, %(rows)s, %(nonce)s, %(digest)s, %(at)s)

-- name: rows_of_seal
select id, at, account, role, via, act, what, subject, detail from review_audit where seal = %(seal)s order by id

-- name: leaf_of_seal
select hash from log_leaf where person_id = %(series)s and entry_id = %(seal)s
union select hash from log_pending where person_id = %(series)s and entry_id = %(seal)s

-- name: without_seal
select entry_id
from (select entry_id from log_leaf where person_id = %(series)s
      union select entry_id from log_pending where person_id = %(series)s) leaf
where not exists (select from review_audit_seal seal where seal.id = leaf.entry_id)

-- name: orphans
select id from review_audit row where seal is not null
    and not exists (select from review_audit_seal seal where seal.id = row.seal) order by id limit 100

-- name: prune
-- By the owner alone: the application may delete no row. Whole seals whose leaf is numbered; their digests stay.
with old as (
    update review_audit_seal seal set pruned_at = %(now)s
    where pruned_at is null and at < %(before)s
      and exists (select from log_leaf where person_id = %(series)s and entry_id = seal.id)
    returning id
)
delete from review_audit using old where review_audit.seal = old.id
