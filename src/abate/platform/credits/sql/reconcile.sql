-- name: differ_caps
-- Every balance of a cap, again from the awards that stand: what of each is eligible today, counted on each of its caps.
with counted as (
    select claim.cap_id, claim.start, claim.holder, claim.object,
           sum(entry.carbon_mg - coalesce(short.short_mg, 0)) as used_mg
    from credits_counted claim
    join ledger_entry entry on entry.person_id = claim.person_id and entry.id = claim.entry_id
    left join credits_short short
        on (short.person_id, short.batch_id, short.place) = (entry.person_id, entry.batch_id, entry.place)
    where not exists (select from ledger_reversal undone
                      where undone.person_id = entry.person_id and undone.entry_id = entry.id)
    group by claim.cap_id, claim.start, claim.holder, claim.object
)
select count(*)
from counted
full join credits_used held using (cap_id, start, holder, object)
left join credits_cap cap on cap.id = cap_id
where coalesce(counted.used_mg, 0) <> coalesce(held.used_mg, 0) or held.max_mg is distinct from cap.max_mg
   or held.used_mg > held.max_mg

-- name: differ_short
-- What an award was cut by is noted, and nothing else is; and of each person all that stands is what was eligible when it
-- was booked, less what reversals took.
with award as (
    select entry.person_id, entry.id, entry.carbon_mg, entry.eligible_mg, short.cut_mg, short.short_mg,
           undone.entry_id is null as stands, undone.eligible_mg as taken_mg
    from (select * from ledger_entry where kind = 1) entry
    full join credits_short short using (person_id, batch_id, place)
    left join ledger_reversal undone on undone.person_id = entry.person_id and undone.entry_id = entry.id
)
select (select count(*) from award where carbon_mg - eligible_mg is distinct from coalesce(cut_mg, 0))
     + (select count(*)
        from (select from award
              group by person_id
              having sum(eligible_mg) - coalesce(sum(taken_mg), 0)
                     <> coalesce(sum(carbon_mg - coalesce(short_mg, 0)) filter (where stands), 0)) person)

-- name: differ_room
-- Awards that are short though each of their caps has room: of caps that are one person's alone, nobody else's
-- reversal can have made it. Room of what was booked at another rate is not for them (reverse.sql).
select count(*)
from credits_short short
join ledger_entry entry on (entry.person_id, entry.batch_id, entry.place) = (short.person_id, short.batch_id, short.place)
where short.short_mg > 0
      and not exists (select from ledger_reversal undone
                      where undone.person_id = entry.person_id and undone.entry_id = entry.id)
      and not exists (select from credits_counted claim
                      join credits_used used on (used.cap_id, used.start, used.holder, used.object)
                                                = (claim.cap_id, claim.start, claim.holder, claim.object)
                      join credits_cap cap on cap.id = claim.cap_id
                      where claim.person_id = entry.person_id and claim.entry_id = entry.id
                            and (cap.scope <> 'person' or used.used_mg = used.max_mg))
      and not exists (select from credits_counted claim
                      join credits_counted other on (other.cap_id, other.start, other.holder, other.object)
                                                    = (claim.cap_id, claim.start, claim.holder, claim.object)
                      join ledger_reversal undone on undone.person_id = other.person_id and undone.entry_id = other.entry_id
                      join ledger_entry gone on gone.person_id = undone.person_id and gone.id = undone.entry_id
                      where claim.person_id = entry.person_id and claim.entry_id = entry.id
                            and other.person_id = entry.person_id
                            and credits_per_kg(gone.act_day) <> credits_per_kg(entry.act_day))
