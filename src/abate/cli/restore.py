"""`abate restore`: bring a database back from what `abate backup` wrote, and make it safe to open."""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime
from pathlib import Path

import click

from abate.platform.config import reopening
from abate.platform.doors import recovery, settings_file
from abate.platform.doors.errors import SetupError


class Moment(click.ParamType):
    """A second with its offset from UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write it like 2026-03-02T10:00:00+08:00.", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} does not say in which zone; write it like {value}+08:00.", param, ctx)
        return moment


NO_SETTINGS = (
    "{file} 不存在：新目录按默认设置运行（监听 127.0.0.1:8000，没有运营方名称和因子包），环境变量另有设置的除外。"
    "请把原来的 settings.env 放入（chmod 600），去掉其中的 DATABASE_URL 和 ABATE_OWNER_URL，再启动；abate doctor 会指出差异。",
    "{file} does not exist: the new folder runs on the defaults (127.0.0.1:8000, no operator name, no pack), unless the "
    "environment sets them. Put the old settings.env there (chmod 600), without its DATABASE_URL and ABATE_OWNER_URL, before "
    "you start it; `abate doctor` says what is apart.",
)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--into",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder to make; it must have no database.",
)
@click.option(
    "--to",
    type=Moment(),
    help="The moment to go back to, with its zone; without it: everything that was received.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, into: Path, to: datetime | None, as_json: bool) -> None:
    """Restore the database in FOLDER into a new data folder.

    People erased after the moment gone back to are erased again before anything is opened. A tree head that was signed
    after it is remembered, so the log signs no second history.
    """
    wait = threading.Event().wait
    try:
        reopening.take_settings(into)
        reopening.secrets_fit(into)
        base = recovery.choose(folder, to)
        with recovery.restoring(into) as beside:
            later = reopening.at_the_end(folder, beside, wait) if to is not None else None
            url = recovery.recover(folder, base, beside, to, wait=wait)
            done = reopening.make_safe(url, into, later)
    except (SetupError, OSError) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    document = {"base": base.folder.name, "into": str(into), **done}
    settings = into / settings_file.NAME
    if not settings.exists():
        document["no_settings"] = " / ".join(words.format(file=settings) for words in NO_SETTINGS)
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.echo("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in document.items()))
