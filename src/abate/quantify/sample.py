"""A record to try a behaviour with: that of a worked case, brought to another moment and under a name of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from abate.quantify.cases import Case, read_cases
from abate.quantify.catalogue import Catalogue
from abate.quantify.method import Activity, ActivityField
from abate.quantify.outcome import Outcome

Record = dict[str, object]


def sample(name: str, catalogue: Catalogue) -> Callable[[str, datetime], tuple[Record, str]]:
    """What makes a record of the behaviour `name`, called so and over by that moment, with the moment of its act.

    Raises MethodError where its worked cases cannot be read.
    """
    activity = catalogue.newest(name).activity
    case = _usual(read_cases(name, catalogue))

    def made(called: str, until: datetime) -> tuple[Record, str]:
        by = _days(_last(activity, case.record), until)
        record = _moved(activity.fields, case.record, by)
        record |= {field: called for field in activity.key if activity.field(field).kind == "id"}
        return record, _moment(str(record[activity.dated_by]))

    return made


def _usual(cases: tuple[Case, ...]) -> Case:
    """The first that is counted: read_cases sees that there is one."""
    return next(case for case in cases if case.expect["outcome"] == Outcome.COUNTED)


def _parsed(value: object) -> datetime:
    """A moment or a day; a day is over when it ends."""
    text = str(value)
    if len(text) == len("2026-11-23"):
        return datetime.fromisoformat(f"{text}T23:59:59+08:00")
    return datetime.fromisoformat(text)


def _last(activity: Activity, record: Record) -> datetime:
    return max(
        _parsed(record[f.name]) for f in activity.fields if f.kind in ("time", "date") and f.name in record
    )


def _days(last: datetime, until: datetime) -> timedelta:
    """So many whole days that `last` comes before `until`: what a record says of hours of the day stays so."""
    return timedelta(days=(until - last).days)


def _moved(fields: tuple[ActivityField, ...], record: Record, by: timedelta) -> Record:
    kinds = {field.name: field for field in fields}
    return {name: _moved_value(kinds.get(name), value, by) for name, value in record.items()}


def _moved_value(field: ActivityField | None, value: object, by: timedelta) -> object:
    if field is None or value is None:
        return value
    if field.kind == "list" and isinstance(value, list):
        return [_moved(field.items, one, by) for one in value]
    if field.kind == "time":
        return (datetime.fromisoformat(str(value)) + by).isoformat()
    if field.kind == "date":
        return (date.fromisoformat(str(value)) + by).isoformat()
    return value


def _moment(text: str) -> str:
    return text if "T" in text else f"{text}T00:00:00+08:00"
