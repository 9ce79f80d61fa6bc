-- name: span
-- The newest entry before the period and the newest of it. Between the two lies the period, without a gap: where a
-- clock set back left a later day before an earlier one, each entry is still in one period.
select coalesce((select id from ledger_entry where person_id = %(person)s and day < %(first)s
                 order by person_id, id desc limit 1), 0),
       coalesce((select id from ledger_entry where person_id = %(person)s and day <= %(last)s
                 order by person_id, id desc limit 1), 0)

-- name: months
-- From the first to the newest entry of a person.
select (select day from ledger_entry where person_id = %(person)s order by person_id, id limit 1),
       (select day from ledger_entry where person_id = %(person)s order by person_id, id desc limit 1)

-- name: account_upto
select coalesce(entry.carbon_after, 0), coalesce(entry.credits_after, 0),
       (select coalesce(sum(credits), 0)::bigint from ledger_hold
        where person_id = %(person)s and entry_id <= %(upto)s and coalesce(end_entry_id > %(upto)s, true)),
       moved.eligible_mg, moved.earned
from (select coalesce(sum(eligible_mg), 0)::bigint as eligible_mg,
             coalesce(sum(eligible_mg * credits_per_kg(act_day)), 0)::bigint as earned
      from (select act_day, eligible_mg from ledger_entry where person_id = %(person)s and id <= %(upto)s and kind = 1
            union all
            select award.act_day, -undone.eligible_mg
            from ledger_reversal undone
            join ledger_entry award on award.person_id = undone.person_id and award.id = undone.entry_id
            where undone.person_id = %(person)s and undone.reverse_id <= %(upto)s and undone.kind = 1) line) moved
left join (select carbon_after, credits_after from ledger_entry
           where person_id = %(person)s and id <= %(upto)s
           order by person_id, id desc limit 1) entry on true

-- name: lots_upto
-- What awards brought, by their day, and every movement on record up to this entry.
select expires_on, day, origin, sum(credits)::bigint
from (select credits_award_until(day) as expires_on, day, credits_award_origin(day) as origin, credits
      from (select day, sum(credits)::bigint as credits from ledger_entry
            where person_id = %(person)s and kind = 1 and id <= %(upto)s and credits > 0 group by day) award
      union all
      select expires_on, day, origin, credits from ledger_draw
      where person_id = %(person)s and entry_id <= %(upto)s) moved
group by expires_on, day, origin
having sum(credits) <> 0
order by expires_on, day, origin

-- name: statement
select entry.id, entry.kind, entry.at, entry.day, entry.carbon_mg, entry.credits,
       case entry.kind when 1 then entry.eligible_mg when 10 then -coalesce(undone.eligible_mg, 0) else 0 end,
       case entry.kind when 1 then entry.eligible_mg * credits_per_kg(entry.act_day)
                       when 10 then -coalesce(undone.eligible_mg * credits_per_kg(award.act_day), 0) else 0 end,
       case entry.kind when 7 then hold.credits when 8 then -hold.credits when 9 then -hold.credits else 0 end,
       entry.cause
from ledger_entry entry
left join ledger_hold hold on hold.person_id = entry.person_id and entry.kind in (7, 8, 9)
                              and (case entry.kind when 7 then hold.entry_id else hold.end_entry_id end) = entry.id
left join ledger_reversal undone on undone.person_id = entry.person_id and undone.reverse_id = entry.id
left join ledger_entry award on award.person_id = undone.person_id and award.id = undone.entry_id
where entry.person_id = %(person)s and entry.id > %(after)s and entry.id <= %(upto)s
order by entry.person_id, entry.id
limit %(limit)s

-- name: moves
-- By how much each entry changed each lot.
select entry_id, expires_on, day, origin, sum(credits)::bigint
from (select id as entry_id, credits_award_until(day) as expires_on, day, credits_award_origin(day) as origin, credits
      from ledger_entry
      where person_id = %(person)s and id > %(after)s and id <= %(upto)s and kind = 1 and credits > 0
      union all
      select entry_id, expires_on, day, origin, credits from ledger_draw
      where person_id = %(person)s and entry_id > %(after)s and entry_id <= %(upto)s) moved
group by entry_id, expires_on, day, origin
having sum(credits) <> 0
order by entry_id, expires_on, day, origin
