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
_TOLD = 6
OWNER = "ABATE_OWNER_URL"
_THERE = """
select role.oid is not null, login.oid is not null, coalesce(pg_has_role(login.oid, role.oid, 'SET'), false)
from (values (1)) as one
left join pg_roles role on role.rolname = %(role)s
left join pg_roles login on login.rolname = %(login)s"""
_UNLESS_THERE = "begin {}; exception when duplicate_object or unique_violation then null; end"
# Whoever owns something that the program runs on could change what it does; the roles of PostgreSQL's own reach past grants.
_STANDING = """
with login as (
    select login.oid, login.rolname, role.oid as role from pg_roles login left join pg_roles role on role.rolname = %s
    where login.rolname = coalesce(nullif(%s, ''), session_user)
), powers(id) as (
    select relowner from pg_class where relnamespace = 'public'::regnamespace
    union select proowner from pg_proc where pronamespace = 'public'::regnamespace
    union select nspowner from pg_namespace where nspname = 'public'
    union select datdba from pg_database where datname = current_database()
    union select oid from pg_roles where rolname in
        ('pg_write_all_data', 'pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
), reached(id) as (
    select other.oid from pg_roles other, login
    where pg_has_role(login.oid, other.oid, 'MEMBER') or pg_has_role(login.oid, other.oid, 'MEMBER WITH ADMIN OPTION')
), granted(name) as (
    select 'database ' || current_database() from reached where has_database_privilege(id, current_database(), 'CREATE')
    union select 'schema ' || nspname from reached, pg_namespace
    where nspname <> 'public' and nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege(id, pg_namespace.oid, 'CREATE')
    union select relname from reached, login, pg_class,
        unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as what
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and has_table_privilege(id, pg_class.oid, what) and has_table_privilege(role, pg_class.oid, what) is not true
    union select relname from reached, login, pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = 'public'::regnamespace and attacl is not null and has_column_privilege(id, attrelid, attnum, 'UPDATE')
        and has_column_privilege(role, attrelid, attnum, 'UPDATE') is not true
)
select rolname, has_schema_privilege(login.oid, 'public', 'CREATE'), array(
    select pg_get_userbyid(id)::text from powers
    where pg_has_role(login.oid, id, 'MEMBER') or pg_has_role(login.oid, id, 'MEMBER WITH ADMIN OPTION') order by 1
), array(select name::text from granted order by 1), coalesce(pg_has_role(login.oid, role, 'SET'), false)
from login"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a login could do beyond ROLE: make tables, become any of `becomes` (owners, or roles past every grant), write in
    any of `granted` (tables by name, `schema NAME`, `database NAME`), by its own rights or by those of a role it reaches.

    `serves`: whether it may work as ROLE.
    """

    login: str
    makes: bool
    becomes: tuple[str, ...]
    granted: tuple[str, ...]
    serves: bool

    @property
    def owns(self) -> bool:
        """Whether it may change tables as their owner does."""
        return self.makes or bool(self.becomes)

    @property
    def walled(self) -> bool:
        """Whether it may only what ROLE may."""
        return not self.owns and not self.granted

    @property
    def more(self) -> str:
        """What it could do beyond ROLE, in the names of PostgreSQL; of many the first."""
        named = (*self.becomes, *(["schema public"] if self.makes else []), *self.granted)
        return ", ".join(named[:_TOLD]) + (" …" if len(named) > _TOLD else "")


def standing(cursor: Any, login: str = "") -> Standing:
    """How `login` stands, or without one the login of this connection. A login that is not there can do nothing."""
    cursor.execute(_STANDING, [ROLE, login])
    row = cursor.fetchone()
    if row is None:
        return Standing(login, makes=False, becomes=(), granted=(), serves=False)
    return Standing(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4])


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
        raise SetupError("owner-makes-no-roles", login=login, role=ROLE)
    for statement in statements:
        # Another command may be at the same, here or in another database of the cluster: what it made is there.
        block = sql.SQL(_UNLESS_THERE).format(statement).as_string()
        cursor.execute(sql.SQL("do {}").format(sql.Literal(block)).as_string())


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
    if not found.owns:
        raise SetupError("owner-not-named", login=found.login, owner=OWNER)
