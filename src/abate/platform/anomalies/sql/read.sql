-- name: cases
-- Cases with their rule, the newest first; `parties` are those whose records they are about.
select cases.id, rule.name, cases.version, rule.kind, rule.grade, rule.document, cases.person_id, cases.grp, cases.part,
       cases.measured, cases.state, cases.opened_at, told.parties, told.records, told.spared,
       told.beside, told.listed, proposed.at, proposed.reason, proposer.handle,
       decided.at, decided.reason, decider.handle, decided.until, appealed.at, ended.at, ended.reason, ender.handle,
       (select record.came from anomalies_record record
        where record.case_id = cases.id and record.party_id = %(of_party)s and record.event_id = %(event)s)
from anomalies_case cases
join anomalies_rule rule on rule.version = cases.version
cross join lateral (select array_agg(distinct record.party_id) filter (where not record.beside) as parties,
                           count(*) filter (where not record.beside) as records,
                           count(*) filter (where record.came = 'spared') as spared,
                           count(*) filter (where record.beside) as beside,
                           encode(sha256(convert_to(coalesce(json_agg(
                               json_build_array(record.beside, record.party_id, record.event_id, record.came = 'spared')
                               order by record.party_id, record.event_id)::text, ''), 'UTF8')), 'hex') as listed
                    from anomalies_record record where record.case_id = cases.id) told
left join anomalies_step proposed on proposed.case_id = cases.id and proposed.stage = 0
left join review_user proposer on proposer.id = proposed.user_id
left join anomalies_step decided on decided.case_id = cases.id and decided.stage = 1
left join review_user decider on decider.id = decided.user_id
left join anomalies_step appealed on appealed.case_id = cases.id and appealed.stage = 2
left join anomalies_step ended on ended.case_id = cases.id and ended.stage = 3
left join review_user ender on ender.id = ended.user_id
where (%(number)s::bigint is null or cases.id = %(number)s)
      and (%(before)s::bigint is null or cases.id < %(before)s)
      and (%(states)s::int[] is null or cases.state = any(%(states)s))
      and (%(grade)s::int is null or rule.grade = %(grade)s)
      and (%(rule)s::text is null or rule.name = %(rule)s)
      and (%(party)s::int is null or exists (select from anomalies_record record
                                             where record.case_id = cases.id and not record.beside
                                                   and record.party_id = %(party)s))
      and (%(person)s::bigint is null or cases.person_id = %(person)s)
      and (%(event)s::text is null or exists (select from anomalies_record record
                                              where record.case_id = cases.id and not record.beside
                                                    and record.party_id = %(of_party)s and record.event_id = %(event)s))
order by cases.id desc
limit %(limit)s

-- name: lock_cases
-- Every case of the person whose case it is, in the order in which a sweep locks: what one of them comes to hangs on the others.
select cases.id from anomalies_case cases
where cases.person_id = (select asked.person_id from anomalies_case asked where asked.id = %(case)s)
order by cases.id for update

-- name: records
select record.party_id, record.event_id, record.measured, record.beside, record.came
from anomalies_record record where record.case_id = %(case)s
order by record.beside, record.party_id, record.event_id

-- name: came
-- What was done with each record of a case.
update anomalies_record record
set came = told.word
from unnest(%(parties)s::int[], %(events)s::text[], %(words)s::text[]) as told (party_id, event_id, word)
where record.case_id = %(case)s and record.party_id = told.party_id and record.event_id = told.event_id collate "C"

-- name: also_confirmed
-- Of these records (party, event id), those that another case keeps out of what counts.
select record.party_id, record.event_id
from anomalies_record record
join anomalies_case cases on cases.id = record.case_id and cases.id <> %(case)s and cases.state in (2, 4, 5)
where not record.beside and record.came <> 'spared'
      and (record.party_id, record.event_id) in (select * from unnest(%(parties)s::int[], %(events)s::text[]))

-- name: counts
-- Cases by grade that are open, or proposed to be confirmed, and appeals that wait.
select count(*) filter (where cases.state in (1, 7) and rule.grade = 0),
       count(*) filter (where cases.state in (1, 7) and rule.grade = 1),
       count(*) filter (where cases.state in (1, 7) and rule.grade = 2), count(*) filter (where cases.state = 4)
from anomalies_case cases join anomalies_rule rule on rule.version = cases.version
where cases.state in (1, 4, 7)

-- name: has_part
-- Whether the case is of one of these people, or they have the trace that it is about, or one of these users acts for a party
-- that sent its records.
with asked as (
    select cases.id, cases.version, cases.person_id, case when rule.kind = 'identical' then decode(cases.grp, 'hex') end as digest
    from anomalies_case cases
    join anomalies_rule rule on rule.version = cases.version
    where cases.id = %(case)s
), those as (
    select person_id from asked
    union all
    select trace.person_id from asked
    join anomalies_trace trace on trace.version = asked.version and trace.digest = asked.digest
)
select exists (select from those where person_id = any(%(people)s::bigint[]))
    or exists (select from asked
               join anomalies_record record on record.case_id = asked.id
               join parties_member seat on seat.party_id = record.party_id
               where seat.user_id = any(%(accounts)s::bigint[]))

-- name: differences
-- A record of a case that stands as confirmed, noted as taken back, of which an award still stands; and a quantity that is not
-- counted for a case that is not there, or is not confirmed.
select (select count(*)
        from anomalies_case cases
        join anomalies_record record on record.case_id = cases.id and record.came = 'taken_back'
        join carbon_quantity quantity on quantity.person_id = cases.person_id and quantity.party_id = record.party_id
                                         and quantity.event_id = record.event_id and quantity.outcome = 8
        where cases.state in (2, 4, 5)
              and not exists (select from ledger_reversal undone where undone.person_id = quantity.person_id
                                                                       and undone.entry_id = quantity.entry_id))
     + (select count(*)
        from carbon_kept kept
        left join anomalies_case cases on cases.id = split_part(kept.reason, ':', 4)::bigint
        left join anomalies_record record on record.case_id = cases.id and record.party_id = kept.party_id
                                             and record.event_id = kept.event_id
        where starts_with(kept.reason, 'anomaly:')
              and (cases.person_id is distinct from kept.person_id or record.case_id is null or cases.state in (1, 3, 7)
                   or (cases.state = 6 and record.came = 'taken_back')))
