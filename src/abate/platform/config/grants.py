"""The application's own database role: it may read and add everywhere, but not change or delete what is append-only.

A model says `append_only = True` of itself. The grants are made anew after every migration, from the models alone,
so that a table cannot be forgotten. A triggerless guard: it also holds on Citus, and it binds this program, not only
its ORM.
"""

from __future__ import annotations

import os

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from abate.platform.doors import database, logins
from abate.platform.doors.logins import ROLE


def append_only_tables() -> list[str]:
    """The tables whose rows stay as they were written."""
    return sorted(m._meta.db_table for m in apps.get_models() if getattr(m, "append_only", False))


def changeable_columns() -> list[tuple[str, str]]:
    """(table, column) of append-only tables that may be set once, such as the end of an authorisation."""
    found = [(m._meta.db_table, c) for m in apps.get_models() for c in getattr(m, "may_change", ())]
    return sorted(found)


def partitions(connection: BaseDatabaseWrapper) -> list[str]:
    """Every partition of every table. The application reaches them through their table, with its rights alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY relname")
        return [name for (name,) in cursor.fetchall()]


def apply_grants(connection: BaseDatabaseWrapper) -> None:
    """Create the role where it is missing, let the server's login work as it, and set its rights from the models.

    Needs the owner's connection. In one transaction: a server that works meanwhile has all of its rights and no more of them at
    every moment. Raises SetupError where the owner may make no role and one is missing.
    """
    role, never = sql.Identifier(ROLE), append_only_tables()
    parts = partitions(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        admit_server(cursor)
        statements = [
            # Before PostgreSQL 15 everybody might make tables there, and a cluster keeps what it had.
            sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
            sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role),
            sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}").format(role),
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role),
            sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {}").format(role),
            sql.SQL("REVOKE TRUNCATE ON ALL TABLES IN SCHEMA public FROM {}").format(role),
            *(
                sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(table), role)
                for table in [*never, "django_migrations"]
            ),
            *(
                sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(
                    sql.Identifier(column), sql.Identifier(table), role
                )
                for table, column in changeable_columns()
            ),
            *(sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(part), role) for part in parts),
        ]
        for statement in statements:
            cursor.execute(statement.as_string())
        # Temporary staging tables are made by the application itself.
        cursor.execute("SELECT current_database()")
        database = sql.Identifier(cursor.fetchone()[0])
        cursor.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, role).as_string())


def admit_server(cursor: CursorWrapper) -> None:
    """Let the server's login work as the application's role. Raises SetupError where this connection's login may not."""
    logins.admit(cursor, *_server(cursor))


def _server(cursor: CursorWrapper) -> tuple[str, str]:
    """The login that works as ROLE, and its password: DATABASE_URL's beside an owner, else this connection's own."""
    if os.environ.get(logins.OWNER):
        named = database.parse(os.environ["DATABASE_URL"])
        if named["USER"]:
            return str(named["USER"]), str(named["PASSWORD"])
    cursor.execute("SELECT current_user::text")
    return cursor.fetchone()[0], ""
