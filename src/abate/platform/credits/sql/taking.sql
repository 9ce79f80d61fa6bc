-- name: claims_of_takings
-- Every balance that what is taken back was counted on, and those of all that is short of its people and stands: more than
-- can take the room, so that nothing has to be locked later.
with asked as (
    select * from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as asked (person_id, entry_id)
)
insert into pg_temp.credits_claim (place, cap_id, start, holder, object, asked_mg, granted_mg)
select 0, claim.cap_id, claim.start, claim.holder, claim.object, 0, 0
from asked
join credits_counted claim on claim.person_id = asked.person_id and claim.entry_id = asked.entry_id
union all
select entry.id, claim.cap_id, claim.start, claim.holder, claim.object, 0, 0
from (select distinct person_id from asked) person
join credits_short short on short.person_id = person.person_id and short.short_mg > 0
join ledger_batch within on within.batch_id = short.batch_id
join ledger_entry entry on entry.person_id = short.person_id and entry.batch_id = short.batch_id
                           and entry.place = short.place and entry.id between within.first_entry and within.last_entry
join credits_counted claim on claim.person_id = entry.person_id and claim.entry_id = entry.id
where not exists (select from ledger_reversal undone
                  where undone.person_id = entry.person_id and undone.entry_id = entry.id)
returning place, cap_id, start, holder, encode(object, 'hex')

-- name: own_people
select distinct person_id from pg_temp.events_who where person_id is not null

-- name: gaining
-- Who gets something by what is staged.
select distinct who.person_id from pg_temp.events_stage stage
join pg_temp.events_who who on who.who = stage.who
where stage.outcome = 8

-- name: lock_accounts
-- Those of whom something is taken and those that get something, in one order: who has none yet gets it here, so that no
-- account is waited for while another that stands after it is held.
insert into ledger_balance as held (person_id, carbon_mg, credits, eligible_mg, entries, updated_at)
select person_id, 0, 0, 0, 0, %(at)s
from (select person_id from ledger_balance where person_id = any(%(persons)s::bigint[])
      union
      select unnest(%(gaining)s::bigint[])) asked
order by person_id
on conflict (person_id) do update set entries = held.entries

-- name: targets
-- What an event that is to be taken back is now, and whether its person left. Read once before the locks, for whose they are, and again under them.
select seen.event_id, seen.person_id, known.subject, person.status <> 'active',
       exists (select from events_withdrawal self where self.party_id = %(party)s and self.kind = 1
                                                        and self.by_id = seen.event_id) as is_withdrawal,
       exists (select from events_withdrawal gone where gone.party_id = %(party)s and gone.event_id = seen.event_id) as gone,
       entry.id, entry.day, entry.carbon_mg, entry.eligible_mg,
       coalesce(entry.leaf_hash, abate_leaf_hash(ledger_leaf(entry))), credits_per_kg(entry.act_day),
       exists (select from ledger_reversal undone
               where undone.person_id = entry.person_id and undone.entry_id = entry.id) as undone
from unnest(%(events)s::text[]) as asked (event_id)
join events_seen seen on seen.party_id = %(party)s and seen.event_id = asked.event_id collate "C"
join people_person person on person.id = seen.person_id
left join people_subject known on known.person_id = seen.person_id and known.party_id = %(party)s
left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                   where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                         = (seen.person_id, seen.batch_id, seen.place)
                   order by revision.batch_id desc, revision.place desc limit 1) newest on true
left join ledger_batch batch on batch.batch_id = coalesce(newest.batch_id, seen.batch_id)
left join ledger_entry entry on entry.person_id = seen.person_id and entry.kind = 1 and entry.batch_id = batch.batch_id
                                and entry.place = coalesce(newest.place, seen.place)
                                and entry.id between batch.first_entry and batch.last_entry

-- name: own_ids
select event_id, digest from events_seen where party_id = %(party)s and event_id = any(%(events)s::text[])

-- name: capped_of
select distinct asked.entry_id
from unnest(%(persons)s::bigint[], %(entries)s::bigint[]) as asked (person_id, entry_id)
join credits_counted claim on claim.person_id = asked.person_id and claim.entry_id = asked.entry_id

-- name: taken
-- What a withdrawal did, to say it again: the reversing entry of the event it named, if that had one.
select gone.by_id, back.id, back.carbon_mg, back.credits
from events_withdrawal gone
join events_seen seen on seen.party_id = gone.party_id and seen.event_id = gone.event_id
left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                   where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                         = (seen.person_id, seen.batch_id, seen.place)
                   order by revision.batch_id desc, revision.place desc limit 1) newest on true
left join ledger_batch batch on batch.batch_id = coalesce(newest.batch_id, seen.batch_id)
left join ledger_entry entry on entry.person_id = seen.person_id and entry.kind = 1 and entry.batch_id = batch.batch_id
                                and entry.place = coalesce(newest.place, seen.place)
                                and entry.id between batch.first_entry and batch.last_entry
left join ledger_reversal undone on undone.person_id = entry.person_id and undone.entry_id = entry.id
left join ledger_entry back on back.person_id = undone.person_id and back.id = undone.reverse_id
where gone.party_id = %(party)s and gone.by_id = any(%(by)s::text[])
