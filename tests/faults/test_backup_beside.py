"""A copy is whole in its own folder, and comes up beside the server that it was taken from, as it goes on running."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from abate.cli import backup as backup_command
from abate.cli import restore
from abate.platform.doors import backup, changes, keyring, private_postgres, recovery, settings_file
from abate.platform.doors.errors import SetupError

pytestmark = pytest.mark.platform


def test_what_lies_on_other_disks_comes_back_beside_the_running_server(place: Path) -> None:
    """Tables that were moved to cheaper disks, as an old month may be (docs/decisions/0015), are in the copy, twice over."""
    old, new, disk, copies = (place / name for name in ("old", "new", "cheap=disk", "copies"))
    url = private_postgres.start(old)
    disk.mkdir()
    if user := private_postgres.owner(old / "postgres"):
        subprocess.run(["chown", user, disk], check=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create tablespace cheap location '{disk}'")
        connection.execute("create table old_month tablespace cheap as select generate_series(1, 1000) as id")
    backup.take(url, copies)
    before = sorted(disk.rglob("*"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("delete from old_month")

    restored = recovery.recover(copies, backup.bases(copies)[-1], new, None, wait=threading.Event().wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select count(*) from old_month").fetchone() == (1000,)
        (where,) = connection.execute("select pg_relation_filepath('old_month')").fetchone() or ("",)
        assert (new / "postgres" / where).is_file() and not (new / "postgres" / where).is_symlink()
        assert connection.execute("show allow_in_place_tablespaces").fetchone() == ("off",)
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from old_month").fetchone() == (0,), "the old one goes on"
    assert sorted(disk.rglob("*")) == before, "nothing was written to the other disk"
    assert backup.take(restored, place / "again").folder.exists()
    assert [path.name[:5] for path in copies.iterdir() if path.is_dir()] == ["base-"]


def test_a_restore_reads_the_settings_that_were_put_into_the_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the secrets lie, and in which zone a day begins: who is erased again would be booked on another day."""
    secrets, into, copies = tmp_path / "elsewhere.json", tmp_path / "new", tmp_path / "copies"
    for folder in (into, copies):
        folder.mkdir()
    for name in ("ABATE_ZONE", "ABATE_SECRET_FILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    keyring.create(secrets, demo=False, log_origin="abate.test/log")
    settings_file.write(
        into / "settings.env", {"ABATE_SECRET_FILE": str(secrets), "ABATE_ZONE": "Asia/Tokyo"}
    )
    told = CliRunner().invoke(restore.command, [str(copies), "--into", str(into)])
    assert told.exit_code == 1 and "has no base copy" in told.output, told.output
    assert os.environ["ABATE_ZONE"] == "Asia/Tokyo"


def test_changes_that_do_not_go_on_from_the_copy_are_not_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy, changes that nobody received, then a receiver: what it received was left out of a restore without a word."""
    old, new, copies = (place / name for name in ("old", "new", "copies"))
    url = private_postgres.start(old)
    backup.take(url, copies)
    (first,) = backup.bases(copies)
    with psycopg.connect(url, autocommit=True) as connection:
        for number in (1, 2):
            connection.execute(f"create table made_{number} (id int)")
            connection.execute("select pg_switch_wal()")
        connection.execute("checkpoint")
    assert not backup.begun(copies)
    wait = threading.Event().wait
    with (
        backup.streaming(url, copies, synchronous=True, wait=wait),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("create table acknowledged (id int)")
    assert backup.gap(copies, first) is not None and not backup.begun(copies)
    with pytest.raises(SetupError) as refused:
        recovery.recover(copies, first, new, None, wait=wait)
    assert refused.value.code == "changes-missing" and not (new / "postgres").exists()
    # The command takes another copy first, from which everything goes on.
    monkeypatch.setattr(backup_command.threading, "Event", Stopped)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    backup_command._follow(url, copies, synchronous=True)
    assert len(backup.bases(copies)) == 2 and backup.begun(copies)
    restored = recovery.recover(copies, recovery.choose(copies, None), new, None, wait=wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select to_regclass('acknowledged') is not null").fetchone() == (True,)


class Stopped(threading.Event):
    """Asked to stop as soon as what comes first is done."""

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        return True


def test_a_damaged_file_of_changes_is_not_taken_for_their_end(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL replays up to the damage and opens: what was received after it was gone without a word."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    old, new, copies = (place / name for name in ("old", "new", "copies"))
    url, wait = private_postgres.start(old), threading.Event().wait
    with backup.streaming(url, copies, synchronous=True, wait=wait):
        (base,) = [backup.take(url, copies)]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table first_of_all (id int)")
            (moment,) = connection.execute("select now()").fetchone() or (None,)
        for number in range(4):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"create table made_{number} (id int)")
                connection.execute("select pg_switch_wal()")
                connection.execute("create table if not exists last_of_all (id int)")
    after = [path for path in changes.segments(copies / "wal") if path.name > base.first_log]
    assert backup.gap(copies, base) is None and len(after) > 3
    sound = after[1].read_bytes()
    after[1].write_bytes(sound[:4096] + bytes(len(sound) - 4096))
    with pytest.raises(SetupError) as refused:
        recovery.recover(copies, base, new, None, wait=wait)
    assert refused.value.code == "changes-damaged" and not (new / "postgres").exists()
    assert after[1].name[8:24] in str(refused.value)
    # Going back to before the damage needs what was erased and ended after it too; nothing is left lying open.
    keyring.create(new / "secrets.json", demo=False, log_origin="abate.test/log")
    given = [str(copies), "--into", str(new), "--to", str(moment)]
    monkeypatch.delenv("ABATE_SECRET_FILE")
    told = CliRunner().invoke(restore.command, given)
    assert told.exit_code == 1 and "are damaged at" in told.output, told.output
    assert not (new / "postgres").exists() and not (new / recovery.RESTORING).exists()
    after[1].write_bytes(sound)
    restored = recovery.recover(copies, base, new, None, wait=wait)
    with psycopg.connect(restored) as connection:
        assert connection.execute("select to_regclass('made_3') is not null").fetchone() == (True,)
