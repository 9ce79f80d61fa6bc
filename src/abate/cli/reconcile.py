"""`abate reconcile`: prove that accounts, entries, quantities and the log agree, or name what does not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from abate.platform.doors.errors import SetupError

WORDS = {
    "balance_entries": "a balance is the sum of its entries",
    "balance_last": "a balance is the running balance after its last entry",
    "running": "every running balance is the one before and the entry",
    "credit_rule": "credits are floor(eligible total / rule) less what was spent",
    "leaf": "every entry has one leaf of its hash in the log, queued or numbered",
    "counter": "every entry stands against the account of its kind",
    "lots": "lots, holds and what is not yet cut make up balance and debt",
    "draws": "every lot is what came into it less what was drawn",
    "spends": "every spend drew from lots what it spent",
    "held": "what is held is the sum of the open holds",
    "clearing": "what one side of a transfer gave the other received",
    "receives": "cancellation, expiry and retirement only receive",
    "reversal": "every reversal undoes one entry by its amounts, and no reversal",
    "close": "every close carries the one before it over and sums the entries up to its last day",
    "ends": "a code is given back exactly where its redemption was reversed",
    "entry": "every credited quantity has its award of the same amounts, and the other way round",
    "seen": "every accepted event id has its one quantity",
    "eligible": "a person's eligible total is the sum over the quantities",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
def command(as_json: bool, data_dir: Path) -> None:
    """Compare accounts with entries per asset, and both with quantities and log. Exit 1 on any difference."""
    from abate.platform.config import setup  # lazy: `abate reconcile --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    found = report()
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(found)
    sys.exit(0 if found["even"] else 1)


def report() -> dict:
    """`assets` (people, entries, accounts, even), `differences` (rows that break each rule), `even`."""
    from django.db import connection, transaction  # lazy: needs Django set up

    from abate.platform.carbon import queries as carbon  # lazy: as above
    from abate.platform.credits import queries as rules  # lazy: as above
    from abate.platform.doors import clock  # lazy: as above
    from abate.platform.incentives import queries as incentives  # lazy: as above
    from abate.platform.ledger import queries as ledger  # lazy: as above

    with transaction.atomic(), connection.cursor() as cursor:
        if len(connection.savepoint_ids) == 0:
            # One snapshot for all: events that come in meanwhile are no differences.
            cursor.execute("set transaction isolation level repeatable read, read only")
        sums = ledger.sums()
        differences = ledger.differences(rules.mg_per_credit(clock.today())) | carbon.differences()
        differences |= incentives.differences()
    assets = {
        asset: {
            "people": one.people,
            "entries": one.entries,
            "accounts": dict(one.accounts),
            "even": one.even,
        }
        for asset, one in sums.items()
    }
    even = all(one.even for one in sums.values()) and not any(differences.values())
    return {"even": even, "assets": assets, "differences": differences}


def _print(found: dict) -> None:
    for asset, one in found["assets"].items():
        accounts = ", ".join(f"{name} {amount:,}" for name, amount in one["accounts"].items()) or "none"
        mark = "=" if one["even"] else "DIFFERS FROM"
        click.echo(
            f"{asset}: accounts {one['people']:,} {mark} entries {one['entries']:,}; other side: {accounts}"
        )
    for name, number in found["differences"].items():
        click.echo(f"{'ok' if not number else f'{number:,} rows'}: {WORDS[name]}")
    click.echo("even" if found["even"] else "NOT EVEN")
