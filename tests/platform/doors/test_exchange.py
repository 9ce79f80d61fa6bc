"""Statements sent in one go: one transaction, values as they are, and a connection that stays in step."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.db.utils import DataError, IntegrityError

from abate.platform.doors.exchange import exchange

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True)]
TABLE = "create table exchanged (n int primary key, word text)"
ADD = "insert into exchanged values (%(n)s::int, %(word)s) returning n, word, %(n)s::int is null"


@pytest.fixture(autouse=True)
def table() -> object:
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    yield
    with connection.cursor() as cursor:
        cursor.execute("drop table exchanged")


def count() -> int:
    return int(exchange(["select count(*) from exchanged"], {})[0][0])  # type: ignore[arg-type]


def test_the_last_one_answers_and_all_are_committed() -> None:
    word = "a'b\\c\"d\n%s $1 碳"
    found = exchange(["select set_config('lock_timeout', '7ms', true)", ADD], {"n": "1", "word": word})
    assert [list(row) for row in found] == [[b"1", word.encode(), b"f"]]
    connection.close()
    assert count() == 1
    assert exchange(["show lock_timeout"], {}) == [[b"0"]], "a setting of the transaction went with it"


def test_one_that_fails_takes_all_back_and_the_next_goes_on() -> None:
    with pytest.raises(IntegrityError, match="duplicate key"):
        exchange([ADD, "insert into exchanged values (%(n)s, 'again')", "select 1"], {"n": "1", "word": "x"})
    with pytest.raises(DataError):
        exchange(["insert into exchanged values (2, 'x')", ADD], {"n": "no number", "word": "x"})
    assert count() == 0
    exchange([ADD], {"n": "1", "word": "x"})
    assert count() == 1 and connection.connection.info.transaction_status.name == "IDLE"


def test_a_connection_that_is_cut_says_so_and_is_not_used_again() -> None:
    with pytest.raises(OperationalError):
        exchange([ADD, "select pg_terminate_backend(pg_backend_pid())"], {"n": "1", "word": "x"})
    assert connection.connection is None
    assert count() == 0


def test_who_is_stopped_in_the_middle_leaves_no_answer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(BaseException):
        pass

    def stop() -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr("abate.platform.doors.exchange.select.poll", stop)
        with pytest.raises(Stopped):
            exchange([ADD], {"n": "1", "word": "x"})
    # It may have been booked; what the next call hears is its own answer.
    assert connection.connection is None and count() in (0, 1)
