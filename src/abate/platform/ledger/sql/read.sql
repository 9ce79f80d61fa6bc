-- name: balance
select carbon_mg, credits, eligible_mg, earned from ledger_balance where person_id = %(person)s

-- name: entries
select person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party, cause,
       coalesce(leaf_hash, abate_leaf_hash(ledger_leaf(ledger_entry)))
from ledger_entry
where person_id = %(person)s and id < coalesce(%(before)s::bigint, 9223372036854775807)
order by person_id, id desc
limit %(limit)s

-- name: entry
select person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party, cause,
       coalesce(leaf_hash, abate_leaf_hash(ledger_leaf(ledger_entry)))
from ledger_entry
where person_id = %(person)s and id = %(entry)s

-- name: sums
-- One statement, so one snapshot: what is booked meanwhile is in both sums or in neither. Balances carry no counter.
select null::smallint as counter, coalesce(sum(carbon_mg), 0), coalesce(sum(credits), 0) from ledger_balance
union all
select counter, sum(carbon_mg), sum(credits) from ledger_entry group by counter
order by counter nulls first

-- name: debt
select owed, held from ledger_balance where person_id = %(person)s

-- name: lots
select expires_on, day, origin, left_credits from ledger_lot
where person_id = %(person)s and left_credits > 0
order by expires_on, day, origin

-- name: fresh
-- What was earned after an entry, or else is in no lot yet, by day; `stage` is how many of these moments had come before.
select fresh.stage, fresh.day, credits_award_until(fresh.day), credits_award_origin(fresh.day), fresh.credits, fresh.last
from (select staged.stage, staged.day, sum(staged.credits)::bigint as credits, max(staged.id) as last
      from (select entry.id, entry.day, entry.credits, entry.kind,
                   max(width_bucket(entry.at, %(moments)s::timestamptz[])) over (order by entry.id) as stage
            from ledger_entry entry
            join ledger_balance balance
                on balance.person_id = entry.person_id and entry.id > coalesce(%(after)s::bigint, balance.lotted_id)
            where entry.person_id = %(person)s and entry.id <= %(until)s) staged
      where staged.kind = 1 and staged.credits > 0
      group by staged.stage, staged.day) fresh
order by fresh.stage, fresh.day

-- name: lapsed
-- Holds up to an entry whose time was over at a moment, and whose end no entry up to that one said.
select hold.expires_at, draw.expires_on, draw.day, draw.origin, -sum(draw.credits)::bigint
from ledger_hold hold
join ledger_draw draw on draw.person_id = hold.person_id and draw.entry_id = hold.entry_id
where hold.person_id = %(person)s and hold.expires_at <= %(at)s and hold.entry_id <= %(until)s
      and coalesce(hold.end_entry_id > %(until)s, true)
group by hold.expires_at, draw.expires_on, draw.day, draw.origin
order by hold.expires_at

-- name: holds
select entry_id, credits, at, expires_at from ledger_hold
where person_id = %(person)s and state = 1 and expires_at > %(at)s
order by expires_at, entry_id

-- name: entry_at
-- By posting order, which is that of ids: a clock that was set back gives later entries earlier moments.
select id, carbon_after, credits_after
from ledger_entry
where person_id = %(person)s and at <= %(at)s
order by person_id, id desc
limit 1

-- name: posted_upto
-- The newest entry that was posted under the account's lock, so that all before it stood in lots: an award only appends,
-- and erasing (15) moves nothing.
select id, credits_after from ledger_entry
where person_id = %(person)s and id <= %(upto)s and kind not in (1, 15)
order by person_id, id desc
limit 1

-- name: held_at
select coalesce(sum(credits), 0)::bigint from ledger_hold
where person_id = %(person)s and entry_id <= %(until)s and coalesce(end_entry_id > %(until)s, true)

-- name: held_by
select credits from ledger_hold
where person_id = %(person)s and %(entry)s in (entry_id, end_entry_id)

-- name: rates_of
select id, credits_per_kg(act_day) from ledger_entry
where person_id = %(person)s and id = any(%(entries)s::bigint[]) and kind = 1
