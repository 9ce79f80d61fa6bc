"""The only writer of alarms: one for a cause from its beginning to its end, each told once, in one transaction with its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from abate.platform.alarms.models import Alarm
from abate.platform.alarms.queries import read_words
from abate.platform.doors import clock
from abate.platform.notices import actions as notices
from abate.platform.notices.queries import Place
from abate.platform.review import audit
from abate.platform.review.changes import canonical

Words = Mapping[str, tuple[str, str, str]]
MORE = "*"
"""The end of the key of the alarm that there are more of a lot than are told one by one."""
_DAY = timedelta(days=1)
_LOCK = 4_912_038
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong now: see models.Alarm. `state` is warning or fault; `words` hold nothing that is not internal.

    Causes of one rule, one party and one first word of the key (`address 5f3a`) are a lot: whoever makes up many of one lot
    keeps none of another from being told.
    """

    rule: str
    key: str
    role: str
    party: str
    state: str
    words: Words


@dataclass(frozen=True, slots=True)
class Reached:
    """Who is told: accounts, at whatever places they have, and places of the operator's."""

    users: Sequence[int]
    places: Sequence[Place]


Reach = Callable[[str, str], Reached]
"""(role, party's code or "") -> who is told of such an alarm now."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many alarms began, grew worse and ended."""

    raised: int
    worse: int
    ended: int


def settle(
    causes: Sequence[Cause],
    looked: Collection[str],
    *,
    rules: Collection[str],
    calm: int,
    most: int,
    reach: Reach,
    end: bool = True,
) -> Settled:
    """Bring the alarms to what is found now. Whoever calls it twice, or at the same moment, raises nothing twice.

    `looked`: rules that could be looked at; the alarms of others stay as they are, but for rules not among `rules`, which end.
    An alarm ends when its cause was not seen for `calm` minutes, where the caller may `end` any; of one lot `most` causes are
    told one by one in a day, each whenever it comes again.
    """
    now, done = clock.now(), Counter[str]()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        opened = {(row.rule, row.key): row for row in Alarm.objects.filter(ended_at=None).order_by("id")}
        ended = Alarm.objects.filter(began_at__gt=now - _DAY, ended_at__isnull=False).defer("words")
        day = [*ended.order_by("id"), *opened.values()]
        # That there are more is said once in a day: its row is opened again.
        said = {(row.rule, row.key): row for row in day if row.key.endswith(MORE)}
        for cause in _bounded(causes, day, most):
            key = cause.rule, cause.key
            row = opened.pop(key, None) or said.get(key)
            done[_seen(cause, row, now, reach)] += 1
        for row in opened.values() if end else ():
            gone = row.rule in looked and row.seen_at <= now - timedelta(minutes=calm)
            if gone or row.rule not in rules:
                Alarm.objects.filter(pk=row.pk).update(ended_at=max(now, row.began_at))
                if not row.quiet:
                    _tell("ended", row, reach)
                audit.note("alarm.end", row.pk, rule=row.rule)
                done["ended"] += 1
    return Settled(done["raised"], done["worse"], done["ended"])


def _lot(rule: str, key: str, party: str) -> tuple[str, str]:
    """(rule, key of the alarm that there are more of this cause's lot)."""
    word, parted, _ = key.partition(" ")
    return rule, " ".join(filter(None, (word if parted else "", party, MORE)))


def _bounded(causes: Sequence[Cause], day: Sequence[Alarm], most: int) -> list[Cause]:
    """Those whose key is among the alarms of the day (it is not made up now), and of each lot new ones until there are `most`;
    of the rest that there are more, as grave as the gravest. So whoever makes causes up moves a known number of messages.
    """
    told = {(row.rule, row.key): row.party for row in day if not row.key.endswith(MORE)}
    count = Counter(_lot(rule, key, party) for (rule, key), party in told.items())
    kept: list[Cause] = []
    more: dict[tuple[str, str], Cause] = {}
    for cause in causes:
        lot = _lot(cause.rule, cause.key, cause.party)
        if (cause.rule, cause.key) in told:
            kept.append(cause)
        elif count[lot] < most:
            count[lot] += 1
            kept.append(cause)
        elif lot not in more or (more[lot].state, cause.state) == ("warning", "fault"):
            more[lot] = Cause(*lot, cause.role, cause.party, cause.state, _of_more(cause.words, most))
    return [*kept, *more.values()]


def _of_more(words: Words, most: int) -> Words:
    zh, en = words["zh"], words["en"]
    return {
        "zh": (zh[0], f"一天内同类告警超过 {most} 项，其余不再逐一告知。", zh[2]),
        "en": (
            en[0],
            f"There are more than {most} of these in a day; the rest is not told one by one.",
            en[2],
        ),
    }


def _seen(cause: Cause, row: Alarm | None, now: datetime, reach: Reach) -> str:
    values = {
        "role": cause.role,
        "party": cause.party,
        "state": cause.state,
        "words": canonical({language: list(words) for language, words in cause.words.items()}),
        "seen_at": now,
    }
    if row is None:
        row = Alarm.objects.create(rule=cause.rule, key=cause.key, began_at=now, **values)
        became, again = "raised", False
    else:
        became = "worse" if (row.state, cause.state) == ("warning", "fault") else "same"
        # What falls back and rises again is told once.
        values["state"] = "fault" if row.state == "fault" else cause.state
        # A clock that was set back must not end what is there.
        values["seen_at"] = max(now, row.seen_at)
        again = row.ended_at is not None
        quiet = became == "same" and (again or row.quiet)
        Alarm.objects.filter(pk=row.pk).update(**values, ended_at=None, quiet=quiet)
        row.role, row.party, row.words = cause.role, cause.party, str(values["words"])
    if became != "same":
        _tell("raised", row, reach)
    if again or became != "same":
        audit.note("alarm.raise", row.pk, rule=row.rule, state=cause.state)
    return became


def _tell(what: str, row: Alarm, reach: Reach) -> None:
    reached, words = reach(row.role, row.party), read_words(row.words)
    zh, en = ((name, said[:_LONGEST], remedy[:_LONGEST]) for name, said, remedy in (words["zh"], words["en"]))
    fields = {"name_zh": zh[0], "what_zh": zh[1], "name_en": en[0], "what_en": en[1]}
    if what == "raised":
        fields |= {"remedy_zh": zh[2], "remedy_en": en[2]}
    kind = f"{'party.alarm' if row.party else 'alarm'}-{what}"
    if reached.users:
        notices.write(reached.users, kind, **fields)
    if reached.places:
        notices.write([None], kind, to=reached.places, **fields)
