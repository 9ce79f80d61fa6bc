"""An activity record: read strictly, dated, and written in the one canonical form that is stored and hashed.

Checks run in the order of `Refusal`, and within a code in the order of the schema, so every engine gives
the same reason. A field of a list item is reported under the name of its list. All limits that are not in
a schema stand here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from abate.quantify.method import Activity, ActivityField, Method, Text
from abate.quantify.outcome import Refusal
from abate.quantify.record_values import read_day, read_json, read_number, read_time
from abate.quantify.units import decimal_text

INDEX = re.compile(r"\[[0-9]+\]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""A time is out of range before 1970 and from 2200 on, in UTC."""

ORDER = {code: rank for rank, code in enumerate(Refusal)}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record is refused. `field` is the name in the reason; `path` says where inside a list."""

    code: Refusal
    field: str
    detail: Text
    path: str = ""

    @property
    def reason(self) -> str:
        return f"{self.code.value}:{self.field}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was accepted. Numbers are exact, times are in UTC, absent fields are not there."""

    numbers: Mapping[str, Fraction]
    texts: Mapping[str, str]
    times: Mapping[str, datetime]
    days: Mapping[str, date]
    lists: Mapping[str, tuple[Mapping[str, Fraction], ...]]
    derived: Mapping[str, Fraction]
    day: date

    def has(self, name: str) -> bool:
        return any(name in group for group in (self.numbers, self.texts, self.times, self.days, self.lists))


def day_of(activity: Activity, raw: Mapping[str, object], zone: str) -> date | None:
    """The day that dates a raw record, or None where its date cannot be read."""
    field = activity.field(activity.dated_by)
    value = raw.get(field.name)
    if field.kind == "date":
        return read_day(value)
    time = read_time(value)
    return None if time is None or not EARLIEST <= time < LATEST else time.astimezone(_zone(zone)).date()


def read_record(method: Method, raw: object, zone: str = "Asia/Shanghai") -> Record | tuple[Problem, ...]:
    """The accepted record, or every problem found, the deciding one first."""
    if not isinstance(raw, Mapping):
        detail = Text("记录应为一个对象（键值对）", "a record is an object of fields and values")
        return (Problem(Refusal.MALFORMED, "record", detail),)
    reader = _Reader(method.activity)
    reader.unknown(raw)
    for field in method.activity.fields:
        reader.field(field, raw.get(field.name))
    reader.whole()
    if reader.problems:
        rank = {f.name: i for i, f in enumerate(method.activity.fields)}
        return tuple(sorted(reader.problems, key=lambda p: (ORDER[p.code], rank.get(p.field, len(rank)))))
    day = day_of(method.activity, raw, zone)
    assert day is not None
    return Record(reader.numbers, reader.texts, reader.times, reader.days, reader.lists, reader.derived, day)


def canonical(method: Method, record: Record) -> bytes:
    """The record as canonical JSON: fields in schema order, absent ones left out, numbers as decimal
    texts without trailing zeros, times in UTC with `Z` (a fraction of a second without trailing zeros)."""
    out: dict[str, object] = {}
    for field in method.activity.fields:
        value = canonical_value(field, record)
        if value is not None:
            out[field.name] = value
    return json.dumps(out, ensure_ascii=False, separators=(",", ":")).encode()


def canonical_value(field: ActivityField, record: Record) -> str | list[dict[str, str]] | None:
    """One field as it stands in the canonical record, or None where absent."""
    name = field.name
    match field.kind:
        case "number" | "integer":
            return decimal_text(record.numbers[name]) if name in record.numbers else None
        case "time":
            return time_text(record.times[name]) if name in record.times else None
        case "date":
            return record.days[name].isoformat() if name in record.days else None
        case "list":
            if name not in record.lists:
                return None
            return [{i.name: decimal_text(item[i.name]) for i in field.items} for item in record.lists[name]]
        case _:
            return record.texts.get(name)


def time_text(time: datetime) -> str:
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{time.microsecond:06d}".rstrip("0") + "Z" if time.microsecond else f"{text}Z"


@lru_cache(maxsize=16)
def _with_unit(value: Fraction, unit: str) -> str:
    return f"{decimal_text(value)} {unit}".removesuffix(" 1")


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class _Reader:
    """Collects values and problems of one record."""

    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self.problems: list[Problem] = []
        self.numbers: dict[str, Fraction] = {}
        self.texts: dict[str, str] = {}
        self.times: dict[str, datetime] = {}
        self.days: dict[str, date] = {}
        self.lists: dict[str, tuple[Mapping[str, Fraction], ...]] = {}
        self.derived: dict[str, Fraction] = {}
        fields = [(f.name, f) for f in activity.fields]
        fields += [(f"{f.name}.{i.name}", i) for f in activity.fields for i in f.items]
        self.because = {name: f.because for name, f in fields if f.because}

    def _refuse(self, code: Refusal, field: str, zh: str, en: str, path: str = "") -> None:
        because = self.because.get(INDEX.sub("", path) or field)
        if because:
            named = f" [{because.clause.id}, {because.clause.place}]"
            zh, en = f"{zh}；{because.why.zh}{named}", f"{en}; {because.why.en}{named}"
        self.problems.append(Problem(code, field, Text(zh, en), path))

    def unknown(self, raw: Mapping[object, object]) -> None:
        """Fields outside the schema that carry something; an empty column of a table carries nothing."""
        known = {f.name for f in self.activity.fields}
        for name in sorted(str(key) for key in raw if key not in known and raw[key] is not None):
            hint = next((h for h in self.activity.refused if fnmatchcase(name, h.pattern)), None)
            if hint:
                self._refuse(
                    Refusal.UNKNOWN_FIELD,
                    name,
                    f"{hint.why.zh}（{hint.clause.id}）",
                    f"{hint.why.en} ({hint.clause.id})",
                )
            else:
                fields = ", ".join(f.name for f in self.activity.fields)
                self._refuse(
                    Refusal.UNKNOWN_FIELD,
                    name,
                    f"方法学没有此字段；可用：{fields}",
                    f"no such field; known: {fields}",
                )

    def field(self, field: ActivityField, value: object) -> None:
        if value is None:
            if field.required:
                self._refuse(Refusal.MISSING, field.name, "必填字段缺失", "a required field is absent")
            return
        match field.kind:
            case "number" | "integer":
                number = self._number(field, value, field.name)
                if number is not None:
                    self.numbers[field.name] = number
            case "time":
                self._time(field, value)
            case "date":
                day = read_day(value)
                if day is None:
                    self._refuse(
                        Refusal.WRONG_TYPE, field.name, "应为日期 YYYY-MM-DD", "must be a date YYYY-MM-DD"
                    )
                elif not EARLIEST.date() <= day < LATEST.date():
                    self._range(field.name, "1970-01-01", "2199-12-31")
                else:
                    self.days[field.name] = day
            case "list":
                self._list(field, value)
            case _:
                self._text(field, value)

    def _number(self, field: ActivityField, value: object, path: str) -> Fraction | None:
        name = field.name if path == field.name else path.partition("[")[0]
        number = read_number(value)
        assert field.low is not None and field.high is not None
        if isinstance(number, Fraction):
            if (10**field.decimals) % number.denominator:
                number = Refusal.TOO_MANY_DECIMALS
            elif not field.low <= number <= field.high or (field.low_open and number == field.low):
                number = Refusal.OUT_OF_RANGE
        match number:
            case Fraction():
                return number
            case Refusal.TOO_MANY_DECIMALS:
                zh, en = f"最多 {field.decimals} 位小数", f"at most {field.decimals} decimals"
                self._refuse(number, name, zh, en, path)
            case Refusal.OUT_OF_RANGE:
                low = (">" if field.low_open else "≥") + f" {decimal_text(field.low)}"
                self._range(name, low, f"≤ {_with_unit(field.high, field.unit)}", path)
            case _:
                zh, en = "应为数字或十进制数字文本", "must be a number or a decimal text"
                self._refuse(Refusal.WRONG_TYPE, name, zh, en, path)
        return None

    def _range(self, name: str, low: str, high: str, path: str = "") -> None:
        self._refuse(Refusal.OUT_OF_RANGE, name, f"允许范围：{low}，{high}", f"allowed: {low}, {high}", path)

    def _time(self, field: ActivityField, value: object) -> None:
        time = read_time(value)
        if time is None:
            zh = "应为带时区的 RFC 3339 时间，如 2026-01-31T09:00:00+08:00"
            en = "must be an RFC 3339 time with its offset, like 2026-01-31T09:00:00+08:00"
            self._refuse(Refusal.WRONG_TYPE, field.name, zh, en)
        elif not EARLIEST <= time < LATEST:
            self._range(field.name, "1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z")
        else:
            self.times[field.name] = time

    def _text(self, field: ActivityField, value: object) -> None:
        if not isinstance(value, str) or CONTROL.search(value):
            self._refuse(
                Refusal.WRONG_TYPE,
                field.name,
                "应为不含控制字符的文本",
                "must be text without control characters",
            )
        elif not 0 < len(value) <= field.max_length:
            self._range(field.name, "1", f"{field.max_length} characters")
        elif field.choices and value not in field.choices:
            choices = ", ".join(field.choices)
            self._refuse(Refusal.OUT_OF_RANGE, field.name, f"可选值：{choices}", f"one of: {choices}")
        else:
            self.texts[field.name] = value

    def _list(self, field: ActivityField, value: object) -> None:
        if isinstance(value, str):
            value = read_json(value)
        if not isinstance(value, list | tuple):
            self._refuse(Refusal.WRONG_TYPE, field.name, "应为列表", "must be a list")
            return
        if not 1 <= len(value) <= field.max_items:
            self._range(field.name, "1", f"{field.max_items} items")
            return
        self.lists[field.name] = tuple(self._item(field, i, item) for i, item in enumerate(value))

    def _item(self, field: ActivityField, index: int, item: object) -> Mapping[str, Fraction]:
        path = f"{field.name}[{index}]"
        if not isinstance(item, Mapping):
            self._refuse(
                Refusal.WRONG_TYPE, field.name, "每一项应为对象", "each item must be an object", path
            )
            return {}
        names = {i.name for i in field.items}
        for key in sorted(str(k) for k in item if k not in names):
            zh, en = (
                f"没有此字段；可用：{', '.join(names)}",
                f"no such field; known: {', '.join(sorted(names))}",
            )
            self._refuse(Refusal.UNKNOWN_FIELD, field.name, zh, en, f"{path}.{key}")
        found: dict[str, Fraction] = {}
        for inner in field.items:
            inner_path = f"{path}.{inner.name}"
            if item.get(inner.name) is None:
                self._refuse(
                    Refusal.MISSING, field.name, "必填字段缺失", "a required field is absent", inner_path
                )
                continue
            number = self._number(inner, item[inner.name], inner_path)
            if number is not None:
                found[inner.name] = number
        return found

    def whole(self) -> None:
        """What several fields must satisfy together."""
        for start, end in self.activity.intervals:
            for group in (self.times, self.days):
                if start in group and end in group and group[end] < group[start]:
                    self._refuse(
                        Refusal.END_BEFORE_START, end, f"{end} 早于 {start}", f"{end} is before {start}"
                    )
        self._one_of()
        if not self.problems:
            self._derive()

    def _one_of(self) -> None:
        groups = self.activity.one_of
        if not groups:
            return
        bad = {p.field for p in self.problems}
        there = [
            [n for n in g if n in self.numbers or n in self.texts or n in self.lists or n in bad]
            for g in groups
        ]
        whole = [g for g, found in zip(groups, there, strict=True) if len(found) == len(g)]
        if len(whole) == 1 and sum(1 for found in there if found) == 1:
            return
        choices = " | ".join("+".join(g) for g in groups)
        self._refuse(
            Refusal.ONE_OF,
            groups[0][0],
            f"须且只须给出其中一组完整字段：{choices}",
            f"give exactly one of these groups, whole: {choices}",
        )

    def _derive(self) -> None:
        for derived in self.activity.derived:
            if derived.kind == "hours":
                seconds = int(self.times[derived.end].timestamp()) - int(
                    self.times[derived.start].timestamp()
                )
                value = Fraction(seconds, 3600)
            else:
                value = Fraction((self.days[derived.end] - self.days[derived.start]) // timedelta(1) + 1)
            if value > derived.high:
                self._range(derived.name, "0", f"≤ {_with_unit(derived.high, derived.unit)}")
            self.derived[derived.name] = value
