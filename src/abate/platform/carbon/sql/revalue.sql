-- name: standing
-- Every quantity of a behaviour that stands for its event, with what booking another in its place needs to know, person by
-- person within a partner. `left` says why one is left alone whatever it comes to today; `ended`: what its source may be
-- used for is over (today is null where that is not asked: what a decision takes back was used already). Who was erased since
-- a decision (left_since) is read as the decision saw them.
select quantity.party_id, party.code, quantity.person_id, known.subject, quantity.event_id, quantity.occurred_at,
       quantity.batch_id, quantity.place, coalesce(made.seen_batch_id, quantity.batch_id),
       coalesce(made.seen_place, quantity.place), quantity.outcome, quantity.be_mg, quantity.pe_mg, quantity.le_mg,
       quantity.er_mg, quantity.eligible_mg,
       credits_per_kg(quantity.day), quantity.entry_id, award.day, basis.version, basis.factors, quantity.record,
       case when person.commit_key is null and person.pseudonym <> all(%(left_since)s::text[]) or known.subject is null
                then 'erased'
            when undone.entry_id is not null or gone.event_id is not null then 'taken_back'
            when quantity.dropped_at is not null then 'dropped'
            when starts_with(quantity.reason, 'same_act:') then 'same_act'
            when starts_with(quantity.reason, 'anomaly:') then 'anomaly'
            when lent.day + source.retention_days < %(today)s::date then 'ended'
            when quantity.outcome = 4 then 'quarantined'
            when starts_with(quantity.reason, 'quarantine_') then 'quarantine_decided' end as left_alone,
       basis.behaviour, quantity.day
from carbon_quantity quantity
join carbon_basis basis on basis.id = quantity.basis_id
join parties_party party on party.id = quantity.party_id
left join people_person person on person.id = quantity.person_id
left join people_subject known on known.person_id = quantity.person_id and known.party_id = quantity.party_id
left join carbon_revision made
    on (made.person_id, made.batch_id, made.place) = (quantity.person_id, quantity.batch_id, quantity.place)
left join ledger_reversal undone on undone.person_id = quantity.person_id and undone.entry_id = quantity.entry_id
left join events_withdrawal gone on gone.party_id = quantity.party_id and gone.event_id = quantity.event_id
left join ledger_entry award on award.person_id = quantity.person_id and award.id = quantity.entry_id
left join events_marked lent on lent.party_id = quantity.party_id and lent.event_id = quantity.event_id
left join events_source source on source.id = lent.source_id
where not exists (select from carbon_revision later
                  where (later.person_id, later.old_batch_id, later.old_place)
                        = (quantity.person_id, quantity.batch_id, quantity.place))

-- name: standing_between
      and basis.behaviour = %(behaviour)s and quantity.day between %(first)s and %(last)s
order by quantity.party_id, quantity.person_id, 9, 10

-- name: standing_of
      and quantity.person_id = any(%(persons)s::bigint[]) and (quantity.person_id, quantity.party_id, quantity.event_id) in
          (select * from unnest(%(persons)s::bigint[], %(parties)s::int[], %(events)s::text[]))
order by quantity.party_id, quantity.person_id, 9, 10

-- name: done
-- What a revaluation has booked already: the event, the old quantity and the new, as it was measured.
select made.party_id, made.event_id, revision.old_batch_id, revision.old_place, old.outcome, old.be_mg, old.pe_mg,
       old.le_mg, old.er_mg,
       case when starts_with(made.reason, 'same_act:') then 8 else made.outcome end, made.be_mg, made.pe_mg, made.le_mg,
       made.er_mg, basis.version, basis.factors
from carbon_revision revision
join carbon_quantity made
    on (made.person_id, made.batch_id, made.place) = (revision.person_id, revision.batch_id, revision.place)
join carbon_basis basis on basis.id = made.basis_id
join carbon_quantity old
    on (old.person_id, old.batch_id, old.place) = (revision.person_id, revision.old_batch_id, revision.old_place)
where revision.revaluation_id = %(revaluation)s

-- name: revaluation
select id, header, reason_zh, reason_en, at from carbon_revaluation where proposal = %(proposal)s

-- name: approve
insert into carbon_revaluation (proposal, behaviour, from_day, to_day, header, reason_zh, reason_en, at)
values (%(proposal)s, %(behaviour)s, %(first)s, %(last)s, %(header)s, %(reason_zh)s, %(reason_en)s, %(at)s)
on conflict (proposal) do nothing

-- name: taken_back
-- Whether one of these events, whose people are locked, or its award was taken back since it was read.
select exists (select from events_withdrawal gone
               where gone.party_id = %(party)s and gone.event_id = any(%(events)s::text[]))
       or exists (select from ledger_reversal undone
                  where (undone.person_id, undone.entry_id)
                        in (select * from unnest(%(persons)s::bigint[], %(entries)s::bigint[])))

-- name: revise
-- The key decides between two that would put a quantity in the place of the same one: who comes second adds nothing.
insert into carbon_revision (person_id, batch_id, place, old_batch_id, old_place, seen_batch_id, seen_place,
                             revaluation_id)
select person_id, %(batch)s, place, old_batch_id, old_place, seen_batch_id, seen_place, %(revaluation)s
from unnest(%(persons)s::bigint[], %(places)s::int[], %(old_batches)s::bigint[], %(old_places)s::int[],
            %(seen_batches)s::bigint[], %(seen_places)s::int[])
    as revision (person_id, place, old_batch_id, old_place, seen_batch_id, seen_place)
order by person_id, old_batch_id, old_place
on conflict (person_id, old_batch_id, old_place) do nothing

-- name: name_known
-- As `name_people` of the events, for people who are known: what was accepted once needs no authorisation of today.
insert into events_who (who, party_id, batch_id, behaviour, person_id, given_at, commit_key, entries, er_mg, eligible_mg)
select asked.who, %(party)s, %(batch)s, asked.behaviour, person.id, null, person.commit_key, asked.entries, asked.er_mg,
       asked.er_mg
from unnest(%(subjects)s::text[], %(behaviours)s::text[], %(entries)s::int[], %(er_mg)s::bigint[])
    with ordinality as asked (subject, behaviour, entries, er_mg, who)
join people_subject known on known.party_id = %(party)s and known.subject = asked.subject
join people_person person on person.id = known.person_id and person.commit_key is not null
