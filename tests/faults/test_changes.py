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
