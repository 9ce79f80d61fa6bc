-- name: make_stage
-- What a batch is on its way: one row for each event whose envelope was sound, quantified or refused already.
-- `who` and `basis` number, from 1, the subjects and the bases of the batch; `part` is the digest of the personal part
-- of a credited event (bookkeeping/leaf.py). Temporary tables of the connection, empty
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
    part bytea,
    digest bytea,
    record text,
    reason text
) on commit delete rows

-- name: make_who
-- Each subject of the batch with its behaviour; the person's columns where a live authorisation says so. The key salts
-- leaves; like the whole table it is in no log and is gone with the transaction.
create temporary table if not exists events_who (
    who int not null,
    behaviour text not null,
    person_id bigint,
    given_at timestamptz,
    commit_key bytea
) on commit delete rows

-- name: make_new
create temporary table if not exists events_new (
    place int not null,
    person_id bigint not null
) on commit delete rows

-- name: copy_stage
copy pg_temp.events_stage (place, who, basis, outcome, occurred_at, be_mg, pe_mg, le_mg, er_mg, event_id, part,
                           digest, record, reason) from stdin
