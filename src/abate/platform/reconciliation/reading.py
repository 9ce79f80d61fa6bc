"""A party's file, read strictly: CSV with a header (UTF-8 or GB18030), or JSON Lines (UTF-8).

    events   event, if wanted outcome, er_mg, credits           what is given is compared
    codes    code                                               as burnt, with or without hyphens
    both     if wanted party (its code) and day (2026-11-20)    a row of another party or day refuses the file

Headers may be Chinese, as NAMES says. An outcome is one that was answered (`exists` is not: give the stored one).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from abate.platform.doors.keyring import keyring
from abate.platform.events.outcomes import Outcome
from abate.platform.incentives.actions import read_code
from abate.platform.reconciliation.errors import FileUnreadable, RowMalformed, RowsForeign
from abate.platform.reconciliation.models import Side

NAMES = {
    "事件编号": "event",
    "结果": "outcome",
    "减排量毫克": "er_mg",
    "积分": "credits",
    "兑换码": "code",
    "机构": "party",
    "日期": "day",
}
"""Chinese headers and what they mean."""
OUTCOMES = frozenset(outcome.text for outcome in Outcome if outcome is not Outcome.EXISTS)
NOT_KEPT = frozenset({Outcome.REFUSED.text, Outcome.CONFLICT.text})
"""Outcomes after which nothing was kept here: such a row agrees where nothing is here."""
MAX_ROWS = 2_000_000
"""Rows of one file: our policy, a file is held in memory once."""
_COLUMNS = {Side.EVENTS: {"event", "outcome", "er_mg", "credits"}, Side.CODES: {"code"}}
_LONGEST = 128
_SIGNS = 12
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One row: `item` is what is compared by, `label` what people are shown."""

    line: int
    item: str
    label: str
    outcome: str | None = None
    er_mg: int | None = None
    credits: int | None = None


class _Row(ValueError):
    """What is wrong with one row."""


def read(data: bytes, form: str, side: Side, party: str, day: date) -> list[Item]:
    """The rows of a file. `form` is `csv` or `jsonl`.

    Raises FileUnreadable, RowMalformed and RowsForeign, naming up to 20 lines.
    """
    if not data:
        raise FileUnreadable("empty: a day without items is a CSV of the header alone")
    rows = _csv(data, side) if form == "csv" else _json_lines(data)
    items: list[Item] = []
    malformed: list[str] = []
    foreign: list[str] = []
    make = _event if side == Side.EVENTS else _code
    for line, row in rows:
        if len(items) >= MAX_ROWS:
            raise FileUnreadable(f"more than {MAX_ROWS:,} rows")
        try:
            if isinstance(row, _Row):
                raise row
            unknown = row.keys() - _COLUMNS[side] - {"party", "day"}
            if unknown:
                raise _Row(f"no member {sorted(unknown)[0]!r}")
            if (row.get("party") or party) != party or (row.get("day") or day.isoformat()) != day.isoformat():
                foreign.append(f"line {line}")
                continue
            items.append(make(line, row))
        except _Row as fault:
            malformed.append(f"line {line}: {fault}")
    for found, refusal in ((malformed, RowMalformed), (foreign, RowsForeign)):
        if found:
            raise refusal(named(found))
    return items


def named(found: list[str]) -> str:
    """The first of many places."""
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


def _csv(data: bytes, side: Side) -> Iterator[tuple[int, Mapping[str, object] | _Row]]:
    rows = csv.reader(io.StringIO(_text(data), newline=""), strict=True)
    try:
        header = [NAMES.get(name.strip(), name.strip()) for name in next(rows, [])]
        known = _COLUMNS[side] | {"party", "day"}
        if (
            len(set(header)) != len(header)
            or not set(header) <= known
            or not ({"event", "code"} & set(header))
        ):
            raise FileUnreadable(f"header {','.join(header)[:200]!r}; known are {', '.join(sorted(known))}")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                yield rows.line_num, _Row(f"{len(row)} cells, the header has {len(header)}")
            else:
                yield (
                    rows.line_num,
                    {name: cell for name, cell in zip(header, row, strict=True) if cell != ""},
                )
    except csv.Error as fault:
        raise FileUnreadable(f"line {rows.line_num}: {fault}") from None


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileUnreadable("neither UTF-8 nor GB18030")


def _json_lines(data: bytes) -> Iterator[tuple[int, Mapping[str, object] | _Row]]:
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield number, {name: value for name, value in row.items() if value is not None}
        else:
            yield number, _Row("no JSON object in UTF-8, or a member stands twice")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _event(line: int, row: Mapping[str, object]) -> Item:
    event = _word(row, "event")
    if event is None:
        raise _Row("no event")
    outcome = _word(row, "outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise _Row(f"outcome {outcome[:40]!r} is none that is stored")
    return Item(line, event, event, outcome, _amount(row, "er_mg"), _amount(row, "credits"))


def _code(line: int, row: Mapping[str, object]) -> Item:
    text = _word(row, "code")
    if text is None:
        raise _Row("no code")
    signs = read_code(text)
    if len(signs) != _SIGNS:
        raise _Row(f"a code has {_SIGNS} signs")
    return Item(line, keyring().code_hmac(signs).hex(), f"{signs[:4]}-…")


def _word(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or "\x00" in value or not _sound(value):
        raise _Row(f"{name} is no text of 1 to {_LONGEST} signs")
    return value


def _sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _amount(row: Mapping[str, object], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if (
        isinstance(value, str)
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
        and len(value) < 20
    ):
        value = int(value)
    if type(value) is not int or abs(value) >= 2**63:
        raise _Row(f"{name} is no whole number")
    return value
