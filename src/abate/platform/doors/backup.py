"""Copies of the database that outlive its disk: a base copy, and every commit streamed away as it is made."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from abate.platform.doors.changes import History, Received, newest, now, one_history, segments
from abate.platform.doors.errors import SetupError
from abate.platform.doors.private_postgres import programs

NAME = "abate_backup"
"""The slot that keeps the log of changes until it is received, and the name the receiver goes by."""
FORM = "base-%Y%m%dT%H%M%SZ"
INSTALLATION = "installation.json"
"""Beside the copies: the database's name, and the user who owns the whole server."""
STREAMING_SECONDS = 60.0
_WHO = "select now(), current_database(), (select rolname from pg_roles where oid = 10)"
# Of the last checkpoint the timeline is another for a while after a restore; a standby tells no other.
_HISTORY = """
    select system_identifier, case when pg_is_in_recovery() then (select to_hex(timeline_id) from pg_control_checkpoint())
        else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end
    from pg_control_system()
"""

# A standby may write what it receives later than who received it too.
_BEHIND = """
    select not pg_is_in_recovery() and (case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
        else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn) < %(end)s
"""
_WRITTEN = "select sha256(pg_read_binary_file(%(file)s, 0, %(bytes)s, true))"


@dataclass(frozen=True, slots=True)
class Base:
    """A whole copy of the database's files, consistent from `at` on."""

    folder: Path
    at: datetime

    @property
    def first_log(self) -> str:
        """The name of the first log segment that the copy needs."""
        for line in (self.folder / "backup_label").read_text(encoding="utf-8").splitlines():
            if line.startswith("START WAL LOCATION"):
                return line.rpartition("file ")[2].rstrip(")")
        raise SetupError("base-without-start", folder=self.folder)


def bases(folder: Path) -> list[Base]:
    """The base copies in a backup folder, oldest first."""
    found = []
    for path in sorted(folder.glob("base-*")):
        try:
            found.append(Base(path, datetime.strptime(path.name, FORM).replace(tzinfo=UTC)))
        except ValueError:
            continue
    return found


def gap(folder: Path, base: Base) -> str | None:
    """The place (16 hexadecimal digits) of the first file of changes that is missing between a base copy and the newest
    change received; None where all are there. Replaying stops at a gap, and what came after it would be lost in silence.
    """
    held = [*segments(base.folder / "pg_wal"), *segments(folder / "wal")]
    if not held:
        return None
    in_one = 2**32 // max(now(path).stat().st_size for path in held)
    first, *places = (
        int(name[8:16], 16) * in_one + int(name[16:24], 16)
        for name in (base.first_log, *(path.name for path in held))
    )
    missing = sorted(set(range(first, max(places) + 1)) - set(places))
    return f"{missing[0] // in_one:08X}{missing[0] % in_one:08X}" if missing else None


def begun(folder: Path) -> bool:
    """Whether changes that are received from now on go on from the newest base copy: some were before, without a gap."""
    every = bases(folder)
    return bool(every and segments(folder / "wal")) and gap(folder, every[-1]) is None


def one_line(url: str, folder: Path) -> None:
    """Refuse a folder with changes of another history than the running database's own. Raises SetupError.

    Where the running database has removed since what was received last, a twin that is further on is not told from it.
    """
    with _connected(url) as connection:
        told = connection.execute(_HISTORY).fetchone() or (0, "0")
        running = History(told[0] % 2**64, int(told[1], 16))
        one_history(folder, running)
        # Two restores of one backup bear the same number and timeline: what was received tells them apart.
        last = newest(folder)
        if last is not None and not _has(connection, last):
            raise SetupError("changes-of-a-twin", folder=folder, file=last.path.name, running=running)


def _has(connection: psycopg.Connection, last: Received) -> bool:
    """Whether the running database wrote what was received last; also where it has no such file any more, or shows none."""
    values = {
        "end": last.end,
        "file": f"pg_wal/{last.path.name.removesuffix('.partial')}",
        "bytes": last.length,
    }
    try:
        (behind,) = connection.execute(_BEHIND, values).fetchone() or (False,)
        (held,) = connection.execute(_WRITTEN, values).fetchone() or (None,)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return not behind and (held is None or bytes(held) == last.sha256)


def take(url: str, folder: Path) -> Base:
    """Copy the whole running database into `folder` and verify the copy. Raises SetupError, leaving nothing behind."""
    folder.mkdir(parents=True, exist_ok=True)
    one_line(url, folder)
    _refuse_without_room(url, folder)
    part, spaces = folder / ".taking", folder / ".taking-tablespaces"
    for left in (part, spaces):
        shutil.rmtree(left, ignore_errors=True)
    spaces.mkdir()
    try:
        _run(
            "pg_basebackup",
            "-d",
            url,
            "-D",
            str(part),
            "-X",
            "stream",
            "-c",
            "fast",
            "--manifest-checksums=SHA256",
            *_mapped(url, spaces),
        )
        for space in spaces.iterdir():
            # In the place of a link that leads out of the copy: whole in its folder, it can be moved and laid out anywhere.
            place = part / "pg_tblspc" / space.name
            place.unlink()
            space.rename(place)
        _run("pg_verifybackup", "-q", str(part))
        with _connected(url) as connection:
            # The database's own clock, after the copy: from this moment on the copy can be used.
            (at, *who) = connection.execute(_WHO).fetchone() or ()
        (folder / INSTALLATION).write_text(json.dumps(dict(zip(("database", "user"), who, strict=True))))
        made = folder / f"{at.astimezone(UTC):{FORM}}"
        if made.exists():
            raise SetupError("backup-there", made=made)
        part.rename(made)
    finally:
        for left in (part, spaces):
            shutil.rmtree(left, ignore_errors=True)
    return bases(folder)[-1]


def _mapped(url: str, spaces: Path) -> list[str]:
    """Options by which what lies on other disks (a tablespace) is copied below `spaces`, by its number; by itself it would go
    to the very address that it has there.
    """
    with _connected(url) as connection:
        found = connection.execute(
            "select oid, pg_tablespace_location(oid) from pg_tablespace where pg_tablespace_location(oid) like '/%'"
        ).fetchall()
    pairs = ((location, str(spaces.resolve() / str(number))) for number, location in found)
    return ["--tablespace-mapping=" + "=".join(path.replace("=", r"\=") for path in pair) for pair in pairs]


def prune(folder: Path, keep: int) -> list[Base]:
    """Remove all but the newest `keep` base copies, and the changes older than what they need."""
    every = bases(folder)
    gone, kept = every[:-keep], every[-keep:]
    for base in gone:
        shutil.rmtree(base.folder)
    if kept and (folder / "wal").exists():
        _run("pg_archivecleanup", str(folder / "wal"), kept[0].first_log)
    return gone


@contextmanager
def streaming(
    url: str, folder: Path, *, synchronous: bool, wait: Callable[[float], object]
) -> Iterator[subprocess.Popen[bytes]]:
    """Receive every change into `folder/wal` while the block runs; yields the receiving process.

    With `synchronous` a commit is acknowledged only when its change is on disk here too, so an acknowledged event
    survives the loss of the database's disk; while the receiver is away, commits wait. Leaving the block ends that;
    a killed receiver does not: then commits wait until one streams again.
    """
    wal = folder / "wal"
    wal.mkdir(parents=True, exist_ok=True)
    one_line(url, folder)
    with _connected(url) as connection:
        held = connection.execute(
            "select active from pg_replication_slots where slot_name = %s", (NAME,)
        ).fetchone()
        if held is None:
            connection.execute("select pg_create_physical_replication_slot(%s, true)", (NAME,))
        elif held[0]:
            raise SetupError("receiver-other")
    receiver = subprocess.Popen(
        [
            programs() / "pg_receivewal",
            "-D",
            wal,
            "-d",
            make_conninfo(url, application_name=NAME),
            "-S",
            NAME,
            "--synchronous",
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        _until_streaming(url, receiver, wait)
        if synchronous:
            _settle(url, f"alter system set synchronous_standby_names = '{NAME}'")
        yield receiver
    finally:
        if synchronous and receiver.poll() is None:
            _settle(url, "alter system reset synchronous_standby_names")
        receiver.terminate()
        receiver.wait()


def forget(url: str) -> bool:
    """Stop keeping changes for a receiver that will not come back, and stop waiting for it; False if there was none."""
    with _connected(url) as connection:
        held = connection.execute(
            "select active from pg_replication_slots where slot_name = %s", (NAME,)
        ).fetchone()
        if held and held[0]:
            raise SetupError("backup-receiving")
        if held:
            connection.execute("select pg_drop_replication_slot(%s)", (NAME,))
    _settle(url, "alter system reset synchronous_standby_names")
    return held is not None


def _until_streaming(url: str, receiver: subprocess.Popen[bytes], wait: Callable[[float], object]) -> None:
    question = "select 1 from pg_stat_replication where application_name = %s and state = 'streaming'"
    with _connected(url) as connection:
        waited = 0.0
        while connection.execute(question, (NAME,)).fetchone() is None:
            if receiver.poll() is not None or waited > STREAMING_SECONDS:
                raise SetupError("receiver-not-begun")
            wait(0.1)
            waited += 0.1


def _settle(url: str, statement: str) -> None:
    try:
        with _connected(url) as connection:
            # Both take effect without a restart; the statement must not wait for the receiver it speaks of.
            connection.execute("set synchronous_commit = local")
            connection.execute(statement)
            connection.execute("select pg_reload_conf()")
    except SetupError as fault:
        raise SetupError("statement-not-possible", statement=statement, **fault.words) from fault


def _refuse_without_room(url: str, folder: Path) -> None:
    with _connected(url) as connection:
        (size,) = connection.execute("select sum(pg_database_size(oid)) from pg_database").fetchone() or (0,)
    free = shutil.disk_usage(folder).free
    if free < int(size) * 11 // 10:
        raise SetupError(
            "backup-no-room", folder=folder, free=f"{free / 1e9:.1f}", size=f"{int(size) / 1e9:.1f}"
        )


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as fault:
        raise SetupError("database-refuses", said=str(fault).splitlines()[0]) from fault
    except psycopg.OperationalError as fault:
        raise SetupError("backup-no-answer", said=str(fault).splitlines()[0]) from fault


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [programs() / program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupError(
            "backup-program-failed", program=program, said=(done.stderr or done.stdout).strip()[-400:]
        )
