-- name: take
-- In one order for all, so that two calls never wait for each other. A row twice its span ahead is of a clock that ran ahead and
-- came back: it counts as unused, or it would refuse until that moment. Clocks of servers that differ a little do not come to it.
insert into parties_use as old (subject, full_at, span)
select subject, %(now)s + share, span
from unnest(%(subjects)s::text[], %(shares)s::interval[], %(spans)s::interval[]) as asked (subject, share, span)
where share <= span
order by subject
on conflict (subject) do update
set full_at = case when old.full_at > %(now)s + 2 * old.span then %(now)s else greatest(old.full_at, %(now)s) end
              + (excluded.full_at - %(now)s),
    span = excluded.span
where old.full_at > %(now)s + 2 * old.span
      or greatest(old.full_at, %(now)s) + (excluded.full_at - %(now)s) <= %(now)s + excluded.span
returning subject, full_at

-- name: used
-- Read as `take` reads it.
select case when full_at > %(now)s + 2 * span then %(now)s else full_at end from parties_use where subject = %(subject)s

-- name: forget_uses
delete from parties_use
where subject in (
    select subject from parties_use where full_at <= %(now)s order by full_at limit 4 for update skip locked
)
