"""Sources of public data: what each may be used for, and whether an event of it may be taken. Clause P-8.5-d.

An event names its source as `PARTY/SOURCE` in the CloudEvents attribute `source`; the party's code alone is no declared
source. Why it is so: docs/decisions/0040-source-marks.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, F, When, Window
from django.db.models.functions import RowNumber

from abate.platform.doors import clock
from abate.platform.events.models import Marked, Source
from abate.platform.parties import queries as parties

USES = ("quantify", "credit", "statistics", "members", "people", "verification")
"""What data may be used for, a closed list: the purposes that this platform has. `people`: told of a person who agreed."""
TO_BOOK = ("quantify", "credit")
TO_SHARE = ("statistics", "members", "people")
PURPOSES = ("statistics", "supervision", "research", "service")
"""The kinds of purpose that a request for data has one of (sharing)."""
ANYONE = "*"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One version of a source; days are the platform's, both included."""

    id: int
    party_id: int
    code: str
    version: int
    mark: str
    level: int
    uses: tuple[str, ...]
    shared_with: tuple[str, ...]
    retention_days: int
    valid_from: date
    valid_until: date

    def refusal(self, day: date) -> tuple[str, str] | None:
        """Why an event of it is not taken on `day`: a code of reasons.py and its detail."""
        if not self.valid_from <= day <= self.valid_until:
            return "source_ended", "source"
        lacking = next((use for use in TO_BOOK if use not in self.uses), None)
        return ("source_use", lacking) if lacking else None

    def shares(self, party: str, kind: str) -> bool:
        """Whether what holds its data may be told to `party` for a purpose of this kind."""
        return not set(recipients(party, kind)).isdisjoint(self.shared_with)

    def document(self, party: str) -> dict[str, object]:
        """The mark as it travels with the data."""
        told = asdict(self) | {"source": f"{party}/{self.code}"}
        told |= {"uses": list(self.uses), "shared_with": list(self.shared_with)}
        days = {name: getattr(self, name).isoformat() for name in ("valid_from", "valid_until")}
        return {k: v for k, v in (told | days).items() if k not in ("id", "party_id", "code")}

    def mark_of(self, party: str, arrived: date) -> dict[str, object]:
        """The same for an event that arrived on a day: with the last day of its use."""
        until = arrived + timedelta(days=self.retention_days)
        return self.document(party) | {"use_until": until.isoformat()}


def newest(party_id: int | None = None) -> list[SourceRow]:
    """The version in force of every source, of one party where it is named, by party and code.

    That is the newest whose days have begun, so that one which is laid down ahead leaves no gap before it.
    """
    rows = Source.objects.all() if party_id is None else Source.objects.filter(party_id=party_id)
    ahead = Case(When(valid_from__gt=clock.today(), then=1), default=0)
    order = Window(
        RowNumber(), partition_by=[F("party_id"), F("code")], order_by=[ahead.asc(), F("version").desc()]
    )
    return [_row(one) for one in rows.annotate(nth=order).filter(nth=1).order_by("party_id", "code")]


def by_name(party_id: int) -> Mapping[str, SourceRow]:
    """The versions in force of a party's sources, by their codes."""
    return {one.code: one for one in newest(party_id)}


def texts(party_id: int, arrived: date) -> dict[str, str]:
    """The marks of a party's sources in one line each, by PARTY/SOURCE, for data that arrived on a day."""
    code = parties.codes()[party_id]
    found = [one.mark_of(code, arrived) for one in newest(party_id)]
    return {str(one["source"]): line(one) for one in found}


def line(mark: Mapping[str, Any]) -> str:
    """A mark (SourceRow.mark_of) in one line."""
    return (
        f"{mark['mark']}; level {mark['level']}; for {', '.join(mark['uses'])}; "
        f"figures to {', '.join(mark['shared_with']) or 'nobody'}; until {mark['use_until']}"
    )


def marks(events: Iterable[tuple[int, str]]) -> dict[tuple[int, str], dict[str, object]]:
    """The mark of each (party, event id) that came from a declared source, as it travels (SourceRow.mark_of)."""
    wanted = set(events)
    if not wanted:
        return {}
    rows = Marked.objects.filter(
        party_id__in={party for party, _ in wanted}, event_id__in=[e for _, e in wanted]
    )
    found = [row for row in rows.values_list("party_id", "event_id", "source_id", "day") if row[:2] in wanted]
    known = of_versions(source for *_, source, _ in found)
    codes = parties.codes() if found else {}
    return {(party, event): known[source].mark_of(codes[party], day) for party, event, source, day in found}


def any_of(party_id: int) -> bool:
    """Whether a party declared any source: of whose events there may be marks."""
    return Source.objects.filter(party_id=party_id).exists()


def of_versions(numbers: Iterable[int]) -> dict[int, SourceRow]:
    """These versions of sources, by their numbers."""
    return {one.pk: _row(one) for one in Source.objects.filter(pk__in=set(numbers))}


def recipients(party: str, kind: str | None = None) -> list[str]:
    """What a source's `shared_with` names this party by: anyone or its code, alone or followed by a kind of purpose."""
    bare = [ANYONE, party]
    return bare if kind is None else [*bare, *(f"{one}:{kind}" for one in bare)]


def known_recipient(text: str) -> tuple[str, bool]:
    """The party that an entry of `shared_with` names (or ANYONE), and whether its kind of purpose is one."""
    party, colon, kind = text.partition(":")
    return party, not colon or kind in PURPOSES


def known_uses(uses: Collection[str]) -> bool:
    return bool(uses) and set(uses) <= set(USES)


def _row(one: Source) -> SourceRow:
    return SourceRow(one.pk, one.party_id, one.code, one.version, one.mark, one.level, tuple(one.uses),
                     tuple(one.shared_with), one.retention_days, one.valid_from, one.valid_until)  # fmt: skip
