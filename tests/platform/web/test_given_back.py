"""A file given back with its errors is made until it is there: whatever failed, whoever was killed, by one at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from tests.platform.events.test_bulk_files import flat, made, write
from tests.platform.events.test_intake import token
from tests.platform.pipeline.world import World, differences
from tests.platform.web.test_files import get, kept, send, world

from abate.platform import spool
from abate.platform.doors import clock
from abate.platform.doors.rounds import BACKOFF
from abate.platform.events import actions_files as actions
from abate.platform.events import queries_files, tables_back
from abate.platform.events.models import File

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.3.3.3-a", "P-8.5-a")]
__all__ = ["world"]


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left on device"), OperationalError("gone"), MemoryError()], ids=repr
)
def test_a_file_that_could_not_be_given_back_is_made_again_by_itself(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
) -> None:
    bearer, loader = token(world), spool.Loader()
    sent = made(world, tmp_path / "rides.csv").read_bytes()
    address = send(sent, bearer).headers["location"]
    with monkeypatch.context() as patch:
        patch.setattr(tables_back, "_table", half_written(fault))
        loader.round()
        found = get(address, bearer).json()
        assert (found["state"], found["counts"]) == ("done", {"credited": 18, "refused": 2})
        assert get(f"{address}/back", bearer).status_code == 404 and "it is made again" in caplog.text
        assert len(kept()) == 1, "no half of it stays"
        loader.round()
        assert caplog.text.count("it is made again") == 1, "not every second"
    with clock.frozen(clock.now() + BACKOFF[0]):
        loader.round()
    back = get(f"{address}/back", bearer)
    assert back.status_code == 200 and b"".join(back.streaming_content).count(b"out_of_range") == 2
    written = spool.back(File.objects.get()).stat().st_mtime_ns
    loader.round(), spool.Loader().round()
    assert spool.back(File.objects.get()).stat().st_mtime_ns == written, "made once"
    assert differences() == {}


def test_what_a_process_left_is_given_back_by_the_next_and_never_by_two(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed after the last row was booked; and another one is at it."""
    bearer = token(world)
    for rows, wrong in ((5, (4,)), (6, ())):
        send(write(flat(world, rows, wrong), tmp_path / "a.csv").read_bytes(), bearer)
    with monkeypatch.context() as patch:
        patch.setattr(spool.Loader, "_give_back", lambda *_: None)
        spool.Loader().round()
    owing = File.objects.get(rows=5)
    assert not spool.back(owing).exists() and spool.is_owed(owing)
    loader, other = spool.Loader(), psycopg.connect(**connection.get_connection_params())
    other.execute(actions.SQL["lock_file"], {"file": owing.pk})
    loader.round()
    assert not spool.back(owing).exists(), "somebody else is at it"
    # By word: a backend whose connection was closed gives its locks back some time after.
    other.execute("select pg_advisory_unlock_all()")
    other.close()
    with clock.frozen(clock.now() + BACKOFF[0]):
        loader.round()
    assert spool.back(owing).exists() and not spool.is_owed(owing)
    assert not spool.back(File.objects.get(rows=6)).exists(), "nothing was wrong in it"


def cut(*_: object, **__: object) -> None:
    """The server ends this connection under whoever asks."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")


def test_a_connection_lost_when_the_file_is_through_leaves_it_owed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = spool.Loader()
    send(made(world, tmp_path / "rides.csv").read_bytes(), token(world))
    with monkeypatch.context() as patch:
        patch.setattr(queries_files, "wrong_rows", cut)
        loader.round()
    file = File.objects.get()
    assert file.state == File.DONE and spool.is_owed(file)
    with clock.frozen(clock.now() + BACKOFF[0]):
        loader.round()
    assert spool.back(file).exists() and differences() == {}


def test_a_connection_lost_when_it_is_made_again_leaves_it_owed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, asked = spool.Loader(), File.objects.filter
    send(made(world, tmp_path / "rides.csv").read_bytes(), token(world))
    with monkeypatch.context() as patch:
        patch.setattr(tables_back, "_table", half_written(OSError(28, "No space left on device")))
        loader.round()
    with monkeypatch.context() as patch, clock.frozen(clock.now() + BACKOFF[0]):
        patch.setattr(File.objects, "filter", lambda *a, **k: cut() if "pk" in k else asked(*a, **k))
        loader.round()
    file = File.objects.get()
    assert spool.is_owed(file)
    with clock.frozen(clock.now() + BACKOFF[0] + BACKOFF[1]):
        loader.round()
    assert spool.back(file).exists()


def test_it_is_tried_for_as_long_as_its_bytes_are_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, start = spool.Loader(), clock.now()
    send(made(world, tmp_path / "rides.csv").read_bytes(), token(world))
    loaded, when = File.objects.get(), start
    with monkeypatch.context() as patch:
        patch.setattr(tables_back, "_table", half_written(OSError(28, "No space left on device")))
        loader.round()
        for wait in (*BACKOFF, *[BACKOFF[-1]] * 9):
            when += wait
            with clock.frozen(when):
                loader.round()
    assert start + timedelta(days=12) < when < start + spool.KEPT and spool.is_owed(File.objects.get())
    with clock.frozen(when + BACKOFF[-1]):
        loader.round()
    assert spool.back(loaded).exists()


def test_a_process_that_runs_takes_up_what_a_killed_one_left(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = spool.Loader()
    running.round()
    send(made(world, tmp_path / "rides.csv").read_bytes(), token(world))
    with monkeypatch.context() as patch:
        patch.setattr(spool.Loader, "_give_back", lambda *_: None)
        spool.Loader().round()
    assert spool.is_owed(File.objects.get())
    with clock.frozen(clock.now() + spool.LOOK):
        running.round()
    assert not spool.is_owed(File.objects.get())


def half_written(fault: Exception) -> Any:
    def table(found: Any, more: Any, out: Path, declared: Any) -> None:
        out.write_text("half of it")
        raise fault

    return table
