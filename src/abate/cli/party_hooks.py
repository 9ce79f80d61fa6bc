"""`abate party hook`: where a partner is told of its events, the log of what it was told, and telling it again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from abate.cli import deciding, installation
from abate.cli.party_keys import span
from abate.platform.doors.errors import Problem


@click.group("hook")
def command() -> None:
    """Tell a partner of its events by webhooks. On live sign in first: `abate staff sign-in`."""


def _by_somebody(*, sandbox: bool) -> None:
    """On live a system administrator answers for it; in the sandbox nothing is anybody's.

    Raises NotSignedIn, SecondFactorMissing, PasswordTooOld, ProofNeeded, NoRight.
    """
    if not sandbox:
        deciding.entitled("add", "keys", fresh=True)


def _for_nobody(party_id: int, asked: str, *, sandbox: bool) -> None:
    """Where a partner is told is where its people's events go, and the secret is the partner's: as for collecting a key.

    Raises PartyCollects on live, where the party has people of its own.
    """
    from abate.platform.parties import collecting  # lazy: models exist once Django has started

    if not sandbox:
        collecting.require_nobody(party_id, asked)


@command.command()
@click.argument("code")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Such as event.credited; repeat. By default all.")
@installation.as_json
@installation.sandbox
@installation.data_dir
def add(code: str, url: str, kinds: tuple[str, ...], as_json: bool, sandbox: bool, data_dir: Path) -> None:
    """Tell the partner CODE at URL (https); the secret is shown this once.

    On live only for a party without people of its own: others do it on their page.
    """
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import queries, webhooks  # lazy: models exist once Django has started

    try:
        _by_somebody(sandbox=sandbox)
        party = queries.party(code)
        _for_nobody(party.pk, code, sandbox=sandbox)
        number, secret = webhooks.add_endpoint(party, url, kinds or webhooks.KINDS)
    except Problem as problem:
        installation.refuse(problem)
    told = {"webhook": number, "secret": secret}
    click.echo(json.dumps(told) if as_json else f"webhook  {number}\nsecret   {secret}")


@command.command()
@click.argument("webhook", type=int)
@click.option(
    "--overlap", default="24h", show_default=True, help="How long messages are signed with both secrets."
)
@installation.sandbox
@installation.data_dir
def rotate(webhook: int, overlap: str, sandbox: bool, data_dir: Path) -> None:
    """Give WEBHOOK a new secret, shown this once. On live as `add`."""
    both = span(overlap)
    if both is None:
        raise click.BadParameter(f"{overlap} is no span such as 24h or 7d", param_hint="--overlap")
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import webhooks  # lazy: models exist once Django has started

    try:
        _by_somebody(sandbox=sandbox)
        _for_nobody(webhooks.party_of(webhook), str(webhook), sandbox=sandbox)
        click.echo(webhooks.rotate_secret(webhook, overlap=both))
    except Problem as problem:
        installation.refuse(problem)


@command.command()
@click.argument("webhook", type=int)
@installation.sandbox
@installation.data_dir
def end(webhook: int, sandbox: bool, data_dir: Path) -> None:
    """Tell nothing more at WEBHOOK. On live as `add`."""
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import webhooks  # lazy: models exist once Django has started

    try:
        _by_somebody(sandbox=sandbox)
        _for_nobody(webhooks.party_of(webhook), str(webhook), sandbox=sandbox)
        webhooks.end_endpoint(webhook)
    except Problem as problem:
        installation.refuse(problem)
    click.echo(f"Ended {webhook}.")


@command.command("list")
@click.argument("code")
@installation.sandbox
@installation.data_dir
def list_(code: str, sandbox: bool, data_dir: Path) -> None:
    """List where the partner CODE is told."""
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import queries, webhooks  # lazy: models exist once Django has started

    try:
        rows = webhooks.endpoints(queries.party(code).pk)
    except Problem as problem:
        installation.refuse(problem)
    for row in rows:
        click.echo(f"{row.pk}  {'ended' if row.ended_at else 'live'}  {row.url}  {' '.join(row.kinds)}")


@command.command()
@click.argument("code")
@installation.as_json
@installation.sandbox
@installation.data_dir
def log(code: str, as_json: bool, sandbox: bool, data_dir: Path) -> None:
    """Show the newest messages to the partner CODE and what became of them."""
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import queries, webhooks  # lazy: models exist once Django has started

    try:
        rows = webhooks.messages(queries.party(code).pk)
    except Problem as problem:
        installation.refuse(problem)
    for row in rows:
        told = {"message": row.id, "webhook": row.endpoint_id, "kind": row.kind, "state": row.state,
                "tries": row.tries, "status": row.status, "said": row.said}  # fmt: skip
        click.echo(json.dumps(told) if as_json else "  ".join(str(value) for value in told.values()))


@command.command()
@click.argument("message", type=int)
@installation.sandbox
@installation.data_dir
def resend(message: int, sandbox: bool, data_dir: Path) -> None:
    """Tell MESSAGE again; the server carries it within seconds."""
    installation.start(data_dir, sandbox=sandbox)
    from abate.platform.parties import webhooks  # lazy: models exist once Django has started

    try:
        _by_somebody(sandbox=sandbox)
        webhooks.send_again(message)
    except Problem as problem:
        installation.refuse(problem)
    click.echo(f"{message} is due.")
