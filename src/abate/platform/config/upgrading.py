"""An installation brought to this program: looked at before, migrated, and looked at after, all in one transaction.

Nothing is kept unless every check after it passes: a migration that fails, a process that is killed and a balance that
moved all leave the old tables as they were. Why: docs/decisions/0039-first-run-and-upgrade.md.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from abate.bookkeeping.merkle import ProofError
from abate.platform.carbon import basis
from abate.platform.config import doctor, grants, holdings, setup
from abate.platform.config.doctor import Finding
from abate.platform.config.holdings import Holdings
from abate.platform.doors import backup, clock, private_postgres, schema
from abate.platform.doors.errors import SetupError
from abate.platform.review import audit

OLDEST_BACKUP_HOURS = 24
"""How old the newest copy may be: our policy, a copy a day."""
LOCK_SECONDS = 15
_LOCK = 7_310_039
_TABLES = ("ledger_balance", "ledger_entry", "events_seen", "log_leaf", "log_checkpoint")
_OTHERS = """
select pid, coalesce(nullif(application_name, ''), 'no name'), to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS')
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"""


@dataclass(slots=True)
class Report:
    """What was found and done. `outcome`: done, current, dry-run, refused or failed."""

    program: str
    at: datetime
    outcome: str = ""
    waiting: tuple[str, ...] = ()
    before: list[Finding] = field(default_factory=list)
    after: list[Finding] = field(default_factory=list)
    holdings: Holdings | None = None
    apart: list[str] = field(default_factory=list)
    basis: list[str] = field(default_factory=list)
    back: str = ""

    def document(self) -> dict[str, object]:
        """As JSON: findings by name, holdings as whole numbers and digests."""
        return asdict(self) | {"at": self.at.isoformat(), "waiting": list(self.waiting)}

    @property
    def refused(self) -> bool:
        return any(one.state == "fault" for one in self.before)


class NotKept(Exception):
    """A check after the migrations found a difference: the transaction is taken back."""


def run(
    *, dry_run: bool, without_backup: str, wait: Callable[[float], object], reconcile: Callable[[], dict]
) -> Report:
    """The whole upgrade; never raises for what a check found: the report says it. Django is started.

    `reconcile` gives the report of `abate reconcile`; `without_backup` is the operator's reason, or empty.
    """
    report = Report(version("abate"), clock.now())
    found = schema.look()
    report.waiting = found.waiting
    report.before = [*_doctor(), *_versions(found), *_alone(wait), *_room(), *_copy(without_backup)]
    if not report.refused:
        report.before += list(_even(reconcile))
    if report.refused or dry_run or not found.waiting:
        report.outcome = "refused" if report.refused else "dry-run" if dry_run else "current"
        report.basis = [] if found.waiting else basis.apart()
        return report
    try:
        with transaction.atomic():
            _migrate(report, reconcile, without_backup)
    except (NotKept, DatabaseError, ProofError, SetupError) as fault:
        report.outcome, report.back = "failed", _BACK
        report.apart = report.apart or [f"{type(fault).__name__}: {str(fault).strip()[:400]}"]
        return report
    setup.migrate()
    report.after += _doctor()
    report.basis = basis.apart()
    report.outcome, report.back = "done", _UNDO.format(folder=settings.ABATE_BACKUP or "FOLDER")
    return report


_BACK = (
    "没有保留任何改动：数据库仍是原来的架构，请用原来的程序继续运行。Nothing was kept: the database has its old schema, and the "
    "program of before serves it."
)
_UNDO = (
    "如需回到升级之前：请装回原来的程序并运行 abate restore {folder} --into NEWFOLDER。To go back: install the program of "
    "before and run `abate restore {folder} --into NEWFOLDER` (docs/howto/backup.md); what was booked since is in the copy "
    "only if it was followed."
)


def _migrate(report: Report, reconcile: Callable[[], dict], without_backup: str) -> None:
    """Under locks that keep every writer out: remember, migrate, look again. Raises NotKept and what migrations raise."""
    with connection.cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            raise NotKept("another `abate upgrade` is at work")
        cursor.execute(f"lock table {', '.join(_TABLES)} in exclusive mode")
        report.holdings = holdings.look()
        # Each migration has a transaction of its own elsewhere; here what one left for its end would stop the next.
        cursor.execute("set constraints all immediate")
    setup.apply()
    grants.apply_grants(connection)
    report.apart = holdings.apart(report.holdings, holdings.look())
    report.after = [*doctor.schema(), *_even(reconcile)]
    report.apart += [f"{one.name}: {one.what}" for one in report.after if one.state == "fault"]
    if report.apart:
        raise NotKept(report.apart[0])
    audit.note(
        "schema.upgrade", report.program, migrations=list(report.waiting), without_backup=without_backup
    )


def _doctor() -> list[Finding]:
    """All that `abate doctor` looks at but the schema, which is what this is about, and what a stopped server is late with."""
    return [one for one in doctor.examine() if one.name not in ("schema", "months", "anchors")]


def _versions(found: schema.Schema) -> Iterator[Finding]:
    names = ", ".join(found.waiting)
    if found.unknown:
        try:
            schema.check(found)
        except SetupError as fault:
            yield Finding("program", "fault", fault.what, fault.remedy)
    elif not found.begun:
        yield Finding(
            "program", "fault", "There is nothing to upgrade: no books were ever begun.", "Run `abate setup`."
        )
    elif found.waiting:
        yield Finding("program", "ok", f"{len(found.waiting)} migrations will be run: {names}.")
    else:
        yield Finding("program", "ok", "The schema is this program's already.")


def _alone(wait: Callable[[float], object]) -> Iterator[Finding]:
    """Nobody else may be at the database. What a killed process left is given a few seconds to end."""
    rows: list[tuple[int, str, str]] = []
    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute(_OTHERS)
            rows = cursor.fetchall()
        if not rows:
            yield Finding("alone", "ok", "Nobody else is at the database.")
            return
        wait(0.25)
    first = f"process {rows[0][0]} ({rows[0][1]}, since {rows[0][2]})"
    remedy = "Stop `abate serve`, its sandbox if it shares the database, and every job; then run this again."
    yield Finding("alone", "fault", f"{len(rows)} others are at the database, the first: {first}.", remedy)


def _room() -> Iterator[Finding]:
    """The largest table can be written anew beside itself; of a server elsewhere the disk is not seen from here."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_database_size(current_database())")
        size = int(cursor.fetchone()[0])
    has = f"the database has {size // 1024**2:,} MiB"
    if not private_postgres.exists(Path(settings.ABATE_DATA_DIR)):
        remedy = "Look that as much again is free there."
        yield Finding("room", "warning", f"The disk of its server is not seen from here; {has}.", remedy)
        return
    free = shutil.disk_usage(settings.ABATE_DATA_DIR).free
    enough = free > size
    remedy = "" if enough else "Free as much as the database has: a table may be written anew."
    yield Finding("room", "ok" if enough else "fault", f"{free // 1024**2:,} MiB free, {has}.", remedy)


def _copy(without: str) -> Iterator[Finding]:
    folder = settings.ABATE_BACKUP
    last = newest_copy(Path(folder)) if folder else None
    hours = (clock.now() - last) / timedelta(hours=1) if last else None
    if hours is not None and hours <= OLDEST_BACKUP_HOURS:
        yield Finding("backup", "ok", f"The newest copy in {folder} is {hours:.1f} hours old.")
        return
    what = "No copy is known: ABATE_BACKUP is not set." if not folder else f"There is no copy in {folder}."
    if hours is not None:
        what = f"The newest copy in {folder} is {hours:.0f} hours old, more than {OLDEST_BACKUP_HOURS}."
    if without:
        yield Finding(
            "backup", "warning", f"{what} Gone on without: {without}.", "Make one as soon as you can."
        )
    else:
        remedy = f"Run `abate backup {folder or 'FOLDER'}` first, or say why not: --no-backup REASON."
        yield Finding("backup", "fault", what, remedy)


def newest_copy(folder: Path) -> datetime | None:
    """Until when what is in a backup folder reaches: its newest base copy, or the newest change received after it."""
    bases = backup.bases(folder)
    if not bases:
        return None
    received = [datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in (folder / "wal").glob("*")]
    return max([bases[-1].at, *received])


def _even(reconcile: Callable[[], dict]) -> Iterator[Finding]:
    """The books agree with themselves. An older schema may lack what today's rules look at: then that is said."""
    try:
        with transaction.atomic():
            found = reconcile()
    except DatabaseError as fault:
        what = f"Today's rules cannot be read on the older schema: {str(fault).splitlines()[0]}."
        remedy = (
            "The program of before can: `abate reconcile`. Totals are held against each other all the same."
        )
        yield Finding("reconciliation", "warning", what, remedy)
        return
    wrong = [name for name, rows in found["differences"].items() if rows]
    wrong += [asset for asset, one in found["assets"].items() if not one["even"]]
    if wrong:
        remedy = "Run `abate reconcile`, and mend what differs first."
        yield Finding("reconciliation", "fault", f"Not even: {', '.join(wrong)}.", remedy)
    else:
        yield Finding("reconciliation", "ok", "Accounts, entries, quantities and log agree.")


def keep(report: Report, data_dir: Path) -> Path:
    """The report as a file beside the data, one an upgrade; returns it."""
    folder = data_dir / "upgrades"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{report.at:%Y%m%dT%H%M%S%fZ}.json"
    file.write_text(json.dumps(report.document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return file
