"""No bad row: what every row of the database must keep, asked of all rows there are. Each statement counts those that do not."""

from __future__ import annotations

import psycopg
from psycopg import sql

BAD = {
    "credited, and reduced nothing": "select count(*) from carbon_quantity where outcome = 8 and er_mg <= 0",
    "credited, and no entry": "select count(*) from carbon_quantity where outcome = 8 and entry_id is null",
    "an entry, and not credited": "select count(*) from carbon_quantity where outcome <> 8 and entry_id is not null",
    "an award whose entry is not there": """
        select count(*) from carbon_quantity q where entry_id is not null
        and not exists (select from ledger_entry e where e.person_id = q.person_id and e.id = q.entry_id)""",
    "an act that was not let be sent": """
        select count(*) from carbon_quantity q join carbon_basis b on b.id = q.basis_id
        where not exists (select from people_authorisation a where a.person_id = q.person_id and a.party_id = q.party_id
                          and a.behaviour = b.behaviour and a.granted_at <= q.occurred_at)""",
    "an act in the future": "select count(*) from carbon_quantity where occurred_at > now() + interval '1 hour'",
    "an account below nothing": """
        select count(*) from ledger_balance where least(carbon_mg, eligible_mg, held, owed) < 0 or credits + owed < held""",
    "an entry that left an account below nothing": "select count(*) from ledger_entry where carbon_after < 0",
    "a lot with more than came": "select count(*) from ledger_lot where left_credits not between 0 and credits_in",
    "an event without its batch": """
        select count(*) from events_seen s where not exists (select from events_batch b where b.id = s.batch_id)""",
    "a refusal without its batch": """
        select count(*) from events_refusal r where not exists (select from events_batch b where b.id = r.batch_id)""",
    "an event under two people": """
        select count(*) from (select from events_seen group by party_id, event_id having count(*) > 1) twice""",
    "an id that cannot be": "select count(*) from events_seen where length(event_id) not between 1 and 128",
    "a record that is no record": """
        select count(*) from carbon_quantity where record is not json object""",
    "a sign that no text holds": r"""
        select count(*) from carbon_quantity
        where record ~ '\\u0000' or record ~* '\\ud[89ab]..(?!\\ud[c-f])'""",
    "a kept answer that is no JSON": """
        select count(*) from parties_answer where media like '%json%' and convert_from(body, 'UTF8') is not json""",
    "an application that was not checked": """
        select count(*) from joining_application where code !~ '^[a-z][a-z0-9-]{1,39}$' or length(registration) <> 18
        or trim(title_zh) = '' or trim(title_en) = '' or token is null""",
    "an application handed in without its papers": """
        select count(*) from joining_application a where state = 'submitted'
        and not exists (select from joining_document d where d.application_id = a.id and d.ended_at is null)""",
    "a change that one person took two steps of": """
        select count(*) from (select from review_step where kind <> 'reject' group by proposal_id, user_id
                              having count(*) > 1) twice""",
    "a question that was answered without being granted": """
        select count(*) from sharing_read r where not exists
        (select from sharing_decision d where d.request_id = r.request_id and d.state = 'granted')""",
    "an answer about a person who had not agreed to it then": """
        select count(*) from sharing_told told join sharing_read read on read.id = told.read_id
        join sharing_request asked on asked.id = read.request_id join parties_party party on party.id = asked.party_id
        where not exists (select from people_consent one where one.person_id = told.person_id
                          and one.purpose = 'share:' || party.code || ':' || asked.id and one.given_at <= read.at
                          and (one.withdrawn_at is null or one.withdrawn_at >= read.at))""",
    "an answer about people that does not say about whom": """
        select count(*) from sharing_read read
        where coalesce(people, 0) <> (select count(*) from sharing_told told where told.read_id = read.id)""",
    "a constraint that does not hold for all rows": "select count(*) from pg_constraint where not convalidated",
}
WHOSE = {"person_id": "people_person", "party_id": "parties_party", "user_id": "review_user"}
"""Columns that name somebody by number, many without a foreign key: rows of one person live together. 0 is
nobody: leaves of what three people decided are about no person."""


def bad(url: str) -> dict[str, int]:
    """How many rows there are of each kind that there may be none of, by what is wrong with them."""
    with psycopg.connect(url) as connection:
        counts = {name: _count(connection, statement) for name, statement in BAD.items()}
        for table, column in _named(connection):
            counts[f"{table}.{column} names nobody"] = _count(
                connection,
                sql.SQL("select count(*) from {} t where {} <> 0 and not exists (select from {} w where w.id = t.{})")
                .format(sql.Identifier(table), sql.Identifier(column), sql.Identifier(WHOSE[column]), sql.Identifier(column))
                .as_string(),
            )  # fmt: skip
    return {name: count for name, count in counts.items() if count}


def _named(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Tables (a month's part is in its whole) with a column that names somebody."""
    return connection.execute(
        """select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
           where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
           and not a.attisdropped and a.attname = any(%s) order by 1, 2""",
        [list(WHOSE)],
    ).fetchall()


def _count(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return int(row[0])
