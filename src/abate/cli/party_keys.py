"""`abate party key`: the keys of a party, each with its label, scopes, networks, limit and time.

Making, rotating and changing one takes three people; revoking takes one, signed in, at once.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from abate.cli import deciding, installation
from abate.platform.doors.errors import Problem, SetupError

_label = click.option("--label", default="", help="What it is for, such as the name of a server.")
_addresses = click.option(
    "--address", "addresses", multiple=True, help="A network it may be used from (CIDR); repeat."
)
_limit = click.option("--requests-per-minute", type=int, help="Below the party's own limit; none: only that.")


def span(text: str) -> timedelta | None:
    """So many hours or days such as `24h` or `7d`; None for another text."""
    count = text[:-1]
    if not (count.isascii() and count.isdigit() and len(count) < 6 and text[-1] in "hd"):
        return None
    return timedelta(hours=int(count) * (24 if text[-1] == "d" else 1))


def moment(text: str | None) -> datetime | None:
    """A moment in RFC 3339, or so many hours or days from now such as `24h` or `7d`."""
    if text is None:
        return None
    if (within := span(text)) is not None:
        return datetime.now(UTC) + within
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text} is no moment such as 2026-12-31T00:00:00+08:00, 24h or 7d"
        ) from None
    if found.tzinfo is None:
        raise click.BadParameter(f"{text} needs its offset, such as +08:00")
    return found


def _iso(at: datetime | None) -> str | None:
    return at and at.isoformat()


@click.group("key")
def command() -> None:
    """Make, list, rotate, change and revoke the keys of a partner."""


@command.command()
@click.argument("code")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="events, log or sharing; by default what its kind of party needs.",
)
@click.option("--expires", help="Until when it is good: RFC 3339, 24h or 7d.")
@_label
@_addresses
@_limit
@deciding.why_option
@installation.sandbox
@installation.data_dir
def new(code: str, scopes: tuple[str, ...], expires: str | None, why: str, sandbox: bool, data_dir: Path,
        **conditions: Any) -> None:  # fmt: skip
    """Propose a key for the partner CODE, which collects it on its page once it is approved: nobody else sees the secret."""
    given = {
        "code": code,
        "scopes": list(scopes) or None,
        "expires_at": _iso(moment(expires)),
        **conditions,
        "addresses": list(conditions["addresses"]),
    }
    deciding.change(data_dir, "party.client", given, why, sandbox=sandbox)


@command.command()
@click.argument("code")
@click.option("--redirect", "redirects", multiple=True, required=True,
              help="Where people may be sent back to, letter by letter; repeat for more.")  # fmt: skip
@_label
@deciding.why_option
@installation.sandbox
@installation.data_dir
def binding(
    code: str, redirects: tuple[str, ...], label: str, why: str, sandbox: bool, data_dir: Path
) -> None:
    """Propose a key with which the app of CODE asks people to bind their accounts (OpenID Connect)."""
    given = {"code": code, "redirects": list(redirects), "label": label}
    deciding.change(data_dir, "party.binding", given, why, sandbox=sandbox)


@command.command()
@click.argument("client_id")
@click.option(
    "--overlap",
    default="7d",
    show_default=True,
    help="How long the old one stays good once the new one is collected: 24h or 7d.",
)
@deciding.why_option
@installation.sandbox
@installation.data_dir
def rotate(client_id: str, overlap: str, why: str, sandbox: bool, data_dir: Path) -> None:
    """Propose the successor of the key CLIENT_ID. The old key ends so long after its party has collected the new one."""
    within = span(overlap)
    if within is None:
        raise click.BadParameter(f"{overlap} is no time such as 24h or 7d")
    given = {"client_id": client_id, "overlap_hours": within // timedelta(hours=1)}
    deciding.change(data_dir, "party.rotate", given, why, sandbox=sandbox)


@command.command()
@click.argument("client_id")
@click.argument("file", type=installation.NewFile())
@installation.data_dir
def collect(client_id: str, file: Path, data_dir: Path) -> None:
    """Collect the approved key CLIENT_ID of a party without people of its own into FILE, for its adapter to read.

    A system administrator has to be signed in and have shown the second factor only minutes ago. FILE must not be there;
    only its owner reads it, and the secret stands nowhere else. A party that has people of its own collects its keys
    itself, on its page.
    """

    def work() -> dict[str, object]:
        from django.db import Error  # lazy: as `deciding.run`

        from abate.platform.doors import secret_file  # lazy: as above
        from abate.platform.parties import collecting  # lazy: models exist once Django has started

        user, kept = deciding.entitled("add", "keys", fresh=True), []

        def keep(client_id: str, client_secret: str) -> None:
            text = json.dumps({"client_id": client_id, "client_secret": client_secret})
            try:
                secret_file.write_new(file, text)
            except OSError as fault:
                raise SetupError("key-not-written", file=file, strerror=fault.strerror) from None
            kept.append(client_secret)

        try:
            collecting.collect_for(user, client_id, keep)
        except BaseException as fault:
            # Where only the answer was lost the key is collected, and the file has its one secret.
            if not (kept and _counts(file, client_id, kept[0]) and isinstance(fault, Error)):
                raise
        return {"client_id": client_id, "file": str(file)}

    deciding.run(data_dir, work)


def _counts(file: Path, client_id: str, secret: str) -> bool:
    """Whether the secret in `file` is the key's after all; where it is certainly not, the file goes."""
    from django.db import Error  # lazy: as `deciding.run`

    from abate.platform.parties import collecting  # lazy: models exist once Django has started

    try:
        good = collecting.counts(client_id, secret)
    except Error:
        raise SetupError("key-collected-unknown", client_id=client_id, file=file) from None
    if not good:
        file.unlink(missing_ok=True)
    return good


@command.command()
@click.argument("client_id")
@click.option("--expires", help="Until when it is good: RFC 3339, 24h or 7d; none: for good.")
@_label
@_addresses
@_limit
@deciding.why_option
@installation.sandbox
@installation.data_dir
def change(
    client_id: str, expires: str | None, why: str, sandbox: bool, data_dir: Path, **conditions: Any
) -> None:
    """Propose other conditions for the key CLIENT_ID; what is not named is taken off."""
    given = {
        "client_id": client_id,
        "expires_at": _iso(moment(expires)),
        **conditions,
        "addresses": list(conditions["addresses"]),
    }
    deciding.change(data_dir, "party.conditions", given, why, sandbox=sandbox)


@command.command()
@click.argument("client_id")
@click.option("--why", default="", help="Why; on live it is needed, and kept with the key.")
@installation.sandbox
@installation.data_dir
def revoke(client_id: str, why: str, sandbox: bool, data_dir: Path) -> None:
    """Revoke the key CLIENT_ID and every token made with it, at once.

    On live one person is enough: a security administrator or somebody who proposes keys, who is signed in
    (`abate staff sign-in`) and has shown the second factor only minutes ago.
    """
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import actions, revoking  # lazy: models exist once Django has started

    try:
        if sandbox:
            actions.revoke_client(client_id, why=why)
        else:
            revoking.revoke(deciding.entitled("delete", "keys", fresh=True), client_id, why)
    except Problem as problem:
        installation.refuse(problem)
    click.echo(f"Revoked {client_id}.")


@command.command()
@click.argument("client_id")
@click.argument("public_key", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--only",
    "must_sign",
    is_flag=True,
    help="From now on refuse the key's tokens: it signs, or says nothing.",
)
@deciding.why_option
@installation.sandbox
@installation.data_dir
def sign(client_id: str, public_key: Path, must_sign: bool, why: str, sandbox: bool, data_dir: Path) -> None:
    """Propose that the key CLIENT_ID signs its requests (RFC 9421) with the private half of PUBLIC_KEY, a PEM file.

    The approval tells the keyid to sign under.
    """
    given = {"client_id": client_id, "pem": public_key.read_text(errors="replace"), "must_sign": must_sign}
    deciding.change(data_dir, "party.sign", given, why, sandbox=sandbox)


@command.command()
@click.argument("key_id")
@installation.sandbox
@installation.data_dir
def unsign(key_id: str, sandbox: bool, data_dir: Path) -> None:
    """Refuse signatures under KEY_ID from now on. On live as `revoke`, without a reason."""
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import actions  # lazy: models exist once Django has started

    try:
        if not sandbox:
            deciding.entitled("delete", "keys", fresh=True)
        actions.revoke_public_key(key_id)
    except Problem as problem:
        installation.refuse(problem)
    click.echo(f"Revoked {key_id}.")


@command.command("list")
@click.argument("code")
@installation.as_json
@installation.sandbox
@installation.data_dir
def list_(code: str, as_json: bool, sandbox: bool, data_dir: Path) -> None:
    """List the keys of the partner CODE, the newest first, with the networks that each may be used from.

    On live for who may view keys, signed in (`abate staff sign-in`); who is not shown the networks is shown how many they are.
    """
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import queries  # lazy: models exist once Django has started
    from abate.platform.review import rights  # lazy: as above

    try:
        whole = sandbox or rights.sees(deciding.entitled("view", "keys"), "keys", "addresses")
        rows = queries.keys(queries.party(code).pk)
    except Problem as problem:
        installation.refuse(problem)
    told = [(row, row.as_data() | ({} if whole else {"addresses": len(row.addresses)})) for row in rows]
    if as_json:
        click.echo(json.dumps([data for _, data in told], ensure_ascii=False))
        return
    for row, data in told:
        networks = ", ".join(row.addresses) if whole else f"{len(row.addresses)} networks"
        click.echo(f"{row.client_id}  {row.state}  {row.label or '-'}  {' '.join(row.scopes)}")
        click.echo(
            f"    from {networks if row.addresses else 'anywhere'}; expires {data['expires_at'] or 'never'}; "
            f"last used {data['last_used_on'] or 'never'}"
        )
