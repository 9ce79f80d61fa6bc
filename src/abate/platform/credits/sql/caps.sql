-- name: caps
select exists (select from credits_cap
               where behaviour = any(%(behaviours)s) and from_day <= %(last)s
                     and coalesce(to_day, 'infinity') >= %(first)s)

-- name: cut
-- A day's total is raised first; the part of it that is eligible is min(total, cap), whatever the order of arrival.
-- An event gets what the total it completed was eligible for, less what the total before it was.
with line as (
    select stage.place, who.person_id, who.behaviour, stage.er_mg, stage.day, cap.max_mg,
           (sum(stage.er_mg) over (partition by who.person_id, who.behaviour, stage.day
                                   order by stage.place))::bigint as upto
    from pg_temp.events_stage stage
    join pg_temp.events_who who on who.who = stage.who
    cross join lateral (select min(max_mg) as max_mg from credits_cap
                        where behaviour = who.behaviour and from_day <= stage.day
                              and coalesce(to_day, 'infinity') >= stage.day) cap
    where stage.outcome = 8 and cap.max_mg is not null
), total as (
    select person_id, behaviour, day, max(upto) as er_mg, min(max_mg) as max_mg
    from line
    group by person_id, behaviour, day
), held as (
    insert into credits_day as held (person_id, behaviour, day, counted_mg, eligible_mg, max_mg)
    select person_id, behaviour, day, er_mg, least(er_mg, max_mg), max_mg
    from total
    order by person_id, behaviour collate "C", day
    on conflict (person_id, behaviour, day) do update
    set counted_mg = held.counted_mg + excluded.counted_mg,
        eligible_mg = least(held.counted_mg + excluded.counted_mg, held.max_mg)
    returning person_id, behaviour, day, counted_mg, max_mg
)
update pg_temp.events_stage stage
set eligible_mg = least(before.mg + line.upto, held.max_mg) - least(before.mg + line.upto - line.er_mg, held.max_mg)
from line
join total on (total.person_id, total.behaviour, total.day) = (line.person_id, line.behaviour, line.day)
join held on (held.person_id, held.behaviour, held.day) = (line.person_id, line.behaviour, line.day)
cross join lateral (select held.counted_mg - total.er_mg as mg) before
where stage.place = line.place

-- name: lock_day
select counted_mg, max_mg from credits_day
where person_id = %(person)s and behaviour = %(behaviour)s and day = %(day)s for update

-- name: reversed
-- A look before the account's lock; the registry's key decides.
select exists (select from ledger_reversal where person_id = %(person)s and entry_id = %(entry)s)

-- name: lower_day
update credits_day set counted_mg = counted_mg - %(er_mg)s, eligible_mg = least(counted_mg - %(er_mg)s, max_mg)
where person_id = %(person)s and behaviour = %(behaviour)s and day = %(day)s

-- name: counted_since
select exists (select from carbon_quantity quantity
               join carbon_basis basis on basis.id = quantity.basis_id
               where basis.behaviour = %(behaviour)s and quantity.day >= %(from_day)s)

-- name: rule
select mg_per_credit from credits_rule where from_day <= %(day)s order by from_day desc limit 1

-- name: first_rule
-- One credit for every whole gram of the running total; T/CECA-G 0203 (3.4, 7.4) leaves the rule to the operator.
insert into credits_rule (from_day, mg_per_credit, title_zh, title_en)
values ('2000-01-01', 1000, '每满 1 克减排量计 1 个绿色积分', 'One green credit for every whole gram avoided')
on conflict (from_day) do nothing
