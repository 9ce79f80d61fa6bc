"""Who works with the database: the owner, who makes its tables, and the server, whose login may only what ROLE may.

Where `ABATE_OWNER_URL` names the owner beside `DATABASE_URL`, nothing that runs as SQL in the server can become the owner.
Why it is so: docs/decisions/0049-two-logins.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from abate.platform.doors.errors import SetupError

ROLE = "abate_app"
"""What the application may: config/grants.py sets its rights, and nobody signs in as it."""
SERVER = "abate_server"
"""The server's login at the private PostgreSQL."""
OWNER = "ABATE_OWNER_URL"
_THERE = """
select role.oid is not null, login.oid is not null, coalesce(pg_has_role(login.oid, role.oid, 'SET'), false)
from (values (1)) as one
left join pg_roles role on role.rolname = %(role)s
left join pg_roles login on login.rolname = %(login)s"""
# Whoever owns something that the program runs on could change what it does; the roles of PostgreSQL's own reach past grants.
_STANDING = """
with powers(id) as (
    select relowner from pg_class where relnamespace = 'public'::regnamespace
    union select proowner from pg_proc where pronamespace = 'public'::regnamespace
    union select nspowner from pg_namespace where nspname = 'public'
    union select datdba from pg_database where datname = current_database()
    union select oid from pg_roles where rolname in
        ('pg_write_all_data', 'pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
)
select login.rolname, has_schema_privilege(login.oid, 'public', 'CREATE'), array(
    select pg_get_userbyid(id)::text from powers
    where pg_has_role(login.oid, id, 'MEMBER') or pg_has_role(login.oid, id, 'MEMBER WITH ADMIN OPTION') order by 1
), coalesce(pg_has_role(login.oid, role.oid, 'SET'), false)
from pg_roles login left join pg_roles role on role.rolname = %s where login.rolname = coalesce(nullif(%s, ''), session_user)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a login could do beyond ROLE: make tables, and become any of `becomes` (owners, or roles past every grant).

    `serves`: whether it may work as ROLE.
    """

    login: str
    makes: bool
    becomes: tuple[str, ...]
    serves: bool

    @property
    def walled(self) -> bool:
        """Whether it may only what it is granted."""
        return not self.makes and not self.becomes


def standing(cursor: Any, login: str = "") -> Standing:
    """How `login` stands, or without one the login of this connection. A login that is not there can do nothing."""
    cursor.execute(_STANDING, [ROLE, login])
    row = cursor.fetchone()
    if row is None:
        return Standing(login, makes=False, becomes=(), serves=False)
    return Standing(row[0], row[1], tuple(row[2]), row[3])


def place(cursor: Any) -> tuple[str, int]:
    """Which database of which server this is, whatever it is called from here."""
    cursor.execute("select current_database()::text, system_identifier from pg_control_system()")
    name, server = cursor.fetchone()
    return name, server


def admit(cursor: Any, login: str, password: str = "") -> None:
    """Make ROLE and `login`, and let the login work as ROLE, where that is not so yet; the server is sent no password.

    Raises SetupError where this connection's login may not.
    """
    cursor.execute(_THERE, {"role": ROLE, "login": login})
    has_role, has_login, may = cursor.fetchone()
    role, named = sql.Identifier(ROLE), sql.Identifier(login)
    statements = []
    if not has_role:
        statements.append(sql.SQL("create role {} nologin").format(role))
    if not has_login:
        made = sql.SQL("create role {} login").format(named)
        if password:
            seal = cursor.connection.pgconn.encrypt_password
            sealed = seal(password.encode(), login.encode(), b"scram-sha-256").decode()
            made += sql.SQL(" password {}").format(sql.Literal(sealed))
        statements.append(made)
    if not may:
        statements.append(sql.SQL("grant {} to {}").format(role, named))
    if not statements:
        return
    cursor.execute("select rolsuper or rolcreaterole from pg_roles where rolname = current_user")
    if cursor.fetchone() != (True,):
        raise SetupError(
            f"The database's owner may make no roles, and {login} cannot work as {ROLE} yet.",
            f"Pages and jobs work as {ROLE}, which may only add to what is append-only.",
            f"As a superuser: create role {ROLE} nologin; create role \"{login}\" login password '...' in role {ROLE};"
            " leave out what is there, and grant what is missing (docs/howto/run.md).",
        )
    for statement in statements:
        cursor.execute(statement.as_string())


@contextmanager
def as_owner() -> Iterator[None]:
    """Inside, this thread's connection is the owner's; without ABATE_OWNER_URL it stays what it is. May be nested."""
    from django.db import connection  # lazy: Django's settings are read once the environment is complete

    from abate.platform.doors import (
        database,
    )  # lazy: database.py begins the private server's logins by this module

    owner = os.environ.get(OWNER, "")
    if not owner:
        yield
        return
    own = connection.settings_dict
    connection.close()
    connection.settings_dict = {**own, **database.parse(owner, OWNER)}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = own


def require_owner() -> None:
    """Raises SetupError where this connection's login may not change tables."""
    from django.db import connection  # lazy: as above

    with connection.cursor() as cursor:
        found = standing(cursor)
    if found.walled:
        raise SetupError(
            f"The login {found.login} does not own the tables, and {OWNER} is not set.",
            "What changes tables is done by their owner, and the server's login cannot become it.",
            f"Run this command with {OWNER}=postgresql://owner:password@host:5432/abate (docs/howto/run.md).",
        )
