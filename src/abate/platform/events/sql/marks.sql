-- name: mark
insert into events_marked (party_id, event_id, source_id, day)
select %(party)s, id, source, %(day)s from unnest(%(ids)s::text[], %(sources)s::int[]) as came (id, source)
on conflict do nothing
