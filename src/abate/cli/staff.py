"""`abate staff`: the first people of an empty system, signing in on the command line, and who works here."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from abate.cli import entering
from abate.cli.deciding import data_dir_option, entitled, propose, run, why_option
from abate.platform.doors.identity_number import is_document, normal_number

NO_DOCUMENT = (
    "这不是证件号码：居民身份证 18 位且校验位正确，护照或通行证 6 至 17 位字母和数字。",
    "That is no document's number: 18 signs of a resident's card with its right check sign, or 6 to 17 letters and digits of a "
    "passport or permit.",
)


@click.group()
def command() -> None:
    """Open the system, sign in, and propose accounts and roles. Prints JSON."""


for one in (entering.sign_in, entering.password, entering.sign_out, entering.link):
    command.add_command(one)


def document_number(typed: str, where: str = "") -> str:
    """An identity number as it was typed. Raises UsageError where it can be no document's: mistyped, its holder would be a
    stranger to every later check of who is who."""
    if not is_document(normal_number(typed)):
        raise click.UsageError(f"{where}{NO_DOCUMENT[0]} {NO_DOCUMENT[1]}")
    return typed


def first_people(file: Path) -> list[Any]:
    """The first people out of a CSV file. Raises UsageError where it has not its columns, a line has others, or a number is no
    document's."""
    from abate.platform.review.opening import First  # lazy: models exist once Django has started

    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    # A role behind a comma is a column that there is not: it was lost without a word.
    if not rows or {"identity", "roles"} - set(rows[0]) or any(None in (*row, *row.values()) for row in rows):
        raise click.UsageError(
            f"{file} 须有 identity 和 roles 两列，各行字段数与表头一致；一人的多个角色以空格分隔。"
            f"{file} needs the columns identity and roles, and each line as many fields as the first; "
            "several roles of one person are parted by spaces."
        )
    return [
        First(document_number(row["identity"].strip(), f"{file}:{line}: "), tuple(row["roles"].split()))
        for line, row in enumerate(rows, 2)
    ]


@command.command()
@click.argument("people", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
def bootstrap(people: Path, data_dir: Path) -> None:
    """Open the empty system with the people of FILE (CSV: identity, roles), once; prints a sign-in link for each.

    At least a security administrator, and three different people for entry, check and approve; several roles of one
    person are parted by spaces. Identity numbers are kept as keyed digests only; delete the file. From then on every
    account and role goes through three people.
    """

    def work() -> list[dict[str, object]]:
        from abate.platform.review import opening  # lazy: Django has started by now

        return opening.with_links(first_people(people))

    run(data_dir, work)


@command.command("list")
@data_dir_option
def list_(data_dir: Path) -> None:
    """List the accounts of the staff and their roles."""

    def work() -> list[dict[str, object]]:
        from abate.platform.review import queries  # lazy: models exist once Django has started

        return queries.accounts()

    run(data_dir, work)


@command.command()
@click.option(
    "--identity", prompt="Identity number", hide_input=True, help="Kept nowhere; asked for if not given."
)
@why_option
@data_dir_option
def enrol(identity: str, why: str, data_dir: Path) -> None:
    """Propose an account for somebody of the staff."""

    def work() -> dict[str, object]:
        from abate.platform.doors.keyring import keyring  # lazy: needs Django's settings

        holder = keyring().number_hmac(document_number(identity)).hex()
        return propose("staff.enrol", {"holder": holder}, why)

    run(data_dir, work)


@command.command()
@data_dir_option
def sessions(data_dir: Path) -> None:
    """List the accounts of the staff and of parties that are signed in now, as a security administrator."""

    def work() -> list[dict[str, object]]:
        from abate.platform.signin import ending  # lazy: models exist once Django has started

        entitled("view", "sessions", field="rows")
        return [asdict(one) for one in ending.open_accounts()]

    run(data_dir, work)


@command.command("end-sessions")
@click.argument("account")
@click.option("--why", default="", help="Why; needed, and read by whose sessions they are.")
@data_dir_option
def end_sessions(account: str, why: str, data_dir: Path) -> None:
    """End every session of ACCOUNT (a handle, or a person's pseudonym) at once, without closing it.

    One security administrator is enough, who is signed in and has shown the second factor only minutes ago.
    """

    def work() -> dict[str, object]:
        from abate.platform.people import queries as people  # lazy: models exist once Django has started
        from abate.platform.signin import ending  # lazy: as above

        user = entitled("delete", "sessions", fresh=True)
        return {"account": account, "ended": ending.end_all(user, people.user_of(account), why)}

    run(data_dir, work)


@command.command()
@click.argument("account")
@click.argument("role")
@why_option
@data_dir_option
def grant(account: str, role: str, why: str, data_dir: Path) -> None:
    """Propose that ACCOUNT gets ROLE."""
    run(data_dir, lambda: propose("role.grant", {"account": account, "role": role}, why))


@command.command()
@click.argument("account")
@click.argument("role")
@why_option
@data_dir_option
def withdraw(account: str, role: str, why: str, data_dir: Path) -> None:
    """Propose that ROLE is taken back from ACCOUNT."""
    run(data_dir, lambda: propose("role.withdraw", {"account": account, "role": role}, why))


@command.command()
@click.argument("account")
@why_option
@data_dir_option
def close(account: str, why: str, data_dir: Path) -> None:
    """Propose that ACCOUNT is closed."""
    run(data_dir, lambda: propose("staff.close", {"account": account}, why))
