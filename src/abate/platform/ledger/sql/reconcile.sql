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
where balance.credits <> balance.earned / 1000000 + coalesce(spent.moved, 0)

-- name: differ_earned
-- Each award at the rate of the day of its act; what takes it back, at the same. The rule of a day is looked up once.
with rate as materialized (
    select act_day, credits_per_kg(act_day) as per_kg
    from (select distinct act_day from ledger_entry where kind = 1) act
)
select count(*)
from (select person_id, sum(eligible_mg * per_kg) as earned
      from (select person_id, act_day, eligible_mg from ledger_entry where kind = 1
            union all
            select award.person_id, award.act_day, -undone.eligible_mg
            from ledger_reversal undone
            join ledger_entry award on award.person_id = undone.person_id and award.id = undone.entry_id
            where undone.kind = 1) moved
      join rate using (act_day)
      group by person_id) entry
full join ledger_balance balance using (person_id)
where coalesce(entry.earned, 0) <> coalesce(balance.earned, 0)

-- name: differ_leaf
-- The hash that each entry's own row gives, against the one in the log or its queue; and what is due is all there.
with entry as materialized (
    select entry.person_id, entry.id as entry_id,
           coalesce(entry.leaf_hash,
                    abate_leaf_hash(abate_leaf_sm3(
                        abate_leaf(entry.kind::int, entry.carbon_mg, entry.credits, entry.at, basis.method_hash,
                                   basis.factors_hash, batch.body_sha256, entry.commitment),
                        substring(within.sm3 from entry.place * 32 + 1 for 32)))) as hash
    from ledger_entry entry
    left join carbon_basis basis on basis.id = entry.basis_id
    left join events_batch batch on batch.id = entry.batch_id
    left join ledger_batch within on within.batch_id = entry.batch_id
)
select count(*) + (select count(*)
                   from ledger_due due
                   left join (select batch_id, count(*) as entries from ledger_due_leaf group by batch_id) found
                       using (batch_id)
                   where found.entries is distinct from due.entries)
from entry
full join (select person_id, entry_id, hash from log_leaf where person_id > 0
           union all
           select pending.person_id, pending.entry_id,
                  case when pending.hash = abate_leaf_hash(pending.leaf) then pending.hash end
           from log_pending pending
           where pending.person_id > 0
             and not exists (select from log_leaf done
                             where (done.person_id, done.entry_id) = (pending.person_id, pending.entry_id))
           union all
           select person_id, entry_id, abate_leaf_hash(leaf) from ledger_due_leaf) leaf
    using (person_id, entry_id)
where entry.hash is distinct from leaf.hash or entry.hash is null

-- name: differ_counter
-- Codes of bookkeeping/kinds.py: award against issuance, redeem and cancel against cancellation, and so on.
select count(*) from ledger_entry
where (kind, counter) not in ((1, 1), (3, 2), (4, 2), (5, 3), (6, 4), (7, 0), (8, 2), (9, 0), (10, 6), (11, 6), (12, 5),
                              (13, 5), (14, 7), (15, 0), (17, 0), (18, 3), (21, 6))

-- name: differ_clearing
-- Both sides of every transfer: what clearing received it gave.
select count(*) from (select sum(credits) as credits from ledger_entry where counter = 4 having sum(credits) <> 0) open

-- name: differ_receives
-- Cancellation, expiry and retirement only receive.
select count(*) from ledger_entry where counter in (2, 3, 7) and (credits > 0 or carbon_mg > 0)

-- name: differ_day
-- An entry carries the platform's day of its booking, in the zone of then, or, where that was closed, the first day that was open.
select count(*)
from ledger_entry entry
left join unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(zones)s::text[]) as counted (since, until, zone)
    on entry.at >= counted.since and entry.at < counted.until
cross join lateral (select (entry.at at time zone counted.zone)::date as day) booked
left join ledger_closed_day closed on closed.day = entry.day - 1
where entry.day < booked.day or (entry.day > booked.day and closed.day is null)

-- name: differ_booked
-- The leaf hash of every entry but awards, put together again from its row while the person's key is there; an award's
-- is in differ_leaf, its commitment in carbon's differ_commitment. Codes: 3 redeem, 7 hold, 8 settle, 9 release, 10 reverse, 21 restore.
select count(*)
from ledger_entry entry
join people_person person on person.id = entry.person_id and person.commit_key is not null
left join ledger_hold hold
    on hold.person_id = entry.person_id and entry.kind in (7, 8, 9)
   and entry.id = case entry.kind when 7 then hold.entry_id else hold.end_entry_id end
cross join lateral (select case when entry.kind = 3
    then abate_personal_redeem(person.pseudonym, entry.cause, -entry.credits)
    else abate_personal_booking(person.pseudonym, (%(kinds)s::text[])[entry.kind], entry.cause, entry.carbon_mg,
                                entry.credits, case entry.kind when 7 then hold.credits when 8 then -hold.credits
                                                               when 9 then -hold.credits else 0 end) end as text) personal
where entry.kind not in (1, 15)
      and entry.leaf_hash is distinct from abate_leaf_hash(abate_leaf_sm3(abate_leaf(
          entry.kind::int, entry.carbon_mg, entry.credits, entry.at, %(nothing)s, %(nothing)s,
          case when entry.kind in (8, 9, 10, 21) and entry.cause ~ '^[0-9a-f]{64} '
               then decode(left(entry.cause, 64), 'hex') else sha256(convert_to(entry.cause, 'UTF8')) end,
          abate_commitment(abate_salt(person.commit_key, entry.id), sha256(convert_to(personal.text, 'UTF8')))),
          entry.sm3))
