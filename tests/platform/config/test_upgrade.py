"""An upgrade keeps the books to the last digit, or keeps nothing: an older schema, planted faults, and a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from tests.platform.pipeline.world import NOW, World, make_world

from abate.cli import upgrade
from abate.cli.reconcile import report as reconcile
from abate.platform.carbon import actions as carbon
from abate.platform.config import holdings, setup, upgrading
from abate.platform.doors import clock, schema
from abate.platform.doors.errors import SetupError
from abate.platform.incentives import migrations
from abate.platform.log import actions as log
from abate.platform.parties.actions import claim_area
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform]
# An earlier set of this program's own migrations: before acts were compared and members summed.
OLDER = (("sharing", "0001"), ("carbon", "0004"))
PLANT = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("incentives", "{last}")]
    operations = [{operation}]
"""


def sql(statement: str) -> str:
    return f"migrations.RunSQL({statement!r}, migrations.RunSQL.noop)"


HARMLESS = sql("comment on table ledger_balance is 'looked at'")
PROGRAM = "migrations.RunPython(lambda apps, editor: int('no figure'), migrations.RunPython.noop)"
FIRST = "(select min(person_id) from ledger_balance)"
FAULTS = {
    "a balance": (sql(f"update ledger_balance set carbon_mg = carbon_mg + 1 where person_id = {FIRST}"), "people_mg:"),
    "two balances": (
        sql("update ledger_balance set carbon_mg = carbon_mg + case when person_id = "
            f"{FIRST} then 1 else -1 end where person_id < {FIRST} + 2"),
        "people_digest:",
    ),
    "an entry": (sql("update ledger_entry set credits = credits + 1"), "entries_credits:"),
    "an event": (sql("delete from events_seen where event_id = 'm0'"), "events:"),
    "the log": (sql("update log_tile set hashes = set_byte(hashes, 3, 255 - get_byte(hashes, 3)) where level = 0"), "the tree"),
    "a table that only `abate reconcile` reads": (
        sql("alter table incentives_code rename column entry_id to booked_id"), "code.entry_id does not exist"),
    "a statement": (sql("select 1 / 0"), "DataError"),
    "a program": (PROGRAM, "ValueError: invalid literal"),
    "a broken connection": (sql("select pg_terminate_backend(pg_backend_pid())"), "OperationalError"),
}  # fmt: skip


@pytest.fixture
def books(transactional_db: None, waiting_for_disk: None, settings: Any) -> Iterator[World]:
    """Events of two people, booked and sequenced, in a database that was once started; the schema is whole again after."""
    settings.ABATE_OPERATOR_PACK, settings.ABATE_DEMO = "demo", True
    claim_area(sandbox=False)
    with clock.frozen(NOW):
        made = make_world()
        days = [f"2026-05-{number + 1:02}T09:00:00+08:00" for number in range(5)]
        made.send(*(made.meeting(f"m{number}", who=number % 2, start=day) for number, day in enumerate(days)))
        log.sequence()
    yield made
    settings.MIGRATION_MODULES = {}
    with connection.cursor() as cursor:
        cursor.execute("delete from django_migrations where name like '9999%%'")
    if schema.look().waiting:
        call_command("migrate", verbosity=0)


@pytest.fixture
def plant(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Puts a migration of the given operation after the newest one of a room; returns the package that holds it."""

    def planted(operation: str) -> str:
        folder = tmp_path / "planted_migrations"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        names = sorted(file.stem for file in Path(migrations.__path__[0]).glob("0*.py"))
        for name in names:
            (folder / f"{name}.py").write_text((Path(migrations.__path__[0]) / f"{name}.py").read_text())
        (folder / "9999_planted.py").write_text(PLANT.format(last=names[-1], operation=operation))
        monkeypatch.syspath_prepend(tmp_path)
        # Two plants of one length in one second would be one file to the cache of compiled modules.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        for name in [n for n in sys.modules if n.startswith("planted_migrations")]:
            monkeypatch.delitem(sys.modules, name)
        settings.MIGRATION_MODULES = {"incentives": "planted_migrations"}
        return "planted_migrations"

    return planted


def go(**changes: Any) -> upgrading.Report:
    given: dict[str, Any] = {
        "dry_run": False,
        "without_backup": "a test",
        "wait": lambda _: None,
        "reconcile": reconcile,
    }
    return upgrading.run(**given | changes)


def kept(report: upgrading.Report) -> dict[str, Any]:
    """What stands in the file of the report."""
    assert report.report
    return json.loads(Path(report.report).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def faults(report: upgrading.Report) -> list[str]:
    return [one.name for one in report.before if one.state == "fault"]


def test_an_older_schema_with_books_is_brought_up_and_nothing_moved(books: World) -> None:
    for room, target in OLDER:
        call_command("migrate", room, target, verbosity=0)
    before = holdings.look()
    assert before.events == 5 and before.people_mg > 0 and before.head_size >= 5
    with pytest.raises(SetupError, match="abate upgrade"):
        setup.migrate()
    trial = go(dry_run=True)
    assert trial.outcome == "dry-run", faults(trial)
    assert schema.look().waiting == trial.waiting != ()
    done = go()
    assert done.outcome == "done" and done.holdings == before == holdings.look(), done.apart
    assert set(done.waiting) >= {"carbon.0005_acts", "sharing.0002_members"}
    assert schema.look().fits and reconcile()["even"]
    assert Audit.objects.filter(what="schema.upgrade").get().subject == done.program
    setup.migrate()
    assert go().outcome == "current"

    def unread() -> dict[str, Any]:
        raise DatabaseError("no such column")

    # An older schema excuses what cannot be read; this program's own does not.
    assert faults(go(reconcile=unread)) == ["reconciliation"]


def test_a_migration_that_moves_what_is_held_is_found_and_nothing_is_kept(
    books: World, plant: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = holdings.look()
    for name, (operation, found) in FAULTS.items():
        plant(operation)
        report = go()
        assert report.outcome == "failed", (name, faults(report))
        assert any(found in one for one in report.apart), (name, report.apart)
        assert holdings.look() == before and schema.look().waiting == ("incentives.9999_planted",), name
        assert "abate restore" not in report.back and "Nothing was kept" in report.back
        assert kept(report)["outcome"] == "failed" and kept(report)["apart"] == report.apart
    with pytest.raises(SetupError, match="older than this program"):
        setup.migrate()
    # Where the database cannot be looked at afterwards, nothing is promised.
    look, gone = schema.look, []

    def answers() -> schema.Schema:
        if gone:
            raise OperationalError("the server is gone")
        return look()

    with monkeypatch.context() as without:
        without.setattr(schema, "look", answers)
        report = go(reconcile=lambda: (reconcile(), gone.append(True))[0])
    assert report.outcome == "failed" and "could not be seen" in report.back, report.back


SLOW = """
import os, sys
sys.path.insert(0, os.environ["PLANTED"])
from abate.platform.config import settings
settings.MIGRATION_MODULES = {"incentives": "planted_migrations"}
from abate.cli.main import main
main(["upgrade", "--no-backup", "a test"])
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_the_old_schema_and_the_next_run_does_it(
    books: World, plant: Callable[[str], str], tmp_path: Path
) -> None:
    plant(sql("update ledger_balance set carbon_mg = carbon_mg + 7; select pg_sleep(600)"))
    before, options = holdings.look(), connection.get_connection_params()
    address = f"postgresql://{options['user']}@/{options['dbname']}?host={options['host']}"
    connection.close()
    environment = {**os.environ, "DATABASE_URL": address, "PLANTED": str(tmp_path), "ABATE_DEMO": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    beside = address.replace(f"/{options['dbname']}?", "/postgres?")
    try:
        with psycopg.connect(beside, autocommit=True) as watch:
            _until(process, watch, "select pg_sleep(600)")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    # Its server process learns of the death when it next speaks; the operator would wait, a test ends it.
    with psycopg.connect(beside, autocommit=True) as watch:
        watch.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' "
                      "and pid <> pg_backend_pid()")  # fmt: skip
    assert holdings.look() == before and schema.look().waiting == ("incentives.9999_planted",)
    (tmp_path / "planted_migrations" / "9999_planted.py").write_text(
        PLANT.format(last=schema_last(tmp_path), operation=HARMLESS)
    )
    for name in [n for n in sys.modules if n.startswith("planted_migrations")]:
        del sys.modules[name]
    assert go(wait=time.sleep).outcome == "done" and holdings.look() == before


def schema_last(tmp_path: Path) -> str:
    return sorted(file.stem for file in (tmp_path / "planted_migrations").glob("0*.py"))[-1]


def _until(process: subprocess.Popen[bytes], watch: psycopg.Connection, statement: str) -> None:
    end = time.monotonic() + 120
    seen = "select exists (select from pg_stat_activity where query like %s and state = 'active' and pid <> pg_backend_pid())"
    while watch.execute(seen, [f"%{statement}%"]).fetchone() != (True,):
        if process.poll() is not None:
            raise AssertionError(process.communicate())
        assert time.monotonic() < end, "the migration did not begin"
        time.sleep(0.05)


def test_it_is_refused_without_a_copy_beside_others_and_by_an_older_program(
    books: World, plant: Callable[[str], str], settings: Any, tmp_path: Path
) -> None:
    plant(HARMLESS)
    assert faults(go(without_backup="")) == ["backup"]
    settings.ABATE_BACKUP = str(tmp_path / "copies")
    base = tmp_path / "copies" / f"base-{clock.now() - timedelta(hours=25):%Y%m%dT%H%M%SZ}"
    base.mkdir(parents=True)
    old = go(without_backup="")
    assert faults(old) == ["backup"] and "25 hours old" in str([one.what for one in old.before])
    base.rename(base.with_name(f"base-{clock.now() - timedelta(hours=1):%Y%m%dT%H%M%SZ}"))
    assert go(without_backup="", dry_run=True).outcome == "dry-run"
    options = connection.get_connection_params()
    with psycopg.connect(
        host=options["host"], dbname=options["dbname"], user=options["user"], application_name="a server"
    ):
        beside = go()
    assert faults(beside) == ["alone"] and "a server" in str([one.what for one in beside.before])
    assert schema.look().waiting
    settings.MIGRATION_MODULES = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into django_migrations (app, name, applied) values ('ledger', '9999_later', now())"
        )
    try:
        assert faults(go()) == ["program"]
        with pytest.raises(SetupError, match="newer than this program"):
            setup.migrate()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("delete from django_migrations where name = '9999_later'")


def test_books_that_are_not_even_are_not_upgraded(books: World, plant: Callable[[str], str]) -> None:
    plant(HARMLESS)
    with connection.cursor() as cursor:
        cursor.execute(f"update ledger_balance set carbon_mg = carbon_mg + 1 where person_id = {FIRST}")
    assert faults(go()) == ["reconciliation"]


def test_what_fails_after_the_commit_is_told_of_an_upgrade_that_is_kept(
    books: World, plant: Callable[[str], str], settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    carbon.adopt()
    plant(HARMLESS)
    settings.ABATE_GRADE_FLOOR, settings.ABATE_DATA_DIR = "official-cn", str(tmp_path)
    at_commit = []

    def busy() -> None:
        (file,) = (tmp_path / "upgrades").iterdir()
        at_commit.append(json.loads(file.read_text(encoding="utf-8"))["outcome"])
        raise OSError("no space left")

    monkeypatch.setattr(setup, "migrate", busy)
    # Django runs already, on the database of the tests.
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    ran = CliRunner().invoke(upgrade.command, ["--no-backup", "a test", "--json"])
    report = json.loads(ran.stdout)
    assert (ran.exit_code, report["outcome"], at_commit) == (3, "faulty", ["done"]) and schema.look().fits
    assert "abate restore" in report["back"] and "Nothing was kept" not in report["back"]
    (fault,) = [one for one in report["after"] if one["state"] == "fault"]
    assert (fault["name"], fault["what"]) == ("months and rights", "OSError: no space left")
    # What comes after the failed step is done all the same: here what came with the program waits for three people.
    assert report["basis"] == ["floor: standard -> official-cn"]
    assert json.loads(Path(report["report"]).read_text(encoding="utf-8")) == report


def test_a_report_that_the_disk_does_not_take_is_said_and_not_raised(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    settings.ABATE_DATA_DIR = str(tmp_path / "full")
    report = upgrading.Report("1", clock.now(), "done")
    upgrading.keep(report)
    assert report.report is None and [one.name for one in report.after] == ["report"]


def test_every_figure_of_the_holdings_is_held_against_the_one_before(books: World) -> None:
    held = holdings.look()
    for name, value in held.document().items():
        other = replace(held, **{name: value + 1 if isinstance(value, int) else f"{value}0"})  # type: ignore[arg-type]
        assert any(one.startswith(f"{name}:") for one in holdings.apart(held, other)), name


def test_every_migration_of_ours_stays_inside_the_upgrades_transaction() -> None:
    loader = MigrationLoader(None)
    ours = [one for one in loader.disk_migrations.values() if type(one).__module__.startswith("abate.")]
    assert len(ours) > 40 and not [str(one) for one in ours if not one.atomic]
    outside = [
        str(one)
        for one in ours
        if "concurrently" in Path(sys.modules[type(one).__module__].__file__ or "").read_text().lower()
    ]
    assert not outside, outside
