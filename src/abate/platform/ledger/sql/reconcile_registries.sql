-- name: differ_reversal
-- A reversal names an entry that is there, undoes its amounts and is undone by nothing; and each one is in the registry.
select count(*)
from ledger_reversal undone
full join (select * from ledger_entry where kind = 10) back
    on back.person_id = undone.person_id and back.id = undone.reverse_id
left join ledger_entry entry on entry.person_id = undone.person_id and entry.id = undone.entry_id
where entry.id is null or back.id is null or entry.kind = 10 or entry.kind <> undone.kind
   or back.carbon_mg <> -entry.carbon_mg or (entry.kind <> 1 and back.credits <> -entry.credits)
   or left(back.cause, 64) <> encode(coalesce(entry.leaf_hash, abate_leaf_hash(ledger_leaf(entry))), 'hex')

-- name: differ_orders
-- Every movement that is asked for by an order id is in the registry under that id: 4 cancel, 6 transfer (the payer's side),
-- 7 hold, 11 adjust, 12 and 13 exchange, 14 retire. A redemption has its code instead.
select count(*)
from ledger_order taken
full join (select person_id, id, cause from ledger_entry
           where kind in (4, 7, 11, 12, 13, 14) or (kind = 6 and credits < 0)) entry
    on entry.person_id = taken.person_id and entry.id = taken.entry_id
where entry.cause is distinct from taken.order_id

-- name: wrong_digests
-- What an order id stands for, made again: kind, amount and, of a transfer, who received, of an exchange, with which party; of
-- a hold also when it ends, but for orders of an earlier version, which left that out (no `until`). 6 is transfer, 7 hold,
-- 14 retire; 4 cancel and 12 exchange_out are asked for by what they take. A receiver's side has the moment, cause and credits
-- of the payer's.
select taken.person_id, taken.order_id, taken.entry_id
from ledger_order taken
join ledger_entry entry on (entry.person_id, entry.id) = (taken.person_id, taken.entry_id)
left join ledger_hold hold on entry.kind = 7 and (hold.person_id, hold.entry_id) = (entry.person_id, entry.id)
left join ledger_entry received
    on entry.kind = 6 and received.kind = 6 and received.at = entry.at and received.cause = entry.cause
   and received.credits = -entry.credits and received.person_id <> entry.person_id
group by taken.person_id, taken.order_id
having not bool_or(taken.digest in (
    select sha256(convert_to(concat_ws(
        ' ', upper((%(kinds)s::text[])[entry.kind]),
        case when entry.kind = 7 then hold.credits when entry.kind = 14 then -entry.carbon_mg
             when entry.kind in (4, 6, 12) then -entry.credits else entry.credits end,
        case when entry.kind = 6 then coalesce(received.person_id, 0)
             when entry.kind in (12, 13) then coalesce(entry.cause_party, 0) else 0 end, until), 'UTF8'))
    from (values (null), (to_char(hold.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))) form (until)))

-- name: differ_holds
-- Every entry of kind hold (7) made a hold; an entry of kind settle (8) or release (9) ended one, by all it held, as its
-- state says: 2 settled, 3 released, 4 lapsed.
select count(*)
from (select * from ledger_entry where kind = 7) begun
full join ledger_hold hold on hold.person_id = begun.person_id and hold.entry_id = begun.id
full join (select * from ledger_entry where kind in (8, 9)) ended
    on ended.person_id = hold.person_id and ended.id = hold.end_entry_id
where begun.id is null or hold.entry_id is null or hold.at <> begun.at
   or (hold.state <> 1
       and (hold.state, ended.kind, ended.credits) not in ((2, 8, -hold.credits), (3, 9, 0), (4, 9, 0)))
   or (hold.state = 1) <> (ended.id is null) or hold.ended_at <> ended.at

-- name: differ_close
-- Every account and asset of every close, summed again: what came before is the opening, what is within came in and went
-- out. (That closing = opening + in - out the table itself holds.) Of the days that are closed only the last may have no
-- sums yet. Running sums by day, met at the day before the first and at the last. A closed day was over when it was closed, and
-- none before it is open.
with account as (
    select account, asset
    from unnest(array_append(%(names)s::text[], 'people')) as name (account)
    cross join (values ('carbon_mg'), ('credits')) kept (asset)
), span as (
    select period, first_day, last_day from ledger_close where period = 'month'
    union
    select 'day', day, day from ledger_closed_day closed
    where day < (select max(day) from ledger_closed_day)
       or exists (select from ledger_close sums where sums.period = 'day' and sums.first_day = closed.day)
), moved as materialized (
    select day, counter, count(*) as entries,
           sum(greatest(carbon_mg, 0)) as carbon_in, sum(greatest(-carbon_mg, 0)) as carbon_out,
           sum(greatest(credits, 0)) as credits_in, sum(greatest(-credits, 0)) as credits_out
    from ledger_entry group by day, counter
), side as (
    select 'people' as account, 'carbon_mg' as asset, day, carbon_in as came_in, carbon_out as went_out, entries from moved
    union all select 'people', 'credits', day, credits_in, credits_out, entries from moved
    union all select (%(names)s::text[])[counter + 1], 'carbon_mg', day, carbon_out, carbon_in, entries from moved
    union all select (%(names)s::text[])[counter + 1], 'credits', day, credits_out, credits_in, entries from moved
    union all select account, asset, day, 0, 0, 0
    from account cross join (select first_day - 1 as day from span union select last_day from span) bound
), running as (
    select account, asset, day, sum(sum(came_in)) over upto as came_in, sum(sum(went_out)) over upto as went_out,
           sum(sum(entries)) over upto as entries
    from side
    group by account, asset, day
    window upto as (partition by account, asset order by day)
), again as (
    select span.period, span.first_day, span.last_day, account, asset, before.came_in - before.went_out as opening,
           until.came_in - before.came_in as came_in, until.went_out - before.went_out as went_out,
           until.entries - before.entries as entries
    from span
    join running before on before.day = span.first_day - 1
    join running until using (account, asset)
    where until.day = span.last_day
)
select count(*)
     + (select count(*) from ledger_closed_day shut
        left join unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(zones)s::text[]) as counted (since, until, zone)
            on shut.at >= counted.since and shut.at < counted.until
        where (shut.at at time zone counted.zone)::date <= shut.day
           or (shut.day > (select min(day) from ledger_closed_day)
               and not exists (select from ledger_closed_day one where one.day = shut.day - 1)))
from again
full join ledger_close closed using (period, first_day, last_day, account, asset)
where (again.opening, again.came_in, again.went_out, again.entries)
      is distinct from (closed.opening, closed.came_in, closed.went_out, closed.entries::numeric)

-- name: differ_close_head
-- A close names the first signed head that covers every entry booked up to its last day, one head and one moment for all of its
-- accounts. No clock is asked: one may go back.
with need as materialized (
    select entry.day, max(max(coalesce(leaf.idx + 1, 9223372036854775807))) over (order by entry.day) as size
    from ledger_entry entry
    left join log_leaf leaf on (leaf.person_id, leaf.entry_id) = (entry.person_id, entry.id)
    where entry.day <= (select max(last_day) from ledger_close)
    group by entry.day
)
select count(*)
from (select max(tree_size) as tree_size, max(last_day) as last_day, min((tree_size, at)) <> max((tree_size, at)) as two
      from ledger_close group by period, first_day) sums
where two
   or tree_size is distinct from (
       select min(head.size) from log_checkpoint head
       where head.size >= coalesce((select max(need.size) from need where need.day <= sums.last_day), 0))

-- name: differ_party
-- Whose event or exchange an entry is about: 10 reverse has the party of what it undoes, 21 restore that of the reversal it was
-- made for (both name one award). 12 and 13 exchange have the one of their order's digest, an award that of its commitment.
with back as materialized (
    select person_id, id, cause, cause_party from ledger_entry where kind = 10
)
select (select count(*) from ledger_entry where kind not in (1, 10, 12, 13, 21) and cause_party is not null)
     + (select count(*)
        from back
        join ledger_reversal undone on (undone.person_id, undone.reverse_id) = (back.person_id, back.id)
        join ledger_entry first on (first.person_id, first.id) = (undone.person_id, undone.entry_id)
        where back.cause_party is distinct from first.cause_party)
     + (select count(*)
        from ledger_entry restored
        left join back using (person_id, cause)
        where restored.kind = 21 and restored.cause_party is distinct from back.cause_party)

-- name: differ_bare
-- Only an award has a quantity in its row; its SM3 commitment stands with its batch.
select count(*)
from ledger_entry
where case when kind = 1 then sm3 is not null
           else num_nonnulls(batch_id, place, basis_id, occurred_at, act_day, be_mg, pe_mg, le_mg, eligible_mg, record, reason)
                > 0 end
