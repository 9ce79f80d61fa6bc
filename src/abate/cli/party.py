"""`abate party`: make partners and their keys."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from abate.platform.doors.errors import Problem, SetupError

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _start(data_dir: Path) -> None:
    from abate.platform.config import setup  # lazy: `abate party --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def _refuse(problem: Problem) -> NoReturn:
    detail = f" ({problem.detail})" if problem.detail else ""
    click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
    click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
    sys.exit(1)


@click.group()
def command() -> None:
    """Make a partner and its keys."""


@command.command()
@click.argument("code")
@click.option("--title-zh", required=True, help="Its name in Chinese, as people see it.")
@click.option("--title-en", required=True, help="Its name in English.")
@click.option(
    "--kind",
    default="data_provider",
    show_default=True,
    help="What it is, such as data_provider or merchant.",
)
@click.option("--behaviour", "behaviours", multiple=True, help="A behaviour it may send; repeat for more.")
@_as_json
@_data_dir
def create(
    code: str,
    title_zh: str,
    title_en: str,
    kind: str,
    behaviours: tuple[str, ...],
    as_json: bool,
    data_dir: Path,
) -> None:
    """Make the partner CODE."""
    _start(data_dir)
    from abate.platform.parties import actions  # lazy: models exist once Django has started

    try:
        party = actions.create_party(code, kind, title_zh, title_en, behaviours)
    except Problem as problem:
        _refuse(problem)
    if as_json:
        click.echo(
            json.dumps({"code": party.code, "kind": party.kind, "behaviours": sorted(set(behaviours))})
        )
    else:
        click.echo(f"Made {party.code}. Its key: abate party client {party.code}")


@command.command()
@click.argument("code")
@_as_json
@_data_dir
def client(code: str, as_json: bool, data_dir: Path) -> None:
    """Make a key for the partner CODE; its secret is shown this once."""
    _start(data_dir)
    from abate.platform.parties import actions, queries  # lazy: models exist once Django has started

    try:
        client_id, secret = actions.issue_client(queries.party(code))
    except Problem as problem:
        _refuse(problem)
    if as_json:
        click.echo(json.dumps({"party": code, "client_id": client_id, "client_secret": secret}))
    else:
        click.echo(f"client_id      {client_id}\nclient_secret  {secret}")
        click.echo("The secret is kept as a hash only and cannot be shown again.", err=True)


@command.command()
@click.argument("client_id")
@_data_dir
def revoke(client_id: str, data_dir: Path) -> None:
    """Revoke the key CLIENT_ID and every token made with it, at once."""
    _start(data_dir)
    from abate.platform.parties import actions  # lazy: models exist once Django has started

    try:
        actions.revoke_client(client_id)
    except Problem as problem:
        _refuse(problem)
    click.echo(f"Revoked {client_id}.")


@command.command("list")
@_as_json
@_data_dir
def list_(as_json: bool, data_dir: Path) -> None:
    """List the partners and what each may send."""
    _start(data_dir)
    from abate.platform.parties import queries  # lazy: models exist once Django has started

    rows = queries.parties()
    if as_json:
        names = ("code", "kind", "title_zh", "title_en", "status", "behaviours", "made_up")
        click.echo(
            json.dumps([{name: getattr(row, name) for name in names} for row in rows], ensure_ascii=False)
        )
        return
    for row in rows:
        mark = " (made up)" if row.made_up else ""
        click.echo(f"{row.code}  {row.kind}  {row.status}  {row.title_zh} / {row.title_en}{mark}")
        click.echo(f"    {', '.join(row.behaviours) or 'may send nothing yet'}")
