"""Every command of the platform, and through which doors it writes (test_every_call.py: what is not named here turns it red)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from click import Command, Context, Group

from abate.cli import main

_READS = "reads: at most a row of the trail, written before anything is shown"
_PROPOSES = "proposes, which is one transaction; what is decided is an approval"
_OUTSIDE = "works with files, processes or the schema as the database's owner; tried where it is named"
_BY = {
    _READS: """alarms list,alarms rules,anomalies list,anomalies rules,anomalies show,audit check,audit export,audit search,
        cap list,doctor,ledger show,months,log accesses,log anchors,log export,log prove,log readings,log sm2-key,notices list,
        notices try,party applications,party check,party hook list,party hook log,party key list,party list,party quality,
        privacy breach-drill,privacy record,proposals kinds,proposals list,proposals show,quarantine list,
        quarantine proposals,quarantine rules,reconcile breaks,rule list,secrets show,source list,staff list,
        staff sessions""",
    _PROPOSES: """cap add,ledger adjust,ledger book,ledger reverse,party admit,party create,party key binding,party key change,
        party contact,party key new,party key rotate,party key sign,party leave,party limit,party renew,party resume,
        party suspend,proposals make,quarantine rule,rule add,source declare,staff close,staff enrol,staff grant,
        staff withdraw""",
    _OUTSIDE
    + ": tests/platform/config/test_months.py, test_archiving.py": "months archive,months return,months turn",
    _OUTSIDE + ": tests/platform/config/test_setup.py, test_upgrade.py": "setup,upgrade",
    _OUTSIDE + ": tests/faults/test_backup.py": "backup,restore",
    _OUTSIDE
    + ": tests/faults/test_exchange_killed.py, tests/platform/config/test_exchanging.py, test_settling.py": (
        "secrets forget-master,secrets rotate-django,secrets rotate-master,secrets settle"
    ),
    _OUTSIDE + ": a process with the rounds and requests that are doors": "demo,serve",
}
_DOORS = {
    "alarms look": "config.alarming.look_once",
    "anomalies decide": "judging.decide",
    "anomalies sweep": "anomalies.actions.sweep_once",
    "audit seal": "review.sealing.seal",
    "close": "ledger.holds.lapse_overdue,ledger.expiring.cut_all,joining.actions.lapse,ledger.expiring.tell_soon,"
    "ledger.expiring.expire_due,ledger.collecting.lapse_due,ledger.closing.close_day,ledger.closing.close_month,"
    "review.sealing.seal",
    "consume": "POST /v1/events",
    "load": "Loader.round",
    "log access": "log.actions.give_access",
    "log end": "log.actions.end_access",
    "notices resend": "notices.actions.send_again",
    "party apply": "abate party apply",
    "party hook add": "POST partner-hook",
    "party hook end": "POST partner-hook",
    "party hook resend": "parties.webhooks.send_again",
    "party hook rotate": "POST partner-hook",
    "party invite": "POST try",
    "party key collect": "POST partner-key-collect",
    "party key revoke": "POST key-revoke,parties.actions.revoke_client",
    "party key unsign": "parties.actions.revoke_public_key",
    "party notice": "POST notice",
    "party report": "POST joining-report",
    "party review": "POST application-finding",
    "party try": "POST try",
    "privacy breach-tell": "notices.actions.tell_of_breach",
    "privacy retain": "config.fields.retain,ledger.keeping.delete_due,people.recovering.clear_over",
    "proposals approve": "POST proposals-decide (approve)",
    "proposals check": "POST proposals-decide (check)",
    "proposals reject": "POST proposals-decide (reject)",
    "quarantine decide": "releasing.decide",
    "quarantine propose": "POST quarantine-propose",
    "reconcile": "reconciliation.actions.compare",
    "reconcile assign": "POST break-step",
    "reconcile partner": "reconciliation.actions.compare",
    "reconcile resolve": "POST break-step",
    "revalue": "revaluing.book",
    "staff bootstrap": "review.opening.with_links",
    "staff end-sessions": "abate staff end-sessions",
    "staff link": "signin.actions.new_link",
    "staff password": "POST security-password",
    "staff sign-in": "POST sign-in-link,POST sign-in-staff,POST sign-in-second",
    "staff sign-out": "POST security-session",
}
WHY = {" ".join(name.split()): why for why, names in _BY.items() for name in names.split(",")}
"""Commands that are no doors, and why."""
DOORS = {name: doors.split(",") for name, doors in _DOORS.items()}
"""The others: the doors through which each writes, all that it does being a chain of them."""


def leaves() -> Iterator[str]:
    """The name of every command of the platform, of a group those in it."""
    for name in sorted(main.PLATFORM):
        yield from _leaves(_module(name), name)


def _module(name: str) -> Command:
    made: Command = importlib.import_module(f"abate.cli.{name.replace('-', '_')}").command
    return made


def _leaves(command: Command, name: str) -> Iterator[str]:
    if not isinstance(command, Group):
        yield name
        return
    if command.invoke_without_command:
        yield name
    context = Context(command)
    for word in command.list_commands(context):
        if below := command.get_command(context, word):
            yield from _leaves(below, f"{name} {word}")


def named(command: Command, args: Sequence[str]) -> str:
    """What is called with these arguments, from the command that a module has."""
    name = next((one for one in main.PLATFORM if _module(one) is command), command.name or "")
    for word in args:
        below = command.get_command(Context(command), word) if isinstance(command, Group) else None
        if below is None:
            break
        command, name = below, f"{name} {word}"
    return name
