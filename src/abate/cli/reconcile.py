"""`abate reconcile`: prove that accounts, entries, quantities and the log agree, or name what does not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from abate.cli.lazy import LazyGroup
from abate.platform.doors.errors import SetupError

WORDS = {
    "anomalies": "what a confirmed case took back counts no more, and nothing is left out for a case that was not confirmed",
    "balance_entries": "a balance is the sum of its entries",
    "balance_last": "a balance is the running balance after its last entry",
    "running": "every running balance is the one before and the entry",
    "credit_rule": "credits are the whole ones of what was earned, less what was spent",
    "earned": "what was earned is each award at the rate of its booking, less what was taken back",
    "leaf": "every entry has one leaf of its hash in the log, queued or numbered",
    "booked": "every entry but awards gives the leaf hash it had, while the person's key is there",
    "queue": "a leaf waits or is numbered, once, and tells of something there is",
    "numbered": "leaves are numbered without a gap, each with its own hash and in its tile",
    "tree": "every tile is made of those below it",
    "heads": "the signed heads are those of the tree",
    "counter": "every entry stands against the account of its kind",
    "clearing": "what one side of a transfer gave the other received",
    "receives": "cancellation, expiry and retirement only receive",
    "day": "every entry carries the day of its booking, or the first open one after closed days",
    "lots": "lots, holds and what is not yet cut make up balance and debt",
    "draws": "every lot is what came into it less what was drawn",
    "spends": "every entry drew from lots what it took and put into them what it brought",
    "brought": "every lot is as large as the awards and entries that made it",
    "expiry": "every lot expires by the rule of the day its credits came",
    "held": "what is held is the sum of the open holds",
    "restored": "expired credits came back only to the lot they left, and the reversal of their award took them",
    "holds": "every hold has its entry, and its end is of the kind its state says",
    "reversal": "every reversal is registered, and undoes one entry by its amounts, and no reversal",
    "orders": "every movement asked for by an order id is registered under it",
    "digests": "every order id stands for the kind, amount and receiver of its entry, and for the end of its hold",
    "close": "every account of every close is its entries, summed again",
    "close_head": "every close names the first signed head that covers what was booked up to its last day",
    "party": "an entry names the party of what it is about, and no other does",
    "bare": "only an award has a quantity in its row",
    "bases": "what quantities rest on, and what was put in force, is the text of its digest",
    "terms": "every code costs, begins and ends as its entry and its offer say",
    "stock": "the stock of a decided offer is what was put there, less what was redeemed",
    "decisions": "every proposal is the text of its digest, and its signed steps, and the opening, are those in the log",
    "decided": "what three people put in force stands as they decided it, and nobody holds a role that was not",
    "trail": "the audit trail is as it was sealed into the log",
    "burnt": "what the audit trail tells of as burnt stands as burnt, and nothing else does",
    "signs": "every code is found by its own signs",
    "ends": "a code is given back exactly where its redemption was reversed",
    "codes": "every redemption has one code, of the same order",
    "entry": "every credited quantity has its award of the same amounts, where its batch says, and the other way round",
    "seen": "every accepted event id has its one quantity",
    "eligible": "a person's eligible total is the sum over the quantities",
    "commitment": "every award is what its leaf commits to, while the person's key is there",
    "event": "every stored record is what its event id stands for",
    "caps": "the balance of every cap is what of the awards that stand was counted on it",
    "short": "what a cap took of an award is noted, and nothing else is",
    "room": "nothing of a person is short while their own caps have room",
    "revised": "a quantity computed again is of the same event, and the one before is undone",
    "withdrawn": "every event that was taken back is undone by an entry that says by which event and why",
    "quarantine": "nothing quarantined has an entry, and each record that waits stands as quarantined",
    "acts": "no two awards that stand are for one act (P-7.2-e)",
    "claims": "every award that stands has claimed its act, as its record tells it",
    "recomputed": "every quantity comes out of its record again, to the milligram, with its reason",
}


class _Reconcile(LazyGroup):
    MODULE = "abate.cli.reconcile_parties"
    LATER = ("partner", "breaks", "assign", "resolve")


@click.group(cls=_Reconcile, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--recompute", is_flag=True, help="Also compute every stored quantity again from its record.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
)
@click.pass_context
def command(context: click.Context, as_json: bool, recompute: bool, data_dir: Path) -> None:
    """Compare accounts with entries per asset, and both with quantities and log. Exit 1 on any difference.

    With a command: hold what a partner or an acceptor has against the books, and follow what does not agree.
    """
    if context.invoked_subcommand is not None:
        return
    from abate.platform.config import setup  # lazy: `abate reconcile --help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    found = report(recompute=recompute)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(found)
    sys.exit(0 if found["even"] else 1)


def report(*, recompute: bool = False) -> dict:
    """`assets` (people, entries, accounts, even), `differences` (rows that break each rule), `first` (the first such row of
    the rules that name it), `even`.

    With `recompute` also `recomputed`: how many quantities were computed again.
    """
    from django.db import connection, transaction  # lazy: needs Django set up

    from abate.platform.anomalies import queries as anomalies  # lazy: as above
    from abate.platform.carbon import queries as carbon  # lazy: as above
    from abate.platform.carbon import recomputing  # lazy: as above
    from abate.platform.credits import queries as rules  # lazy: as above
    from abate.platform.incentives import reconciling as incentives  # lazy: as above
    from abate.platform.ledger import queries as ledger  # lazy: as above
    from abate.platform.log import reconciling as log  # lazy: as above
    from abate.platform.quarantine import queries as quarantine  # lazy: as above
    from abate.platform.review import reconciling as review  # lazy: as above

    with transaction.atomic(), connection.cursor() as cursor:
        if len(connection.savepoint_ids) == 0:
            # One snapshot for all: events that come in meanwhile are no differences.
            cursor.execute("set transaction isolation level repeatable read, read only")
        sums = ledger.sums()
        differences = ledger.differences() | carbon.differences()
        differences |= rules.differences() | incentives.differences() | anomalies.differences()
        differences |= quarantine.differences() | review.differences() | log.differences()
        first = {}
        if differences["digests"] and (order := ledger.first_wrong_order()):
            first["digests"] = f"person {order[0]}, order {order[1]!r}, entry {order[2]}"
        if differences["codes"] and (code := incentives.first_wrong_code()):
            first["codes"] = f"person {code[0]}, entry {code[1]}"
        recomputed = recomputing.recompute() if recompute else None
    assets = {
        asset: {
            "people": one.people,
            "entries": one.entries,
            "accounts": dict(one.accounts),
            "even": one.even,
        }
        for asset, one in sums.items()
    }
    if recomputed is not None:
        differences["recomputed"] = recomputed[1]
    even = all(one.even for one in sums.values()) and not any(differences.values())
    found = {"even": even, "assets": assets, "differences": differences, "first": first}
    return found if recomputed is None else found | {"recomputed": recomputed[0]}


def _print(found: dict) -> None:
    for asset, one in found["assets"].items():
        accounts = ", ".join(f"{name} {amount:,}" for name, amount in one["accounts"].items()) or "none"
        mark = "=" if one["even"] else "DIFFERS FROM"
        click.echo(
            f"{asset}: accounts {one['people']:,} {mark} entries {one['entries']:,}; other side: {accounts}"
        )
    for name, number in found["differences"].items():
        click.echo(f"{'ok' if not number else f'{number:,} rows'}: {WORDS[name]}")
        if name in found["first"]:
            click.echo(f"  the first: {found['first'][name]}")
    if "recomputed" in found:
        click.echo(f"recomputed: {found['recomputed']:,} quantities")
    click.echo("even" if found["even"] else "NOT EVEN")
