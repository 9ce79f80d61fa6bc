"""The `abate` command: a thin, lazy group. A subcommand's module is imported only when it is called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import version
from typing import Any

import click

from abate.cli import garbage

# name -> one line of help; the module is abate.cli.<name> (dashes become underscores) and exports `command`
COMMANDS = {
    "demo": "Run the whole platform on a small sample city, on this machine only.",
    "setup": "Set up an installation: guided, or from a file.",
    "serve": "Run the platform.",
    "upgrade": "Bring an installation to this program, checked before and after.",
    "methods": "List, show and check methodologies, and run their worked cases.",
    "factors": "List and show emission factors with their sources.",
    "quantify": "Quantify files of activity records into milligrams CO2e.",
    "estimate": "Estimate R or eta from a sample, with its confidence bound.",
    "reading-log": "Sum a raw log of reading visits for digital reading.",
    "totals": "Totals by year, under the rules that span records.",
    "explain": "Quantify one record and show every step.",
    "uncertainty": "Intervals of the reduction, per record and for a portfolio.",
    "sensitivity": "Which input or figure moves the reduction most.",
    "staff": "The first people, signing in, and who works here.",
    "proposals": "Changes that need three people: propose, check, approve.",
    "secrets": "The master key: how it stands, its exchange.",
    "audit": "The audit trail: search, export, seal, check.",
    "party": "Propose a partner and its keys.",
    "source": "Sources of public data, and what each may be used for.",
    "load": "Send a file of events of any size through the pipeline.",
    "consume": "Book events as they come from NATS, Kafka or MQTT.",
    "ledger": "Propose corrections by hand, and show accounts.",
    "rule": "Propose and list the rules by which credits live.",
    "cap": "Propose and list caps on what earns credits.",
    "close": "Close a day or a month: time-outs, expiries, sums kept.",
    "months": "The monthly partitions of the large tables.",
    "reconcile": "Prove that accounts and entries agree.",
    "revalue": "Compute past quantities again; correct the books.",
    "anomalies": "Look at what is booked by rules, and decide on the cases.",
    "quarantine": "Keep events back by rules for a time, and decide on them.",
    "log": "Export the log, and let verifiers look into it.",
    "backup": "Copy the database, and stream every change away as it is made.",
    "restore": "Bring a database back from a backup, and make it safe to open.",
    "verify": "Check a receipt, a statement or a log, offline.",
    "monitor": "Watch a log from outside and keep every head it showed.",
    "witness": "Be a witness for logs of other organisations.",
    "bench": "Run benchmarks; every figure is a ratio within one run.",
    "privacy": "The record of processing, clearing by rule, the drill for a breach.",
    "notices": "The outbox of notices: list, send again, try a channel.",
    "alarms": "What is wrong now: list, look without the server, rules.",
    "doctor": "Name each misconfiguration with its remedy.",
}
PLATFORM = frozenset(
    {
        "alarms",
        "anomalies",
        "audit",
        "cap",
        "rule",
        "demo",
        "serve",
        "setup",
        "upgrade",
        "party",
        "proposals",
        "quarantine",
        "source",
        "staff",
        "load",
        "consume",
        "ledger",
        "close",
        "reconcile",
        "revalue",
        "doctor",
        "log",
        "months",
        "notices",
        "privacy",
        "secrets",
        "backup",
        "restore",
    }
)


def _platform_installed() -> bool:
    try:
        return importlib.util.find_spec("django") is not None
    except ModuleNotFoundError:
        return False


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in PLATFORM and not _platform_installed():
            raise click.ClickException(
                f"`abate {cmd_name}` needs the platform, which is not installed.\n"
                "  The core quantifies, explains and verifies; the platform books and serves.\n"
                '  Install it with: pip install "abate[platform]"'
            )
        module = importlib.import_module(f"abate.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        garbage.seldom()
        try:
            return super().invoke(ctx)
        except Exception as fault:
            if "psycopg" in sys.modules and _platform_installed():
                from abate.cli import database_fault, installation  # lazy: the core knows no database

                if problem := database_fault.refusal(fault):
                    installation.refuse(problem)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table above: showing help must not import Django, DuckDB and the rest.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("abate"), prog_name="abate")
def main() -> None:
    """Green behaviours into numbers people can trust. Exit codes: 0 done, 1 refused with a reason, 2 wrong usage."""
