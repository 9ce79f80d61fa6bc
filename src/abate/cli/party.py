"""`abate party`: propose partners and their limits; the first event in the sandbox, where one person acts alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from abate.cli import deciding, installation, party_check, party_hooks, party_joining, party_keys
from abate.platform.doors.errors import Problem


@click.group()
def command() -> None:
    """Propose a partner, its keys and its limits: three people decide. In the sandbox it is done at once."""


command.add_command(party_keys.command)
command.add_command(party_hooks.command)
command.add_command(party_check.command, "check")
for one_ in party_joining.COMMANDS:
    command.add_command(one_)


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
@deciding.why_option
@installation.sandbox
@installation.data_dir
def create(
    code: str,
    title_zh: str,
    title_en: str,
    kind: str,
    behaviours: tuple[str, ...],
    why: str,
    sandbox: bool,
    data_dir: Path,
) -> None:
    """Propose the partner CODE, made up for a demo or a sandbox and marked so. A real one applies (`abate party apply`)."""
    given = {
        "code": code,
        "kind": kind,
        "title_zh": title_zh,
        "title_en": title_en,
        "behaviours": list(behaviours),
        "made_up": True,
    }
    deciding.change(data_dir, "party.create", given, why, sandbox=sandbox)


def _status(name: str) -> None:
    """The commands that suspend a party and let it in again."""
    words = {
        "suspend": "Propose that no token of the partner CODE is accepted any more.",
        "resume": "Propose to let the suspended partner CODE in again.",
    }

    @command.command(name, help=words[name])
    @click.argument("code")
    @deciding.why_option
    @installation.sandbox
    @installation.data_dir
    def status(code: str, why: str, sandbox: bool, data_dir: Path) -> None:
        deciding.change(data_dir, f"party.{name}", {"code": code}, why, sandbox=sandbox)


for one in ("suspend", "resume"):
    _status(one)


@command.command()
@click.argument("code")
@click.option("--requests-per-minute", type=int, help="Of all its keys together; none: no limit.")
@click.option("--events-per-day", type=int, help="Within 24 hours; none: no limit.")
@deciding.why_option
@installation.sandbox
@installation.data_dir
def limit(
    code: str,
    requests_per_minute: int | None,
    events_per_day: int | None,
    why: str,
    sandbox: bool,
    data_dir: Path,
) -> None:
    """Propose what the partner CODE may ask for; what is not named is without limit."""
    given = {"code": code, "requests_per_minute": requests_per_minute, "events_per_day": events_per_day}
    deciding.change(data_dir, "party.limits", given, why, sandbox=sandbox)


@command.command("try")
@click.argument("code")
@click.option(
    "--behaviour", "behaviours", multiple=True, help="What it sends; by default online-meeting and walking."
)
@installation.as_json
@installation.data_dir
def try_(code: str, behaviours: tuple[str, ...], as_json: bool, data_dir: Path) -> None:
    """Let the partner CODE into the sandbox: a key, three made-up people, and a command to copy.

    The partner is made there if it is not yet; `abate serve --sandbox` serves it.
    """
    installation.start(data_dir, sandbox=True)
    from abate.platform.joining import trying  # lazy: models exist once Django has started

    try:
        made = trying.let_in(code, behaviours or trying.BEHAVIOURS)
    except Problem as problem:
        installation.refuse(problem)
    if as_json:
        click.echo(json.dumps(asdict(made)))
        return
    click.echo(f"A key of the sandbox for {code}. Copy this into a shell, and the first event is booked:\n")
    click.echo(made.first)
    click.echo(f"Then try everything, with the people of the sandbox as {code} knows them:\n")
    click.echo(made.check)


@command.command()
@click.argument("code")
@installation.data_dir
def invite(code: str, data_dir: Path) -> None:
    """Let somebody look after the partner CODE on its page of the sandbox; prints a link that works once, within a day."""
    installation.start(data_dir, sandbox=True)
    from abate.platform.joining import trying  # lazy: models exist once Django has started

    try:
        click.echo(trying.invite(code))
    except Problem as problem:
        installation.refuse(problem)


@command.command("list")
@installation.as_json
@installation.sandbox
@installation.data_dir
def list_(as_json: bool, sandbox: bool, data_dir: Path) -> None:
    """List the partners and what each may send."""
    installation.start(data_dir, sandbox=sandbox)
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
