"""What opens entries to those who were given access: salts and personal parts, from all the rooms that know of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction

from abate.bookkeeping import leaf
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.openings import Opened
from abate.bookkeeping.receipt import MethodName, Opening, Terms
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.parties import queries as parties

# `lent`: the source that the entry's data came from, the narrowest where there are several; what takes an award back, and what
# comes back first for it, tells as much of the data as the award.
# An erased person has no commit_key: their entries are left out, and nobody can open them any more. Who left and is only kept
# is opened to nobody either.
_ROWS = """
select leaf.idx, leaf.entry_id, entry.kind, entry.at, person.commit_key, person.pseudonym, entry.cause, entry.credits,
       entry.carbon_mg, hold.credits,
       subject.subject, party.code, quantity.event_id, basis.behaviour, quantity.occurred_at, quantity.record,
       quantity.er_mg, basis.version, basis.factors, basis.region, basis.grade_floor, basis.pack,
       lent.source_id, lent.day
from log_leaf leaf
join people_person person on person.id = leaf.person_id and person.status = 'active'
join ledger_entry entry on entry.person_id = leaf.person_id and entry.id = leaf.entry_id
left join ledger_hold hold on hold.person_id = leaf.person_id and leaf.entry_id in (hold.entry_id, hold.end_entry_id)
left join carbon_quantity quantity
    on quantity.person_id = leaf.person_id and quantity.entry_id = leaf.entry_id and entry.kind = %(award)s
left join carbon_basis basis on basis.id = quantity.basis_id
left join parties_party party on party.id = quantity.party_id
left join people_subject subject on subject.person_id = quantity.person_id and subject.party_id = quantity.party_id
left join lateral (
    select marked.source_id, marked.day, source.uses, marked.day + source.retention_days as use_until
    from (
        select quantity.party_id, quantity.event_id
        union all
        select award.cause_party, award.cause
        from ledger_reversal undone
        join ledger_entry award on award.person_id = undone.person_id and award.id = undone.entry_id
        join ledger_entry took on took.person_id = undone.person_id and took.id = undone.reverse_id
        where entry.kind in (%(reverse)s, %(restore)s) and undone.person_id = entry.person_id
              and award.kind = %(award)s
              and (took.id = entry.id or entry.kind = %(restore)s and took.cause = entry.cause)
    ) about (party_id, event_id)
    join events_marked marked on marked.party_id = about.party_id and marked.event_id = about.event_id
    join events_source source on source.id = marked.source_id
    order by source.uses @> array['verification'], use_until
    limit 1
) lent on true
where {which}
order by leaf.idx
"""
# For verifiers: of a declared source only what it permits to verify, and for so long as it may be kept (P-8.5-d). To the person
# all of their own is opened.
_PERMITTED = (
    " and (lent.source_id is null or lent.uses @> array['verification'] and lent.use_until >= %(today)s)"
)
_KINDS = {"award": int(Kind.AWARD), "reverse": int(Kind.REVERSE), "restore": int(Kind.RESTORE)}
_BY_NUMBER = _ROWS.format(which="leaf.idx between %(first)s and %(last)s" + _PERMITTED)
_BY_PERSON = _ROWS.format(which="leaf.person_id = %(person)s and leaf.entry_id = any(%(entries)s)")


def openings(first: int, last: int) -> Iterator[Opened]:
    """Entry by entry from `first` to `last`, as far as they can be opened. Rows stream: any number of them.

    The caller has written down that they are shown (log.actions.note_reading).
    """
    yield from _stream(_BY_NUMBER, {"first": first, "last": last})


def own(person_id: int, entry_ids: Collection[int]) -> dict[int, Opened]:
    """What opens these entries of one person, for that person, by the number in the log."""
    values = {"person": person_id, "entries": list(entry_ids)}
    return {one.index: one for one in _stream(_BY_PERSON, values)}


def _stream(statement: str, values: dict[str, object]) -> Iterator[Opened]:
    with transaction.atomic():
        connection.ensure_connection()
        with connection.connection.cursor(name="log_openings") as cursor:
            cursor.itersize = 5_000
            cursor.execute(statement, values | _KINDS | {"today": clock.today()})
            terms, zone_at = _Terms(), basis.zones()
            for *row, source, day in cursor:
                made = _opened(tuple(row), zone_at)
                if made is not None:
                    yield replace(made, source=terms.of(source, day)) if source else made


class _Terms:
    """Versions of sources as they are met, each read once."""

    def __init__(self) -> None:
        self._known: dict[int, sources.SourceRow] = {}
        self._codes: dict[int, str] = {}

    def of(self, source: int, day: date) -> dict[str, object]:
        if source not in self._known:
            self._known |= sources.of_versions([source])
            self._codes = self._codes or parties.codes()
        found = self._known[source]
        return found.mark_of(self._codes[found.party_id], day)


def opening(index: int) -> Opened | None:
    """What opens entry `index`; None where nothing does: no such entry, no personal part, or erased."""
    return next(openings(index, index), None)


def _opened(row: tuple, zone_at: Callable[[datetime], str]) -> Opened | None:
    (
        index,
        entry_id,
        kind,
        at,
        commit_key,
        pseudonym,
        cause,
        credits,
        carbon_mg,
        held,
        subject,
        party,
        event,
        *rest,
    ) = row
    salt = leaf.salt(bytes(commit_key), entry_id)
    if kind == Kind.REDEEM:
        return Opened(index, Opening(salt, leaf.personal_redeem(pseudonym, cause, -credits)))
    if kind not in {Kind.AWARD, Kind.ERASED}:
        part = _booking(pseudonym, kind, cause, carbon_mg, credits, held)
        return Opened(index, Opening(salt, leaf.personal_booking(part)))
    if kind != Kind.AWARD or event is None:
        return None
    behaviour, occurred_at, record, er_mg, version, factors, region, floor, pack = rest
    personal = leaf.personal_award(
        subject, party, event, behaviour, occurred_at, record, er_mg, version, factors
    )
    terms = Terms(region, floor, pack, zone_at(at))
    return Opened(index, Opening(salt, personal), MethodName(behaviour, version), terms)


def _booking(
    pseudonym: str, kind: int, cause: str, carbon_mg: int, credits: int, hold: int | None
) -> leaf.BookingPart:
    """The personal part of an entry of another kind; `hold` are the credits of the hold it made or ended."""
    held = 0 if hold is None else hold if kind == Kind.HOLD else -hold
    return leaf.BookingPart(pseudonym, Kind(kind).name.lower(), cause, carbon_mg, credits, held)
