"""What others may know of files of events: each party of its own alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from abate.platform.events.actions_files import SQL
from abate.platform.events.models import File, FileRow
from abate.platform.events.outcomes import Outcome
from abate.platform.events.reasons import REASONS

_PAGE = 5_000
_IS_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
Wrong = tuple[int, str | None, int, str]
"""Line, event id, outcome and reason of a row that was not accepted."""


def file_of(party_id: int, file_id: UUID) -> File | None:
    return File.objects.filter(pk=file_id, party_id=party_id).first()


def files_of(party_id: int, limit: int = 50, before: UUID | None = None) -> list[File]:
    """The newest first, those that came before the file `before` of the party's."""
    found = File.objects.filter(party_id=party_id)
    last = found.filter(pk=before).first() if before else None
    if last is not None:
        found = found.filter(Q(at__lt=last.at) | Q(at=last.at, id__lt=last.pk))
    return list(found.order_by("-at", "-id")[:limit])


def open_files(party_id: int | None = None, via: str = "http") -> list[File]:
    """Those that are not through, the oldest first."""
    mine = {"party_id": party_id} if party_id is not None else {}
    return list(File.objects.filter(state=File.OPEN, via=via, **mine).order_by("at"))


def ended_with_errors(since: datetime, via: str = "http") -> list[File]:
    """Those that were read to their end after `since` and have rows that were not accepted, the oldest first."""
    wrong = Exists(FileRow.objects.filter(file_id=OuterRef("pk")))
    return list(File.objects.filter(wrong, state=File.DONE, via=via, ended_at__gt=since).order_by("ended_at"))


def needed_files(names: Iterable[str], since: datetime) -> set[str]:
    """Of these, ids as text, those of files that are not through, or ended after `since`."""
    ids = [UUID(name) for name in names if _IS_ID(name)]
    later = Q(state=File.OPEN) | Q(ended_at__gt=since)
    return {str(one) for one in File.objects.filter(later, pk__in=ids).values_list("pk", flat=True)}


def wrong_rows(file: File, after: int = 0, limit: int = 100) -> list[Wrong]:
    with connection.cursor() as cursor:
        cursor.execute(SQL["wrong_rows"], {"file": file.pk, "after": after, "limit": limit})
        return cursor.fetchall()  # type: ignore[no-any-return]


def all_wrong_rows(file: File) -> Iterator[Wrong]:
    """In the order of lines, a page at a time."""
    after = 0
    while page := wrong_rows(file, after, _PAGE):
        yield from page
        after = page[-1][0]


def told(outcome: int, reason: str) -> str:
    """What is wrong with a row, for the error column: the code, and in both languages what and what to do."""
    known = REASONS.get(reason.partition(":")[0])
    if known is None:
        return reason or Outcome(outcome).text
    return " ".join((reason, known.what[0], known.remedy[0], known.what[1], known.remedy[1]))
