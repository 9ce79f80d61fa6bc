-- name: make_mark
-- What each event that would be credited takes up, by every rule that compares its behaviour (quantify/same_act.py). Both
-- tables are made when something clashes for the first time on a connection.
create temporary table if not exists carbon_mark (
    place int not null,
    person_id bigint not null,
    party_id int not null,
    batch_id bigint not null,
    event_id text collate "C" not null,
    behaviour text collate "C" not null,
    rule text collate "C" not null,
    key bytea not null,
    own bytea not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    er_mg bigint not null,
    lost boolean not null default false
) on commit delete rows

-- name: make_clash
-- Two of one act: an event of the batch, by its place, and another that goes before it. That is another of the batch
-- (`by_place`), or one that is booked, by its own place in the batch that it came in. `wins`: it is booked, and still gives way.
create temporary table if not exists carbon_clash (
    place int not null,
    by_place int,
    rule text collate "C" not null,
    behaviour text collate "C" not null,
    party_id int,
    event_id text collate "C",
    person_id bigint,
    entry_id bigint,
    wins boolean not null
) on commit delete rows

-- name: marks
-- A span begins where the record says, or else (`start` is null) at the event's moment, which is the same; it ends after it
-- begins, by a second at least; a date lasts until its midnight in the platform's zone. `own` is what identifies the record
-- for its party.
select stage.place, who.person_id, who.party_id, who.batch_id, stage.event_id, who.behaviour collate "C" as behaviour, rule.rule,
       case when rule.key is null then ''::bytea else sha256(convert_to(told.record ->> rule.key, 'UTF8')) end as key,
       sha256(convert_to(case cardinality(rule.own)
                             when 1 then coalesce(told.record ->> rule.own[1], '')
                             else coalesce((select string_agg(told.record ->> field, E'\n' order by nth)
                                            from unnest(rule.own) with ordinality as named (field, nth)), '')
                         end, 'UTF8')) as own,
       begun.at as starts_at,
       greatest(begun.at + interval '1 second',
                case when rule.finish_date
                     then ((told.record ->> rule.finish)::date + 1)::timestamp at time zone %(zone)s::text
                     when rule.finish is not null then (told.record ->> rule.finish)::timestamptz
                     when rule.minutes is not null
                     then begun.at + (told.record ->> rule.minutes)::float8 * interval '1 minute'
                     else begun.at + rule.seconds * interval '1 second' end) as ends_at,
       stage.er_mg
from events_stage stage
join events_who who on who.who = stage.who
join json_to_recordset(%(acts)s::json)
    as rule (rule text, behaviour text, start text, start_date boolean, finish text, finish_date boolean, minutes text,
             seconds int, key text, own text[])
    on rule.behaviour = who.behaviour
cross join lateral (select stage.record::json as record offset 0) told
cross join lateral (select case when rule.start is null then stage.occurred_at
                                when rule.start_date
                                then (told.record ->> rule.start)::date::timestamp at time zone %(zone)s::text
                                else (told.record ->> rule.start)::timestamptz end as at offset 0) begun
where stage.outcome = 8 and who.person_id is not null

-- name: alike
-- What a behaviour is compared with, beside `mark`.
join json_to_recordset(%(acts)s::json)
    as rule (rule text, behaviour text, itself boolean, others text[], above text[], below text[], larger text[])
    on rule.rule = mark.rule and rule.behaviour = mark.behaviour

-- name: met
-- Whether `held` is of one act with `mark`. Of one party's own, by the name that the record has for itself.
held.ends_at > mark.starts_at and held.starts_at < mark.ends_at and held.key = mark.key
and case when held.behaviour <> mark.behaviour then held.behaviour = any(rule.others)
         when held.party_id = mark.party_id then held.own = mark.own
         else rule.itself end

-- name: standing_act
-- The award that stands for the event `held` today; none where it was taken back, or computed again to nothing.
select entry.id, entry.carbon_mg
from events_seen seen
left join lateral (select revision.batch_id, revision.place from carbon_revision revision
                   where (revision.person_id, revision.seen_batch_id, revision.seen_place)
                         = (seen.person_id, seen.batch_id, seen.place)
                   order by revision.batch_id desc, revision.place desc limit 1) newest on true
join ledger_batch batch on batch.batch_id = coalesce(newest.batch_id, seen.batch_id)
join ledger_entry entry on entry.person_id = seen.person_id and entry.kind = 1 and entry.batch_id = batch.batch_id
                           and entry.place = coalesce(newest.place, seen.place)
                           and entry.id between batch.first_entry and batch.last_entry
where seen.party_id = held.party_id and seen.event_id = held.event_id
      and not exists (select from ledger_reversal undone
                      where undone.person_id = entry.person_id and undone.entry_id = entry.id)
offset 0

-- name: lock_acts
-- The people of the batch, in order: of two batches that tell of one act, who comes second reads what the first has booked.
select person.id from people_person person
where person.id = any(array(select person_id from events_who where person_id is not null))
order by person.id
for no key update

-- name: lock_subjects
-- The same for a few events, before the statement that books them.
select person.id from people_person person
where person.id = any(array(select subject.person_id from people_subject subject
                            where subject.party_id = any(%(parties)s::int[])
                                  and subject.subject = any(%(subjects)s::text[])))
order by person.id
for no key update

-- name: claim_free
-- Where nothing of the batch is of one act with anything else, its acts are claimed, and this is all that is done. In a
-- batch, all of one party, two of one behaviour are one act by their own name only; others are joined by behaviour, so that
-- a batch of one behaviour joins nothing. In the order of the index, so that neighbours are looked up and written together.
with carbon_mark as materialized (
    {marks}
    order by person_id, rule
), clash as materialized (
    select exists (select from carbon_mark mark
                   {alike}
                   join carbon_act held on held.person_id = mark.person_id and held.rule = mark.rule and {met}
                   cross join lateral ({standing_act}) stands
                   where (held.party_id, held.event_id) <> (mark.party_id, mark.event_id))
           or exists (select from carbon_mark mark
                      join carbon_mark held on (held.person_id, held.rule, held.key, held.own, held.behaviour)
                                               = (mark.person_id, mark.rule, mark.key, mark.own, mark.behaviour)
                                               and held.place <> mark.place and held.ends_at > mark.starts_at
                                               and held.starts_at < mark.ends_at)
           or exists (select from (select rule.rule, rule.behaviour, other.behaviour as other
                                   from json_to_recordset(%(acts)s::json) as rule (rule text, behaviour text, beside text[])
                                   cross join lateral unnest(rule.beside) as other (behaviour) offset 0) pair
                      join carbon_mark mark on (mark.rule, mark.behaviour) = (pair.rule, pair.behaviour)
                      join carbon_mark held on (held.person_id, held.rule, held.key, held.behaviour)
                                               = (mark.person_id, mark.rule, mark.key, pair.other)
                                               and held.ends_at > mark.starts_at and held.starts_at < mark.ends_at) as found
), claimed as (
    {claim}
)
select found from clash

-- name: mark
insert into pg_temp.carbon_mark (place, person_id, party_id, batch_id, event_id, behaviour, rule, key, own, starts_at,
                                 ends_at, er_mg)
{marks}

-- name: mended
-- What the corrections of the batch stand in for: it is taken back with the batch, and bars nothing of it. Those that are not
-- claimed take nothing back; where one of the others cannot, the batch is booked again without it.
select corrected.target collate "C"
from unnest(%(places)s::int[], %(targets)s::text[]) as corrected (place, target)
join pg_temp.events_stage stage on stage.place = corrected.place and stage.outcome > 1

-- name: clash_booked
-- With what is booked.
insert into pg_temp.carbon_clash (place, rule, behaviour, party_id, event_id, person_id, entry_id, wins)
select mark.place, mark.rule, held.behaviour, held.party_id, held.event_id, mark.person_id, stands.id,
       held.behaviour = any(rule.below)
       or (held.behaviour = any(rule.larger) and mark.er_mg > stands.carbon_mg)
from pg_temp.carbon_mark mark
{alike}
join carbon_act held on held.person_id = mark.person_id and held.rule = mark.rule and {met}
cross join lateral ({standing_act}) stands
where (held.party_id, held.event_id) <> (mark.party_id, mark.event_id)
      and not (held.party_id = mark.party_id and held.event_id in ({mended}))

-- name: clash_within
-- With another of the batch that goes before it: first what no other goes before, then the larger where that decides, then
-- by place. So every event has those it yields to before it, and who is first of all yields to none.
with ranked as (
    select mark.*, rule.others, cardinality(rule.above) > 0 as yields,
           case when cardinality(rule.larger) > 0 then -mark.er_mg else 0 end as size
    from pg_temp.carbon_mark mark
    {alike}
), ordered as (
    select ranked.*, dense_rank() over (order by first.yields, first.size, ranked.place) as nth
    from ranked
    join (select place, bool_or(yields) as yields, min(size) as size from ranked group by place) first using (place)
)
insert into pg_temp.carbon_clash (place, by_place, rule, behaviour, wins)
select pair.place, pair.by_place, pair.rule, pair.behaviour, false
from (
    select mark.place, held.place as by_place, mark.rule, held.behaviour, held.event_id as by_event
    from ordered mark
    join ordered held on (held.person_id, held.rule, held.key, held.own, held.behaviour)
                         = (mark.person_id, mark.rule, mark.key, mark.own, mark.behaviour)
                         and held.nth < mark.nth and held.place <> mark.place and held.ends_at > mark.starts_at
                         and held.starts_at < mark.ends_at
    union all
    select mark.place, held.place, mark.rule, held.behaviour, held.event_id
    from ordered mark
    cross join lateral unnest(mark.others) as other (behaviour)
    join ordered held on (held.person_id, held.rule, held.key, held.behaviour)
                         = (mark.person_id, mark.rule, mark.key, other.behaviour)
                         and held.nth < mark.nth and held.place <> mark.place and held.ends_at > mark.starts_at
                         and held.starts_at < mark.ends_at
) pair
where pair.by_event not in ({mended})

-- name: judge
-- Who is not counted, if those before it are as they are now: done again until nothing changes. The first in order is right
-- after one pass, each further one after those before it.
with verdict as (
    select clash.place, bool_or(case when clash.by_place is null then not clash.wins else not before.lost end) as lost
    from pg_temp.carbon_clash clash
    left join (select distinct place, lost from pg_temp.carbon_mark) before on before.place = clash.by_place
    group by clash.place
)
update pg_temp.carbon_mark mark set lost = verdict.lost
from verdict
where verdict.place = mark.place and verdict.lost is distinct from mark.lost

-- name: giving_way
-- What is booked and gives way to an event of the batch that counts: awards, with who sent them and their quantities.
select distinct clash.person_id, clash.entry_id, entry.cause_party, entry.cause, entry.carbon_mg, clash.rule,
       clash.behaviour, mark.behaviour, entry.batch_id, entry.place,
       coalesce(made.seen_batch_id, entry.batch_id), coalesce(made.seen_place, entry.place), entry.act_day
from pg_temp.carbon_clash clash
join pg_temp.carbon_mark mark on mark.place = clash.place and mark.rule = clash.rule and not mark.lost
join ledger_entry entry on entry.person_id = clash.person_id and entry.id = clash.entry_id
left join carbon_revision made
    on (made.person_id, made.batch_id, made.place) = (entry.person_id, entry.batch_id, entry.place)
where clash.wins
order by clash.person_id, clash.entry_id, clash.rule

-- name: cannot_give_way
-- Awards whose milligrams are not there any more: they stand.
update pg_temp.carbon_clash set wins = false
where wins and (person_id, entry_id) in (select * from unnest(%(persons)s::bigint[], %(entries)s::bigint[]))

-- name: not_counted
-- The reason names the rule and the behaviour that counts, and nothing of who sent it.
with told as (
    select distinct on (clash.place) clash.place, clash.rule, clash.behaviour
    from pg_temp.carbon_clash clash
    join pg_temp.carbon_mark mark on mark.place = clash.place and mark.lost
    left join (select distinct place, lost from pg_temp.carbon_mark) before on before.place = clash.by_place
    where not clash.wins and before.lost is not true
    order by clash.place, clash.by_place nulls first, clash.rule, clash.behaviour
)
update pg_temp.events_stage stage
set outcome = 6, upto_mg = null, part = null, reason = %(reason)s::text || ':' || told.rule || ':' || told.behaviour
from told
where told.place = stage.place

-- name: claim_acts
insert into carbon_act (person_id, rule, ends_at, party_id, event_id, starts_at, behaviour, key, own)
select person_id, rule, ends_at, party_id, event_id, starts_at, behaviour, key, own
from {marked} mark
{where}
order by person_id, rule, ends_at, party_id, event_id

-- name: claim_acts_again
-- Also of events that have claimed theirs before.
{claim_acts}
on conflict do nothing

-- name: note_cause
-- What stands behind quantities that gave way, where one that was computed again has its proposal. Once for a rule and a behaviour.
insert into carbon_revaluation (proposal, behaviour, from_day, to_day, header, reason_zh, reason_en, at)
values (%(digest)s, %(behaviour)s, %(day)s, %(day)s, %(header)s, %(zh)s, %(en)s, %(at)s)
on conflict (proposal) do nothing

-- name: give_way
-- The quantity of an award that gave way, kept as what it is now: not counted, by the rule and the behaviour that counts.
insert into carbon_kept (person_id, party_id, event_id, batch_id, basis_id, occurred_at, day, outcome, reason,
                         be_mg, pe_mg, le_mg, er_mg, place, record)
select old.person_id, old.party_id, old.event_id, %(batch)s, old.basis_id, old.occurred_at, old.day, 6, asked.reason,
       old.be_mg, old.pe_mg, old.le_mg, old.er_mg, asked.place, old.record
from unnest(%(persons)s::bigint[], %(old_batches)s::bigint[], %(old_places)s::int[], %(places)s::int[], %(reasons)s::text[])
    as asked (person_id, old_batch_id, old_place, place, reason)
join carbon_quantity old
    on (old.person_id, old.batch_id, old.place) = (asked.person_id, asked.old_batch_id, asked.old_place)

-- name: differ_acts
-- Two awards that stand for one act, by the rules in force: each act with those that began no later and last into it. None is
-- longer than the longest, so that of a person with many only neighbours are looked at, one by one (`offset 0`: no plan that
-- joins all of a person's acts with all others), and whether an award stands is asked of what meets alone.
with longest as materialized (
    select rule, max(ends_at - starts_at) as lasts from carbon_act group by rule
), pair as materialized (
    select mark.party_id, mark.event_id, held.party_id as by_party, held.event_id as by_event
    from carbon_act mark
    join longest on longest.rule = mark.rule
    {alike}
    cross join lateral (
        select held.party_id, held.event_id from carbon_act held
        where held.person_id = mark.person_id and held.rule = mark.rule
              and held.ends_at > mark.starts_at and held.ends_at <= mark.starts_at + longest.lasts
              and (held.starts_at, held.party_id, held.event_id) < (mark.starts_at, mark.party_id, mark.event_id)
              and {met}
        offset 0
    ) held
)
select count(*) from pair
where exists (select from (select pair.party_id, pair.event_id) held cross join lateral ({standing_act}) one)
      and exists (select from (select pair.by_party as party_id, pair.by_event as event_id) held
                  cross join lateral ({standing_act}) other)

-- name: acts_since
-- Since when these rules of one act, and this zone of days, are in force without a break; null where they are not.
select min(at) from carbon_adoption
where id > coalesce((select max(id) from carbon_adoption
                     where (document::json ->> 'acts', document::json ->> 'zone') is distinct from (%(digest)s, %(zone)s)), 0)

-- name: differ_claims
-- Awards that stand and have not claimed what their record takes up, or have claimed something else: another record of the
-- act would be credited beside them. A change of the rules does not look back, so that older awards are left out.
with events_stage as (
    select entry.id as place, entry.id as who, entry.cause as event_id, entry.record, entry.occurred_at,
           entry.carbon_mg as er_mg, 8 as outcome
    from ledger_entry entry
    where entry.kind = 1 and entry.at >= %(since)s
          and not exists (select from ledger_reversal undone
                          where undone.person_id = entry.person_id and undone.entry_id = entry.id)
), events_who as (
    select entry.id as who, entry.person_id, entry.cause_party as party_id, entry.batch_id, basis.behaviour
    from ledger_entry entry
    join carbon_basis basis on basis.id = entry.basis_id
    where entry.kind = 1 and entry.at >= %(since)s
), mark as (
    {marks}
)
select count(*)
from mark
left join carbon_act held on (held.person_id, held.rule, held.ends_at, held.party_id, held.event_id)
                             = (mark.person_id, mark.rule, mark.ends_at, mark.party_id, mark.event_id)
where (held.starts_at, held.behaviour, held.key, held.own)
      is distinct from (mark.starts_at, mark.behaviour, mark.key, mark.own)
