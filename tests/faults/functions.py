"""Functions that are doors: what commands, jobs and other doors call, each one action that is tried (every_call.py)."""

from __future__ import annotations

from typing import Any

from abate.platform import judging, reaching, releasing, revaluing, spool
from abate.platform.anomalies import actions as anomalies
from abate.platform.config import alarming, fields
from abate.platform.credits import actions as credits
from abate.platform.credits import giving
from abate.platform.incentives import actions as incentives
from abate.platform.joining import actions as joining
from abate.platform.ledger import actions as ledger
from abate.platform.ledger import closing, collecting, erasing, expiring, holds, keeping
from abate.platform.log import actions as log
from abate.platform.log import sequencer
from abate.platform.notices import actions as notices
from abate.platform.parties import actions as parties
from abate.platform.parties import webhooks
from abate.platform.people import recovering
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review import opening, sealing
from abate.platform.signin import actions as signin

FUNCTIONS: dict[Any, tuple[str, ...]] = {
    ledger: ("spend_all", "cancel", "exchange_out", "exchange_in", "adjust", "retire", "transfer"),
    holds: ("hold", "settle", "release", "lapse_overdue"),
    collecting: ("collect", "lapse_due"),
    expiring: ("cut_all", "expire_due", "tell_soon"),
    closing: ("close_day", "close_month"),
    erasing: ("erase",),
    incentives: ("redeem", "burn", "give_back", "reverse"),
    credits: ("reverse",),
    giving: ("receive", "give"),
    judging: ("decide",),
    releasing: ("decide",),
    reconciliation: ("compare",),
    revaluing: ("book",),
    sequencer.Sequencer: ("round",),
    spool.Loader: ("round",),
    webhooks: ("send_due", "send_again"),
    anomalies: ("sweep_once",),
    reaching: ("carry", "carry_to_browsers"),
    alarming: ("look_once",),
    sealing: ("seal",),
    opening: ("with_links",),
    signin: ("new_link",),
    log: ("give_access", "end_access", "add_cosignature", "next_anchor", "anchor_kept"),
    notices: ("send_again", "tell_of_breach"),
    joining: ("lapse",),
    keeping: ("delete_due",),
    recovering: ("clear_over",),
    fields: ("retain",),
    parties: ("revoke_client", "revoke_public_key"),
}
"""What commands, jobs and other doors call: each is one action."""
JOBS = {"Sequencer.round", "Loader.round", "parties.webhooks.send_due", "config.alarming.look_once"}
"""They wait where the database fails, and raise nothing: what one look could not see the next one does."""
BESIDE_SERVER = {
    "Sequencer": ("Sequencer.round",),
    "cosigner": ("log.actions.add_cosignature",),
    "anchorer": ("log.actions.next_anchor", "log.actions.anchor_kept"),
    "spool.Loader": ("Loader.round",),
    "partial(webhooks.send_due, slow=False)": ("parties.webhooks.send_due",),
    "partial(webhooks.send_due, slow=True)": ("parties.webhooks.send_due",),
    "anomalies.sweep_once": ("anomalies.actions.sweep_once",),
    "reaching.carry": ("reaching.carry",),
    "reaching.carry_to_browsers": ("reaching.carry_to_browsers",),
    "turned_away.tell_counts": ("review.turned_away.tell_counts",),
    "watcher": ("config.alarming.look_once",),
}
"""The rounds that `abate serve` begins (cli/serve.py), and through which doors each writes."""
ONCE = {
    "adjust",
    "exchange_out",
    "exchange_in",
    "retire",
    "transfer",
    "give",
    "hold",
    "redeem",
    "close_day",
    "close_month",
}
"""Each has the id of an order, or a day: the same again is the same."""
STEPS = {
    "ledger.closing.close_day": {"ledger_closed_day", "ledger_close"}
    | {"ledger_due", "log_pending", "log_leaf", "log_tile", "log_checkpoint"},
    "parties.webhooks.send_due": {"parties_message"},
    "POST partner-checks": {"allauth_idp_oidc_client", "allauth_idp_oidc_token", "parties_public_key"},
    "config.alarming.look_once": {"alarms_alarm", "notices_notice", "notices_delivery"},
    "reaching.carry": {"notices_notice", "notices_delivery"},
    "reaching.carry_to_browsers": {"notices_delivery"},
    "config.fields.retain": {name for name, one in fields.tables().items() if one.clear},
}
"""What is done step by step, and the tables that a step may leave changed: each open day is ended by itself, what was booked on
it gets its numbers in the log, and its sums are kept then; a message or a notice is claimed for a time, carried, and what
came of it is noted; each table is cleared by itself; what one look could not see stays as it is until the next; the key of a
run, and what it sends, are requests of their own, and the key ends within the hour by itself.
The same again goes on."""


def functions() -> dict[str, tuple[Any, str]]:
    """The functions that are doors: (module or class, name) by what they are called in a report."""
    return {
        f"{holder.__name__.removeprefix('abate.platform.')}.{name}": (holder, name)
        for holder, names in FUNCTIONS.items()
        for name in names
    }
