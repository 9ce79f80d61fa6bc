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
-- every balance concerned is locked. Leaf and entry stand or fall together.
with line as (
    select new.place, new.person_id, stage.er_mg,
           coalesce(part.eligible_mg, stage.er_mg) as eligible_mg,
           (sum(stage.er_mg) over later)::bigint - stage.er_mg as er_later,
           (sum(coalesce(part.eligible_mg, stage.er_mg)) over later)::bigint
               - coalesce(part.eligible_mg, stage.er_mg) as eligible_later
    from pg_temp.events_new new
    join pg_temp.events_stage stage on stage.place = new.place
    left join pg_temp.ledger_eligible part on part.place = new.place
    where stage.outcome = 8
    window later as (partition by new.person_id order by new.place desc)
), counted as (
    select line.place, line.person_id, line.er_mg, line.eligible_mg,
           balance.carbon_mg - line.er_later as carbon_after,
           balance.credits - balance.eligible_mg / %(mg_per_credit)s
               + (balance.eligible_mg - line.eligible_later) / %(mg_per_credit)s as credits_after,
           (balance.eligible_mg - line.eligible_later) / %(mg_per_credit)s
               - (balance.eligible_mg - line.eligible_later - line.eligible_mg) / %(mg_per_credit)s as credits
    from line
    join ledger_balance balance on balance.person_id = line.person_id
    order by line.person_id, line.place
), numbered as materialized (
    select counted.*, nextval('ledger_entry_id_seq') as entry_id from counted
), leafed as materialized (
    select numbered.place, numbered.person_id, numbered.entry_id, numbered.er_mg, numbered.eligible_mg,
           numbered.credits, numbered.carbon_after, numbered.credits_after, stage.event_id,
           abate_leaf(%(kind)s, numbered.er_mg, numbered.credits, %(at)s, basis.method_hash, basis.factors_hash,
                      %(cause)s,
                      abate_commitment(abate_salt(person.commit_key, numbered.entry_id),
                                       abate_personal(person.pseudonym, %(party_code)s, stage.event_id,
                                                      stage.behaviour, stage.occurred_at, stage.record,
                                                      stage.er_mg, basis.version, basis.factors))) as leaf
    from numbered
    join pg_temp.events_stage stage on stage.place = numbered.place
    join people_person person on person.id = numbered.person_id
    join carbon_basis basis on basis.id = (%(bases)s::int[])[stage.basis]
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select person_id, entry_id, leaf, abate_leaf_hash(leaf) from leafed
), entered as (
    insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                              cause_party, cause, leaf_hash)
    select person_id, entry_id, %(kind)s, %(at)s, %(day)s, er_mg, credits, carbon_after, credits_after, %(counter)s,
           %(party)s, event_id, abate_leaf_hash(leaf)
    from leafed
)
insert into pg_temp.carbon_booked (place, entry_id, eligible_mg, credits)
select place, entry_id, eligible_mg, credits from leafed
