-- name: make_stage
-- What a batch is on its way: one row for each event whose envelope was sound, quantified or refused already.
-- `basis` numbers, from 1, the bases that the batch rests on. Temporary tables of the connection, empty again after every transaction.
create temporary table if not exists events_stage (
    place int not null,
    basis smallint,
    outcome smallint not null,
    occurred_at timestamptz not null,
    be_mg bigint,
    pe_mg bigint,
    le_mg bigint,
    er_mg bigint,
    event_id text collate "C" not null,
    subject text not null,
    behaviour text not null,
    digest bytea,
    record text,
    reason text
) on commit delete rows

-- name: make_new
create temporary table if not exists events_new (
    place int not null,
    person_id bigint not null
) on commit delete rows

-- name: copy_stage
copy pg_temp.events_stage (place, basis, outcome, occurred_at, be_mg, pe_mg, le_mg, er_mg, event_id, subject,
                           behaviour, digest, record, reason) from stdin
