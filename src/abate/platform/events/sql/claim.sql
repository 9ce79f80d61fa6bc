-- name: open_batch
-- The lock is shared among batches; erasing a person takes it alone (ledger/sql/erase.sql). What is read of people by
-- the statements that follow therefore holds until this batch is committed.
insert into events_batch (party_id, via, received_at, body_sha256, count, client_id)
values (%(party)s, %(via)s, %(received_at)s, %(body_sha256)s, %(count)s, %(client)s)
returning id, pg_advisory_xact_lock_shared(4912026, 2)

-- name: has_left
-- A statement of its own after `open_batch`: it sees a leaving that the batch waited for (keep_batches_out).
select code from parties_party where id = %(party)s and status = 'left'

-- name: keep_erasing_out
select pg_advisory_xact_lock_shared(4912026, 2)

-- name: keep_batches_out
-- The other side of `open_batch`: batches on their way end first, later ones see what is done here.
select pg_advisory_xact_lock(4912026, 2)

-- name: people
-- Who the subjects of `events_asked` are: once for each subject and behaviour, not once for each event. Each table is
-- gone through once with all the keys in the order of its index: half the cost of a lookup for each key.
with known as materialized (
    select subject.party_id, subject.subject, subject.person_id from people_subject subject
    where subject.party_id {of_party} and subject.subject = any(%(subjects)s::text[])
), given as (
    select given.person_id, given.party_id, given.behaviour, given.granted_at from people_authorisation given
    where given.person_id = any(array(select person_id from known)) and given.party_id {of_party}
          and given.withdrawn_at is null and (given.ends_at is null or given.ends_at > %(at)s::timestamptz)
), person as (
    select person.id, person.commit_key from people_person person
    where person.id = any(array(select person_id from known))
)
select asked.who, asked.party_id, asked.batch_id, asked.behaviour, given.person_id, given.granted_at as given_at,
       person.commit_key, asked.entries, asked.er_mg, asked.er_mg as eligible_mg
from events_asked asked
left join known on known.party_id = asked.party_id and known.subject = asked.subject
left join given on given.person_id = known.person_id and given.party_id = asked.party_id
                   and given.behaviour = asked.behaviour
left join person on person.id = given.person_id

-- name: name_people
-- Planned for the batch at hand.
insert into events_who (who, party_id, batch_id, behaviour, person_id, given_at, commit_key, entries, er_mg, eligible_mg)
with events_asked as (
    select who, %(party)s::int as party_id, %(batch)s::bigint as batch_id, subject, behaviour, entries, er_mg
    from unnest(%(subjects)s::text[], %(behaviours)s::text[], %(entries)s::int[], %(er_mg)s::bigint[])
        with ordinality as asked (subject, behaviour, entries, er_mg, who)
)
select found.* from ({people}) found

-- name: claim
-- An event id is claimed for a person who is authorised now and was at the act, be it by an authorisation that ended
-- since and was given again. Keys are inserted in order, so two batches with the same ids wait for each other and never
-- in a circle; the one that waited finds the id taken. Plain: the first id that is taken ends the statement.
insert into events_seen (party_id, event_id, person_id, batch_id, place, digest)
select who.party_id, stage.event_id, who.person_id, who.batch_id, stage.place, stage.digest
from events_stage stage
join events_who who on who.who = stage.who
where stage.outcome > 1
      and (who.given_at <= stage.occurred_at
           or exists (select from people_authorisation past
                      where past.person_id = who.person_id and past.party_id = who.party_id
                            and past.behaviour = who.behaviour and past.granted_at <= stage.occurred_at
                            and past.withdrawn_at > stage.occurred_at))
order by stage.event_id, stage.place

-- name: claim_new
-- The same, passing over what is taken; those it claims are listed. Of two events with one id in a batch the first claims
-- it.
with claimed as (
    {claim}
    on conflict (party_id, event_id) do nothing
    returning place, person_id
)
insert into pg_temp.events_new (place, person_id) select place, person_id from claimed

-- name: rest
-- What was not claimed. An id taken before, or earlier in this batch, tells by its digest whether it is the same event.
-- `partly`: only the claimed are listed; otherwise all were claimed but what is refused whatever its person says.
select stage.place, stage.event_id, who.behaviour, stage.outcome, stage.reason,
       coalesce(who.given_at <= stage.occurred_at
                or exists (select from people_authorisation past
                           where past.person_id = who.person_id and past.party_id = %(party)s
                                 and past.behaviour = who.behaviour and past.granted_at <= stage.occurred_at
                                 and past.withdrawn_at > stage.occurred_at), false) as authorised, seen.person_id,
       seen.digest = stage.digest as same
from pg_temp.events_stage stage
join pg_temp.events_who who on who.who = stage.who
left join pg_temp.events_new new on new.place = stage.place
left join lateral (select seen.person_id, seen.digest from events_seen seen
                   where seen.party_id = %(party)s and seen.event_id = stage.event_id offset 0) seen on true
where new.place is null and (%(partly)s or stage.outcome = 1)

-- name: drop_rest
delete from pg_temp.events_stage stage
where not exists (select from pg_temp.events_new new where new.place = stage.place)

-- name: count_again
-- Sums up to each credited event, where the batch is no longer what the sender's sums were made of: events that were not
-- claimed, or a cap.
with line as (
    select stage.place, ledger_sum(stage.er_mg) over upto as upto_mg,
           ledger_sum(coalesce(stage.eligible_mg, stage.er_mg)) over upto as eligible_upto
    from pg_temp.events_stage stage
    join pg_temp.events_who who on who.who = stage.who
    where stage.outcome = 8
    window upto as (partition by who.person_id order by stage.place rows unbounded preceding)
)
update pg_temp.events_stage stage
set upto_mg = line.upto_mg, eligible_upto = line.eligible_upto
from line
where line.place = stage.place

-- name: sum_again
-- What each person's credited events come to, as `make_who` says: the sums on every row of the person, the number of
-- entries on the first.
with total as (
    select who.person_id, count(*)::int as entries, ledger_sum(stage.er_mg) as er_mg,
           ledger_sum(coalesce(stage.eligible_mg, stage.er_mg)) as eligible_mg
    from pg_temp.events_stage stage
    join pg_temp.events_who who on who.who = stage.who
    where stage.outcome = 8
    group by who.person_id
), carried as (
    select who.who, coalesce(total.er_mg, 0) as er_mg, coalesce(total.eligible_mg, 0) as eligible_mg,
           case when who.who = min(who.who) over (partition by who.person_id) then coalesce(total.entries, 0)
                else 0 end as entries
    from pg_temp.events_who who
    left join total on total.person_id = who.person_id
)
update pg_temp.events_who who
set entries = carried.entries, er_mg = carried.er_mg, eligible_mg = carried.eligible_mg
from carried
where carried.who = who.who

-- name: refuse
insert into events_refusal (batch_id, party_id, event_id, at, behaviour, code, detail)
select %(batch)s, %(party)s, event_id, %(at)s, behaviour, code, detail
from unnest(%(ids)s::text[], %(behaviours)s::text[], %(codes)s::text[], %(details)s::text[])
    as refused (event_id, behaviour, code, detail)

-- name: note_withdrawals
-- Two that take back one event, or two meanings of one id, meet here at the keys: who loses is done again and then told.
with taken as (
    select * from unnest(%(events)s::text[], %(by)s::text[], %(kinds)s::smallint[], %(causes)s::text[],
                         %(persons)s::bigint[], %(places)s::int[], %(decided)s::timestamptz[], %(digests)s::bytea[])
        as taken (event_id, by_id, kind, cause, person_id, place, decided_at, digest)
), claimed as (
    insert into events_seen (party_id, event_id, person_id, batch_id, place, digest)
    select %(party)s, by_id, person_id, %(batch)s, place, digest from taken where kind = 1 order by by_id collate "C"
)
insert into events_withdrawal (party_id, event_id, by_id, kind, cause, person_id, batch_id, decided_at, at)
select %(party)s, event_id, by_id, kind, cause, person_id, %(batch)s, decided_at, %(at)s
from taken order by event_id collate "C"

-- name: withdrawn
select event_id, by_id from events_withdrawal where party_id = %(party)s and event_id = any(%(events)s::text[])

-- name: corrections
select by_id, event_id from events_withdrawal
where party_id = %(party)s and kind = 2 and by_id = any(%(events)s::text[])
