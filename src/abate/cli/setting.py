"""The options by which every quantifying command chooses region, grade floor, day of the factors and
operator pack."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import GRADES, Setting
from abate.quantify.reading import MethodError

F = TypeVar("F", bound=Callable[..., Any])


def setting_options(command: F, day: str = "--on") -> F:
    """Adds --region, --on, --operator-pack and --floor; `day` is another name for --on where that is taken."""
    for option in (
        click.option(
            "--floor",
            type=click.Choice(GRADES),
            default="standard",
            show_default=True,
            help="Lowest grade of figure to compute with.",
        ),
        click.option(
            "--operator-pack",
            "operator_pack",
            metavar="FILE",
            help="The operator's own figures: a YAML file, or `demo`.",
        ),
        click.option(
            day,
            "on",
            type=click.DateTime(["%Y-%m-%d"]),
            metavar="DATE",
            help="Take factors published by this day, whatever the day of the record.",
        ),
        click.option("--region", help="Regional factors where a methodology allows them, like CN-北京."),
    ):
        command = option(command)
    return command


def data_options(command: F) -> F:
    """Adds --on DATA to a command that compares two things, and the setting with --as-of DATE for its day."""
    data = click.option(
        "--on", "data", multiple=True, type=click.Path(path_type=Path), metavar="DATA",
        help="Recorded data (CSV, JSON Lines, Parquet; repeatable): who gains, who loses, by how much.",
    )  # fmt: skip
    return data(setting_options(command, "--as-of"))


def make_setting(
    catalogue: Catalogue, region: str | None, on: datetime | None, operator_pack: str | None, floor: str
) -> Setting:
    """Ends the command with exit code 1 and the reason where the pack is refused."""
    try:
        pack = catalogue.pack(operator_pack) if operator_pack else None
    except MethodError as error:
        refuse(str(error))
    return Setting(region=region, floor=floor, pack=pack, on=on.date() if on else None)


def known_method(catalogue: Catalogue, method_id: str) -> str:
    """The id, or a usage error that names the ones there are."""
    if method_id not in catalogue.methods:
        raise click.UsageError(
            f"There is no methodology {method_id!r}. Known: {', '.join(catalogue.methods)}"
        )
    return method_id


def refuse(message: str) -> Any:
    """Exit code 1: refused with a reason."""
    click.echo(message, err=True)
    sys.exit(1)
