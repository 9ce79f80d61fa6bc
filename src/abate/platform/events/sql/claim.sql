-- name: open_batch
insert into events_batch (party_id, via, received_at, body_sha256, count, client_id)
values (%(party)s, %(via)s, %(received_at)s, %(body_sha256)s, %(count)s, %(client)s)
returning id

-- name: claim
-- An event id is claimed for a person who is authorised: since the act, and now. Keys are inserted in order, so two
-- batches with the same ids wait for each other and never in a circle; the one that waited finds the id taken.
with authorised as (
    select distinct on (stage.event_id) stage.event_id, stage.place, stage.digest, subject.person_id
    from pg_temp.events_stage stage
    join people_subject subject
        on subject.party_id = %(party)s and subject.subject = stage.subject
    join people_authorisation given
        on given.person_id = subject.person_id and given.party_id = %(party)s
        and given.behaviour = stage.behaviour and given.granted_at <= stage.occurred_at
        and given.withdrawn_at is null
    where stage.outcome > 1
    order by stage.event_id, stage.place
), claimed as (
    insert into events_seen (party_id, event_id, person_id, batch_id, place, digest)
    select %(party)s, event_id, person_id, %(batch)s, place, digest
    from authorised
    order by event_id
    on conflict (party_id, event_id) do nothing
    returning place, person_id
)
insert into pg_temp.events_new (place, person_id) select place, person_id from claimed

-- name: rest
-- What was not claimed, judged after the claims of others are visible. An id taken in the meantime, or earlier in
-- this batch, tells by its digest whether it is the same event.
select stage.place, stage.event_id, stage.behaviour, stage.outcome, stage.reason,
       given.person_id is not null as authorised, seen.person_id, seen.digest = stage.digest as same
from pg_temp.events_stage stage
left join pg_temp.events_new new on new.place = stage.place
left join people_subject subject
    on subject.party_id = %(party)s and subject.subject = stage.subject
left join people_authorisation given
    on given.person_id = subject.person_id and given.party_id = %(party)s
    and given.behaviour = stage.behaviour and given.granted_at <= stage.occurred_at
    and given.withdrawn_at is null
left join events_seen seen on seen.party_id = %(party)s and seen.event_id = stage.event_id
where new.place is null

-- name: refuse
insert into events_refusal (batch_id, party_id, event_id, at, behaviour, code, detail)
select %(batch)s, %(party)s, event_id, %(at)s, behaviour, code, detail
from unnest(%(ids)s::text[], %(behaviours)s::text[], %(codes)s::text[], %(details)s::text[])
    as refused (event_id, behaviour, code, detail)
