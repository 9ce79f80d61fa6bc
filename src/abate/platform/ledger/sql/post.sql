-- name: open_accounts
-- Made where they are missing, locked where they are there: in one order, so that who makes one holds none after it.
insert into ledger_balance as held (person_id, carbon_mg, credits, eligible_mg, entries, updated_at)
select person_id, 0, 0, 0, 0, %(at)s from unnest(%(persons)s::bigint[]) as asked (person_id)
order by person_id
on conflict (person_id) do update set entries = held.entries

-- name: keep_erasing_out
-- Before any account, as a batch does: erasing takes it alone (erase.sql) and so comes wholly before or wholly after.
select pg_advisory_xact_lock_shared(4912026, 2)

-- name: erased
-- Read by a statement of its own, after the lock above or that of the accounts was granted: erasing takes both first.
-- No row: no such person. Who left and is only kept (people_freeze) counts as erased: nothing moves in that account.
select id, status <> 'active' from people_person where id = any(%(persons)s::bigint[])

-- name: lock
-- In the order of persons, whoever asks: two that want the same accounts wait and never in a circle.
select person_id from ledger_balance where person_id = any(%(persons)s::bigint[]) order by person_id for update

-- name: booking_day
-- After the accounts: a close waits for those who hold this, and they wait for no account any more.
select ledger_booking_day(%(day)s)

-- name: state
-- What each locked account can spend today: lots by date, whether or not the job has expired them.
select balance.person_id, balance.owed, balance.lotted_id, coalesce(lot.credits, 0)::bigint
from ledger_balance balance
left join (select person_id, sum(left_credits) as credits from ledger_lot
           where person_id = any(%(persons)s::bigint[]) and left_credits > 0 and origin <> 16
                 and expires_on > %(today)s
           group by person_id) lot using (person_id)
where balance.person_id = any(%(persons)s::bigint[])

-- name: open_parts
-- For the SM3 commitments, which PostgreSQL cannot make: ids drawn in the order given, salts, personal parts. The
-- accounts are locked, so ids of one person still ascend in booking order. No salt where the person was erased.
with numbered as materialized (
    select sorted.*, nextval('ledger_entry_id_seq') as id
    from (select * from unnest(%(persons)s::bigint[], %(carbons)s::bigint[], %(credits)s::bigint[], %(helds)s::bigint[],
                               %(causes)s::text[])
              with ordinality as item (person_id, carbon_mg, credits, held, cause, place)
          order by place) sorted
    offset 0
)
select numbered.id, abate_salt(person.commit_key, numbered.id),
       case when %(kind)s = 3 then abate_personal_redeem(person.pseudonym, cause, -credits)
            else abate_personal_booking(person.pseudonym, %(name)s, cause, carbon_mg, credits, held) end
from numbered
join people_person person on person.id = numbered.person_id
order by place

-- name: post
-- Entries of one kind for locked accounts, in the order given: balances, running balances, leaves, queue of the log.
-- An erased person has no key: their leaf commits to nothing.
with item as materialized (
    select * from unnest(%(persons)s::bigint[], %(carbons)s::bigint[], %(credits)s::bigint[], %(helds)s::bigint[],
                         %(oweds)s::bigint[], %(eligibles)s::bigint[], %(earned)s::bigint[], %(causes)s::text[],
                         %(digests)s::bytea[], %(ids)s::bigint[], %(sm3)s::bytea[])
        with ordinality as item (person_id, carbon_mg, credits, held, owed, eligible_mg, earned, cause, digest, drawn_id,
                                 sm3, place)
), total as (
    select person_id, ledger_sum(carbon_mg) as carbon_mg, ledger_sum(credits) as credits, ledger_sum(held) as held,
           ledger_sum(owed) as owed, ledger_sum(eligible_mg) as eligible_mg, ledger_sum(earned) as earned, count(*)::int as entries
    from item
    group by person_id
), moved as (
    update ledger_balance as account
    set carbon_mg = account.carbon_mg + total.carbon_mg, credits = account.credits + total.credits,
        held = account.held + total.held, owed = account.owed + total.owed,
        eligible_mg = account.eligible_mg + total.eligible_mg, earned = account.earned + total.earned, entries = account.entries + total.entries,
        updated_at = %(at)s
    from total
    where account.person_id = total.person_id
    returning account.person_id, account.carbon_mg - total.carbon_mg as carbon_mg,
              account.credits - total.credits as credits
), sorted as (
    select item.*, moved.carbon_mg + ledger_sum(item.carbon_mg) over upto as carbon_after,
           moved.credits + ledger_sum(item.credits) over upto as credits_after
    from item
    join moved using (person_id)
    window upto as (partition by item.person_id order by item.place rows unbounded preceding)
    order by item.place
    offset 0
), numbered as materialized (
    select sorted.*, coalesce(drawn_id, nextval('ledger_entry_id_seq')) as id from sorted
), leafed as materialized (
    select numbered.*,
           abate_leaf_sm3(abate_leaf(%(kind)s, numbered.carbon_mg, numbered.credits, %(at)s, %(nothing)s, %(nothing)s, digest,
               coalesce(abate_commitment(abate_salt(person.commit_key, numbered.id), sha256(convert_to(
                   case when %(kind)s = 3
                        then abate_personal_redeem(person.pseudonym, cause, -numbered.credits)
                        else abate_personal_booking(person.pseudonym, %(name)s, cause, numbered.carbon_mg,
                                                    numbered.credits, numbered.held) end, 'UTF8'))),
                        %(nothing)s)), numbered.sm3) as leaf
    from numbered
    join people_person person on person.id = numbered.person_id
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select person_id, id, leaf, abate_leaf_hash(leaf) from leafed
)
insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                          cause_party, cause, leaf_hash, sm3)
select person_id, id, %(kind)s, %(at)s, %(day)s, carbon_mg, credits, carbon_after, credits_after, %(counter)s,
       %(party)s, cause, abate_leaf_hash(leaf), sm3
from leafed
returning person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party,
          cause, leaf_hash

-- name: orders
select person_id, order_id, entry_id, digest from ledger_order
where (person_id, order_id) in (select * from unnest(%(persons)s::bigint[], %(orders)s::text[]))

-- name: note_orders
insert into ledger_order (person_id, order_id, entry_id, digest)
select * from unnest(%(persons)s::bigint[], %(orders)s::text[], %(entries)s::bigint[], %(digests)s::bytea[])

-- name: note_hold
insert into ledger_hold (person_id, entry_id, credits, at, expires_at, state)
values (%(person)s, %(entry)s, %(credits)s, %(at)s, %(expires_at)s, 1)

-- name: one_hold
select hold.credits, hold.state, hold.expires_at, entry.leaf_hash
from ledger_hold hold
join ledger_entry entry on entry.person_id = hold.person_id and entry.id = hold.entry_id
where hold.person_id = %(person)s and hold.entry_id = %(hold)s

-- name: overdue_holds
select hold.person_id, hold.entry_id, hold.credits, entry.leaf_hash
from ledger_hold hold
join ledger_entry entry on entry.person_id = hold.person_id and entry.id = hold.entry_id
where hold.state = 1 and hold.expires_at <= %(at)s and hold.person_id = any(%(persons)s::bigint[])
order by hold.expires_at, hold.person_id, hold.entry_id

-- name: debtors_overdue
-- Moments at which holds of locked accounts that owe something ended, and whose: what came free settles the debt of then.
select hold.expires_at, array_agg(distinct hold.person_id)
from ledger_hold hold
join ledger_balance balance on balance.person_id = hold.person_id and balance.owed > 0
where hold.state = 1 and hold.expires_at <= %(at)s and hold.person_id = any(%(persons)s::bigint[])
group by hold.expires_at
order by hold.expires_at

-- name: end_holds
update ledger_hold hold
set state = %(state)s, ended_at = %(at)s, end_entry_id = ended.entry_id
from unnest(%(persons)s::bigint[], %(holds)s::bigint[], %(entries)s::bigint[]) as ended (person_id, hold_id, entry_id)
where hold.person_id = ended.person_id and hold.entry_id = ended.hold_id and hold.state = 1

-- name: persons_with_overdue_holds
select person_id from ledger_hold where state = 1 and expires_at <= %(at)s order by expires_at, person_id limit %(limit)s

-- name: reversal_of
select reverse_id from ledger_reversal where person_id = %(person)s and entry_id = %(entry)s

-- name: redemptions_to_undo
select entry.person_id, entry.id, entry.credits, entry.leaf_hash
from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as asked (person_id, entry_id)
join ledger_entry entry on entry.person_id = asked.person_id and entry.id = asked.entry_id and entry.kind = 3
where not exists (select from ledger_reversal undone
                  where undone.person_id = entry.person_id and undone.entry_id = entry.id)
order by entry.person_id, entry.id

-- name: note_reversals
insert into ledger_reversal (person_id, entry_id, reverse_id, eligible_mg, kind)
select * from unnest(%(persons)s::bigint[], %(entries)s::bigint[], %(reverses)s::bigint[], %(eligibles)s::bigint[],
                     %(kinds)s::smallint[])

-- name: balances
select person_id, carbon_mg, earned from ledger_balance where person_id = any(%(persons)s::bigint[])

-- name: hold_of_settle
select entry_id from ledger_hold where person_id = %(person)s and end_entry_id = %(entry)s and state = 2
