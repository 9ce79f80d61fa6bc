"""Sources of public data: what each may be used for, and whether an event of it may be taken. Clause P-8.5-d.

An event names its source as `PARTY/SOURCE` in the CloudEvents attribute `source`; the party's code alone is no declared
source. Why it is so: docs/decisions/0040-source-marks.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from django.db.models import Case, F, When, Window
from django.db.models.functions import RowNumber

from abate.platform.doors import clock
from abate.platform.events.models import Marked, Source
from abate.platform.parties import queries as parties

USES = ("quantify", "credit", "statistics", "members", "verification")
"""What data may be used for, a closed list: the purposes that this platform has."""
TO_BOOK = ("quantify", "credit")


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
    retention_days: int
    valid_from: date
    valid_until: date

    def refusal(self, day: date) -> tuple[str, str] | None:
        """Why an event of it is not taken on `day`: a code of reasons.py and its detail."""
        if not self.valid_from <= day <= self.valid_until:
            return "source_ended", "source"
        lacking = next((use for use in TO_BOOK if use not in self.uses), None)
        return ("source_use", lacking) if lacking else None

    def document(self, party: str) -> dict[str, object]:
        """The mark as it travels with the data."""
        told = asdict(self) | {"source": f"{party}/{self.code}", "uses": list(self.uses)}
        days = {name: getattr(self, name).isoformat() for name in ("valid_from", "valid_until")}
        return {k: v for k, v in (told | days).items() if k not in ("id", "party_id", "code")}


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


def marks(events: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, object]]:
    """The mark of each (party code, event id) that came from a declared source, as it travels."""
    wanted, codes = set(events), parties.codes()
    of_these = [number for number, code in codes.items() if code in {party for party, _ in wanted}]
    rows = Marked.objects.filter(party_id__in=of_these, event_id__in=[event for _, event in wanted])
    found = list(rows.values_list("party_id", "event_id", "source_id"))
    known = {one.pk: _row(one) for one in Source.objects.filter(pk__in={source for *_, source in found})}
    pairs = (((codes[party], event), known[source].document(codes[party])) for party, event, source in found)
    return {pair: mark for pair, mark in pairs if pair in wanted}


def known_uses(uses: Collection[str]) -> bool:
    return bool(uses) and set(uses) <= set(USES)


def _row(one: Source) -> SourceRow:
    return SourceRow(one.pk, one.party_id, one.code, one.version, one.mark, one.level, tuple(one.uses),
                     one.retention_days, one.valid_from, one.valid_until)  # fmt: skip
