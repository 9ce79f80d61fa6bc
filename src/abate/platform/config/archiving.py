"""Old months go to archive files and come back (docs/decisions/0015): only where nothing booked rests on them.

A file is gzip'd CSV as PostgreSQL's COPY writes it, with its columns in the first line. Its digest stays in the database;
what comes back must be that file.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from abate.platform.doors import clock, months, rotation
from abate.platform.doors.errors import Problem
from abate.platform.doors.months import Month, MonthUnfit, Part
from abate.platform.events.models import Archived

TABLE = "events_refusal"


class MonthStays(Problem):
    code = "month-stays"
    status = 409
    zh = "账目依赖该月份的数据，不能移出。"
    en = "What is booked rests on this month; it cannot leave."
    remedy_zh = "旧月份可留在原处，或将其分区移至较便宜的表空间。"
    remedy_en = (
        "Leave it where it is, or move its partition to cheaper disks: ALTER TABLE ... SET TABLESPACE."
    )


class ArchiveDiffers(Problem):
    code = "archive-differs"
    status = 409
    zh = "文件与移出时不同。"
    en = "The file is not what left."
    remedy_zh = "请使用移出时写下的文件或其副本。"
    remedy_en = "Use the file that was written then, or a copy of it."


@dataclass(frozen=True, slots=True)
class Archive:
    month: Month
    path: Path
    rows: int
    sha256: str


def _may_leave(table: str, month: Month) -> Part:
    """The partition, where it may leave; else MonthStays or MonthUnfit with the reason."""
    for one in rotation.tables():
        if one.name == table and one.stays:
            raise MonthStays(f"{table} {month}: {one.stays}")
    found = [s for s in rotation.standing() if s.part.table == table and s.part.month == month]
    if not found:
        raise MonthUnfit(f"{month}: {table} has no partition for it")
    if found[0].state != "past":
        raise MonthUnfit(f"{month}: rows still come, or are to come")
    return found[0].part


def leave(month: Month, folder: Path, table: str = TABLE) -> Archive:
    """Write a past month of refusals to a file in `folder`, read it back, and take the partition away.

    The file is on disk before the partition goes; rows and digest are kept. A crash between leaves a file too many.
    """
    part = _may_leave(table, month)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part.name}.csv.gz"
    if path.exists():
        raise MonthUnfit(f"{path.name} is there already; move it or name another folder")
    draft = path.with_suffix(".part")
    with transaction.atomic(), connection.cursor() as cursor:
        out = _copy("copy (select * from {} order by id) to stdout (format csv, header)", part.name)
        with gzip.GzipFile(draft, "wb", mtime=0) as file, cursor.copy(out) as blocks:
            for block in blocks:
                file.write(block)
        rows = _count(cursor, part.name)
    _sync(draft)
    digest = _digest(draft)

    def away(cursor: CursorWrapper) -> None:
        # Waits for who still writes there: a transaction that began before the month's turn.
        cursor.execute(_text("lock table {} in share mode", part.name))
        _load(cursor, draft, "pg_temp.returned", part.name)
        _same(cursor, part.name, month)
        cursor.execute(_text("alter table {} detach partition {}", TABLE, part.name))
        cursor.execute(_text("drop table {}", part.name))
        cursor.execute("drop table pg_temp.returned")
        Archived.objects.create(month=str(month), rows=rows, sha256=bytes.fromhex(digest), at=clock.now())
        draft.rename(path)

    try:
        months.patiently(away)
    finally:
        draft.unlink(missing_ok=True)
    _sync(folder)
    return Archive(month, path, rows, digest)


def come_back(path: Path, month: Month) -> Archive:
    """Bring a month back from its file, where the file is the one that was written. Raises ArchiveDiffers, MonthUnfit."""
    known = Archived.objects.filter(month=str(month)).first()
    if known is None:
        raise MonthUnfit(f"{month} is in no archive")
    digest = _digest(path)
    if digest != bytes(known.sha256).hex():
        raise ArchiveDiffers(f"{path.name}: SHA-256 {digest}, then {bytes(known.sha256).hex()}")

    def back(cursor: CursorWrapper) -> None:
        name = months.create(cursor, TABLE, month)
        _load(cursor, path, name)
        months.attach(cursor, TABLE, month)
        known.delete()

    months.patiently(back)
    return Archive(month, path, known.rows, digest)


def _load(cursor: CursorWrapper, path: Path, into: str, like: str = "") -> None:
    if like:
        cursor.execute(_text("create temporary table returned (like {})", like))
    with (
        gzip.open(path) as file,
        cursor.copy(_copy("copy {} from stdin (format csv, header match)", into)) as copy,
    ):
        while block := file.read(1 << 16):
            copy.write(block)


def _same(cursor: CursorWrapper, part: str, month: Month) -> None:
    """What was read back from the file is what is there, row for row."""
    statement = (
        "select (select count(*) from (select * from {0} except all select * from pg_temp.returned) gone)"
        " + (select count(*) from (select * from pg_temp.returned except all select * from {0}) new)"
    )
    cursor.execute(_text(statement, part))
    if cursor.fetchone()[0]:
        raise ArchiveDiffers(f"{month}: the file does not give back what is in the table")


def _count(cursor: CursorWrapper, name: str) -> int:
    cursor.execute(_text("select count(*) from {}", name))
    return int(cursor.fetchone()[0])


def _sync(path: Path) -> None:
    """The file is on the disk, not only in the system's memory."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(*name.split(".")))


def _text(statement: str, *names: str) -> str:
    return sql.SQL(statement).format(*map(sql.Identifier, names)).as_string()
