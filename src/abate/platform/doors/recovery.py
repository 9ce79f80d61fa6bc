"""From a backup folder to a running private PostgreSQL, as it was at the end or at a named moment."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

from abate.platform.doors import private_postgres
from abate.platform.doors.backup import FORM, INSTALLATION, Base, bases, gap
from abate.platform.doors.changes import left_over, now, one_history, segments, spoilt
from abate.platform.doors.errors import SetupError

LONGEST_SECONDS = 3600
"""How long the server may take until it answers: the time to replay a day of changes, not of one start."""
RESTORING = ".restoring"
"""Folder in the data folder where a restored database lies until it is safe: in its place the next command would open it."""
_SETTINGS = (
    "hot_standby",
    "allow_in_place_tablespaces",
    "restore_command",
    "recovery_target_time",
    "recovery_target_action",
)


def choose(folder: Path, to: datetime | None) -> Base:
    """The newest base copy that is not after `to`."""
    every = bases(folder)
    fitting = [base for base in every if to is None or base.at <= to]
    if fitting:
        return fitting[-1]
    if to is None or not every:
        raise SetupError("base-missing", folder=folder)
    raise SetupError(
        "base-too-new", folder=folder, to=f"{to:%Y-%m-%dT%H:%M:%SZ}", oldest=f"{every[0].at:{FORM}}"
    )


def place(data_dir: Path) -> Path:
    """Where the database of a data folder will lie. Raises SetupError where there is one."""
    cluster = (data_dir / "postgres").resolve()
    if cluster.exists():
        raise SetupError("restore-there", cluster=cluster)
    return cluster


@contextmanager
def restoring(data_dir: Path) -> Iterator[Path]:
    """A folder to recover into. Its database goes to its place in `data_dir` when the block ends well, and is removed otherwise;
    what a killed restore left is removed first. Raises SetupError where `data_dir` has a database.
    """
    cluster, beside = place(data_dir), data_dir.resolve() / RESTORING

    def clear() -> None:
        private_postgres.stop(beside)
        shutil.rmtree(beside, ignore_errors=True)

    clear()
    try:
        yield beside
        private_postgres.stop(beside)
        (beside / "postgres").rename(cluster)
    finally:
        clear()


def recover(
    folder: Path, base: Base, data_dir: Path, to: datetime | None, *, wait: Callable[[float], object]
) -> str:
    """Lay the copy into `data_dir`, replay the changes up to `to` (or all), open it; returns the server's address.

    Raises SetupError where `data_dir` has a database already, where its disk has no room, where the folder holds two
    histories, where the copy is damaged, where changes between it and the newest are missing or damaged, and where they end
    before `to`; what was laid out is then removed again.
    """
    cluster = place(data_dir)
    one_history(folder)
    # Also on the way to a moment of before: what must outlive the step back stands at the end (reopening.py).
    newest = bases(folder)[-1]
    if missing := gap(folder, newest):
        raise SetupError("changes-missing", folder=folder, base=newest.folder.name, missing=missing)
    if _free(data_dir) < _size(folder, base):
        raise _no_room(folder, base, data_dir)
    changes = data_dir.resolve() / "postgres-changes"
    try:
        _lay_out(folder, base, cluster, changes, to)
        private_postgres.start(data_dir, wait_seconds=LONGEST_SECONDS)
        url = private_postgres.address(data_dir, **json.loads((folder / INSTALLATION).read_text()))
        _until_open(url, cluster, wait)
        if to is None:
            _see_end(folder, _ended(cluster))
        _forget_settings(url)
    except BaseException as fault:
        private_postgres.stop(data_dir)
        said = _said(cluster)
        short, full = "recovery ended before configured recovery target" in said, os.strerror(errno.ENOSPC)
        for path in (cluster, changes):
            shutil.rmtree(path, ignore_errors=True)
        if full in said or (isinstance(fault, OSError) and full in str(fault)):
            raise _no_room(folder, base, data_dir) from fault
        if short and to is not None:
            raise SetupError("changes-end", folder=folder, to=f"{to:%Y-%m-%dT%H:%M:%S%z}") from fault
        raise
    shutil.rmtree(changes)
    return url


def _size(folder: Path, base: Base) -> int:
    """Bytes of what is laid out: the copy, and the changes since; a replay needs some more."""
    return sum(path.stat().st_size for path in base.folder.rglob("*") if path.is_file()) + sum(
        now(path).stat().st_size for path in segments(folder / "wal") if path.name >= base.first_log
    )


def _free(data_dir: Path) -> int:
    """Bytes free where `data_dir` lies, or will."""
    there = data_dir.resolve()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def _no_room(folder: Path, base: Base, data_dir: Path) -> SetupError:
    free, size = _free(data_dir), _size(folder, base)
    return SetupError(
        "restore-no-room", into=data_dir.parent, free=f"{free / 1e9:.2f}", size=f"{size / 1e9:.2f}"
    )


def _see_end(folder: Path, end: int) -> None:
    """All that was received was replayed. Raises SetupError."""
    if last := spoilt(folder, end):
        file, at = last
        raise SetupError("changes-end-damaged", file=file, at=at, size=file.stat().st_size)
    if damaged := left_over(folder, end):
        raise SetupError("changes-damaged", folder=folder, damaged=damaged)


def _lay_out(folder: Path, base: Base, cluster: Path, changes: Path, to: datetime | None) -> None:
    verified = subprocess.run(
        [private_postgres.programs() / "pg_verifybackup", "-q", base.folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if verified.returncode:
        raise SetupError("base-damaged", folder=base.folder, said=verified.stderr.strip()[-300:])
    cluster.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(base.folder, cluster)
    # The private server's own: its log, and the lock of its socket, which says that the old one runs, as it may. And the mark of
    # a standby, where the copy was taken of one: it would wait for its primary for ever.
    for left in (cluster / "log", cluster / "standby.signal", *cluster.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)
    changes.mkdir()
    for segment in (*segments(folder / "wal"), *(folder / "wal").glob("*.history")):
        # The segment that was being received when the stream ended carries a mark; what follows its end is zeros.
        name = segment.name.removesuffix(".partial")
        if name >= base.first_log and not (changes / name).exists():
            shutil.copyfile(now(segment), changes / name)
    _settings(cluster, changes, to)
    (cluster / "recovery.signal").touch()
    cluster.chmod(0o700)
    user = private_postgres.owner(cluster)
    if user:
        for path in (cluster, changes):
            subprocess.run(["chown", "-R", user, path], check=True)


def _settings(cluster: Path, changes: Path, to: datetime | None) -> None:
    """Our own settings: the old server's may name files, memory or libraries that are not here."""
    for name in ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"):
        if (cluster / name).exists():
            (cluster / name).rename(cluster / f"{name}.before")
    # Open when all is replayed, not before: so the old server's limits need not be matched.
    # What lay on other disks lies in the copy's own folder (backup.take); only this replay would refuse that.
    lines = ["hot_standby = off", "allow_in_place_tablespaces = on"]
    lines += [f'restore_command = \'cp "{changes}/%f" "%p"\'']
    if to is not None:
        lines += [f"recovery_target_time = '{to.isoformat()}'", "recovery_target_action = 'promote'"]
    (cluster / "postgresql.conf").write_text("")
    (cluster / "postgresql.auto.conf").write_text("\n".join([*lines, ""]))
    (cluster / "pg_hba.conf").write_text("local all all trust\nlocal replication all trust\n")
    (cluster / "pg_ident.conf").write_text("")


def _until_open(url: str, cluster: Path, wait: Callable[[float], object]) -> None:
    waited = 0.0
    while waited < LONGEST_SECONDS:
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                if connection.execute("select not pg_is_in_recovery()").fetchone() == (True,):
                    return
        except psycopg.OperationalError:
            # What ended it stands in its log: also what ended it after it had begun, as a full disk does.
            if not (cluster / "postmaster.pid").exists():
                break
        wait(0.1)
        waited += 0.1
    raise SetupError("restored-not-open", said=_said(cluster)[-400:].strip())


def _ended(cluster: Path) -> int:
    """Where the replay ended, in bytes of the changes: with it a timeline of its own began."""
    told = max((cluster / "pg_wal").glob("*.history")).read_text(encoding="utf-8").strip()
    high, _, low = told.splitlines()[-1].split()[1].partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _forget_settings(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name in _SETTINGS:
            connection.execute(f"alter system reset {name}")  # type: ignore[call-overload]
        connection.execute("select pg_reload_conf()")


def _said(cluster: Path) -> str:
    log = cluster / "log"
    return log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
