"""What people ended before their database was set back: it ends again, at the moment it ended, before anybody uses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from abate.platform.review.audit import audited

_END = (
    "update {table} set {column} = ended.at from unnest(%s::bigint[], %s::timestamptz[]) as ended (id, at)"
    " where {table}.id = ended.id and {table}.{column} is null"
)


@audited("person.ended-again", lambda given, made: f"{made} rows")
def end_again(
    authorisations: Sequence[tuple[int, datetime]],
    consents: Sequence[tuple[int, datetime]],
    memberships: Sequence[tuple[int, datetime]],
) -> int:
    """End authorisations, consents and memberships of groups (id, moment) that are live again; returns how many. Ids that are
    not there yet are passed over: they were given after the moment gone back to. (PIPL article 15)
    """
    made = 0
    asked = (
        ("people_authorisation", "withdrawn_at", authorisations),
        ("people_consent", "withdrawn_at", consents),
        ("people_member", "left_at", memberships),
    )
    with connection.cursor() as cursor:
        for table, column, rows in asked:
            columns = [[row[n] for row in rows] for n in (0, 1)]
            cursor.execute(_END.format(table=table, column=column), columns)
            made += cursor.rowcount
    return made
