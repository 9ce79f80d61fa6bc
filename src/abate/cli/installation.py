"""What commands on an installation have in common: where its data is, how it starts, how a refusal is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from abate.platform.doors import secret_file
from abate.platform.doors.errors import Problem, SetupError

data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
sandbox = click.option(
    "--sandbox", is_flag=True, help="The sandbox beside this installation, not the live one."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class NewFile(click.Path):
    """A file that is to be made: where one is there already, or a link of its name, it is refused."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if os.path.lexists(path):
            self.fail(f"{path} is there already; name a file that is not", param, ctx)
        return path


def give_out(file: Path, lines: Iterable[str]) -> int:
    """Write `lines` into the new `file`, whole or not at all, read by its owner alone; how many. Raises SetupError."""
    try:
        return secret_file.write_pieces(file, lines)
    except OSError as fault:
        raise SetupError("list-not-written", file=file, strerror=fault.strerror) from None


def start(folder: Path, *, sandbox: bool = False) -> None:
    """Bring the installation's Django up, or end with what is wrong with it."""
    from abate.platform.config import setup  # lazy: `--help` must not start Django

    try:
        setup.environment(folder, sandbox=sandbox)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def refuse(problem: Problem) -> NoReturn:
    """Tell a refusal in both languages, and end."""
    detail = f" ({problem.detail})" if problem.detail else ""
    click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
    click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)
