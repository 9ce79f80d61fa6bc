"""`abate upgrade`: the books under a newer program, checked before and after, or left as they were."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import click

from abate.cli import installation
from abate.cli.reconcile import report as reconcile
from abate.platform.doors.errors import SetupError

MARKS = {"ok": "ok     ", "warning": "WARNING", "fault": "FAULT  "}
OUTCOMES = {
    "done": ("升级完成。", "Upgraded."),
    "faulty": ("升级已保留，但之后的检查发现故障：处理后再开始服务。",
               "The upgrade is kept, and what was looked at after it has a fault: mend it before serving."),
    "current": ("无需升级：数据库与程序一致。", "Nothing to do: the database is this program's."),
    "dry-run": ("试运行：没有改动任何东西。", "Dry run: nothing was changed."),
    "refused": ("拒绝升级：请先处理上面的问题；没有改动任何东西。",
                "Refused: mend what is named above first. Nothing was changed."),
    "failed": ("升级失败。", "The upgrade failed."),
}  # fmt: skip
EXITS = {"refused": 1, "failed": 1, "faulty": 3}
"""Exit codes of outcomes that are not 0; 2 is that of a command line that cannot be read."""


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Look at everything before, list the migrations, change nothing."
)
@click.option(
    "--no-backup",
    "without_backup",
    default="",
    metavar="REASON",
    help="Go on without a copy of today, and say why.",
)
@installation.sandbox
@installation.data_dir
@installation.as_json
def command(dry_run: bool, without_backup: str, sandbox: bool, data_dir: Path, as_json: bool) -> None:
    """Bring the installation to this program: check, migrate, check again; all of it or nothing.

    Stop the server and every job first. Exit code 1 where it was refused or failed: then the books and their schema are
    as they were. Exit code 3 where it is kept, and what is looked at afterwards has a fault: mend that before serving.
    Methodologies and factors that came with the program are put in force by three people afterwards.
    """
    from abate.platform.config import setup  # lazy: `--help` must not start Django

    try:
        setup.environment(data_dir, sandbox=sandbox)
        os.environ.pop("ABATE_DB_ROLE", None)
        import django  # lazy: as above

        django.setup()
        from abate.platform.config import upgrading  # lazy: Django has started by now
        from abate.platform.doors import logins  # lazy: as above
        from abate.platform.review import audit  # lazy: as above

        with logins.as_owner(), audit.acting(lambda: audit.Actor(via="command")):
            logins.require_owner()
            report = upgrading.run(
                dry_run=dry_run,
                without_backup=without_backup,
                wait=threading.Event().wait,
                reconcile=reconcile,
            )
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    document = report.document()
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        _tell(document)
    sys.exit(EXITS.get(report.outcome, 0))


def _tell(document: dict) -> None:
    for heading, name in (("升级前 before", "before"), ("升级后 after", "after")):
        if document[name]:
            click.echo(heading)
        for one in document[name]:
            name, what, remedy = one["zh"]
            click.echo(f"  {MARKS[one['state']]} {name}：{what}{remedy}")
            click.echo(f"          {one['name']}: {one['what']} {one['remedy']}".rstrip())
    held = document["holdings"]
    if held:
        click.echo(f"持有 held: {held['people_mg']:,} mg, {held['people_credits']:,} credits, {held['people']:,} accounts, "
                   f"{held['entries']:,} entries, {held['events']:,} events; "
                   f"log {held['head_size']:,} {held['head_root'][:16]}")  # fmt: skip
    for one in document["apart"]:
        click.echo(f"  与之前不同 not as before: {one}")
    zh, en = OUTCOMES[document["outcome"]]
    click.echo(f"{zh} {en} {document['back']}".rstrip())
    if document["basis"]:
        click.echo("随程序而来的方法学、因子或设置尚未生效，三人批准 basis.adopt 之前不受理计量。")
        click.echo(
            "What quantities rest on came anew with the program: until three people approve it, nothing is quantified."
        )
        for one in document["basis"][:20]:
            click.echo(f"  {one}")
        click.echo(f'  ({len(document["basis"])})  abate proposals make basis.adopt --why "..."')
    if document["report"]:
        click.echo(document["report"])
