-- name: live
-- The rules that hold on a day: of each code the newest version that has begun, so that one set ahead leaves the one before its
-- days. Few rows, by an index: where none holds, one look.
select rule.* from quarantine_rule rule
where %(day)s::date between rule.valid_from and rule.valid_until
      and not exists (select from quarantine_rule newer where newer.code = rule.code and newer.version > rule.version
                      and newer.valid_from <= %(day)s::date)

-- name: any_live
select exists (select from ({live}) rule where rule.party_id is null or rule.party_id = %(party)s)

-- name: hold
-- The staged events that a rule names are kept, whatever they come to, with the outcome `quarantined`; of several rules the
-- first by its code. What is refused, or was claimed before, is not on the table, or has an outcome of its own.
with rule as materialized (
    select * from ({live}) rule where rule.party_id is null or rule.party_id = %(party)s
), marked as materialized (
    select sent.place, source.code
    from unnest(%(places)s::int[], %(sources)s::int[]) as sent (place, source_id)
    join events_source source on source.id = sent.source_id
), named as materialized (
    select distinct on (stage.place) stage.place, stage.event_id, who.person_id, who.behaviour, rule.id, rule.code
    from rule
    join pg_temp.events_who who on cardinality(rule.behaviours) = 0 or who.behaviour = any(rule.behaviours)
    join pg_temp.events_stage stage on stage.who = who.who and stage.outcome between 5 and 8
    left join marked on marked.place = stage.place
    where (rule.older_than_days is null or stage.day < %(received)s::date - rule.older_than_days)
          and (rule.source is null or rule.source = marked.code)
    order by stage.place, rule.code
), noted as (
    insert into quarantine_record (party_id, event_id, person_id, behaviour, batch_id, rule_id, held_at, state, came)
    select %(party)s, event_id, person_id, behaviour, %(batch)s, id, %(at)s, 1, '' from named order by event_id
)
update pg_temp.events_stage stage
set outcome = 4, upto_mg = null, part = null, reason = %(reason)s::text || ':' || named.code
from named
where named.place = stage.place
