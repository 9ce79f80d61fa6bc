-- name: records
-- What is, or was, kept back, the newest first: with its quantity as it came in, and whether it is there to be decided at all.
select record.id, record.party_id, record.event_id, record.person_id, record.behaviour, record.held_at, record.state,
       record.proposal_id, record.came, rule.code, rule.cause, rule.reason_zh, rule.reason_en, kept.occurred_at, kept.er_mg,
       gone.event_id is not null, person.commit_key is null
from quarantine_record record
join quarantine_rule rule on rule.id = record.rule_id
join events_seen seen on seen.party_id = record.party_id and seen.event_id = record.event_id
join carbon_kept kept on (kept.person_id, kept.batch_id, kept.place) = (seen.person_id, seen.batch_id, seen.place)
left join people_person person on person.id = record.person_id
left join events_withdrawal gone on gone.party_id = record.party_id and gone.event_id = record.event_id
where (%(before)s::bigint is null or record.id < %(before)s)
      and (%(numbers)s::bigint[] is null or record.id = any(%(numbers)s))
      and (%(states)s::int[] is null or record.state = any(%(states)s))
      and (not %(there)s or (gone.event_id is null and person.commit_key is not null))
      and (%(rule)s::text is null or rule.code = %(rule)s)
      and (%(cause)s::text is null or rule.cause = %(cause)s)
      and (%(party)s::int is null or record.party_id = %(party)s)
      and (%(behaviour)s::text is null or record.behaviour = %(behaviour)s)
      and (%(proposal)s::bigint is null
           or record.id = any((select about from quarantine_proposal where id = %(proposal)s)::bigint[]))
order by record.id desc
limit %(limit)s

-- name: oldest
-- The oldest records of those that can be proposed, each with how many there are.
select record.id, count(*) over ()
from quarantine_record record
join quarantine_rule rule on rule.id = record.rule_id
join people_person person on person.id = record.person_id and person.commit_key is not null
where record.state = 1
      and not exists (select from events_withdrawal gone
                      where gone.party_id = record.party_id and gone.event_id = record.event_id)
      and (%(rule)s::text is null or rule.code = %(rule)s)
      and (%(cause)s::text is null or rule.cause = %(cause)s)
      and (%(party)s::int is null or record.party_id = %(party)s)
      and (%(behaviour)s::text is null or record.behaviour = %(behaviour)s)
order by record.id
limit %(limit)s

-- name: of_person
-- The rule's words for people, which may be none; never those for its reviewers. What its party took back before a decision
-- is told as a decision would find it.
select record.party_id, record.event_id, record.behaviour, record.held_at, rule.cause, rule.told_zh, rule.told_en,
       case when gone.event_id is null then record.state else 3 end,
       case when gone.event_id is null then record.came else 'withdrawn' end, proposal.decided_at, proposal.decided_why
from quarantine_record record
join quarantine_rule rule on rule.id = record.rule_id
left join quarantine_proposal proposal on proposal.id = record.proposal_id
left join events_withdrawal gone on record.state < 3 and gone.party_id = record.party_id and gone.event_id = record.event_id
where record.person_id = %(person)s
      and (%(events)s::text[] is null
           or (record.party_id, record.event_id) in (select * from unnest(%(parties)s::int[], %(events)s::text[])))
order by record.id

-- name: left_as
-- What a decision left each record of its proposal as; nothing while it is open.
select about.id, about.word, proposal.accepted
from quarantine_proposal proposal
cross join unnest(proposal.about, proposal.came) as about (id, word)
where proposal.id = %(proposal)s and proposal.came is not null

-- name: waiting
select record.id from quarantine_record record
join people_person person on person.id = record.person_id and person.commit_key is not null
where record.id = any(%(numbers)s::bigint[]) and record.state = 1
      and not exists (select from events_withdrawal gone
                      where gone.party_id = record.party_id and gone.event_id = record.event_id)

-- name: proposals
select proposal.id, proposal.verdict, proposal.count, proposal.reason, proposal.at, own.handle, proposal.accepted,
       proposal.decided_why, proposal.decided_at, decider.handle
from quarantine_proposal proposal
join review_user own on own.id = proposal.user_id
left join review_user decider on decider.id = proposal.decider_id
where (%(number)s::bigint is null or proposal.id = %(number)s)
      and (not %(open)s or proposal.accepted is null)
order by proposal.id desc
limit %(limit)s

-- name: rules
-- Of every rule the newest version that has begun, and those set ahead, those that hold or will first.
select rule.code, rule.version, rule.party_id, rule.behaviours, rule.cause, rule.older_than_days, rule.source, rule.reason_zh,
       rule.reason_en, rule.told_zh, rule.told_en, rule.valid_from, rule.valid_until
from quarantine_rule rule
where not exists (select from quarantine_rule newer where newer.code = rule.code and newer.version > rule.version
                        and newer.valid_from <= greatest(%(day)s::date, rule.valid_from))
order by rule.valid_until desc, rule.code, rule.version desc

-- name: counts
-- Records that wait and are there, and proposals that wait.
select (select count(*) from quarantine_record record
        join people_person person on person.id = record.person_id and person.commit_key is not null
        where record.state = 1
              and not exists (select from events_withdrawal gone
                              where gone.party_id = record.party_id and gone.event_id = record.event_id)),
       (select count(*) from quarantine_proposal where accepted is null)

-- name: aged
-- By rule the records that are there, not decided, and older than so many days, the longest waiting first.
select rule.code, count(*), min(record.held_at)
from quarantine_record record
join quarantine_rule rule on rule.id = record.rule_id
join people_person person on person.id = record.person_id and person.commit_key is not null
where record.state in (1, 2) and (record.held_at at time zone %(zone)s)::date < %(today)s::date - %(days)s::int
      and not exists (select from events_withdrawal gone
                      where gone.party_id = record.party_id and gone.event_id = record.event_id)
group by rule.code
order by min(record.held_at), rule.code
limit %(limit)s

-- name: open_of
-- Records of a party that are there and not decided.
select count(*) from quarantine_record record
join people_person person on person.id = record.person_id and person.commit_key is not null
where record.party_id = %(party)s and record.state in (1, 2)
      and not exists (select from events_withdrawal gone
                      where gone.party_id = record.party_id and gone.event_id = record.event_id)

-- name: not_given
-- Of these records those whose person has no live authorisation today.
select record.id from quarantine_record record
where record.id = any(%(numbers)s::bigint[])
      and not exists (select from people_authorisation given
                      where given.person_id = record.person_id and given.party_id = record.party_id
                            and given.behaviour = record.behaviour and given.withdrawn_at is null
                            and (given.ends_at is null or given.ends_at > %(at)s))

-- name: has_part
-- Whether one of the records is of one of these people, or its party is acted for by one of these users.
with asked as (
    select person_id, party_id from quarantine_record where id = any(%(numbers)s::bigint[])
)
select exists (select from asked where person_id = any(%(people)s::bigint[]))
    or exists (select from asked
               join parties_member seat on seat.party_id = asked.party_id
               where seat.user_id = any(%(accounts)s::bigint[]))

-- name: came
-- What was done with each record of a decision; what `stays` waits again.
update quarantine_record record
set came = told.word, state = case when told.word = any(%(stays)s::text[]) then 1 else 3 end
from unnest(%(numbers)s::bigint[], %(words)s::text[]) as told (id, word)
where record.id = told.id and record.proposal_id = %(proposal)s

-- name: came_of
-- The same with the proposal, once: what a refusal leaves waits on, but for what its party or its person took away.
update quarantine_proposal proposal
set came = (
    select array_agg(coalesce(told.word, case when gone.event_id is not null then 'withdrawn'
                                              when person.commit_key is null then 'erased' else '' end) order by about.place)
    from unnest(proposal.about) with ordinality as about (id, place)
    join quarantine_record record on record.id = about.id
    left join unnest(%(numbers)s::bigint[], %(words)s::text[]) as told (id, word) on told.id = about.id
    left join people_person person on person.id = record.person_id
    left join events_withdrawal gone on gone.party_id = record.party_id and gone.event_id = record.event_id
)
where proposal.id = %(proposal)s

-- name: differences
-- A quantity that stands as quarantined and has no record that waits, or one that has an award; and a record that waits and whose
-- quantity stands as something else.
with stands as (
    select quantity.* from carbon_quantity quantity
    where not exists (select from carbon_revision later
                      where (later.person_id, later.old_batch_id, later.old_place)
                            = (quantity.person_id, quantity.batch_id, quantity.place))
)
select (select count(*) from carbon_kept kept
        join ledger_entry entry on entry.person_id = kept.person_id and entry.kind = 1 and entry.batch_id = kept.batch_id
                                   and entry.place = kept.place
        where kept.outcome = 4)
     + (select count(*)
        from (select * from stands where outcome = 4) quantity
        full join (select * from quarantine_record where state < 3 or came in ('withdrawn', 'erased')) record
            on record.party_id = quantity.party_id and record.event_id = quantity.event_id
        where record.person_id is distinct from quantity.person_id)
