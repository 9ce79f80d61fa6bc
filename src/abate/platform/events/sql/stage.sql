-- name: make_stage
-- What a batch is on its way: one row for each event whose envelope was sound, quantified or refused already.
-- `who` and `basis` number, from 1, the subjects and the bases of the batch. Temporary tables of the connection, empty
-- again after every transaction.
create temporary table if not exists events_stage (
    place int not null,
    who int not null,
    basis smallint,
    outcome smallint not null,
    occurred_at timestamptz not null,
    be_mg bigint,
    pe_mg bigint,
    le_mg bigint,
    er_mg bigint,
    event_id text collate "C" not null,
    moment text not null,
    digest bytea,
    record text,
    reason text
) on commit delete rows

-- name: make_who
-- Each subject of the batch with its behaviour; `person_id` and `given_at` where a live authorisation says so.
create temporary table if not exists events_who (
    who int not null,
    behaviour text not null,
    person_id bigint,
    given_at timestamptz
) on commit delete rows

-- name: make_new
create temporary table if not exists events_new (
    place int not null,
    person_id bigint not null
) on commit delete rows

-- name: copy_stage
copy pg_temp.events_stage (place, who, basis, outcome, occurred_at, be_mg, pe_mg, le_mg, er_mg, event_id, moment,
                           digest, record, reason) from stdin
