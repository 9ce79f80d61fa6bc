"""A database that fails a command ends it with a named refusal in both languages: no trace, and no password."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from tests.faults.children import Mothers

from abate.cli import database_fault, main
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.parties import queries
from abate.platform.web import refusals

pytestmark = [pytest.mark.platform]
PASSWORD = "made-up-secret-word"
COMMANDS = {
    "party": ["party", "list"],
    "load": ["load", __file__, "--party", "nobody"],
    "close": ["close"],
    "upgrade": ["upgrade"],
    "staff": ["staff", "list"],
    "serve": ["serve", "--bind", "127.0.0.1:0"],
}


@contextmanager
def refusing(sqlstate: str, words: str) -> Iterator[int]:
    """The port of a server that answers every start of a session with this error, as PostgreSQL does."""
    fields = [("S", "FATAL"), ("V", "FATAL"), ("C", sqlstate), ("M", words)]
    body = b"".join(f"{kind}{text}".encode() + b"\0" for kind, text in fields) + b"\0"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one:
                    while (size := struct.unpack("!I", one.recv(4))[0]) == 8:
                        # It asks for encryption first: there is none here.
                        one.recv(4)
                        one.sendall(b"N")
                    one.recv(size)
                    one.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def ended() -> Iterator[Callable[[str, str], str]]:
    """Ends a command with a database, and returns what it said, which was refused."""
    with tempfile.TemporaryDirectory(prefix="abd-") as name:
        folder = Path(name)
        mothers = Mothers(folder)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ABATE_")}

        def end(command: str, url: str) -> str:
            environment = kept | {"ABATE_DATA_DIR": str(folder / "here"), "DATABASE_URL": url}
            child = mothers.of(environment).begin(["-m", "abate", *COMMANDS[command]], environment)
            told, said = child.communicate(120)
            assert child.returncode == 1, said
            assert "Traceback" not in said and PASSWORD not in told + said
            return said

        try:
            yield end
        finally:
            mothers.end()


def unreachable(said: str) -> None:
    assert "database-unreachable: The database cannot be reached" in said
    assert "无法连接数据库" in said and "DATABASE_URL" in said and "then run the command again" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_is_said_by_every_command(command: str, ended: Callable[[str, str], str]) -> None:
    words = 'password authentication failed for user "abate_server"'
    with refusing("28P01", words) as port:
        said = ended(command, f"postgresql://abate_server:{PASSWORD}@127.0.0.1:{port}/abate")
    unreachable(said)
    assert words in said and str(port) in said, "what the server said of it, and where"


def test_what_is_not_there_is_said(ended: Callable[[str, str], str], postgres_url: str) -> None:
    there = urlsplit(postgres_url)
    unreachable(said := ended("party", there._replace(path="/none-of-this-name").geturl()))
    assert "none-of-this-name" in said
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        unreachable(ended("party", f"postgresql://abate:{PASSWORD}@127.0.0.1:{port}/abate"))


def test_an_option_that_the_library_does_not_know_quotes_no_password(
    ended: Callable[[str, str], str],
) -> None:
    url = f"postgresql://abate:{PASSWORD}@127.0.0.1:5432/abate?{PASSWORD}=1"
    unreachable(said := ended("party", url))
    assert "(127.0.0.1/abate)" in said


@pytest.mark.django_db(transaction=True)
def test_one_that_goes_away_in_the_middle_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    parties = queries.parties

    def cut() -> object:
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(pg_backend_pid())")
        return parties()

    monkeypatch.setattr(queries, "parties", cut)
    try:
        made = CliRunner().invoke(main.main, ["party", "list"])
    finally:
        connection.close()
    assert made.exit_code == 1 and isinstance(made.exception, SystemExit)
    assert made.stderr.startswith("database-away: The database is away")
    assert "数据库暂时不可用" in made.stderr


@pytest.mark.django_db
def test_what_is_no_failure_of_the_database_is_still_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setattr(queries, "parties", lambda: 1 / 0)
    made = CliRunner().invoke(main.main, ["party", "list"])
    assert isinstance(made.exception, ZeroDivisionError)

    def wrong() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select none_of_this_name")

    monkeypatch.setattr(queries, "parties", wrong)
    made = CliRunner().invoke(main.main, ["party", "list"])
    assert isinstance(made.exception.__cause__ if made.exception else None, psycopg.errors.UndefinedColumn)


def test_an_address_that_cannot_be_read_is_not_what_a_command_ends_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its password cannot be found in what the library says, so nothing of that is told."""
    monkeypatch.setenv("ABATE_OWNER_URL", f"mysql://owner:{PASSWORD}@x/y")
    told = database_fault.refusal(OperationalError(f"closed {PASSWORD}"))
    assert told is not None and told.code == "database-away" and PASSWORD not in str(told)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("handler", "status"),
    [(refusals.not_found, 404), (refusals.not_allowed, 403), (refusals.bad_request, 400)],
)
def test_a_refusal_in_a_thread_whose_connection_the_database_ended_is_the_refusal(
    handler: Callable[[HttpRequest, Exception], HttpResponse], status: int
) -> None:
    user = desk.staffed()["check"]

    def refused() -> int:
        request = RequestFactory().get("/nothing-here")
        request.session, request.user = SessionStore(), user
        return handler(request, Exception()).status_code

    with ThreadPoolExecutor(1) as handlers:
        assert handlers.submit(refused).result() == status
        (pid,) = handlers.submit(backend).result()
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(%s, 5000)", [pid])
        assert handlers.submit(refused).result() == status
        handlers.submit(connections.close_all).result()


def backend() -> tuple[int]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        found: tuple[int] = cursor.fetchone()
    return found
