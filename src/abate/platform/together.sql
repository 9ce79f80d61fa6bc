-- name: keep_erasing_out
-- As `open_batch`: a statement before the one that reads people. No plan is made for the values of one call; who meets a
-- lock that lasts does not hold up the others.
select set_config('lock_timeout', %(patience)s::text, true), set_config('plan_cache_mode', 'force_generic_plan', true),
       pg_advisory_xact_lock_shared(4912026, 2)

-- name: acting
-- What the events take up, where a rule compares any of them with others.
, carbon_mark as materialized (
    with events_stage as (select * from sent), events_who as (select * from found)
    {marks}
)

-- name: no_clash
-- And none of them may be of one act with what is booked, or with another of its batch. Whether the award of that one still
-- stands is asked on the longer way: to have it in the plan costs every event more than the asking costs these.
and not exists (select from carbon_mark mark
                {alike}
                join carbon_act held on held.person_id = mark.person_id and held.rule = mark.rule and {met}
                where mark.batch_id = arrival.id
                      and (held.party_id, held.event_id) <> (mark.party_id, mark.event_id))
and not (arrival.count > 1
         and exists (select from carbon_mark mark
                     {alike}
                     join carbon_mark held on held.person_id = mark.person_id and held.rule = mark.rule
                                              and held.place <> mark.place and {met}
                     where mark.batch_id = arrival.id and held.batch_id = arrival.id))

-- name: together
-- Batches of a few credited events each, booked by one statement. It is put together from the statements that book a large
-- batch one after the other (in braces); what these find on the temporary tables stands here under the same names. A batch
-- that it cannot book as it is (`fit`) is left out as a whole; ids that are taken while it waits end it for all.
with arrival as materialized (
    select nextval('events_batch_id_seq') as id, one.*
    from rows from (json_to_recordset(%(batches)s::json)
                    as (party_id int, via text, received_at timestamptz, body_sha256 bytea, count int, client_id text,
                        events json, people json)) with ordinality as one
                   (party_id, via, received_at, body_sha256, count, client_id, events, people, number)
), rate as materialized (
    {rule}
), basis as materialized (
    {find_bases}
), sent as materialized (
    select arrival.id as batch_id, 100 * arrival.number + one.who as who, basis.id as basis, 8::smallint as outcome,
           one.place, one.occurred_at, one.day, one.be_mg, one.pe_mg, one.le_mg, one.er_mg, one.upto_mg, one.event_id,
           one.part, one.digest, one.record, one.reason, null::bigint as eligible_mg, null::bigint as eligible_upto
    from arrival
    cross join lateral json_to_recordset(arrival.events)
        as one (place int, who int, basis bytea, occurred_at timestamptz, day date, be_mg bigint, pe_mg bigint,
                le_mg bigint, er_mg bigint, upto_mg bigint, event_id text, part bytea, digest bytea, record text,
                reason text)
    left join basis on basis.key = one.basis
), events_asked as materialized (
    select 100 * arrival.number + one.who as who, arrival.party_id, arrival.id as batch_id, one.subject, one.behaviour,
           one.entries, one.er_mg
    from arrival
    cross join lateral json_to_recordset(arrival.people)
        as one (who int, subject text, behaviour text, entries int, er_mg bigint)
), found as materialized (
    {people}
){acting}, fit as materialized (
    -- What is repeated, or needs more than a look, goes the longer way. So does what stands on other files or settings than
    -- those in force, to be refused there, and what is of a moment before these, to have a later one.
    select arrival.* from arrival
    where exists (select from rate) and not ({caps})
          and not exists (select from basis where basis.digest <> %(in_force)s::bytea)
          and not exists (select from carbon_adoption adopted where adopted.at > %(at)s::timestamptz)
          and exists (select from parties_party party where party.id = arrival.party_id and party.status <> 'left')
          and not exists (select from ({quarantine}) rule where rule.party_id is null or rule.party_id = arrival.party_id)
          and not exists (select from sent
                          join found on found.who = sent.who
                          where sent.batch_id = arrival.id
                                and (sent.basis is null or (found.given_at <= sent.occurred_at) is not true
                                     or exists (select from events_seen seen
                                                where seen.party_id = found.party_id
                                                      and seen.event_id = sent.event_id collate "C" offset 0)))
          {no_clash}
), opened as (
    insert into events_batch (id, party_id, via, received_at, body_sha256, count, client_id)
    select id, party_id, via, received_at, body_sha256, count, client_id from fit
), events_stage as materialized (
    select sent.* from sent join fit on fit.id = sent.batch_id
), events_who as materialized (
    select found.* from found join fit on fit.id = found.batch_id
), claimed as (
    {claim}
    returning place
), raised as (
    -- After all ids are claimed: the order in which every batch locks.
    with events_who as (select * from events_who where (select count(*) from claimed) > 0)
    {raise}
), entered as (
    {enter}
    {booked}
), ledger_span as (
    select batch_id, min(id) as first_entry, max(id) as last_entry, null::bytea as sm3 from entered group by batch_id
), closed as (
    {note_span}
), listed as (
    {note_due}
){claimed_acts}
select fit.number, entered.place, entered.cause, entered.reason, entered.carbon_mg, entered.credits, entered.id,
       entered.capped
from entered
join fit on fit.id = entered.batch_id
