-- name: month_closed
select exists (select from ledger_close where period = 'month' and first_day = %(month)s)

-- name: alone
-- One edition at a time: who comes second finds it made.
select pg_advisory_xact_lock(4912026, 7)

-- name: make_parts
create temp table if not exists sharing_part (
    behaviour text collate "C", person_id bigint, acts bigint, carbon_mg numeric, credits numeric
) on commit delete rows

-- name: empty_parts
-- One transaction may make several editions.
delete from sharing_part

-- name: fill_parts
-- What the month booked, by behaviour and person: awards, less awards taken back in it, whenever they were booked. Of whom
-- nothing is left is not in it: of ten people, nine of whom took back what they did, the sum would be the tenth's.
insert into sharing_part
select basis.behaviour, move.person_id, sum(move.acts), sum(move.carbon_mg), sum(move.credits)
from (
    select person_id, basis_id, 1 as acts, carbon_mg, credits
    from ledger_entry entry where kind = 1 and day between %(first)s and %(last)s
          and not exists (select from sharing_held held where (held.person_id, held.entry_id) = (entry.person_id, entry.id))
    union all
    select undo.person_id, award.basis_id, -1, undo.carbon_mg, undo.credits
    from ledger_entry undo
    join ledger_reversal reversal on reversal.person_id = undo.person_id and reversal.reverse_id = undo.id
    join ledger_entry award on award.person_id = reversal.person_id and award.id = reversal.entry_id and award.kind = 1
    where undo.kind = 10 and undo.day between %(first)s and %(last)s
          and not exists (select from sharing_held held where (held.person_id, held.entry_id) = (award.person_id, award.id))
) move
join carbon_basis basis on basis.id = move.basis_id
group by 1, 2
having sum(move.acts) <> 0 or sum(move.carbon_mg) <> 0 or sum(move.credits) <> 0

-- name: groups
-- Each behaviour with what decides whether it may be shown: its people, and of CO2e, credits and acts the largest part and all.
-- Where CO2e is even credits need not be: a cap leaves them to who came first.
select behaviour, count(*), sum(acts), sum(carbon_mg), sum(credits), max(abs(carbon_mg)), sum(abs(carbon_mg)),
       max(abs(credits)), sum(abs(credits)), max(abs(acts)), sum(abs(acts))
from sharing_part group by behaviour order by behaviour

-- name: together
-- The same of several behaviours as one group; a person who did two of them is one person.
select count(*), coalesce(sum(acts), 0), coalesce(sum(carbon_mg), 0), coalesce(sum(credits), 0),
       coalesce(max(abs(carbon_mg)), 0), coalesce(sum(abs(carbon_mg)), 0), coalesce(max(abs(credits)), 0),
       coalesce(sum(abs(credits)), 0), coalesce(max(abs(acts)), 0), coalesce(sum(abs(acts)), 0)
from (select sum(acts) as acts, sum(carbon_mg) as carbon_mg, sum(credits) as credits
      from sharing_part where behaviour = any(%(behaviours)s) group by person_id
      having sum(acts) <> 0 or sum(carbon_mg) <> 0 or sum(credits) <> 0) person

-- name: fill_members
-- The same of those who are members of an organisation now, for what they did since they joined. What a guardian agreed to
-- for a child counts until the 14th birthday, whether or not a row was written then.
insert into sharing_part
select 'members', move.person_id, sum(move.acts), sum(move.carbon_mg), sum(move.credits)
from (
    select person_id, occurred_at, 1 as acts, carbon_mg, credits
    from ledger_entry entry where kind = 1 and day between %(first)s and %(last)s
          and not exists (select from sharing_held held where (held.person_id, held.entry_id) = (entry.person_id, entry.id))
    union all
    select undo.person_id, award.occurred_at, -1, undo.carbon_mg, undo.credits
    from ledger_entry undo
    join ledger_reversal reversal on reversal.person_id = undo.person_id and reversal.reverse_id = undo.id
    join ledger_entry award on award.person_id = reversal.person_id and award.id = reversal.entry_id and award.kind = 1
    where undo.kind = 10 and undo.day between %(first)s and %(last)s
          and not exists (select from sharing_held held where (held.person_id, held.entry_id) = (award.person_id, award.id))
) move
join people_member member on member.group_id = %(group)s and member.person_id = move.person_id and member.left_at is null
                             and member.joined_at <= move.occurred_at
where not exists (select from people_guardianship guarded
                  where guarded.child_id = member.person_id and guarded.ended_at is null and guarded.until <= %(now)s)
group by 2
having sum(move.acts) <> 0 or sum(move.carbon_mg) <> 0 or sum(move.credits) <> 0

-- name: make_held
create temp table if not exists sharing_held (person_id bigint, entry_id bigint, source_id int) on commit delete rows

-- name: empty_held
delete from sharing_held

-- name: hold_back
-- Awards of events whose source does not permit the use, or not for so long, or to tell those alone who are told (nobody:
-- where it may be shared with nobody): the entries of every version of a quantity.
insert into sharing_held
select distinct quantity.person_id, quantity.entry_id, source.id
from events_source source
join events_marked marked on marked.source_id = source.id
join events_seen seen on seen.party_id = marked.party_id and seen.event_id = marked.event_id
join carbon_quantity quantity on quantity.person_id = seen.person_id and quantity.party_id = marked.party_id
                              and quantity.event_id = marked.event_id and quantity.entry_id is not null
where not source.uses @> array[%(use)s] or not source.shared_with && coalesce(%(told)s::text[], source.shared_with)
      or marked.day + source.retention_days < %(today)s

-- name: sources
-- Of which versions of sources each behaviour's figures of some months hold data: what fill_parts adds up.
select basis.behaviour, array_agg(distinct marked.source_id order by marked.source_id)
from (
    select person_id, id, cause_party, cause, basis_id
    from ledger_entry where kind = 1 and day between %(first)s and %(last)s
          and date_trunc('month', day)::date = any(%(months)s)
    union all
    select award.person_id, award.id, award.cause_party, award.cause, award.basis_id
    from ledger_entry undo
    join ledger_reversal reversal on reversal.person_id = undo.person_id and reversal.reverse_id = undo.id
    join ledger_entry award on award.person_id = reversal.person_id and award.id = reversal.entry_id and award.kind = 1
    where undo.kind = 10 and undo.day between %(first)s and %(last)s
          and date_trunc('month', undo.day)::date = any(%(months)s)
) award
join events_marked marked on marked.party_id = award.cause_party and marked.event_id = award.cause
join carbon_basis basis on basis.id = award.basis_id
where exists (select from events_source)
      and not exists (select from sharing_held held where (held.person_id, held.entry_id) = (award.person_id, award.id))
group by basis.behaviour

-- name: held_of
-- Whose awards of these days are left out.
select distinct party.code || '/' || source.code as name
from sharing_held held
join ledger_entry entry on entry.person_id = held.person_id and entry.id = held.entry_id
join events_source source on source.id = held.source_id
join parties_party party on party.id = source.party_id
where entry.day between %(first)s and %(last)s
order by name
