"""`abate party check`: whether a partner's side is ready, tried in the sandbox."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from abate.client import Client, Key, Refusal, Signer, Unreachable
from abate.client.conformance import Kit, Maker
from abate.quantify import catalogue
from abate.quantify.sample import sample


@click.command()
@click.argument("url")
@click.option("--party", required=True, help="The partner's code.")
@click.option("--key", envvar="ABATE_KEY", help="CLIENT_ID:SECRET of the sandbox; better in ABATE_KEY.")
@click.option(
    "--subject", "subjects", multiple=True, required=True, help="A person of the sandbox; repeat for more."
)
@click.option(
    "--behaviour",
    "behaviours",
    multiple=True,
    help="A behaviour that it sends: tried with records of it; repeat for more.",
)
@click.option("--sign-with", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A private key in PEM: sign every request.")  # fmt: skip
@click.option("--keyid", help="The keyid that registering its public half gave.")
@click.option("--report", "report_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Where all passed, write what the sandbox signs of it here, to hand in when joining.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    url: str,
    party: str,
    key: str | None,
    subjects: tuple[str, ...],
    behaviours: tuple[str, ...],
    sign_with: Path | None,
    keyid: str | None,
    report_file: Path | None,
    as_json: bool,
) -> None:
    """Send good, bad, repeated and reordered events to the sandbox at URL; print what passed.

    Exit 0: everything passed; 1: something did not.
    """
    client_id, _, secret = (key or "").partition(":")
    if (sign_with is None) != (keyid is None) or not (key or sign_with):
        raise click.UsageError("Give --key, or --sign-with and --keyid, or all three.")
    if not (client_id or keyid or "").startswith("sandbox-"):
        raise click.UsageError("This is no key of a sandbox: the events would be booked to real people.")
    signer = Signer(keyid, sign_with.read_bytes()) if sign_with and keyid else None
    client = Client(url, party, Key(client_id, secret) if key else None, signer=signer)
    failed, told = 0, []
    kit = Kit(client, subjects, own=_own(behaviours))
    try:
        for line in kit.lines():
            failed += not line.passed
            told.append(line.as_data())
            if not as_json:
                mark = "PASS" if line.passed else "FAIL"
                more = "" if line.passed else f"\n      expected {line.expected}; came {line.found}"
                more += f"\n      {line.todo[0]} / {line.todo[1]}" if line.todo else ""
                click.echo(f"{mark}  {line.name}: {line.what[0]} / {line.what[1]}{more}")
        if report_file is not None and not failed:
            report_file.write_bytes(_signed(client, kit.run, told))
    except (Unreachable, Refusal) as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{len(told) - failed} of {len(told)} passed")
    sys.exit(1 if failed else 0)


def _own(behaviours: tuple[str, ...]) -> dict[str, Maker]:
    """What makes records of each. Refuses a behaviour that no methodology is about."""
    known = catalogue.load()
    if unknown := sorted(set(behaviours) - set(known.methods)):
        raise click.UsageError(f"There is no behaviour {unknown[0]}; `abate methods list` lists them.")
    return {name: sample(name, known) for name in behaviours}


def _signed(client: Client, run: str, lines: list[dict[str, Any]]) -> bytes:
    """The run as the sandbox signs it, having seen it. Raises Refusal, Unreachable."""
    told = [{name: line[name] for name in ("name", "what", "expected", "found", "passed")} for line in lines]
    body = json.dumps({"run": run, "lines": told}).encode()
    reply = client.call("POST", "/v1/conformance", body, {"Content-Type": "application/json"})
    if reply.status != 200:
        raise Refusal(reply.status, reply.json())
    return reply.body
