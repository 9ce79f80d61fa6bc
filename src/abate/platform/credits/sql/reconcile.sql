-- name: differ_day_totals
-- The day totals of caps, again from the quantities that stand and from what reversals took back: all of it counted, and
-- eligible what the lowest cap of that day admits. Where no cap is, all is eligible.
with counted as (
    select quantity.person_id, basis.behaviour collate "C" as behaviour, quantity.day,
           coalesce(sum(quantity.er_mg) filter (where undone.person_id is null), 0) as counted_mg,
           sum(quantity.eligible_mg) - coalesce(sum(undone.eligible_mg), 0) as eligible_mg
    from carbon_quantity quantity
    join carbon_basis basis on basis.id = quantity.basis_id
    left join ledger_reversal undone on undone.person_id = quantity.person_id and undone.entry_id = quantity.entry_id
    where quantity.outcome = 8
    group by 1, 2, 3
), cap as (
    select one.behaviour, one.day, min(cap.max_mg) as max_mg
    from (select distinct behaviour, day from counted) one
    join credits_cap cap on cap.behaviour collate "C" = one.behaviour
                            and one.day between cap.from_day and coalesce(cap.to_day, 'infinity')
    group by one.behaviour, one.day
)
select count(*)
from counted
left join cap using (behaviour, day)
full join credits_day held using (person_id, behaviour, day)
where (held.counted_mg::numeric, held.eligible_mg::numeric, held.max_mg)
      is distinct from (case when cap.max_mg is not null then counted.counted_mg end,
                        case when cap.max_mg is not null then least(counted.counted_mg, cap.max_mg) end, cap.max_mg)
   or counted.eligible_mg <> least(counted.counted_mg, cap.max_mg)
