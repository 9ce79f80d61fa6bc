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
from django.db import DatabaseError, Error, connection, transaction

from abate.platform.carbon import basis
from abate.platform.config import doctor, grants, holdings, setup
from abate.platform.config.findings import Finding, found
from abate.platform.config.holdings import Holdings
from abate.platform.doors import backup, clock, private_postgres, schema
from abate.platform.doors.errors import SetupError
from abate.platform.review import audit

OLDEST_BACKUP_HOURS = 24
"""How old the newest copy may be: our policy, a copy a day."""
LOCK_SECONDS = 15
_LOCK = 7_310_039
_TABLES = ("ledger_balance", "ledger_entry", "events_seen", "log_leaf", "log_checkpoint")
# Of another login's connection an owner who is no superuser sees that it is there and whose it is, not of what kind.
_OTHERS = """
select pid, coalesce(nullif(application_name, ''), usename), coalesce(to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS'), '?')
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and usename is not null
and coalesce(backend_type, 'client backend') = 'client backend'"""


@dataclass(slots=True)
class Report:
    """What was found and done. `outcome`: done, faulty (kept, and a fault was found after), current, dry-run, refused or
    failed; `report`: the file it is kept in."""

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
    report: str | None = None

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
    """The whole upgrade; never raises for what a check or a migration found: the report says it, and is kept unless this
    is a dry run. Django is started.

    `reconcile` gives the report of `abate reconcile`; `without_backup` is the operator's reason, or empty.
    """
    report = Report(version("abate"), clock.now())
    seen = schema.look()
    report.waiting = seen.waiting
    report.before = [*_doctor(), *_versions(seen), *_alone(wait), *_room(), *_copy(without_backup)]
    if not report.refused:
        report.before.append(_even_before(reconcile, report.waiting))
    if report.refused or dry_run or not seen.waiting:
        report.outcome = "refused" if report.refused else "dry-run" if dry_run else "current"
        report.basis = [] if seen.waiting else basis.apart()
        if not dry_run:
            keep(report)
        return report
    try:
        with transaction.atomic():
            _migrate(report, reconcile, without_backup)
    except Exception as fault:  # noqa: BLE001 - a migration is a program and may raise anything; all of it is taken back
        report.outcome, report.back = "failed", _BACK if _as_before(report) else _UNSEEN
        report.apart = report.apart or [_said(fault)]
        keep(report)
        return report
    report.outcome, report.back = "done", _UNDO.format(folder=settings.ABATE_BACKUP or "FOLDER")
    keep(report)
    _afterwards(report)
    if any(one.state == "fault" for one in report.after):
        report.outcome = "faulty"
    keep(report)
    return report


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {str(fault).strip()[:400]}"


def _as_before(report: Report) -> bool:
    """Whether the migrations wait as they did: where the connection broke at the very end, a look and not a guess."""
    try:
        return schema.look().waiting == report.waiting
    except Error:
        return False


def _afterwards(report: Report) -> None:
    """What follows what is kept already: each step by itself, and a fault in one is a finding."""
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("months and rights", setup.migrate),
        ("doctor", lambda: report.after.extend(_doctor())),
        ("basis", lambda: report.basis.extend(basis.apart())),
    )
    for name, step in steps:
        try:
            step()
        except Exception as fault:  # noqa: BLE001 - the new schema is kept, and a trace would say otherwise
            report.after.append(found(name, "failed", said=_said(fault)))


_BACK = (
    "没有保留任何改动：数据库仍是原来的架构，请用原来的程序继续运行。Nothing was kept: the database has its old schema, and the "
    "program of before serves it."
)
_UNSEEN = (
    "无法确定是否保留了改动：请先运行 abate upgrade --dry-run 查看。Whether anything was kept could not be seen: look with "
    "`abate upgrade --dry-run` before anything is started."
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
    report.after = [*doctor.schema(), _even(reconcile)]
    report.apart += [f"{one.name}: {one.what}" for one in report.after if one.state == "fault"]
    if report.apart:
        raise NotKept(report.apart[0])
    audit.note(
        "schema.upgrade", report.program, migrations=list(report.waiting), without_backup=without_backup
    )


def _doctor() -> list[Finding]:
    """All that `abate doctor` looks at but the schema, which is what this is about, and what a stopped server is late with."""
    return [one for one in doctor.examine(running=False) if one.name != "schema"]


def _versions(seen: schema.Schema) -> Iterator[Finding]:
    if seen.unknown:
        try:
            schema.check(seen)
        except SetupError as fault:
            yield found("program", "unknown", **fault.words)
    elif not seen.begun:
        yield found("program", "nothing")
    elif seen.waiting:
        yield found("program", "waiting", count=len(seen.waiting), names=", ".join(seen.waiting))
    else:
        yield found("program")


def _alone(wait: Callable[[float], object]) -> Iterator[Finding]:
    """Nobody else may be at the database. What a killed process left is given a few seconds to end."""
    rows: list[tuple[int, str, str]] = []
    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute(_OTHERS)
            rows = cursor.fetchall()
        if not rows:
            yield found("alone")
            return
        wait(0.25)
    pid, program, since = rows[0]
    yield found("alone", "others", count=len(rows), pid=pid, program=program, since=since)


def _room() -> Iterator[Finding]:
    """The largest table can be written anew beside itself; of a server elsewhere the disk is not seen from here."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_database_size(current_database())")
        size = int(cursor.fetchone()[0])
    mib = f"{size // 1024**2:,}"
    if not private_postgres.exists(Path(settings.ABATE_DATA_DIR)):
        yield found("room", "elsewhere", size=mib)
        return
    free = shutil.disk_usage(settings.ABATE_DATA_DIR).free
    yield found("room", "ok" if free > size else "short", free=f"{free // 1024**2:,}", size=mib)


def _copy(without: str) -> Iterator[Finding]:
    folder = settings.ABATE_BACKUP
    last = newest_copy(Path(folder)) if folder else None
    hours = (clock.now() - last) / timedelta(hours=1) if last else None
    if hours is not None and hours <= OLDEST_BACKUP_HOURS:
        yield found("backup", folder=folder, hours=f"{hours:.1f}")
        return
    if hours is not None:
        lacking = found("backup", "old", folder=folder, hours=f"{hours:.0f}", most=OLDEST_BACKUP_HOURS)
    else:
        lacking = found("backup", "missing" if folder else "unset", folder=folder)
    if without:
        yield found("backup", "without", what_zh=lacking.zh[1], what_en=lacking.what, reason=without)
    else:
        yield lacking


def newest_copy(folder: Path) -> datetime | None:
    """Until when what is in a backup folder reaches: its newest base copy, or the newest change received after it."""
    bases = backup.bases(folder)
    if not bases:
        return None
    received = [datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in (folder / "wal").glob("*")]
    return max([bases[-1].at, *received])


def _even_before(reconcile: Callable[[], dict], waiting: tuple[str, ...]) -> Finding:
    """Before the migrations alone an older schema may lack what today's rules look at: then that is said."""
    try:
        with transaction.atomic():
            return _even(reconcile)
    except DatabaseError as fault:
        said = str(fault).splitlines()[0]
        if not waiting:
            return found("reconciliation", "unreadable", said=said)
        return found("reconciliation", "older", said=said)


def _even(reconcile: Callable[[], dict]) -> Finding:
    """The books agree with themselves. Raises what reading them raises: after the migrations nothing excuses it."""
    told = reconcile()
    wrong = [name for name, rows in told["differences"].items() if rows]
    wrong += [asset for asset, one in told["assets"].items() if not one["even"]]
    return found("reconciliation", "uneven" if wrong else "ok", names=", ".join(wrong))


def keep(report: Report) -> None:
    """The report as a file in `upgrades/` of the data folder, one an upgrade, whole or as it was; a disk that does not take
    it is a finding of the report that is printed."""
    file = Path(settings.ABATE_DATA_DIR) / "upgrades" / f"{report.at:%Y%m%dT%H%M%S%fZ}.json"
    report.report = str(file)
    text = json.dumps(report.document(), ensure_ascii=False, indent=1) + "\n"
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as fault:
        report.report = str(file) if file.exists() else None
        report.after.append(found("report", "unkept", said=_said(fault)))
