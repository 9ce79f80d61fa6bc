"""`abate secrets`: the installation's master key, how it stands and its exchange. Who does that is signed in (decision 0043)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from abate.cli import deciding, installation


@click.group()
def command() -> None:
    """Show how the master key stands, exchange it or the key of sessions, forget a former master."""


@command.command()
@installation.sandbox
@installation.data_dir
def show(sandbox: bool, data_dir: Path) -> None:
    """Print the master keys' ids, ages and how many texts lie under each. No key is shown, and nobody is asked."""

    def work() -> dict[str, Any]:
        from abate.platform.config import exchanging  # lazy: models exist once Django has started

        return exchanging.show()

    deciding.run(data_dir, work, sandbox=sandbox)


@command.command("rotate-master")
@click.option(
    "--copied", is_flag=True, help="The secret file with the next key lies where its copies are: use it."
)
@installation.sandbox
@installation.data_dir
def rotate_master(copied: bool, sandbox: bool, data_dir: Path) -> None:
    """Exchange the master key while the platform runs.

    First a next key is prepared in the secret file; copy that file, then run the command with --copied: every text is
    sealed anew, and the former key is retired. Cut off anywhere, it goes on when it is run again. A security administrator
    has to be signed in and have shown the second factor only minutes ago.
    """

    def work() -> dict[str, Any]:
        from abate.platform.config import exchanging  # lazy: as above

        deciding.entitled("change", "secrets", fresh=True)
        return exchanging.exchange(copied=copied, told=_progress)

    deciding.run(data_dir, work, sandbox=sandbox)


@command.command("forget-master")
@click.argument("name", metavar="ID")
@click.option(
    "--despite-backups", is_flag=True, help="Also where base copies of before its exchange are kept."
)
@installation.sandbox
@installation.data_dir
def forget_master(name: str, despite_backups: bool, sandbox: bool, data_dir: Path) -> None:
    """Take the retired or not yet used master ID out of the secret file for ever: nothing that lies under it opens again.

    A security administrator has to be signed in and have shown the second factor only minutes ago.
    """

    def work() -> dict[str, Any]:
        from abate.platform.config import exchanging  # lazy: as above

        deciding.entitled("delete", "secrets", fresh=True)
        return exchanging.forget(name, despite_backups=despite_backups, told=_progress)

    deciding.run(data_dir, work, sandbox=sandbox)


@command.command()
@click.argument("place")
@click.argument("number", metavar="ID")
@click.option("--why", required=True, help="Why it is held for lost; the trail keeps it.")
@installation.sandbox
@installation.data_dir
def settle(place: str, number: str, why: str, sandbox: bool, data_dir: Path) -> None:
    """Say that the spoilt text of row ID at PLACE is lost.

    `abate secrets show` lists spoilt texts, such as `people_recovery.contact_enc 7`. One that is settled holds up no exchange
    and is warned of no more; its row stays, and the text behind a mark. A security administrator has to be signed in and
    have shown the second factor only minutes ago.
    """

    def work() -> dict[str, Any]:
        from abate.platform.config import exchanging  # lazy: as above

        deciding.entitled("delete", "secrets", fresh=True)
        return exchanging.settle(place, number, why)

    deciding.run(data_dir, work, sandbox=sandbox)


@command.command("rotate-django")
@click.option(
    "--leaked", is_flag=True, help="The key of now is trusted no more: every session and link ends."
)
@installation.sandbox
@installation.data_dir
def rotate_django(leaked: bool, sandbox: bool, data_dir: Path) -> None:
    """Exchange the key that signs sessions, forms and links; start Abate again afterwards.

    What the key of now signed holds on until the next exchange. A security administrator has to be signed in and have
    shown the second factor only minutes ago.
    """

    def work() -> dict[str, Any]:
        from abate.platform.config import exchanging  # lazy: as above

        deciding.entitled("change", "secrets", fresh=True)
        return exchanging.exchange_django(leaked=leaked)

    deciding.run(data_dir, work, sandbox=sandbox)


def _progress(place: str, rows: int) -> None:
    click.echo(f"{place}: {rows}", err=True)
