-- name: keep_batches_out
-- The other side is in events/sql (open_batch), which holds it shared until its transaction ends.
select pg_advisory_xact_lock(4912026, 2)

-- name: erase
-- One entry of kind erased for each entry that has a leaf of its own and none that says it is erased. In the order of
-- leaf hashes, which is no order of time. Nothing is moved: running balances are those of now.
with gone as (
    select entry.id, coalesce(entry.leaf_hash, abate_leaf_hash(ledger_leaf(entry))) as leaf_hash
    from ledger_entry entry
    where entry.person_id = %(person)s and entry.kind <> %(kind)s
          and not exists (select from ledger_entry said
                          where said.person_id = %(person)s and said.kind = %(kind)s and said.cause = entry.id::text)
), counted as (
    update ledger_balance held
    set entries = held.entries + (select count(*) from gone), updated_at = %(at)s
    where held.person_id = %(person)s
    returning held.carbon_mg, held.credits
), numbered as (
    select sorted.id as erased, sorted.leaf_hash, nextval('ledger_entry_id_seq') as id
    from (select id, leaf_hash from gone order by leaf_hash) sorted
    offset 0
), leafed as materialized (
    select numbered.erased, numbered.id,
           abate_leaf(%(kind)s, 0, 0, %(at)s, %(nothing)s, %(nothing)s, numbered.leaf_hash, %(nothing)s) as leaf
    from numbered
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select %(person)s, id, leaf, abate_leaf_hash(leaf) from leafed
)
insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                          cause_party, cause, leaf_hash)
select %(person)s, leafed.id, %(kind)s, %(at)s, (select ledger_booking_day(%(day)s)), 0, 0, counted.carbon_mg, counted.credits, %(counter)s,
       null, leafed.erased::text, abate_leaf_hash(leafed.leaf)
from leafed, counted

-- name: duties
-- Which duties to keep records hold for a person on this day: of acts that were booked, whatever became of them since.
select duty.keep_until, duty.ground_zh, duty.ground_en
from ledger_duty duty
where duty.keep_until >= %(today)s
      and exists (select from ledger_entry entry
                  join carbon_basis basis on basis.id = entry.basis_id
                  where entry.person_id = %(person)s and entry.kind = 1 and basis.behaviour = duty.behaviour
                        and entry.act_day between duty.first_day and duty.last_day)
order by duty.keep_until desc, duty.id
