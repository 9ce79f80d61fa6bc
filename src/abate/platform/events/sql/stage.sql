-- name: make_stage
-- What a batch is on its way: one row for each event whose envelope was sound, quantified or refused already, in the
-- order of event ids. `who` and `basis` number, from 1, the subjects and the bases of the batch; `upto_mg` is the sum of
-- the subject's credited events up to this one, by place; `part` is the digest of the personal part of a credited event
-- (bookkeeping/leaf.py). `eligible_mg` and `eligible_upto` are set only where they differ from er_mg and upto_mg.
-- Temporary tables of the connection, empty again after every transaction. A few events come without them: what stands
-- here under a name is then part of one statement (together.sql), which reads the same.
create temporary table if not exists events_stage (
    place int not null,
    who int not null,
    basis smallint,
    outcome smallint not null,
    occurred_at timestamptz not null,
    day date not null,
    be_mg bigint,
    pe_mg bigint,
    le_mg bigint,
    er_mg bigint,
    upto_mg bigint,
    event_id text collate "C" not null,
    part bytea,
    digest bytea,
    record text,
    reason text,
    eligible_mg bigint,
    eligible_upto bigint
) on commit delete rows

-- name: make_who
-- Each subject of the batch with its behaviour; the person's columns where a live authorisation says so. Every row of
-- a subject carries what all its credited events come to, the first also how many they are (the others 0). The key salts
-- leaves; like the whole table it is in no log and is gone with the transaction.
create temporary table if not exists events_who (
    who int not null,
    party_id int not null,
    batch_id bigint not null,
    behaviour text not null,
    person_id bigint,
    given_at timestamptz,
    commit_key bytea,
    entries int not null,
    er_mg bigint not null,
    eligible_mg bigint not null
) on commit delete rows

-- name: make_new
create temporary table if not exists events_new (
    place int not null,
    person_id bigint not null
) on commit delete rows

-- name: copy_stage
copy pg_temp.events_stage (place, who, basis, outcome, occurred_at, day, be_mg, pe_mg, le_mg, er_mg, upto_mg, event_id,
                           part, digest, record, reason) from stdin (format binary)

-- name: clear_stage
with nobody as (delete from pg_temp.events_who) delete from pg_temp.events_stage
