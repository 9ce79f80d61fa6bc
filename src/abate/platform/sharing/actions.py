"""The only writer of sharing, with people.py: a party asks, people decide, an answer is made and told in one transaction.
(P-8.5-b)"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from abate.platform.doors import clock, randomness
from abate.platform.events import sources
from abate.platform.parties import queries as parties
from abate.platform.sharing import editions, queries
from abate.platform.sharing.errors import (
    DecidedAlready,
    NotGranted,
    OtherSubject,
    OutsideGrant,
    RequestMalformed,
    SourceWithheld,
    ToldOtherwise,
)
from abate.platform.sharing.models import AGGREGATE, FIELDS, FIGURES, PEOPLE, Cell, Decision, Read, Request
from abate.platform.sharing.queries import SQL, RequestRow

LONGEST = 1000
"""Characters of a purpose or a legal ground: our policy."""
CONTACT = 200
"""Characters that say how people reach the party: our policy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was given: `body` is canonical JSON, `sha256` its digest, which the row of the answer keeps."""

    body: str
    sha256: bytes


def ask(
    party_id: int,
    *,
    purpose: str,
    kind: str = sources.PURPOSES[0],
    ground: str,
    about: str = AGGREGATE,
    contact: str = "",
    behaviours: Iterable[str],
    fields: Iterable[str] = FIGURES,
    from_month: date,
    to_month: date,
    until: date,
    known: Iterable[str],
    client_id: str = "",
) -> RequestRow:
    """Write a request down; nothing is given before it is granted. `known` are the behaviours there are, `fields` what is
    asked of each group, or of each person where it is `about` people: these are told `contact`.

    Raises RequestMalformed.
    """
    wanted = sorted(set(behaviours))
    for name, text in (("purpose", purpose), ("ground", ground)):
        if not 1 <= len(text.strip()) <= LONGEST:
            raise RequestMalformed(f"{name}: 1 to {LONGEST} characters")
    if kind not in sources.PURPOSES:
        raise RequestMalformed(f"kind: of {', '.join(sources.PURPOSES)}")
    if unknown := sorted(set(wanted) - set(known)):
        raise RequestMalformed(f"behaviours: {unknown[0][:60]}")
    asked = _subject(about, contact.strip(), set(fields))
    first, last = from_month.replace(day=1), to_month.replace(day=1)
    if first > last or (last.year - first.year) * 12 + last.month - first.month >= editions.MONTHS:
        raise RequestMalformed(f"from_month, to_month: in order, {editions.MONTHS} months at most")
    if until < clock.today():
        raise RequestMalformed("until: a day to come")
    made = Request.objects.create(
        id=randomness.new_uuid(),
        party_id=party_id,
        purpose=purpose.strip(),
        kind=kind,
        ground=ground.strip(),
        about=about,
        contact=contact.strip(),
        behaviours=wanted,
        fields=asked,
        from_month=first,
        to_month=last,
        until=until,
        at=clock.now(),
        client_id=client_id,
    )
    return queries.request(made.id)


def _subject(about: str, contact: str, named: set[str]) -> list[str]:
    """The fields in their order, where they are of what the request is about. Raises RequestMalformed."""
    if about not in FIELDS:
        raise RequestMalformed(f"about: {' or '.join(FIELDS)}")
    if about == PEOPLE and not 1 <= len(contact) <= CONTACT:
        raise RequestMalformed(f"contact: how people reach you, 1 to {CONTACT} characters")
    if about != PEOPLE and contact:
        raise RequestMalformed(f"contact: only with about {PEOPLE}")
    asked = [name for name in FIELDS[about] if name in named]
    if not asked or len(named) > len(asked):
        raise RequestMalformed(f"fields: one or more of {', '.join(FIELDS[about])}")
    return asked


def answer(request_id: UUID, granted: bool, reason: str) -> RequestRow:
    """Grant or refuse a request, once: what three people decided (changes.py). Raises RequestUnknown, DecidedAlready."""
    return _decide(request_id, Decision.GRANTED if granted else Decision.REFUSED, reason, "sharing.answer")


def revoke(request_id: UUID, reason: str, account: str) -> RequestRow:
    """End a grant at once: one person is enough to stop. Raises RequestUnknown, NotGranted."""
    asked = queries.request(request_id)
    if asked.state != Decision.GRANTED:
        raise NotGranted(asked.state)
    return _decide(request_id, Decision.REVOKED, reason, account)


def _decide(request_id: UUID, state: str, reason: str, by: str) -> RequestRow:
    queries.request(request_id)
    first = state != Decision.REVOKED
    try:
        with transaction.atomic():
            Decision.objects.create(
                request_id=request_id, first=first, state=state, at=clock.now(), reason=reason, by=by
            )
    except IntegrityError:
        raise DecidedAlready(str(request_id)) from None
    return queries.request(request_id)


def read(
    party_id: int, request_id: UUID, from_month: date | None, to_month: date | None, client_id: str
) -> Answer:
    """The figures of the months, all of the grant's if none are named, without the groups that hold data of a source which
    may not be shared so. Raises RequestUnknown, NotGranted, OtherSubject, OutsideGrant, ToldOtherwise, MonthOpen,
    SourceWithheld (nothing is left)."""
    asked = granted(party_id, request_id, AGGREGATE)
    first = (from_month or asked.from_month).replace(day=1)
    last = (to_month or asked.to_month).replace(day=1)
    if not asked.from_month <= first <= last <= asked.to_month:
        raise OutsideGrant(f"{first.isoformat()[:7]} to {last.isoformat()[:7]}")
    with transaction.atomic():
        told_one_way(party_id, "groups", first, last)
        months = [_told(month, asked) for month in months_of(first, last)]
        held = {name for month in months for name in month["not_shared"]["sources"]}
        if held and not any(month["groups"] for month in months):
            raise SourceWithheld(", ".join(sorted(held)))
        answer = said(asked, {"months": months})
        Read.objects.create(
            request_id=asked.id,
            at=clock.now(),
            client_id=client_id,
            from_month=first,
            to_month=last,
            cells=sum(len(month["groups"]) for month in months),
            sha256=answer.sha256,
        )
    return answer


def granted(party_id: int, request_id: UUID, about: str) -> RequestRow:
    """A request of this party's that is in force. Raises RequestUnknown, NotGranted; OtherSubject where it is about something
    else."""
    asked = queries.request(request_id, party_id)
    if asked.state != Decision.GRANTED:
        raise NotGranted(asked.state)
    if asked.about != about:
        raise OtherSubject(asked.about)
    return asked


Way = Literal["groups", "people", "members"]
"""How a party is told of a month."""


def told_one_way(party_id: int, way: Way, first: date, last: date) -> None:
    """Of one month a party is told in one way: a group less those who agreed, or who are its members, would be the others.

    Inside the transaction that tells, after which no other of the party's is between this look and its row. Raises
    ToldOtherwise.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["one_at_a_time"], {"party": party_id})
        cursor.execute(
            SQL["told_otherwise"],
            {"party": party_id, "way": way, "first": first, "last": last},
        )
        if cursor.fetchone()[0]:
            raise ToldOtherwise(f"{first.isoformat()[:7]} to {last.isoformat()[:7]}")


def said(asked: RequestRow, told: dict[str, object]) -> Answer:
    """An answer on a request as canonical JSON, with what was granted beside what is told."""
    body = json.dumps(
        {
            "request": str(asked.id),
            "purpose": asked.purpose,
            "kind": asked.kind,
            "fields": asked.fields,
            "until": asked.until.isoformat(),
            **told,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return Answer(body, hashlib.sha256(body.encode()).digest())


def months_of(first: date, last: date) -> list[date]:
    """The first days of the months from one to the other, both included."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [
        date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1)
        for n in range(count)
    ]


def _told(month: date, asked: RequestRow) -> dict:
    """One month as it is given. `other` goes to whoever asked for all: it cannot be told which of it are theirs."""
    behaviours, codes = asked.behaviours, parties.codes()
    made = editions.edition(month)
    cells = Cell.objects.filter(month=month).order_by("behaviour")
    if behaviours:
        cells = cells.filter(behaviour__in=behaviours)
    # A group is given as the edition has it or not at all: with it less one source's data there would be two editions.
    known = sources.of_versions(number for cell in cells for number in cell.sources)
    closed = {number for number, one in known.items() if not one.shares(codes[asked.party_id], asked.kind)}
    held = [cell for cell in cells if not closed.isdisjoint(cell.sources)]
    names = {known[one] for cell in held for one in cell.sources if one in closed}
    return {
        "month": month.isoformat()[:7],
        "made_at": made.at.isoformat(),
        "tree_size": made.tree_size,
        "withheld": made.withheld,
        "least_people": made.least_people,
        "largest_percent": made.largest_percent,
        "left_out": made.left_out,
        "not_shared": {
            "groups": len(held),
            "sources": sorted({f"{codes[one.party_id]}/{one.code}" for one in names}),
        },
        "groups": [
            {
                "behaviour": cell.behaviour,
                "behaviours": cell.behaviours,
                **{name: int(getattr(cell, name)) for name in asked.fields},
                "sources": [known[number].document(codes[known[number].party_id]) for number in cell.sources],
            }
            for cell in cells
            if cell not in held
        ],
    }
