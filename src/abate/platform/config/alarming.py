"""Alarms: the findings of `abate doctor` that the rules name, looked at once a minute, raised and ended (room `alarms`)."""

from __future__ import annotations

from functools import partial

from abate.platform import reaching
from abate.platform.alarms import actions
from abate.platform.alarms.actions import Cause, Reached, Settled
from abate.platform.config import alarm_rules, doctor
from abate.platform.config.alarm_rules import Rules
from abate.platform.config.findings import Finding
from abate.platform.joining import queries as joining
from abate.platform.notices import queries as notices
from abate.platform.notices.queries import Place
from abate.platform.parties import queries as parties
from abate.platform.parties.errors import PartyUnknown
from abate.platform.review import queries as review


def look(*, end: bool = True) -> Settled:
    """Look once, and raise, worsen and end what that says. Raises SetupError where the rules cannot be read.

    Without `end` nothing ends: of a process that is not the server nobody knows whether it sees the same disk and settings.
    """
    rules = alarm_rules.current()
    mailboxes = alarm_rules.mailboxes()
    found = [] if rules is None else [finding for check in doctor.RUNNING for finding in check()]
    active = {} if rules is None else {name: rule for name, rule in rules.rules.items() if not rule.idle}
    return actions.settle(
        [] if rules is None else _causes(rules, found),
        {finding.name for finding in found},
        rules=active,
        calm=alarm_rules.shipped().calm if rules is None else rules.calm,
        most=alarm_rules.shipped().most if rules is None else rules.most,
        reach=partial(_reach, mailboxes),
        end=end,
    )


def _causes(rules: Rules, found: list[Finding]) -> list[Cause]:
    return [
        Cause(
            one.name,
            one.key,
            rule.to,
            one.owner,
            one.state,
            {"zh": one.zh, "en": (one.name, one.what, one.remedy)},
        )
        for one in found
        if (rule := rules.rules.get(one.name)) is not None and not rule.idle and one.state in rule.states
    ]


def _reach(mailboxes: dict[str, list[Place]], role: str, party: str) -> Reached:
    """A party by all who act for it and can be reached, its application's contact among them; a role, and a party of whom
    nobody can be, at the role's mailboxes, and its holders in the browsers they chose.
    """
    if party:
        try:
            number = parties.party(party).pk
            own, people = joining.of_party(number), parties.people_of(number)
        except PartyUnknown:
            own, people = None, []
        acting = sorted({*people, *([own.user_id] if own else [])})
        if users := [user for user in acting if notices.browsers(user) or reaching.places(user)]:
            return Reached(users, [])
    holders = [user for user in review.holders(role) if notices.browsers(user)]
    return Reached(holders, mailboxes.get(role, []))


def look_once() -> int:
    """A round beside the server (doors/rounds.py). Always 0: the next look is a round later."""
    look()
    return 0


def every() -> float:
    """Seconds between looks. Raises SetupError where the rules or the mailboxes cannot be read."""
    alarm_rules.mailboxes()
    rules = alarm_rules.current()
    return float((rules or alarm_rules.shipped()).every)
