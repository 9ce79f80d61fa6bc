-- name: make_eligible
-- How much of an event under a cap is eligible, set by the room of credits; without a row all of it is.
create temporary table if not exists ledger_eligible (
    place int not null,
    eligible_mg bigint not null
) on commit delete rows

-- name: award
-- The first part of one statement: the room of quantities adds the rows that name these entries, out of `booked`.
-- Balances are raised in the order of persons, so that two batches with the same persons wait and never in a circle;
-- the update sees the newest row of each person, however long it waited. They then hold the totals after this batch,
-- from which the window counts to each entry. Ids are drawn after the sort, where every balance concerned is locked, in
-- the order of places. Leaf and entry stand or fall together. The leaf is abate_leaf's (bookkeeping/leaf.py): what is
-- the same for a batch or a basis is written once; a test holds both spellings together.
with credited as materialized (
    select new.place, new.person_id, stage.who, stage.basis, stage.er_mg, stage.part, stage.event_id,
           coalesce(part.eligible_mg, stage.er_mg) as eligible_mg
    from pg_temp.events_new new
    join pg_temp.events_stage stage on stage.place = new.place
    left join pg_temp.ledger_eligible part on part.place = new.place
    where stage.outcome = 8
), total as materialized (
    select person_id, ledger_sum(er_mg) as er_mg, ledger_sum(eligible_mg) as eligible_mg, count(*)::int as entries
    from credited
    group by person_id
), raised as (
    insert into ledger_balance as held (person_id, carbon_mg, credits, eligible_mg, entries, updated_at)
    select person_id, er_mg, eligible_mg / %(mg_per_credit)s, eligible_mg, entries, %(at)s
    from total
    order by person_id
    on conflict (person_id) do update
    set carbon_mg = held.carbon_mg + excluded.carbon_mg,
        credits = held.credits + (held.eligible_mg + excluded.eligible_mg) / %(mg_per_credit)s
                  - held.eligible_mg / %(mg_per_credit)s,
        eligible_mg = held.eligible_mg + excluded.eligible_mg,
        entries = held.entries + excluded.entries,
        updated_at = excluded.updated_at
    returning person_id, carbon_mg, credits, eligible_mg
), before as (
    select raised.person_id, raised.carbon_mg - total.er_mg as carbon_mg,
           raised.eligible_mg - total.eligible_mg as eligible_mg,
           raised.credits - raised.eligible_mg / %(mg_per_credit)s as credits_offset
    from raised
    join total on total.person_id = raised.person_id
), basis as materialized (
    select place::smallint as basis, basis.method_hash || basis.factors_hash || %(cause)s::bytea as hashes
    from unnest(%(bases)s::int[]) with ordinality as used (id, place)
    join carbon_basis basis on basis.id = used.id
), counted as (
    select credited.place, credited.person_id, credited.er_mg, credited.eligible_mg, credited.event_id, credited.part,
           who.commit_key, basis.hashes, before.credits_offset,
           before.carbon_mg + ledger_sum(credited.er_mg) over upto as carbon_after,
           before.eligible_mg + ledger_sum(credited.eligible_mg) over upto as eligible_after
    from credited
    join before on before.person_id = credited.person_id
    join pg_temp.events_who who on who.who = credited.who
    join basis on basis.basis = credited.basis
    window upto as (partition by credited.person_id order by credited.place rows unbounded preceding)
    order by credited.person_id, credited.place
), numbered as (
    select counted.*, nextval('ledger_entry_id_seq') as entry_id,
           eligible_after / %(mg_per_credit)s - (eligible_after - eligible_mg) / %(mg_per_credit)s as credits
    from counted
    offset 0
), leafed as (
    select place, person_id, entry_id, er_mg, eligible_mg, credits, carbon_after, event_id,
           credits_offset + eligible_after / %(mg_per_credit)s as credits_after,
           %(leaf_head)s::bytea || int8send(er_mg) || int8send(credits) || %(leaf_at)s::bytea || hashes
               || abate_commitment(abate_salt(commit_key, entry_id), part) as leaf
    from numbered
    offset 0
), booked as materialized (
    select leafed.*, abate_leaf_hash(leaf) as hash from leafed
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select person_id, entry_id, leaf, hash from booked
), entered as (
    insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                              cause_party, cause, leaf_hash)
    select person_id, entry_id, %(kind)s, %(at)s, %(day)s, er_mg, credits, carbon_after, credits_after, %(counter)s,
           %(party)s, event_id, hash
    from booked
)
