"""Searching the audit trail, and giving it out as CSV or JSON Lines. Reading the trail is itself in the trail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from django.db.models import QuerySet

from abate.platform.doors.spreadsheets import as_text
from abate.platform.review import audit
from abate.platform.review.errors import ExportTooLarge
from abate.platform.review.models import Audit, User

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is left empty matches everything. `account`, `what` and `subject` match as beginnings: pages name
    an account by its first signs."""

    account: str = ""
    what: str = ""
    subject: str = ""
    act: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the trail; `detail` is canonical JSON."""

    id: int
    at: datetime
    account: str
    role: str
    via: str
    act: str
    what: str
    subject: str
    detail: str
    seal: int | None


def search(asked: Search, *, before: int | None = None, limit: int = 100) -> list[Row]:
    """The newest rows first, those with an id below `before`. Writes down who looked, before anything is read."""
    audit.read("audit.search", asked=_asked(asked), before=before)
    return _rows(asked, before, limit)


def lines(asked: Search, form: str, most: int | None = None) -> Iterator[str]:
    """The whole answer as `csv` or `jsonl`, a line each, the newest first. Who took it is written down first.

    Raises ExportTooLarge where more than `most` rows match.
    """
    if most is not None and len(_found(asked)[: most + 1].values_list("id")) > most:
        raise ExportTooLarge(f"> {most}")
    audit.read("audit.export", asked=_asked(asked), form=form)
    return _csv(asked) if form == "csv" else _jsonl(asked)


def _asked(asked: Search) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(asked).items() if value}


def _rows(asked: Search, before: int | None, limit: int) -> list[Row]:
    found = _found(asked)
    if before is not None:
        found = found.filter(id__lt=before)
    return [Row(*values) for values in found.values_list(*(f.name for f in fields(Row)))[:limit]]


def _found(asked: Search) -> QuerySet[Audit]:
    found = Audit.objects.order_by("-id")
    if asked.account:
        # A whole one is found by the index.
        whole = len(asked.account) == User._meta.get_field("handle").max_length
        found = found.filter(**{"account" if whole else "account__startswith": asked.account})
    if asked.what:
        found = found.filter(what__startswith=asked.what)
    if asked.subject:
        found = found.filter(subject__startswith=asked.subject)
    if asked.act:
        found = found.filter(act=asked.act)
    if asked.since:
        found = found.filter(at__gte=asked.since)
    if asked.until:
        found = found.filter(at__lt=asked.until)
    return found


def _all(asked: Search) -> Iterator[Row]:
    before = None
    while rows := _rows(asked, before, CHUNK):
        yield from rows
        before = rows[-1].id


def _jsonl(asked: Search) -> Iterator[str]:
    for row in _all(asked):
        told = asdict(row) | {"at": row.at.isoformat(), "detail": json.loads(row.detail)}
        yield json.dumps(told, ensure_ascii=False) + "\n"


def _csv(asked: Search) -> Iterator[str]:
    # The mark at the beginning tells a spreadsheet that this is UTF-8.
    yield "\ufeff" + _line([f.name for f in fields(Row)])
    for row in _all(asked):
        values = asdict(row) | {"at": row.at.isoformat(), "seal": row.seal or ""}
        yield _line([as_text(str(value)) for value in values.values()])


def _line(values: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()
