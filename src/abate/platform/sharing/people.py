"""What a party is told of single people: of those who agreed to it, each for this one request. (P-8.5-b, P-8.5-d, P-4.3)

A grant by three people opens nothing here: it lets the party's request stand before the people who are bound to the party, and
each of them agrees or does not (PIPL article 23; people/disclosing.py). Every answer asks anew who may be told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.log import queries as log
from abate.platform.parties import limits
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.people import disclosing
from abate.platform.people.models import Person
from abate.platform.sharing import actions, editions, queries
from abate.platform.sharing.actions import Answer
from abate.platform.sharing.errors import NotAsked, PlaceUnknown
from abate.platform.sharing.models import PEOPLE, Decision, Read, Told
from abate.platform.sharing.queries import SQL, RequestRow

MOST = 500
"""People of one page at most: our policy."""


@dataclass(frozen=True, slots=True)
class AskRow:
    """A request as a person meets it. `given_at` is null where they never agreed; `ended_at` when that ended. `live`: the
    request can be agreed to, or is read now."""

    request: RequestRow
    party: str
    titles: tuple[str, str]
    given_at: datetime | None
    ended_at: datetime | None
    notice_version: str
    live: bool

    @property
    def agreed(self) -> bool:
        return self.given_at is not None and self.ended_at is None


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that held something of a person: when, by which key, and on which request."""

    id: int
    at: datetime
    client_id: str
    party: str
    titles: tuple[str, str]
    request: RequestRow


def asked_of(person_id: int) -> list[AskRow]:
    """What may be agreed to by this person, and what ever was; the newest request first."""
    given = {one.purpose: one for one in reversed(disclosing.of(person_id))}
    bound = disclosing.bound(person_id)
    ids = [UUID(purpose.rpartition(":")[2]) for purpose in given]
    rows = queries.about_people(bound, ids)
    known = {one.pk: one for one in Party.objects.filter(pk__in={row.party_id for row in rows})}
    told = []
    for row in rows:
        party = known[row.party_id]
        consent = given.get(disclosing.purpose(party.code, row.id))
        live = row.state == Decision.GRANTED and row.party_id in bound and party.stands(clock.today())
        if live or consent:
            told.append(
                AskRow(
                    request=row,
                    party=party.code,
                    titles=(party.title_zh, party.title_en),
                    given_at=consent.given_at if consent else None,
                    ended_at=consent.withdrawn_at if consent else None,
                    notice_version=consent.notice_version if consent else "",
                    live=live,
                )
            )
    return told


def one_asked(person_id: int, request_id: UUID) -> AskRow:
    """One of asked_of. Raises NotAsked."""
    found = next((one for one in asked_of(person_id) if one.request.id == request_id), None)
    if found is None:
        raise NotAsked(str(request_id))
    return found


def agree(person: Person, request_id: UUID, by: Person | None = None) -> None:
    """The person, or `by` for a child, lets the party be told what the request names. Raises NotAsked, NotBound,
    PersonErased."""
    found = one_asked(person.pk, request_id)
    if not found.live:
        raise NotAsked(str(request_id))
    disclosing.agree(person, found.request.party_id, disclosing.purpose(found.party, request_id), by)


def withdraw(person: Person, request_id: UUID) -> None:
    """What the person agreed to ends at once, whatever became of the request. Raises NotAsked."""
    found = one_asked(person.pk, request_id)
    disclosing.withdraw(person, disclosing.purpose(found.party, request_id))


def read(party_id: int, request_id: UUID, cursor: str, limit: int, client_id: str) -> Answer:
    """The page of people after `cursor`, or the first, by the party's names for them, as the books stand now; that it was told
    is written down with it, once and for each of them. Raises RequestUnknown, NotGranted, OtherSubject, PlaceUnknown,
    ToldOtherwise, LimitReached."""
    with transaction.atomic():
        asked = actions.granted(party_id, request_id, PEOPLE)
        after = _place(asked, cursor)
        actions.told_one_way(party_id, "people", asked.from_month, asked.to_month)
        found, last = _agreed(asked, after, limit)
        _take_answers(asked, [person for _, person in found])
        now, size = clock.now(), log.size()
        lines = _lines(asked, [person for _, person in found])
        answer = actions.said(
            asked,
            {
                "as_of": now.isoformat(),
                "tree_size": size,
                "left_out": left_out(asked),
                "people": [{"subject": name, "rows": lines.get(person, [])} for name, person in found],
                "next_cursor": _signer(asked).sign_object(last) if last else None,
            },
        )
        kept = Read.objects.create(
            request_id=asked.id,
            at=now,
            client_id=client_id,
            from_month=asked.from_month,
            to_month=asked.to_month,
            cells=sum(map(len, lines.values())),
            people=len(found),
            sha256=answer.sha256,
        )
        Told.objects.bulk_create([Told(person_id=person, read=kept) for _, person in found])
    return answer


def _take_answers(asked: RequestRow, people: Sequence[int]) -> None:
    """Counted for each person, so that the pages of one answer are one, and no page is had again and again by its cursor."""
    most = settings.ABATE_SHARING_ANSWERS_PER_DAY
    limits.take(limits.Limit("answers", f"told:{asked.id}:{one}", most, limits.DAY) for one in people)


def times_told(person_id: int, before: int | None = None) -> int:
    """How many answers held something of this person, all or those older than the answer `before`."""
    told = Told.objects.filter(person_id=person_id)
    return (told if before is None else told.filter(read_id__lt=before)).count()


def readings_of(person_id: int, before: int | None = None, limit: int | None = None) -> list[Reading]:
    """The answers that held something of this person, the newest first; without `limit` every one. (P-8.4-b)"""
    with connection.cursor() as cursor:
        cursor.execute(SQL["readings_of"], {"person": person_id, "before": before, "limit": limit})
        rows = cursor.fetchall()
    asked = {one.id: one for one in queries.about_people((), {request_id for _, _, request_id, _ in rows})}
    known = {one.pk: one for one in Party.objects.filter(pk__in={one.party_id for one in asked.values()})}
    told = []
    for number, at, request_id, client_id in rows:
        request = asked[request_id]
        party = known[request.party_id]
        told.append(Reading(number, at, client_id, party.code, (party.title_zh, party.title_en), request))
    return told


def left_out(asked: RequestRow) -> list[str]:
    """The sources, as PARTY/SOURCE, any version of which keeps data of people from this request: by what it permits, or since
    the days of its use are over. Said of every answer alike, so that it tells nothing of those who are in it."""
    codes = parties.codes()
    with connection.cursor() as cursor:
        cursor.execute(SQL["left_out"], {"told": _recipients(asked), "today": clock.today()})
        return sorted(f"{codes[party]}/{code}" for party, code in cursor.fetchall())


def _signer(asked: RequestRow) -> signing.Signer:
    """What signs the places between the pages of one request, and knows no others."""
    return signing.Signer(salt=f"abate.sharing.{asked.id}")


def _place(asked: RequestRow, cursor: str) -> str:
    try:
        return str(_signer(asked).unsign_object(cursor)) if cursor else ""
    except (signing.BadSignature, ValueError):
        raise PlaceUnknown from None


def _recipients(asked: RequestRow) -> list[str]:
    return sources.recipients(parties.codes()[asked.party_id], asked.kind)


def _agreed(asked: RequestRow, after: str, limit: int) -> tuple[list[tuple[str, int]], str]:
    """(the party's name, the person) of who may be told of, locked against withdrawing, and after which name it goes on; ''
    where it does not."""
    purpose = disclosing.purpose(parties.codes()[asked.party_id], asked.id)
    given = {"party": asked.party_id, "purpose": purpose, "now": clock.now(), "after": after, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(SQL["agreed"], given | {"among": None})
        held = cursor.fetchall()
        # Again: the first look sees the books of before its locks, and an objection of since then changes no row it locked.
        cursor.execute(SQL["agreed"], given | {"among": [person for _, person in held]})
        return cursor.fetchall(), held[-1][0] if len(held) == limit else ""


def _lines(asked: RequestRow, people: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """By person one line for each month and behaviour, where these were asked for, with the marks of its sources."""
    days: dict[str, date] = {
        "first": asked.from_month,
        "last": editions.last_day(asked.to_month),
        "today": clock.today(),
    }
    given = {"people": list(people), "fields": list(asked.fields), "behaviours": list(asked.behaviours)}
    with connection.cursor() as cursor:
        cursor.execute(SQL["told_of"], given | days | {"told": _recipients(asked)})
        rows = cursor.fetchall()
    codes = parties.codes()
    known = sources.of_versions(number for *_, numbers in rows for number in numbers or ())
    told: dict[int, list[dict[str, Any]]] = {}
    for person, month, behaviour, acts, carbon_mg, credits, numbers in rows:
        values = {
            "month": month,
            "behaviour": behaviour,
            "acts": acts,
            "carbon_mg": carbon_mg,
            "credits": credits,
        }
        line = {name: values[name] for name in asked.fields}
        marks = [known[number].document(codes[known[number].party_id]) for number in numbers or ()]
        told.setdefault(person, []).append(line | {"sources": marks})
    return told
