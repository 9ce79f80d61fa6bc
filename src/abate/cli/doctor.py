"""`abate doctor`: name each misconfiguration with its remedy."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
import django

from abate.platform.doors import database, logins, settings_file
from abate.platform.doors.errors import SetupError

MARKS = {"ok": "ok     ", "warning": "WARNING", "fault": "FAULT  "}


@click.command()
@click.option("--data-dir", envvar="ABATE_DATA_DIR", default=".abate", show_default=True, type=Path)
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
def command(data_dir: Path, lang: str, as_json: bool) -> None:
    """Look at the installation without changing it. Exit code 1 where something must be mended."""
    if not data_dir.exists():
        click.echo(f"Error: there is no data folder at {data_dir}.\n  Nothing has been set up there yet.\n  Run `abate "
                   "setup` (for a trial `abate serve` or `abate demo`), or name it with --data-dir.", err=True)  # fmt: skip
        sys.exit(1)
    os.environ["ABATE_DATA_DIR"] = str(data_dir.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
    try:
        settings_file.load(data_dir)
        database.require(data_dir)
        os.environ["DATABASE_URL"], os.environ[logins.OWNER] = database.urls(data_dir.resolve())
        django.setup()
        from abate.platform.config import doctor  # lazy: needs Django set up

        findings = doctor.examine()
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps([f.document() for f in findings], ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            name, what, remedy = finding.said(lang)
            click.echo(f"{MARKS[finding.state]} {name}{'：' if lang == 'zh' else ': '}{what}")
            if remedy:
                click.echo(f"        {remedy}")
    sys.exit(any(f.state == "fault" for f in findings))
