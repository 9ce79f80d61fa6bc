-- name: make_eligible
-- How much of an event under a cap is eligible, set by the room of credits; without a row all of it is.
create temporary table if not exists ledger_eligible (
    place int not null,
    eligible_mg bigint not null
) on commit delete rows

-- name: raise_balances
-- In the order of persons, so that two batches with the same persons wait and never in a circle. The update sees the
-- newest row of each person, however long it waited.
insert into ledger_balance as held (person_id, carbon_mg, credits, eligible_mg, entries, updated_at)
select person_id, er_mg, eligible_mg / %(mg_per_credit)s, eligible_mg, entries, %(at)s
from (select new.person_id, sum(stage.er_mg)::bigint as er_mg,
             sum(coalesce(part.eligible_mg, stage.er_mg))::bigint as eligible_mg, count(*)::int as entries
      from pg_temp.events_new new
      join pg_temp.events_stage stage on stage.place = new.place
      left join pg_temp.ledger_eligible part on part.place = new.place
      where stage.outcome = 8
      group by new.person_id) raised
order by person_id
on conflict (person_id) do update
set carbon_mg = held.carbon_mg + excluded.carbon_mg,
    credits = held.credits + (held.eligible_mg + excluded.eligible_mg) / %(mg_per_credit)s
              - held.eligible_mg / %(mg_per_credit)s,
    eligible_mg = held.eligible_mg + excluded.eligible_mg,
    entries = held.entries + excluded.entries,
    updated_at = excluded.updated_at

-- name: book
-- The balances hold the totals after this batch; the window counts back to each entry. Ids are drawn here, where
-- every balance concerned is locked, in the order of places. Leaf and entry stand or fall together.
-- The personal part is abate_personal's (bookkeeping/leaf.py): what is the same for a person, a behaviour or a basis
-- is written once and not for each event; a test holds both spellings together.
with line as (
    select new.place, new.person_id, stage.who, stage.basis, stage.event_id, stage.moment, stage.record, stage.er_mg,
           coalesce(part.eligible_mg, stage.er_mg) as eligible_mg,
           sum(stage.er_mg) over later as er_from,
           sum(coalesce(part.eligible_mg, stage.er_mg)) over later as eligible_from
    from pg_temp.events_new new
    join pg_temp.events_stage stage on stage.place = new.place
    left join pg_temp.ledger_eligible part on part.place = new.place
    where stage.outcome = 8
    window later as (partition by new.person_id order by new.place desc rows unbounded preceding)
), counted as (
    select line.*, balance.carbon_mg - line.er_from::bigint + line.er_mg as carbon_after,
           balance.credits - balance.eligible_mg / %(mg_per_credit)s as credits_offset,
           balance.eligible_mg - line.eligible_from::bigint as eligible_before
    from line
    join ledger_balance balance on balance.person_id = line.person_id
    order by line.person_id, line.place
), numbered as (
    select counted.*, nextval('ledger_entry_id_seq') as entry_id,
           credits_offset + (eligible_before + eligible_mg) / %(mg_per_credit)s as credits_after,
           (eligible_before + eligible_mg) / %(mg_per_credit)s - eligible_before / %(mg_per_credit)s as credits
    from counted
), who as materialized (
    select who.who, person.commit_key, '{"person":' || to_json(person.pseudonym)::text
               || ',"party":' || to_json(%(party_code)s::text)::text || ',"event":' as head,
           ',"behaviour":' || to_json(who.behaviour)::text || ',"occurred_at":"' as behaviour
    from pg_temp.events_who who
    join people_person person on person.id = who.person_id
), basis as materialized (
    select place::smallint as basis, basis.method_hash || basis.factors_hash || %(cause)s::bytea as hashes,
           ',"version":' || basis.version::text || ',"factors":' || to_json(basis.factors)::text || '}' as tail
    from unnest(%(bases)s::int[]) with ordinality as used (id, place)
    join carbon_basis basis on basis.id = used.id
), leafed as (
    select numbered.place, numbered.person_id, numbered.entry_id, numbered.er_mg, numbered.eligible_mg,
           numbered.credits, numbered.carbon_after, numbered.credits_after, numbered.event_id,
           %(leaf_head)s::bytea || int8send(numbered.er_mg) || int8send(numbered.credits) || %(leaf_at)s::bytea
               || basis.hashes
               || sha256(abate_salt(who.commit_key, numbered.entry_id)
                         || convert_to(who.head || to_json(numbered.event_id)::text || who.behaviour
                                       || numbered.moment || '","record":' || numbered.record || ',"er_mg":'
                                       || numbered.er_mg::text || basis.tail, 'UTF8')) as leaf
    from numbered
    join who on who.who = numbered.who
    join basis on basis.basis = numbered.basis
), hashed as materialized (
    select leafed.*, abate_leaf_hash(leaf) as hash from leafed
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select person_id, entry_id, leaf, hash from hashed
), entered as (
    insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                              cause_party, cause, leaf_hash)
    select person_id, entry_id, %(kind)s, %(at)s, %(day)s, er_mg, credits, carbon_after, credits_after, %(counter)s,
           %(party)s, event_id, hash
    from hashed
)
insert into pg_temp.carbon_booked (place, entry_id, eligible_mg, credits)
select place, entry_id, eligible_mg, credits from hashed
