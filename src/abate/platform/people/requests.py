"""What people ask about their own data, and the clock that runs until it is answered. Writes people_request.

A clock ends after 15 working days or 30 days, whichever comes first. Working days are China's: holidays.csv has the State
Council's yearly notice (2026: published on 4 November 2025), the operator's file (`ABATE_HOLIDAYS`, the same columns) those of
later years. A year that is in neither counts every day: its notice may make any weekend day a working day, and a missing one
must make a clock shorter and never longer.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.notices import actions as notices
from abate.platform.people import disclosing, keys
from abate.platform.people.errors import PersonErased, RequestMalformed, RequestUnknown, TooManyRequests
from abate.platform.people.models import Person, Request
from abate.platform.review import audit
from abate.platform.review.models import User

WORKING_DAYS, DAYS = 15, 30
LONGEST = 2000
MOST_OPEN = 10
_TOLD_IN = 11
"""The month of the yearly notice: that of 2026 was published on 4 November 2025."""
_SATURDAY = 5
_KINDS = {"off": False, "work": True}
_PURPOSE, _ANSWER = "request", "answer"


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request; `text` and `answer` are empty where the reader may not have them or the person was erased."""

    id: int
    kind: str
    asked_at: datetime
    due: date
    answered_at: datetime | None
    text: str
    answer: str

    @property
    def late(self) -> bool:
        return self.answered_at is None and clock.today() > self.due

    def __repr__(self) -> str:
        return f"RequestRow({self.id}, {self.kind})"


@lru_cache(maxsize=2)
def _said(own: str = "") -> dict[date, bool]:
    """Day -> whether it is worked, where the yearly notice says something else than the week does; `own`: the operator's file.

    Raises SetupError.
    """
    found = {}
    for path in (Path(__file__).parent / "holidays.csv", *([Path(own)] if own else [])):
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                found |= {date.fromisoformat(row["day"]): _KINDS[row["kind"]] for row in csv.DictReader(file)}
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as fault:
            raise SetupError("calendar-unreadable", path=path, fault=fault) from fault
    return found


def worked(day: date) -> bool:
    """Whether a clock counts this day. Raises SetupError."""
    said = _said(settings.ABATE_HOLIDAYS)
    if not is_told(day.year):
        return True
    return said.get(day, day.weekday() < _SATURDAY)


def is_told(year: int) -> bool:
    """Whether the notice of that year is in the program's calendar or the operator's. Raises SetupError."""
    return year in {day.year for day in _said(settings.ABATE_HOLIDAYS)}


def untold(today: date) -> int | None:
    """The year whose notice is missing: this one, or from November on, when the State Council has told it, the next.

    Raises SetupError.
    """
    asked = (today.year, today.year + 1)[: 2 if today.month >= _TOLD_IN else 1]
    return next((year for year in asked if not is_told(year)), None)


def due(asked: date) -> date:
    """The last day for an answer to what was asked on this day; the day itself does not count."""
    day, left = asked, WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= worked(day)
    return min(day, asked + timedelta(days=DAYS))


def ask(person: Person, kind: str, text: str) -> Request:
    """Raises RequestMalformed, TooManyRequests, PersonErased."""
    text = text.strip()
    if kind not in Request.Kind.values or not 0 < len(text) <= LONGEST:
        raise RequestMalformed
    with transaction.atomic():
        # Locked: requests and erasing of one person come one after the other.
        own = Person.objects.select_for_update().filter(pk=person.pk, status=Person.Status.ACTIVE).first()
        if own is None:
            raise PersonErased
        if Request.objects.filter(person=own, answered_at=None).count() >= MOST_OPEN:
            raise TooManyRequests
        # An objection is later than every answer that it did not stop.
        now = disclosing.hold(own.pk) if kind == Request.Kind.RESTRICTION else clock.now()
        audit.note("request.ask", own.pseudonym, kind=kind)
        return Request.objects.create(
            person=own,
            kind=kind,
            text_enc=keys.encrypt(own, text.encode(), _PURPOSE),
            asked_at=now,
            due=due(clock.day(now)),
        )


def answer(request_id: int, text: str, by: User) -> None:
    """Answer once. Raises RequestUnknown, RequestMalformed, PersonErased."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise RequestMalformed
    with transaction.atomic():
        found = Request.objects.select_for_update().filter(pk=request_id, answered_at=None).first()
        if found is None:
            raise RequestUnknown
        sealed = keys.encrypt(found.person, text.encode(), _ANSWER)
        Request.objects.filter(pk=found.pk).update(answered_at=clock.now(), answer_enc=sealed, answered_by=by)
        notices.write([found.person.user_id], "request.answered")
        audit.note("request.answer", found.person.pseudonym, request=request_id)


def own(person: Person) -> list[RequestRow]:
    """The person's own requests with their answers, the newest first."""
    return _told(Request.objects.filter(person=person).select_related("person").order_by("-id"))


def waiting(limit: int = 200, *, texts: bool = True) -> list[RequestRow]:
    """Every open request, the most urgent first; its text only with `texts`. The erased ask for nothing any more."""
    rows = Request.objects.filter(answered_at=None, person__status=Person.Status.ACTIVE)
    return _told(rows.select_related("person").order_by("due", "id")[:limit], texts)


def late() -> int:
    """How many requests are past their day."""
    rows = Request.objects.filter(answered_at=None, person__status=Person.Status.ACTIVE)
    return rows.filter(due__lt=clock.today()).count()


def _told(rows: Iterable[Request], texts: bool = True) -> list[RequestRow]:
    """The rows with what their people's keys still open; where there is no key any more, without."""
    found = list(rows)
    readable = [one for one in found if texts and one.person.wrapped_key is not None]
    answered = [one for one in readable if one.answer_enc]
    text = _opened(readable, [one.text_enc for one in readable], _PURPOSE)
    answer = _opened(answered, [one.answer_enc or b"" for one in answered], _ANSWER)
    return [
        RequestRow(
            one.pk, one.kind, one.asked_at, one.due, one.answered_at, text.get(one.pk, ""), answer.get(one.pk, "")
        )
        for one in found
    ]  # fmt: skip


def _opened(rows: Sequence[Request], sealed: Sequence[bytes], purpose: str) -> dict[int, str]:
    plain = keys.decrypt_each([(one.person, text) for one, text in zip(rows, sealed, strict=True)], purpose)
    return {one.pk: text.decode() for one, text in zip(rows, plain, strict=True)}
