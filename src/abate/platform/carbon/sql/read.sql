-- name: measured
-- The batch that `quantity` was measured in. What was set aside is kept as it was measured before (giving_way.set_aside).
left join carbon_revision made
    on (made.person_id, made.batch_id, made.place) = (quantity.person_id, quantity.batch_id, quantity.place)
left join carbon_revaluation cause on cause.id = made.revaluation_id
left join events_batch measured
    on measured.id = case when starts_with(quantity.reason, 'anomaly:') or starts_with(quantity.reason, 'quarantine_')
                               or (starts_with(quantity.reason, 'same_act:')
                                   and case when cause.header is json then cause.header::json ->> 'same_act' end is not null)
                          then coalesce(made.old_batch_id, quantity.batch_id) else quantity.batch_id end

-- name: counted
-- And the zone in which its day was counted: the one in force then (basis.zone_spans).
left join unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(zones)s::text[]) as counted (since, until, zone)
    on measured.received_at >= counted.since and measured.received_at < counted.until

-- name: behaviours
select quantity.person_id, quantity.party_id, party.code, quantity.event_id, basis.behaviour, basis.version,
       quantity.occurred_at, batch.received_at, quantity.day, quantity.outcome, quantity.reason, quantity.be_mg,
       quantity.pe_mg, quantity.le_mg, quantity.er_mg, quantity.eligible_mg, quantity.credits, quantity.capped,
       quantity.entry_id, quantity.record, basis.factors, basis.method_hash, basis.region, basis.grade_floor,
       basis.pack, basis.pack_hash, quantity.batch_id, batch.body_sha256, measured.received_at,
       cause.reason_zh, cause.reason_en, gone.kind, gone.cause, gone.by_id, gone.decided_at, replaced.reason_zh, replaced.reason_en, replaced.at,
       stands_for.event_id, stands_for.cause, quantity.dropped_at
from carbon_quantity quantity
{measured}
left join events_withdrawal gone on gone.party_id = quantity.party_id and gone.event_id = quantity.event_id
left join events_withdrawal stands_for
    on stands_for.party_id = quantity.party_id and stands_for.by_id = quantity.event_id
join carbon_basis basis on basis.id = quantity.basis_id
join events_batch batch on batch.id = quantity.batch_id
join parties_party party on party.id = quantity.party_id
left join carbon_revision gave_way
    on (gave_way.person_id, gave_way.old_batch_id, gave_way.old_place)
       = (quantity.person_id, quantity.batch_id, quantity.place)
left join carbon_revaluation replaced on replaced.id = gave_way.revaluation_id
where quantity.person_id = %(person)s

-- name: stands
-- Of the quantities of an event the one that no later one was put in the place of.
 and not exists (select from carbon_revision later
                  where (later.person_id, later.old_batch_id, later.old_place)
                        = (quantity.person_id, quantity.batch_id, quantity.place))

-- name: week
select quantity.day, coalesce(sum(quantity.er_mg), 0)::bigint, coalesce(sum(quantity.credits), 0)::bigint
from carbon_quantity quantity
where quantity.person_id = %(person)s and quantity.day between %(first)s and %(last)s and quantity.outcome = 8
      and not exists (select from carbon_revision later
                      where (later.person_id, later.old_batch_id, later.old_place)
                            = (quantity.person_id, quantity.batch_id, quantity.place))
      and not exists (select from events_withdrawal gone
                      where gone.party_id = quantity.party_id and gone.event_id = quantity.event_id)
group by quantity.day
order by quantity.day

-- name: by_outcome
-- As they stand: what its party took back is counted as withdrawn, whatever it was.
select case when gone.event_id is null then outcome else 9 end as stands, count(*),
       coalesce(sum(er_mg) filter (where outcome = 8 and gone.event_id is null), 0)::bigint
from carbon_quantity quantity
left join events_withdrawal gone on gone.party_id = quantity.party_id and gone.event_id = quantity.event_id
where not exists (select from carbon_revision later
                      where (later.person_id, later.old_batch_id, later.old_place)
                            = (quantity.person_id, quantity.batch_id, quantity.place))
group by stands order by stands

-- name: differ_entry
-- A credited quantity and its award say the same, both ways. (The entries of other kinds have no quantity.) And every award
-- lies where its batch says that its awards are: outside it nobody finds it, who takes it back or asks whether its act counts.
select (select count(*)
        from ledger_entry award
        left join ledger_batch within on within.batch_id = award.batch_id
        where award.kind = 1 and (award.id between within.first_entry and within.last_entry) is not true)
     + count(*)
from (select person_id, id as entry_id, carbon_mg, credits from ledger_entry where kind = 1) entry
full join (select person_id, entry_id, er_mg, credits from carbon_quantity where outcome = 8) quantity
    using (person_id, entry_id)
where (entry.carbon_mg, entry.credits) is distinct from (quantity.er_mg, quantity.credits)

-- name: differ_seen
-- An accepted event has its id in the registry and one quantity that stands, both ways; the id of a withdrawal has none.
select count(*)
from (select party_id, event_id, person_id, batch_id from events_seen seen
      where not exists (select from events_withdrawal self where self.party_id = seen.party_id and self.kind = 1
                                                                 and self.by_id = seen.event_id)) seen
full join (select quantity.party_id, quantity.event_id, quantity.person_id,
                  coalesce(made.seen_batch_id, quantity.batch_id) as batch_id
           from carbon_quantity quantity
           left join carbon_revision made
               on (made.person_id, made.batch_id, made.place) = (quantity.person_id, quantity.batch_id, quantity.place)
           where not exists (select from carbon_revision later
                      where (later.person_id, later.old_batch_id, later.old_place)
                            = (quantity.person_id, quantity.batch_id, quantity.place))) quantity
    using (party_id, event_id)
where (seen.person_id, seen.batch_id) is distinct from (quantity.person_id, quantity.batch_id)

-- name: differ_eligible
select count(*)
from (select person_id, sum(eligible_mg) as eligible_mg
      from (select person_id, eligible_mg from carbon_quantity where outcome = 8
            union all
            select person_id, -eligible_mg from ledger_reversal) moved
      group by person_id) quantity
full join (select person_id, eligible_mg from ledger_balance where eligible_mg > 0) balance using (person_id)
where coalesce(quantity.eligible_mg, 0) <> coalesce(balance.eligible_mg, 0)

-- name: differ_commitment
-- What an award committed to, put together again from its row as bookkeeping/leaf.py writes it, while the key is there.
select count(*)
from ledger_entry entry
join people_person person on person.id = entry.person_id and person.commit_key is not null
left join carbon_basis basis on basis.id = entry.basis_id
left join parties_party party on party.id = entry.cause_party
left join people_subject known on known.person_id = entry.person_id and known.party_id = entry.cause_party
where entry.kind = 1
      and entry.commitment is distinct from abate_commitment(
          abate_salt(person.commit_key, entry.id),
          sha256(convert_to(
              '{"subject":' || to_json(known.subject)::text || ',"party":' || to_json(party.code)::text
              || ',"event":' || to_json(entry.cause)::text || ',"behaviour":' || to_json(basis.behaviour)::text
              || ',"occurred_at":"'
              || to_char(entry.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
              || '","record":' || entry.record || ',"er_mg":' || entry.carbon_mg::text
              || ',"version":' || basis.version::text || ',"factors":' || to_json(basis.factors)::text || '}', 'UTF8')))

-- name: differ_event
-- The digest that an event id stands for (carbon/measure.py), from the stored row: it outlives the person's key, and
-- binds what credited nothing too, for as long as its record is there (carbon/dropping.py). The day of the act is that of its
-- moment, in the zone of then.
select count(*)
from carbon_quantity quantity
{measured}
{counted}
left join events_seen seen on seen.party_id = quantity.party_id and seen.event_id = quantity.event_id
left join carbon_basis basis on basis.id = quantity.basis_id
left join people_subject known on known.person_id = quantity.person_id and known.party_id = quantity.party_id
where quantity.dropped_at is null and seen.digest is distinct from sha256(convert_to(
          basis.behaviour || E'\n' || known.subject || E'\n'
          || (extract(epoch from quantity.occurred_at) * 1000000)::bigint::text || E'\n' || quantity.record, 'UTF8'))
   or seen.place is distinct from coalesce(made.seen_place, quantity.place)
   or quantity.day is distinct from (quantity.occurred_at at time zone counted.zone)::date

-- name: differ_withdrawn
-- What was taken back: the event is there, is the same person's, and its award is undone by an entry that says by which
-- event and why; a withdrawal's id stands for what it says, a correction's for a quantity of the person. And an entry that
-- says so is noted here.
select count(*)
from events_withdrawal gone
left join (select * from carbon_quantity quantity
           where not exists (select from carbon_revision later
                           where (later.person_id, later.old_batch_id, later.old_place)
                                 = (quantity.person_id, quantity.batch_id, quantity.place))) quantity
    on quantity.party_id = gone.party_id and quantity.event_id = gone.event_id
left join events_seen own on own.party_id = gone.party_id and own.event_id = gone.by_id
left join people_subject known on known.person_id = gone.person_id and known.party_id = gone.party_id
left join (select distinct party_id, event_id from carbon_quantity) instead
    on instead.party_id = gone.party_id and instead.event_id = gone.by_id
left join ledger_reversal undone on undone.person_id = quantity.person_id and undone.entry_id = quantity.entry_id
full join (select * from ledger_entry
           where kind = 10 and substr(cause, 66) ~ '^(withdrawn|corrected):[a-z_]+:') back
    on back.person_id = undone.person_id and back.id = undone.reverse_id
where gone.event_id is null or quantity.person_id is distinct from gone.person_id
   or own.person_id is distinct from gone.person_id
   or (quantity.outcome = 8 and substr(back.cause, 66) is distinct from
       (array['withdrawn', 'corrected'])[gone.kind] || ':' || gone.cause || ':' || gone.by_id)
   or (gone.kind = 2) <> (instead.event_id is not null)
   or (gone.kind = 1 and own.digest is distinct from sha256(convert_to(
          E'withdrawal\n' || gone.event_id || E'\n' || gone.cause || E'\n' || known.subject || E'\n'
          || (extract(epoch from gone.decided_at) * 1000000)::bigint::text, 'UTF8')))

-- name: bases
select id, behaviour, version, method_hash, factors, region, grade_floor, pack, pack_hash from carbon_basis

-- name: bases_by_key
select key, behaviour, version, method_hash, factors, region, grade_floor, pack, pack_hash from carbon_basis

-- name: adopted_unlike
select count(*) from carbon_adoption where digest <> sha256(convert_to(document, 'UTF8'))

-- name: all_records
-- What is not counted because another record of the same act is, or a case about it was confirmed, would be credited by itself.
-- Of what was quarantined it is not asked: it was kept whatever it came to. The reason of these is not the engine's, and '' here;
-- of an award (8) it always is.
select basis_id, zone,
       case when own is distinct from 'quarantine' then outcome = 8 or outcome = 6 and own is not null end,
       case when own is null then reason else '' end, be_mg, pe_mg, le_mg, er_mg, record
from (select quantity.*, counted.zone,
             case when outcome = 8 then null
                              when starts_with(reason, 'quarantine') then 'quarantine'
                              when starts_with(reason, 'same_act:') or starts_with(reason, 'anomaly:') then 'decided' end as own
      from carbon_quantity quantity
      {measured}
      {counted}
      where quantity.dropped_at is null) kept
order by basis_id, zone

-- name: acts_of_entries
select quantity.entry_id, basis.behaviour, quantity.day
from carbon_quantity quantity
join carbon_basis basis on basis.id = quantity.basis_id
where quantity.person_id = %(person)s and quantity.entry_id = any(%(entries)s)

-- name: differ_revised
-- A quantity computed again is of the same event (of its record too, while both have theirs), and of the old one nothing stands: its award, if it had one, is undone.
select count(*)
from carbon_revision revision
left join carbon_quantity made
    on (made.person_id, made.batch_id, made.place) = (revision.person_id, revision.batch_id, revision.place)
left join carbon_quantity old
    on (old.person_id, old.batch_id, old.place) = (revision.person_id, revision.old_batch_id, revision.old_place)
left join carbon_revision before
    on (before.person_id, before.batch_id, before.place)
       = (revision.person_id, revision.old_batch_id, revision.old_place)
left join ledger_reversal undone on undone.person_id = old.person_id and undone.entry_id = old.entry_id
left join events_batch batch on batch.id = revision.batch_id
left join carbon_revaluation cause on cause.id = revision.revaluation_id
where (made.party_id, made.event_id, made.occurred_at)
      is distinct from (old.party_id, old.event_id, old.occurred_at)
   or (made.record is distinct from old.record and made.dropped_at is null and old.dropped_at is null)
   or made.event_id is null
   or (old.outcome = 8 and undone.entry_id is null)
   or (revision.seen_batch_id, revision.seen_place)
      is distinct from (coalesce(before.seen_batch_id, revision.old_batch_id), coalesce(before.seen_place, revision.old_place))
   or batch.via is distinct from 'revalue' or batch.body_sha256 is distinct from cause.proposal
