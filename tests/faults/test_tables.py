"""What was changed is seen whatever it is, and nothing else is; put back, nothing was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from tests.faults.tables import Tables

pytestmark = [pytest.mark.platform]
MADE = """
create table seen (id int primary key, word text, place json);
create table seen_parts (id int, word text) partition by list (id);
create table seen_parts_1 partition of seen_parts for values in (1, 2);
insert into seen values (1, 'a', '{}'), (2, 'b', null);
insert into seen_parts values (1, 'a');
"""


@pytest.fixture
def tables(transactional_db: None) -> Iterator[Tables]:
    run(MADE)
    beside = Tables(**connection.get_connection_params())
    yield beside
    beside.close()
    run("drop table seen, seen_parts")


def run(words: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(words)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("insert into seen values (3, 'c')", {"seen": 1}),
        ("update seen set word = 'z' where id = 1", {"seen": 0}),
        ("delete from seen where id = 1", {"seen": -1}),
        ("delete from seen where id = 1; insert into seen values (1, 'z')", {"seen": 0}),
        ("truncate seen", {"seen": -2}),
        ("update seen_parts set word = 'z'", {"seen_parts": 0}),
        (
            "insert into seen_parts values (2, 'b'); delete from seen where id = 2",
            {"seen": -1, "seen_parts": 1},
        ),
        # What is written as it was is no change; what is looked at or locked neither.
        ("update seen set word = word", {}),
        ("select * from seen for update", {}),
    ],
)
def test_what_was_committed_is_seen_and_put_back(tables: Tables, words: str, changed: dict[str, int]) -> None:
    kept = tables.keep(tables.state())
    run(words)
    # Of several transactions one after the other, each counts.
    run("select 1 from txid_current()")
    assert tables.changed() == changed
    tables.back(kept, changed)
    assert tables.changed() == {}
    run(words)
    assert tables.changed() == changed


def test_what_was_taken_back_is_no_change(tables: Tables) -> None:
    tables.state()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        run("delete from seen; insert into seen_parts values (2, 'b')")
        raise ZeroDivisionError
    assert tables.changed() == {}
    with transaction.atomic():
        run("delete from seen")
        # Not committed yet.
        assert tables.changed() == {}
    assert tables.changed() == {"seen": -2}


def test_a_process_that_is_ended_is_gone(tables: Tables) -> None:
    number = connection.connection.info.backend_pid
    tables.end(number)
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where pid = %s", [number])
        assert cursor.fetchone() == (0,)
