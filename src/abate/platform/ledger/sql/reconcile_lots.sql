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
      (case when origin in (1, 16) then lot.credits_in else 0 end + coalesce(draw.moved, 0))
   or lot.credits_in > (case when origin in (1, 16) then lot.credits_in else draw.put end)

-- name: differ_spends
-- Every entry moved lots by what its kind moves. What a debt took of new credits is drawn by the entry that brought them,
-- so these are held against what was put alone; what is taken may be owed in part. Codes of bookkeeping/kinds.py.
select count(*)
from ledger_entry entry
full join (select person_id, entry_id, sum(credits) as moved, sum(greatest(credits, 0)) as put,
                  coalesce(sum(credits) filter (where origin = 16), 0) as waited
           from ledger_draw group by person_id, entry_id) draw
    on draw.person_id = entry.person_id and draw.entry_id = entry.id
left join ledger_hold begun on begun.person_id = entry.person_id and begun.entry_id = entry.id
left join ledger_hold ended on ended.person_id = entry.person_id and ended.end_entry_id = entry.id
where case
    when entry.id is null then true
    when entry.kind = 17 then draw.put is distinct from -draw.waited or draw.put <= 0
    when entry.kind = 18 then (draw.waited, draw.moved) is distinct from (entry.credits::numeric, entry.credits::numeric)
    when entry.kind = 21 then (draw.put, draw.moved) is distinct from (entry.credits::numeric, entry.credits::numeric)
    when entry.kind <> 10 and draw.waited <> 0 then true
    when entry.kind in (1, 15) then draw.put > 0
    when entry.kind in (3, 4, 5, 12) or (entry.kind = 6 and entry.credits < 0)
        then coalesce(draw.moved, 0) <> entry.credits
    when entry.kind = 7 then draw.moved is distinct from -begun.credits
    when entry.kind = 9 then draw.put is distinct from ended.credits
    when entry.kind in (8, 14) then draw.entry_id is not null
    when entry.credits > 0 then coalesce(draw.put, 0) <> entry.credits
    else coalesce(draw.put, 0) <> 0 or coalesce(draw.moved, 0) < entry.credits
end

-- name: differ_restored
-- What came back of expired credits (21) had expired (5) or lapsed (18) from that very lot, and the reversal of the award that
-- it names took it from there.
select (select count(*)
        from (select draw.person_id, draw.expires_on, draw.day, draw.origin,
                     sum(draw.credits) filter (where entry.kind = 21) as back, sum(draw.credits) as moved
              from ledger_draw draw
              join ledger_entry entry on entry.person_id = draw.person_id and entry.id = draw.entry_id
              where entry.kind in (5, 18, 21)
              group by draw.person_id, draw.expires_on, draw.day, draw.origin) lot
        where back > 0 and moved > 0)
     + (select count(*)
        from ledger_entry back
        where back.kind = 21
              and not exists (select from ledger_reversal undone
                              join ledger_entry taken
                                  on taken.person_id = undone.person_id and taken.id = undone.reverse_id
                              where undone.person_id = back.person_id and undone.kind = 1
                                    and taken.cause = back.cause and taken.id > back.id
                                    and not exists (
                                        select from ledger_draw put
                                        left join (select expires_on, day, origin, sum(credits) as credits from ledger_draw
                                                   where person_id = back.person_id and entry_id = taken.id
                                                   group by 1, 2, 3) went using (expires_on, day, origin)
                                        where put.person_id = back.person_id and put.entry_id = back.id
                                              and put.credits > -coalesce(went.credits, 0))))

-- name: differ_brought
-- A lot came from awards of its day that are cut, or from entries that put credits into it (6 transfer, 11 adjust,
-- 13 exchange_in, 17 collect); nothing else makes one larger.
select count(*)
from (select person_id, expires_on, day, origin, sum(credits) as credits
      from (select entry.person_id, dated.expires_on, entry.day, dated.origin, entry.credits
            from ledger_entry entry
            join ledger_balance balance on balance.person_id = entry.person_id and entry.id <= balance.lotted_id
            join (select day, credits_award_until(day) as expires_on, credits_award_origin(day) as origin
                  from (select distinct day from ledger_entry where kind = 1) one) dated on dated.day = entry.day
            where entry.kind = 1 and entry.credits > 0
            union all
            select draw.person_id, draw.expires_on, draw.day, draw.origin, draw.credits
            from ledger_draw draw
            join ledger_entry entry on entry.person_id = draw.person_id and entry.id = draw.entry_id
            where draw.credits > 0 and entry.kind = draw.origin and entry.kind in (6, 11, 13, 17)) one
      group by person_id, expires_on, day, origin) brought
full join ledger_lot lot using (person_id, expires_on, day, origin)
where brought.credits is distinct from lot.credits_in

-- name: differ_expiry
-- Credits expire by the rule of the day they came, whoever holds them: a transfer carries both. What waits lapses by it.
select count(*)
from ledger_lot lot
join (select day, credits_expires_on(day) as expires_on, credits_award_until(day) as until
      from (select distinct day from ledger_lot) one) dated using (day)
where lot.expires_on <> case when lot.origin = 16 then dated.until else dated.expires_on end

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
