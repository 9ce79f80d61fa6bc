"""Two logins: what runs as SQL in the server can change nothing that is append-only, and become nobody who could."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo
from tests.faults.stack import Stack, until

from abate.platform.doors import logins
from abate.platform.doors.logins import ROLE, SERVER

pytestmark = pytest.mark.platform
OWNER = "abate_owner"
PASSWORD = "a password/with@signs"


class Operators(Stack):
    """An operator's own server, as docs/howto/run.md makes it: an owner who is no superuser, and passwords asked for."""

    database = "abate"
    with_owner = True

    def environment(self) -> dict[str, str]:
        made = super().environment()
        del made["ABATE_DEMO"]
        quoted = "a%20password%2Fwith%40signs"
        server = f"postgresql://{SERVER}:{quoted}@/{self.database}?host={self.sockets}"
        return made | {
            "DATABASE_URL": server,
            "ABATE_OWNER_URL": self.url(self.database, OWNER) if self.with_owner else "",
        }

    def lay_out(self) -> None:
        """The server alone, and what a superuser does there once."""
        for path in (self.data, self.cluster, self.sockets):
            path.mkdir(parents=True)
        self._own(self.cluster, self.sockets)
        self._run("initdb", "-D", str(self.cluster), "-U", "postgres", "--auth=trust", "--encoding=utf8")
        asked = f"local all {SERVER} scram-sha-256\nlocal all all trust\n"
        (self.cluster / "pg_hba.conf").write_text(asked)
        self._configure()
        self.start_postgres()
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create role {OWNER} login createrole")
            connection.execute(f"create database {self.database} owner {OWNER}")
            connection.execute("create role keeper")
            connection.execute("create role clerk")

    def served(self, *, application: bool = True) -> psycopg.Connection:
        """A connection as the server has it."""
        made = make_conninfo("", host=str(self.sockets), dbname=self.database, user=SERVER, password=PASSWORD)
        return psycopg.connect(made, autocommit=True, options=f"-c role={ROLE}" if application else "")

    def grant(self, statement: str) -> None:
        with psycopg.connect(self.url(self.database), autocommit=True) as superuser:
            superuser.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def stack() -> Iterator[Operators]:
    with tempfile.TemporaryDirectory(prefix="abl-") as name:
        made = Operators(Path(name))
        try:
            made.lay_out()
            made.start_server()
            made.city(2)
            yield made
        finally:
            made.stop()


def test_the_server_works_with_a_login_that_the_owner_made(stack: Operators) -> None:
    with stack.served(application=False) as connection, connection.cursor() as cursor:
        assert logins.standing(cursor).walled
        assert logins.standing(cursor, OWNER).becomes, "the owner of the tables is told apart from who is not"
        assert cursor.execute("select count(*) > 0 from review_audit").fetchone() == (True,), (
            "it was worked with"
        )
    with psycopg.connect(stack.url(), autocommit=True) as superuser:
        until("the server's sign-in", lambda: superuser.execute(
            "select count(*) from pg_stat_activity where usename = %s", [SERVER]).fetchone() != (0,))  # fmt: skip
        owners = superuser.execute("select count(*) from pg_stat_activity where usename = %s", [OWNER])
        assert owners.fetchone() == (0,), "nobody is signed in as the owner while it serves"


WALLS = {
    "become the owner": f"set role {OWNER}",
    "become a superuser": "set role postgres",
    "be the owner": f"set session authorization {OWNER}",
    "be a superuser": "set session authorization postgres",
    "switch triggers off": "alter table review_audit disable trigger all",
    "switch triggers off for itself": "set session_replication_role = replica",
    "change the trail": "update review_audit set what = 'x'",
    "delete from the trail": "delete from review_audit",
    "empty the trail": "truncate review_audit",
    "drop the trail": "drop table review_audit",
    "rename the trail": "alter table review_audit rename to gone",
    "change an entry": "update ledger_entry set carbon_mg = 0",
    "delete entries": "delete from ledger_entry",
    "a rule beside the trail": "create rule r as on insert to review_audit do instead nothing",
    "a trigger of its own": "create trigger t before update on review_audit for each row "
    "execute function suppress_redundant_updates_trigger()",
    "make a function with an owner's rights": "create function f() returns int language sql security definer as 'select 1'",
    "change a function": "create or replace function abate_leaf_hash(leaf bytea) returns bytea language sql as 'select leaf'",
    "make a table": "create table t (i int)",
    "make a schema": "create schema s",
    "make a role": "create role r",
    "make itself more": f"alter role {SERVER} superuser",
    "be granted the owner": f"grant {OWNER} to {SERVER}",
    "run a program": "copy (select 1) to program 'true'",
    "read a file": "select pg_read_file('postgresql.conf')",
    "write history": "insert into django_migrations values (0, 'log', 'x', now()) on conflict (id) do update set name = 'x'",
    "set the server": "alter system set fsync = off",
    "turn a month": "select setval('ledger_entry_id_seq', 1)",
}
REFUSED = (errors.InsufficientPrivilege, errors.UndefinedParameter)


@pytest.mark.parametrize("login", [False, True], ids=["as the application", "as the login"])
@pytest.mark.parametrize("what", WALLS)
def test_what_runs_as_sql_in_the_server_can_not(stack: Operators, what: str, login: bool) -> None:
    with stack.served() as connection:
        if login:
            # RESET ROLE gives back what the connection began with, which is the application's role.
            connection.execute("set role none")
            assert connection.execute("select current_user::text").fetchone() == (SERVER,)
        with pytest.raises(REFUSED):
            connection.execute(WALLS[what])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "what", [what for what, how in WALLS.items() if "review_audit" in how or "ledger_" in how]
)
def test_the_owner_could(stack: Operators, what: str) -> None:
    """What is refused to the server is no wrong statement: its owner could, and so could the server before."""
    with psycopg.connect(stack.url(user=OWNER)) as connection:
        last = connection.execute("select last_value from ledger_entry_id_seq").fetchone()
        connection.execute(WALLS[what])  # type: ignore[call-overload]
        connection.rollback()
        # The one that no transaction takes back.
        connection.execute("select setval('ledger_entry_id_seq', %s)", last)


def test_it_can_grant_itself_nothing(stack: Operators) -> None:
    """PostgreSQL warns of a grant that grants nothing, and refuses none."""
    with stack.served() as connection:
        connection.execute(f"grant delete on review_audit to {SERVER}")
        may = connection.execute(
            "select has_table_privilege(session_user, 'review_audit', 'DELETE')"
        ).fetchone()
        assert may == (False,)


def test_a_function_for_the_moment_has_the_rights_of_who_made_it(stack: Operators) -> None:
    """What PostgreSQL lets everybody do who may make temporary tables gives nobody more."""
    with stack.served() as connection:
        connection.execute(
            "create function pg_temp.f() returns void language sql security definer as 'delete from review_audit'"
        )
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select pg_temp.f()")


def test_each_command_that_reads_or_books_works(stack: Operators) -> None:
    for words in ("reconcile", "close", "privacy record", "alarms list", "party list", "notices list", "months",
                  "months turn", "audit seal", "audit check", "anomalies sweep", "log readings"):  # fmt: skip
        done = stack.abate(*words.split())
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_its_log_warns_of_nothing_that_it_gives_out(stack: Operators) -> None:
    """Django warned of each file that a page is made of, and read it whole before the first of it left."""
    for path in ("/static/abate/abate.css", "/static/abate/passkey.js", "/sign-in"):
        with urllib.request.urlopen(f"{stack.origin}{path}", timeout=20) as answer:
            assert answer.status == 200 and answer.read()
    log = (stack.folder / "server.log").read_text(encoding="utf-8")
    assert "Abate serves" in log and "Warning" not in log, log[-2000:]


def test_old_rows_of_the_trail_go_by_the_owner_alone(stack: Operators) -> None:
    assert stack.abate("audit", "seal").returncode == 0
    stack.grant("update review_audit_seal set at = at - interval '4 years'")
    done = stack.abate("privacy", "retain")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["review_audit"] > 0


def findings(stack: Operators) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in json.loads(stack.abate("doctor", "--json").stdout)}


def test_without_the_owners_address_it_serves_what_is_there(
    stack: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "with_owner", False)
    stack.kill_server()
    stack.start_server()
    assert findings(stack)["logins"]["state"] == "ok"
    assert stack.abate("close").returncode == 0
    for words in (("upgrade",), ("months", "turn"), ("privacy", "retain")):
        refused = stack.abate(*words)
        assert refused.returncode == 1 and "ABATE_OWNER_URL" in refused.stderr, (words, refused)
        assert "Traceback" not in refused.stderr


def test_upgrade_sees_a_server_that_works_under_the_other_login(stack: Operators) -> None:
    told = json.loads(stack.abate("upgrade", "--dry-run", "--json").stdout)
    (alone,) = [one for one in told["before"] if one["name"] == "alone"]
    assert alone["state"] == "fault", told


HOLES = {
    "become an owner": (f"grant keeper to {SERVER}", f"revoke keeper from {SERVER}"),
    "make itself one": (
        f"grant keeper to {SERVER} with inherit false, set false, admin true",
        f"revoke keeper from {SERVER}",
    ),
    "write everywhere": (f"grant pg_write_all_data to {SERVER}", f"revoke pg_write_all_data from {SERVER}"),
    "make tables": (
        f"grant create on schema public to {SERVER}",
        f"revoke create on schema public from {SERVER}",
    ),
    "all": (f"alter role {SERVER} superuser", f"alter role {SERVER} nosuperuser"),
    "change a function": (
        f"alter function abate_leaf_hash owner to {SERVER}",
        "alter function abate_leaf_hash owner to keeper",
    ),
    "write in every table": (
        f"grant all on all tables in schema public to {SERVER}",
        f"revoke all on all tables in schema public from {SERVER}",
    ),
    "write in one column": (
        f"grant update (what) on review_audit to {SERVER}",
        f"revoke update (what) on review_audit from {SERVER}",
    ),
    "write by another role": (
        f"grant truncate on ledger_entry to clerk; grant clerk to {SERVER} with inherit false, set true",
        f"revoke clerk from {SERVER}; revoke truncate on ledger_entry from clerk",
    ),
    "count on": (
        f"grant update on sequence ledger_entry_id_seq to {SERVER}",
        f"revoke update on sequence ledger_entry_id_seq from {SERVER}",
    ),
    # A schema by the application's name would be looked into before `public`.
    "make schemas": (
        f"grant create on database {Operators.database} to {SERVER}",
        f"revoke create on database {Operators.database} from {SERVER}",
    ),
}


@pytest.mark.parametrize("what", HOLES)
def test_whoever_could_do_more_is_seen(stack: Operators, what: str) -> None:
    # An owner that the server's login may be made a member of: of one that made it, PostgreSQL makes it none.
    stack.grant("alter function abate_leaf_hash owner to keeper")
    opened, closed = HOLES[what]
    with stack.served() as connection, connection.cursor() as cursor:
        stack.grant(opened)
        try:
            assert not logins.standing(cursor).walled
        finally:
            stack.grant(closed)
        assert logins.standing(cursor).walled


def test_a_wall_that_was_asked_for_and_does_not_stand_is_refused(stack: Operators) -> None:
    opened, closed = HOLES["write everywhere"]
    stack.grant(opened)
    try:
        found = findings(stack)["logins"]
        assert found["state"] == "fault" and SERVER in found["what"] and "pg_write_all_data" in found["what"]
        refused = stack.abate("serve", ABATE_BIND="127.0.0.1:0")
        assert refused.returncode == 1 and "ABATE_OWNER_URL" in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        stack.grant(closed)
    assert findings(stack)["logins"]["state"] == "ok"


def test_two_addresses_of_two_databases_are_refused(stack: Operators) -> None:
    with psycopg.connect(stack.url(), autocommit=True) as superuser:
        superuser.execute(f"create database other owner {OWNER}")
    refused = stack.abate("serve", ABATE_OWNER_URL=stack.url("other", OWNER), ABATE_BIND="127.0.0.1:0")
    assert refused.returncode == 1 and "two databases" in refused.stderr, refused.stderr
    with psycopg.connect(stack.url("other")) as superuser:
        tables = superuser.execute(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        )
        assert tables.fetchone() == (0,), "what is not served was filled"


def test_one_login_that_owns_goes_on_and_is_named(stack: Operators) -> None:
    """An installation of before: one address, whose login owns the tables."""
    before = {"DATABASE_URL": stack.url(user=OWNER), "ABATE_OWNER_URL": ""}
    found = {one["name"]: one for one in json.loads(stack.abate("doctor", "--json", **before).stdout)}[
        "logins"
    ]
    assert found["state"] == "warning" and "ABATE_OWNER_URL" in found["remedy"] and OWNER in found["what"]
    with (stack.folder / "one.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "abate", "serve", "--json", "--bind", "127.0.0.1:0"],
                                  env=stack.environment() | before, stdout=subprocess.PIPE, stderr=log, text=True)  # fmt: skip
    assert server.stdout is not None and json.loads(server.stdout.readline())["pid"] == server.pid
    server.terminate()
    server.communicate(timeout=60)
    assert f"WARNING: 服务器登录 {OWNER}" in (stack.folder / "one.log").read_text()


def test_two_commands_at_the_first_start_make_one_login(stack: Operators) -> None:
    owner = stack.url(user=OWNER)
    with (
        psycopg.connect(owner) as first,
        psycopg.connect(owner, autocommit=True) as second,
        ThreadPoolExecutor(1) as beside,
    ):
        logins.admit(first.cursor(), "beside", "one$$two'")
        going = beside.submit(logins.admit, second.cursor(), "beside", "one$$two'")
        with psycopg.connect(stack.url(), autocommit=True) as superuser:
            waits = "select count(*) from pg_locks where locktype = 'transactionid' and not granted"
            until("its waiting for the role", lambda: superuser.execute(waits).fetchone() == (1,))
            first.commit()
            going.result()
            assert logins.standing(superuser.cursor(), "beside").serves


def test_an_owner_who_may_make_no_role_is_told_what_to_run(stack: Operators) -> None:
    stack.grant(f"alter role {OWNER} nocreaterole")
    try:
        refused = stack.abate("party", "list", DATABASE_URL=stack.url(user="nobody_yet"))
        assert refused.returncode == 1 and f"in role {ROLE}" in refused.stderr, refused.stderr
        assert stack.abate("party", "list").returncode == 0, "what is there already needs no such right"
    finally:
        stack.grant(f"alter role {OWNER} createrole")


def test_a_login_that_may_nothing_is_told_so(stack: Operators) -> None:
    stack.grant("create role stranger login")
    refused = stack.abate("party", "list", DATABASE_URL=stack.url(user="stranger"), ABATE_OWNER_URL="")
    assert refused.returncode == 1 and f'grant {ROLE} to "stranger"' in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_private_server_has_both_logins_by_itself() -> None:
    from abate.platform.doors import private_postgres

    with tempfile.TemporaryDirectory(prefix="abo-") as name:
        folder = Path(name)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DATABASE_", "DJANGO_"))}
        listed = subprocess.run([sys.executable, "-m", "abate", "setup", "--check", "--json", "--data-dir", name],
                                env=kept, capture_output=True, text=True, check=False)  # fmt: skip
        assert listed.returncode == 1
        begin = f"""
from pathlib import Path
from abate.platform.config import setup
setup.environment(Path({name!r}), begin=True)
setup.migrate()
stands = setup.become_application()
import os
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("select session_user::text, current_user::text")
    print(*cursor.fetchone(), stands.walled, os.environ.get("ABATE_OWNER_URL"))
"""
        for _ in "begun", "begun already":
            told = subprocess.run(
                [sys.executable, "-c", begin], env=kept, capture_output=True, text=True, check=True
            )
            assert told.stdout.split() == [SERVER, ROLE, "True", "None"]
        private_postgres.stop(folder)
