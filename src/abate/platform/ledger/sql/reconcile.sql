-- name: differ_balance_entries
select count(*)
from (select person_id, sum(carbon_mg) as carbon_mg, sum(credits) as credits, count(*) as entries
      from ledger_entry group by person_id) entry
full join ledger_balance balance using (person_id)
where (coalesce(entry.carbon_mg, 0), coalesce(entry.credits, 0), coalesce(entry.entries, 0))
      is distinct from (balance.carbon_mg::numeric, balance.credits::numeric, balance.entries::bigint)

-- name: differ_balance_last
select count(*)
from (select distinct on (person_id) person_id, carbon_after, credits_after
      from ledger_entry order by person_id, id desc) last
full join ledger_balance balance using (person_id)
where (coalesce(last.carbon_after, 0), coalesce(last.credits_after, 0))
      is distinct from (balance.carbon_mg, balance.credits)

-- name: differ_running
select count(*)
from (select carbon_after, credits_after, carbon_mg, credits,
             lag(carbon_after, 1, 0::bigint) over one as carbon_before,
             lag(credits_after, 1, 0::bigint) over one as credits_before
      from ledger_entry
      window one as (partition by person_id order by id)) line
where carbon_after <> carbon_before + carbon_mg or credits_after <> credits_before + credits

-- name: differ_credit_rule
-- An award and its reversal follow the running total; every other entry moves credits by itself.
select count(*)
from ledger_balance balance
left join (select entry.person_id, sum(entry.credits) as moved
           from ledger_entry entry
           left join ledger_reversal undone
               on undone.person_id = entry.person_id and undone.reverse_id = entry.id and undone.kind = 1
           where entry.kind <> 1 and undone.person_id is null
           group by entry.person_id) spent using (person_id)
where balance.credits <> balance.eligible_mg / %(mg_per_credit)s + coalesce(spent.moved, 0)

-- name: differ_leaf
-- The hash that each entry's own row gives, against the one in the log or its queue; and what is due is all there.
with entry as materialized (
    select entry.person_id, entry.id as entry_id,
           coalesce(entry.leaf_hash,
                    abate_leaf_hash(abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash,
                                               basis.factors_hash, batch.body_sha256, entry.commitment))) as hash
    from ledger_entry entry
    left join carbon_basis basis on basis.id = entry.basis_id
    left join events_batch batch on batch.id = entry.batch_id
)
select count(*) + (select count(*)
                   from ledger_due due
                   left join (select batch_id, count(*) as entries from ledger_due_leaf group by batch_id) found
                       using (batch_id)
                   where found.entries is distinct from due.entries)
from entry
full join (select person_id, entry_id, hash from log_leaf
           union all
           select pending.person_id, pending.entry_id, pending.hash from log_pending pending
           where not exists (select from log_leaf done
                             where (done.person_id, done.entry_id) = (pending.person_id, pending.entry_id))
           union all
           select person_id, entry_id, abate_leaf_hash(leaf) from ledger_due_leaf) leaf
    using (person_id, entry_id)
where entry.hash is distinct from leaf.hash or entry.hash is null

-- name: differ_counter
-- Codes of bookkeeping/kinds.py: award against issuance, redeem and cancel against cancellation, and so on.
select count(*) from ledger_entry
where (kind, counter) not in ((1, 1), (3, 2), (4, 2), (5, 3), (6, 4), (7, 0), (8, 2), (9, 0), (10, 6), (11, 6), (12, 5),
                              (13, 5), (14, 7), (15, 0))

-- name: differ_lots
-- What lots hold, what is held and what is not yet cut make up the balance and the debt.
select count(*)
from ledger_balance balance
left join (select person_id, sum(left_credits) as credits from ledger_lot group by person_id) lot using (person_id)
left join (select entry.person_id, sum(entry.credits) as credits
           from ledger_entry entry
           join ledger_balance account on account.person_id = entry.person_id and entry.id > account.lotted_id
           where entry.kind = 1
           group by entry.person_id) fresh using (person_id)
where balance.credits + balance.owed <> coalesce(lot.credits, 0) + coalesce(fresh.credits, 0) + balance.held

-- name: differ_draws
-- A lot is what awards brought, and every movement that is on record.
select count(*)
from (select person_id, expires_on, day, origin, left_credits, credits_in from ledger_lot) lot
full join (select person_id, expires_on, day, origin, sum(credits) as moved, sum(greatest(credits, 0)) as put
           from ledger_draw group by person_id, expires_on, day, origin) draw
    using (person_id, expires_on, day, origin)
where lot.left_credits is distinct from
      (case when origin = 1 then lot.credits_in else 0 end + coalesce(draw.moved, 0))
   or lot.credits_in > (case when origin = 1 then lot.credits_in else draw.put end)

-- name: differ_spends
-- Every entry that takes or brings credits, other than an award, moved lots by what it moved and what it left owed.
select count(*)
from ledger_entry entry
left join (select person_id, entry_id, sum(credits) as moved from ledger_draw group by person_id, entry_id) draw
    on draw.person_id = entry.person_id and draw.entry_id = entry.id
where entry.kind in (3, 4, 5, 12) and coalesce(draw.moved, 0) <> entry.credits

-- name: differ_held
-- What is held is the sum of the open holds, and each open hold drew its credits out of lots.
select count(*)
from ledger_balance balance
full join (select hold.person_id, sum(hold.credits) as credits,
                  bool_and(-coalesce(draw.moved, 0) = hold.credits) as drawn
           from ledger_hold hold
           left join (select person_id, entry_id, sum(credits) as moved from ledger_draw
                      group by person_id, entry_id) draw
               on draw.person_id = hold.person_id and draw.entry_id = hold.entry_id
           where hold.state = 1
           group by hold.person_id) held using (person_id)
where coalesce(balance.held, -1) <> coalesce(held.credits, 0) or not coalesce(held.drawn, true)

-- name: differ_clearing
-- Both sides of every transfer: what clearing received it gave.
select count(*) from (select sum(credits) as credits from ledger_entry where counter = 4 having sum(credits) <> 0) open

-- name: differ_receives
-- Cancellation, expiry and retirement only receive.
select count(*) from ledger_entry where counter in (2, 3, 7) and (credits > 0 or carbon_mg > 0)

-- name: differ_reversal
-- A reversal names an entry that is there, undoes its amounts and is undone by nothing.
select count(*)
from ledger_reversal undone
left join ledger_entry entry on entry.person_id = undone.person_id and entry.id = undone.entry_id
left join ledger_entry back on back.person_id = undone.person_id and back.id = undone.reverse_id
where entry.id is null or back.id is null or back.kind <> 10 or entry.kind = 10 or entry.kind <> undone.kind
   or back.carbon_mg <> -entry.carbon_mg or (entry.kind <> 1 and back.credits <> -entry.credits)

-- name: differ_close
-- A close carries the one before it over, and its closing is the sum of all entries up to its last day.
select count(*)
from ledger_close closed
left join ledger_close before
    on (before.period, before.account, before.asset) = (closed.period, closed.account, closed.asset)
   and before.last_day = closed.first_day - 1
left join (select closed.period, closed.first_day,
                  sum(entry.carbon_mg) as carbon_mg, sum(entry.credits) as credits
           from (select distinct period, first_day, last_day from ledger_close) closed
           join ledger_entry entry on entry.day <= closed.last_day
           group by closed.period, closed.first_day) upto
    on upto.period = closed.period and upto.first_day = closed.first_day and closed.account = 'people'
where closed.opening <> coalesce(before.closing, closed.opening)
   or (closed.account = 'people'
       and closed.closing <> coalesce(case closed.asset when 'carbon_mg' then upto.carbon_mg else upto.credits end, 0))
