-- name: agreed
-- Who agreed to be told of and is bound to the party now, by the party's names for them. The consents are locked until the
-- answer is written down: who withdraws waits that long, and who is withdrawing already is passed over. `among`: these alone.
select subject.subject, consent.person_id
from people_consent consent
join people_person person on person.id = consent.person_id and person.status = 'active'
join people_subject subject on subject.person_id = consent.person_id and subject.party_id = %(party)s
where consent.purpose = %(purpose)s and consent.withdrawn_at is null and consent.given_at <= %(now)s
      and subject.subject collate "C" > %(after)s
      and (%(among)s::bigint[] is null or consent.person_id = any(%(among)s))
      and exists (select from people_authorisation given
                  where given.person_id = consent.person_id and given.party_id = %(party)s
                        and given.granted_at <= %(now)s and given.withdrawn_at is null
                        and (given.ends_at is null or given.ends_at > %(now)s))
      and not exists (select from people_request objection
                      where objection.person_id = consent.person_id and objection.kind = 'restriction'
                            and objection.answered_at is null)
order by subject.subject collate "C"
limit %(limit)s
for share of consent skip locked

-- name: told_of
-- What these people's months booked, as edition.sql adds it up, by as much as was asked for; without what came from a source
-- that does not permit it to this party and purpose, or not for so long.
select move.person_id,
       case when 'month' = any(%(fields)s) then to_char(move.day, 'YYYY-MM') end as month,
       case when 'behaviour' = any(%(fields)s) then basis.behaviour end as behaviour,
       sum(move.acts)::bigint, sum(move.carbon_mg)::bigint, sum(move.credits)::bigint,
       array_agg(distinct source.id order by source.id) filter (where source.id is not null)
from (
    select person_id, day, basis_id, cause_party, cause, 1 as acts, carbon_mg, credits
    from ledger_entry
    where person_id = any(%(people)s) and kind = 1 and day between %(first)s and %(last)s
    union all
    select award.person_id, undo.day, award.basis_id, award.cause_party, award.cause, -1, undo.carbon_mg, undo.credits
    from ledger_entry undo
    join ledger_reversal reversal on reversal.person_id = undo.person_id and reversal.reverse_id = undo.id
    join ledger_entry award on award.person_id = reversal.person_id and award.id = reversal.entry_id and award.kind = 1
    where undo.person_id = any(%(people)s) and undo.kind = 10 and undo.day between %(first)s and %(last)s
) move
join carbon_basis basis on basis.id = move.basis_id
left join events_marked marked on marked.party_id = move.cause_party and marked.event_id = move.cause
left join events_source source on source.id = marked.source_id
where (%(behaviours)s::text[] = '{}' or basis.behaviour = any(%(behaviours)s))
      and (source.id is null or source.uses @> array['people'] and source.shared_with && %(told)s::text[]
                                and marked.day + source.retention_days >= %(today)s)
group by 1, 2, 3
order by 1, 2, 3

-- name: left_out
-- The sources of which some version tells nothing of people to who is told, or something not any more: of one that has not
-- been for as long as its days of retention no event is looked for.
select distinct source.party_id, source.code from events_source source
where not (source.uses @> array['people'] and source.shared_with && %(told)s::text[])
      or source.valid_from + source.retention_days < %(today)s
         and exists (select from events_marked marked
                     where marked.source_id = source.id and marked.day + source.retention_days < %(today)s)

-- name: readings_of
-- The answers that held something of a person, the newest first.
select read.id, read.at, read.request_id, read.client_id
from sharing_told told join sharing_read read on read.id = told.read_id
where told.person_id = %(person)s and (%(before)s::bigint is null or read.id < %(before)s)
order by read.id desc limit %(limit)s

-- name: one_at_a_time
-- The answers of one party are made one after the other.
select pg_advisory_xact_lock(4912029, %(party)s)

-- name: told_otherwise
-- Whether the party was told of one of these months in another way than `way`: of groups, of people, or of its members.
select exists (select from sharing_read read join sharing_request asked on asked.id = read.request_id
               where asked.party_id = %(party)s and case when read.people is null then 'groups' else 'people' end <> %(way)s
                     and read.cells > 0 and read.from_month <= %(last)s and read.to_month >= %(first)s)
       -- A month withheld from its members' organisation told it nothing; editions stay as they are.
       or %(way)s <> 'members' and exists (select from sharing_members_read read
                                           join sharing_members_edition edition on edition.party_id = read.party_id
                                                and edition.month between read.from_month and read.to_month
                                           where read.party_id = %(party)s and edition.people is not null
                                                 and edition.month between %(first)s and %(last)s)
