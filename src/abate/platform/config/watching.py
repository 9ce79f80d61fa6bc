"""What changes while the platform runs, as findings: `abate doctor` shows them, alarms are raised of them (alarming.py).

Each check reads what the pages read. One that found nothing says so by an `ok` of its name; one that could not look says
nothing, and no alarm ends by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from abate.platform import spool
from abate.platform.anomalies import actions as sweeping
from abate.platform.anomalies import queries as anomalies
from abate.platform.config import alarm_rules
from abate.platform.config.alarm_rules import Rules
from abate.platform.config.findings import Finding, found
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.events import queries_files as files
from abate.platform.ledger import queries as ledger
from abate.platform.log import cosigning
from abate.platform.log import queries as log
from abate.platform.notices import queries as notices
from abate.platform.parties import queries as parties
from abate.platform.people import requests
from abate.platform.quarantine import queries as quarantine
from abate.platform.reconciliation import actions as reconciling
from abate.platform.reconciliation import queries as reconciliation
from abate.platform.review import queries as review
from abate.platform.review import rights
from abate.platform.signin import queries as signin
from abate.platform.signin.policy import policy

MOST = 1_000
"""Causes of one kind that are looked at: more of them are one alarm all the same."""


def _or_ok(rows: list[Finding], name: str, **fields: object) -> Iterator[Finding]:
    yield from rows or [found(name, **fields)]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(clock.zone()):%Y-%m-%d %H:%M:%S}"


def sign_ins(rules: Rules) -> Iterator[Finding]:
    """Each account of the staff's and each address; names that are nobody's together, for anybody can make them up."""
    minutes, bursts = policy().window_minutes, signin.bursts()
    made_up = [one for one in bursts if one.by == "account" and not one.account]
    known = [one for one in bursts if one.by == "address" or one.account]
    rows = [
        found(
            "failed sign-ins",
            one.by,
            key=f"{one.by} {one.digest}",
            account=one.account,
            digest=one.digest,
            minutes=minutes,
            count=one.count,
        )
        for one in known[:MOST]
    ]
    if made_up:
        count = sum(one.count for one in made_up)
        rows.append(
            found(
                "failed sign-ins", "unknown", key="unknown", names=len(made_up), minutes=minutes, count=count
            )
        )
    return _or_ok(rows, "failed sign-ins")


def refused(rules: Rules) -> Iterator[Finding]:
    limit, window = rules.limit("refused rights"), policy().window
    if limit is None:
        yield found("refused rights", "idle")
        return
    rows = [
        found(
            "refused rights",
            "burst",
            key=account,
            account=account,
            count=count,
            minutes=policy().window_minutes,
        )
        for account, count in review.refused_rights(clock.now() - window, limit)[:MOST]
    ]
    yield from _or_ok(rows, "refused rights")


def answers(rules: Rules) -> Iterator[Finding]:
    """The clock of each open request; without a limit only those past their day."""
    last = clock.today() + timedelta(days=rules.limit("privacy requests") or -1)
    rows = [
        found("privacy requests", "past" if one.late else "near", key=str(one.id), number=one.id, due=one.due)
        for one in requests.waiting(MOST, texts=False)
        if one.late or one.due <= last
    ]
    return _or_ok(rows, "privacy requests")


def numbering(rules: Rules) -> Iterator[Finding]:
    since, limit = log.waiting_since(), rules.limit("log numbering")
    stands = since is not None and limit is not None and _older(since, limit)
    if since is None or not stands:
        yield found("log numbering")
    else:
        yield found("log numbering", "stands", count=log.waiting(), since=_moment(since))


def _older(since: datetime, seconds: int) -> bool:
    return clock.now() - since > timedelta(seconds=seconds)


def witnesses(rules: Rules) -> Iterator[Finding]:
    limit = rules.limit("witnesses")
    try:
        asked = cosigning.configured()
    except SetupError as fault:
        yield found("witnesses", "unusable", **fault.words)
        return
    if not asked or limit is None:
        yield found("witnesses", "none")
        return
    rows = []
    for one in asked:
        since = log.uncosigned_since(one.witness.key_id)
        if since is not None and _older(since, limit):
            rows.append(
                found(
                    "witnesses",
                    "behind",
                    key=one.witness.name,
                    witness=one.witness.name,
                    since=_moment(since),
                )
            )
    yield from _or_ok(rows, "witnesses", count=len(asked))


def lanes(rules: Rules) -> Iterator[Finding]:
    """Each lane beside the server by what lies in it: what is due and taken up by nobody."""
    limit = rules.limit("lanes")
    if limit is None:
        return
    rows = [
        found("lanes", "files", key=f"file {one.pk}", file=one.pk, since=_moment(one.at))
        for one in files.open_files()[:MOST]
        # One that waits for its party's quota is held by that, and by nothing that stands still.
        if not one.refusal and _older(one.at, limit) and spool.place(one).exists()
    ]
    waiting = (("webhooks", parties.webhooks_overdue_since()), ("notices", notices.overdue_since()))
    rows += [
        found("lanes", lane, key=lane, since=_moment(since))
        for lane, since in waiting
        if since is not None and _older(since, limit)
    ]
    swept = anomalies.swept_at()
    if (
        settings.ABATE_ANOMALIES != "none"
        and swept is not None
        and _older(swept, limit + int(sweeping.EVERY))
    ):
        rows.append(found("lanes", "sweep", key="sweep", since=_moment(swept)))
    yield from _or_ok(rows, "lanes")


def daily_jobs(rules: Rules) -> Iterator[Finding]:
    """Yesterday can be closed from midnight on; so many days later it is overdue."""
    limit, today = rules.limit("daily jobs"), clock.today()
    if limit is None:
        return
    last = today - timedelta(days=1 + limit)
    opened, expired = ledger.first_open_day(), ledger.first_expired(today - timedelta(days=limit))
    rows = (
        [found("daily jobs", "close", key="close", day=opened)]
        if opened is not None and opened <= last
        else []
    )
    if expired is not None:
        rows.append(found("daily jobs", "expiry", key="expiry", day=expired))
    yield from _or_ok(rows, "daily jobs")


def papers(rules: Rules) -> Iterator[Finding]:
    limit, today = rules.limit("party papers"), clock.today()
    if limit is None:
        return
    rows = [
        found("party papers", "ended" if day < today else "ending", key=code, party=code, day=day)
        for code, day in parties.ending(today + timedelta(days=limit))[:MOST]
    ]
    yield from _or_ok(rows, "party papers")


def breaks(rules: Rules) -> Iterator[Finding]:
    limit = rules.limit("old breaks")
    if limit is None:
        yield found("old breaks", "idle")
        return
    rows = [
        found(
            "old breaks",
            "theirs" if one.owner != reconciling.OPERATOR else "old",
            key=str(one.id),
            owner="" if one.owner == reconciling.OPERATOR else one.owner,
            number=one.id,
            age=one.age_days,
            party=one.owner,
        )
        for one in reconciliation.breaks(limit=MOST)
        if one.age_days > limit
    ]
    yield from _or_ok(rows, "old breaks", days=limit)


def kept_back(rules: Rules) -> Iterator[Finding]:
    """Records in quarantine that nobody decided for too long: a cause for each rule, not for each record."""
    limit = rules.limit("old quarantine")
    if limit is None:
        yield found("old quarantine", "idle")
        return
    rows = [
        found("old quarantine", "waits", key=one.rule, rule=one.rule, count=one.count, days=limit, age=one.age_days)
        for one in quarantine.aged(limit, MOST)
    ]  # fmt: skip
    yield from _or_ok(rows, "old quarantine", days=limit)


CHECKED: tuple[Callable[[Rules], Iterator[Finding]], ...] = (
    sign_ins,
    refused,
    answers,
    numbering,
    witnesses,
    lanes,
    daily_jobs,
    papers,
    breaks,
    kept_back,
)


def told(rules: Rules | None) -> Finding:
    """Whether alarms are raised, and whether each role hears of its own by message."""
    if rules is None:
        return found("alarms", "none")
    active = [rule for rule in rules.rules.values() if not rule.idle]
    unheard = sorted({rule.to for rule in active} - set(alarm_rules.mailboxes()))
    if unheard:
        named = [rights.rights().roles[role] for role in unheard]
        zh, en = "、".join(one.zh for one in named), ", ".join(one.en for one in named)
        return found("alarms", "unheard", roles_zh=zh, roles_en=en)
    return found("alarms", rules=len(active), idle=len(rules.rules) - len(active))


def watched() -> Iterator[Finding]:
    """All of it. Where there are no rules in force, or none that can be read, by those that are shipped."""
    rules = None
    try:
        rules = alarm_rules.current()
        yield told(rules)
    except SetupError as fault:
        yield found("alarms", "unusable", said=fault.words["what"])
    for check in CHECKED:
        try:
            rows = list(check(rules or alarm_rules.shipped()))
        except (DatabaseError, SetupError):
            continue
        yield from rows


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (watched,)
