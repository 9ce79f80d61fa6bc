"""What a backup folder holds is told apart: the changes of another history, and damage at the very end from the end."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from abate.platform.doors import backup, changes, private_postgres, recovery
from abate.platform.doors.errors import SetupError

pytestmark = pytest.mark.platform


def _filled(url: str, copies: Path, *, last: bool) -> backup.Base:
    """A copy and the changes since: three whole files, and a fourth that begins where `last`."""
    with backup.streaming(url, copies, synchronous=True, wait=threading.Event().wait):
        base = backup.take(url, copies)
        for number in range(3):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"create table made_{number} (id int)")
                connection.execute("select pg_switch_wal()")
        if last:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("create table last_of_all (id int)")
    return base


@pytest.mark.parametrize("last", [False, True])
def test_damage_in_the_newest_whole_file_is_not_taken_for_the_end(place: Path, last: bool) -> None:
    """PostgreSQL ends its replay there and opens: what was acknowledged and stood behind it was gone without a word."""
    old, new, copies = (place / name for name in ("old", "new", "copies"))
    url, wait = private_postgres.start(old), threading.Event().wait
    base = _filled(url, copies, last=last)
    private_postgres.stop(old)
    whole = [path for path in changes.segments(copies / "wal") if path.suffix != ".partial"][-1]
    sound = whole.read_bytes()
    used = len(sound.rstrip(b"\0"))
    # A page that went back to zeros, and a bit within the first record: what follows is sound.
    for spoiled in (
        bytes(8192) + sound[8192:],
        sound[: used // 2] + bytes([sound[used // 2] ^ 1]) + sound[used // 2 + 1 :],
    ):
        whole.write_bytes(spoiled)
        with pytest.raises(SetupError) as refused:
            recovery.recover(copies, base, new, None, wait=wait)
        assert refused.value.code == "changes-damaged" and whole.name[8:24] in str(refused.value)
        assert not (new / "postgres").exists()
    whole.write_bytes(sound)
    restored = recovery.recover(copies, base, new, None, wait=wait)
    with psycopg.connect(restored) as connection:
        there = connection.execute("select to_regclass('made_2'), to_regclass('last_of_all')").fetchone()
        assert there == ("made_2", "last_of_all" if last else None)


def test_damage_before_the_last_change_received_is_told(place: Path) -> None:
    """Also in the file that is being received: behind the damage stands more."""
    old, new, copies = (place / name for name in ("old", "new", "copies"))
    base = _filled(private_postgres.start(old), copies, last=True)
    private_postgres.stop(old)
    (newest,) = (copies / "wal").glob("*.partial")
    sound = newest.read_bytes()
    used = len(sound.rstrip(b"\0"))
    newest.write_bytes(sound[: used // 2] + bytes([sound[used // 2] ^ 1]) + sound[used // 2 + 1 :])
    with pytest.raises(SetupError) as refused:
        recovery.recover(copies, base, new, None, wait=threading.Event().wait)
    assert refused.value.code == "changes-damaged" and newest.name[8:24] in str(refused.value)


@pytest.mark.parametrize("place_in_it", [20, 24, -1])
def test_damage_in_the_very_last_change_is_told_and_its_remedy_restores_what_is_before(
    place: Path, place_in_it: int
) -> None:
    """The last commit, acknowledged, was gone without a word. A part of a change, as a receiver leaves it, is an end."""
    old, new, copies = (place / name for name in ("old", "new", "copies"))
    url, wait = private_postgres.start(old), threading.Event().wait
    with backup.streaming(url, copies, synchronous=True, wait=wait):
        base = backup.take(url, copies)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table told (id int)")
            connection.execute("insert into told values (1)")
            before = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
            connection.execute("insert into told values (2)")
            after = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    private_postgres.stop(old)
    assert before and after
    (newest,) = (copies / "wal").glob("*.partial")
    sound = newest.read_bytes()
    size = len(sound)
    # Of the second insert: its commit is the last record; what the stop of the server wrote after it was not received.
    last, end = _last_record(sound, int(before[0]) % size), int(after[0]) % size
    newest.write_bytes(sound[:end].ljust(size, b"\0"))
    spoiled = bytearray(newest.read_bytes())
    spot = (
        last + place_in_it if place_in_it > 0 else last + int.from_bytes(sound[last : last + 4], "little") - 1
    )
    spoiled[spot] ^= 1
    newest.write_bytes(bytes(spoiled))
    with pytest.raises(SetupError) as refused:
        recovery.recover(copies, base, new, None, wait=wait)
    assert refused.value.code == "changes-end-damaged" and f"truncate -s {last} " in str(refused.value)
    assert not (new / "postgres").exists()
    for length in (last, size):
        subprocess.run(["truncate", "-s", str(length), newest], check=True)
    restored = recovery.recover(copies, base, new, None, wait=wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select array_agg(id) from told").fetchone() == ([1],)


def _last_record(data: bytes, start: int) -> int:
    """Where the last record begins, of those from `start` on that lie in one page."""
    found = start
    while length := int.from_bytes(data[start : start + 4], "little"):
        found, start = start, -(-(start + length) // 8) * 8
        assert start // 8192 == found // 8192, "another page: run it again"
        if not any(data[start : start + 4]):
            break
    return found


def test_a_folder_takes_the_changes_of_one_history_only(place: Path) -> None:
    """After a restore the same places hold other changes; a restore from both went over to the later ones in silence."""
    old, new, other, copies, mixed = (place / name for name in ("old", "new", "other", "copies", "mixed"))
    wait = threading.Event().wait
    base = _filled(private_postgres.start(old), copies, last=True)
    private_postgres.stop(old)
    restored = recovery.recover(copies, base, new, None, wait=wait)
    before = sorted(copies.rglob("*"))
    # Into the former folder nothing is received or copied.
    for receive in (
        lambda: backup.take(restored, copies),
        lambda: backup.streaming(restored, copies, synchronous=False, wait=wait).__enter__(),
    ):
        with pytest.raises(SetupError) as refused:
            receive()
        assert refused.value.code == "changes-of-another", refused.value
    assert sorted(copies.rglob("*")) == before
    # One of its own takes both; put together by hand, or by an Abate of before, they are refused.
    with backup.streaming(restored, mixed, synchronous=True, wait=wait):
        backup.take(restored, mixed)
        with psycopg.connect(restored, autocommit=True) as connection:
            connection.execute("create table afterwards (id int)")
    for path in changes.segments(copies / "wal"):
        (mixed / "wal" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SetupError) as refused:
        recovery.recover(mixed, backup.bases(mixed)[-1], other, None, wait=wait)
    assert refused.value.code == "changes-two-histories" and not (other / "postgres").exists()
    assert len(changes.histories(mixed)) == 2
    # The remedy that it names.
    for path in changes.segments(copies / "wal"):
        (mixed / "wal" / path.name).unlink()
    again = recovery.recover(mixed, backup.bases(mixed)[-1], other, None, wait=wait)
    with psycopg.connect(again) as connection:
        assert connection.execute("select to_regclass('afterwards')").fetchone() == ("afterwards",)


def test_a_folder_takes_the_changes_of_one_of_two_restores_only(place: Path) -> None:
    """Both bear the number of the database, and the same timeline: the second one's went on where the first one's ended."""
    old, one, two, other, copies, mixed = (
        place / name for name in ("old", "one", "two", "other", "copies", "mixed")
    )
    wait = threading.Event().wait
    base = _filled(private_postgres.start(old), copies, last=True)
    private_postgres.stop(old)
    first, second = (recovery.recover(copies, base, new, None, wait=wait) for new in (one, two))
    with backup.streaming(first, mixed, synchronous=True, wait=wait):
        backup.take(first, mixed)
        with psycopg.connect(first, autocommit=True) as connection:
            connection.execute("create table of_the_first (id int)")
    before = sorted(mixed.rglob("*"))
    for more in (0, 3):
        for number in range(more):
            with psycopg.connect(second, autocommit=True) as connection:
                connection.execute(f"create table of_the_second_{number} (id int)")
                connection.execute("select pg_switch_wal()")
        for receive in (
            lambda: backup.take(second, mixed),
            lambda: backup.streaming(second, mixed, synchronous=False, wait=wait).__enter__(),
        ):
            with pytest.raises(SetupError) as refused:
                receive()
            assert refused.value.code == "changes-of-a-twin", refused.value
    assert sorted(mixed.rglob("*")) == before
    restored = recovery.recover(mixed, backup.bases(mixed)[-1], other, None, wait=wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select to_regclass('of_the_first')").fetchone() == ("of_the_first",)


def test_a_folder_takes_the_changes_of_one_database_only(place: Path) -> None:
    """A new installation that follows into the folder of the one before it."""
    old, other, copies = (place / name for name in ("old", "other", "copies"))
    backup.take(private_postgres.start(old), copies)
    with pytest.raises(SetupError) as refused:
        backup.take(private_postgres.start(other), copies)
    assert refused.value.code == "changes-of-another"
    assert len(backup.bases(copies)) == 1


def test_a_copy_is_taken_of_a_standby_and_comes_back(place: Path) -> None:
    """It may not be asked where it writes: the copy was refused as of a database that does not answer, and its restore waited for
    the primary until it was given up."""
    old, standby, copies, new = (place / name for name in ("old", "standby", "copies", "new"))
    url = private_postgres.start(old)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table made (id int)")
    cluster = standby.resolve() / "postgres"
    cluster.parent.mkdir()
    program = private_postgres.programs() / "pg_basebackup"
    subprocess.run(
        [program, "-d", url, "-D", cluster, "-R", "-X", "stream", "-c", "fast"],
        check=True,
        capture_output=True,
    )
    for left in (cluster / "log", *cluster.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)
    if user := private_postgres.owner(cluster):
        subprocess.run(["chown", "-R", user, cluster], check=True)
    base = backup.take(private_postgres.start(standby), copies)
    restored = recovery.recover(copies, base, new, None, wait=threading.Event().wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select to_regclass('made')").fetchone() == ("made",)


def test_a_server_that_ended_amid_its_replay_is_not_waited_for(place: Path) -> None:
    """On a disk that filled up while it replayed a restore said nothing for an hour."""
    (place / "old").mkdir()
    (place / "old/log").write_text("FATAL:  could not write to file: No space left on device\n")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        assert len(waits) < 20, "waited for a server that is not there"

    with pytest.raises(SetupError) as refused:
        recovery._until_open(f"postgresql:///postgres?host={place / 'old'}", place / "old", wait)
    assert refused.value.code == "restored-not-open" and "No space left" in str(refused.value) and not waits
