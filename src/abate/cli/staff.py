"""`abate staff`: the first people of an empty system, signing in on the command line, and who works here."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import click

from abate.cli.deciding import acting, data_dir_option, propose, run, session_file, why_option


@click.group()
def command() -> None:
    """Open the system, sign in, and propose accounts and roles. Prints JSON."""


def first_people(file: Path) -> list[Any]:
    """The first people out of a CSV file. Raises UsageError where it has not its columns."""
    from abate.platform.review.opening import First  # lazy: models exist once Django has started

    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or {"identity", "roles"} - set(rows[0]):
        raise click.UsageError(f"{file} needs the columns identity and roles (roles parted by spaces)")
    return [First(row["identity"].strip(), tuple(row["roles"].split())) for row in rows]


@command.command()
@click.argument("people", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
def bootstrap(people: Path, data_dir: Path) -> None:
    """Open the empty system with the people of FILE (CSV: identity, roles), once; prints a sign-in link for each.

    At least a security administrator, and three different people for entry, check and approve. Identity numbers are
    kept as keyed digests only; delete the file. From then on every account and role goes through three people.
    """

    def work() -> list[dict[str, object]]:
        from abate.platform.review import actions, opening, queries  # lazy: Django has started by now

        found = opening.open_system(first_people(people))
        return [
            {"account": user.handle, "roles": queries.roles(user), "link": actions.issue_link(user)}
            for user in found
        ]

    run(data_dir, work)


# A link may begin with a dash.
@command.command("sign-in", context_settings={"ignore_unknown_options": True})
@click.argument("link")
@data_dir_option
def sign_in(link: str, data_dir: Path) -> None:
    """Sign in with your own single-use LINK (the address or its last part); the session lasts as on the pages."""

    def work() -> dict[str, object]:
        from django.contrib.auth import login  # lazy: Django has started by now
        from django.contrib.sessions.backends.db import SessionStore  # lazy: as above
        from django.http import HttpRequest  # lazy: as above

        from abate.platform.review import actions, queries  # lazy: as above

        user = actions.use_link(link.rstrip("/").rsplit("/", 1)[-1])
        request = HttpRequest()
        request.session = SessionStore()
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        request.session.save()
        _write(request.session.session_key or "")
        return {"account": user.handle, "roles": queries.roles(user)}

    run(data_dir, work)


def _write(key: str) -> None:
    """Into a file that only its owner reads."""
    file = session_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(key + "\n")


@command.command("sign-out")
@data_dir_option
def sign_out(data_dir: Path) -> None:
    """End the session of this command line."""

    def work() -> dict[str, object]:
        from django.contrib.sessions.backends.db import SessionStore  # lazy: Django has started by now

        user = acting()
        SessionStore(session_file().read_text(encoding="ascii").strip()).flush()
        session_file().unlink(missing_ok=True)
        return {"account": user.handle, "signed_out": True}

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
@click.argument("account")
@data_dir_option
def link(account: str, data_dir: Path) -> None:
    """Make a single-use sign-in link, good for a day, for the holder of ACCOUNT. It is shown this once."""

    def work() -> dict[str, object]:
        from abate.platform.review import actions, queries  # lazy: models exist once Django has started
        from abate.platform.review.errors import AccountUnknown  # lazy: as above

        user = queries.staff(account)
        if user is None:
            raise AccountUnknown(account[:40])
        return {"account": account, "link": actions.issue_link(user)}

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

        return propose("staff.enrol", {"holder": keyring().identity_hmac(identity.strip()).hex()}, why)

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
