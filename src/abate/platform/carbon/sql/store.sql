-- name: find_bases
-- With the digest of the basis in force beside each, empty before the system was opened.
select key, id, (select digest from carbon_adoption order by id desc limit 1) from carbon_basis where key = any(%(keys)s)

-- name: in_force
select digest from carbon_adoption order by id desc limit 1

-- name: adopt
insert into carbon_adoption (digest, document, at) values (%(digest)s, %(document)s, %(at)s)

-- name: add_basis
insert into carbon_basis (key, behaviour, version, method_hash, factors, factors_hash, region, grade_floor, pack,
                          pack_hash, first_used_at)
values (%(key)s, %(behaviour)s, %(version)s, %(method_hash)s, %(factors)s, %(factors_hash)s, %(region)s,
        %(grade_floor)s, %(pack)s, %(pack_hash)s, %(at)s)
on conflict (key) do nothing

-- name: keep
-- Accepted and crediting nothing: kept with its record, so that it can be explained.
insert into carbon_kept (person_id, party_id, event_id, batch_id, basis_id, occurred_at, day, outcome, reason,
                         be_mg, pe_mg, le_mg, er_mg, place, record)
select who.person_id, %(party)s, stage.event_id, %(batch)s, (%(bases)s::int[])[stage.basis], stage.occurred_at, stage.day,
       stage.outcome, stage.reason, stage.be_mg, stage.pe_mg, stage.le_mg, stage.er_mg, stage.place, stage.record
from pg_temp.events_stage stage
join pg_temp.events_who who on who.who = stage.who
where stage.outcome between 4 and 7
returning place, event_id, outcome, reason, er_mg

-- name: stored
-- What stands for each event today: the quantity it was accepted with, or the newest that was put in its place.
select asked.place, asked.event_id, kept.reason, kept.er_mg, kept.outcome
from unnest(%(places)s::int[], %(events)s::text[]) as asked (place, event_id)
join events_seen seen on seen.party_id = %(party)s and seen.event_id = asked.event_id collate "C"
left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                   where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                         = (seen.person_id, seen.batch_id, seen.place)
                   order by revision.batch_id desc, revision.place desc limit 1) newest on true
join carbon_kept kept
    on kept.person_id = seen.person_id and kept.batch_id = coalesce(newest.batch_id, seen.batch_id)
       and kept.place = coalesce(newest.place, seen.place)
