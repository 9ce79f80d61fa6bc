"""Files that mean harm, or were saved by a careless program: every row is what it says, or is refused."""

from __future__ import annotations

import codecs
import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter

from abate.platform.events import files, tables_back
from abate.platform.events.declared import declaration
from abate.platform.events.envelope import Event, Reader, Sender
from abate.platform.events.files_errors import FileEncoding, FileTorn
from abate.quantify import catalogue

SENDER = Sender(1, "city", frozenset({"cycling"}))
AT = "2026-05-20T09:00:00+08:00"
PLAIN = declaration("", catalogue.load(), SENDER.behaviours)
RECORD = {"trip_id": "t", "start": AT, "end": "2026-05-20T09:20:00+08:00", "distance_km": 1.5}


def read(path: Path) -> list[str]:
    """The id of each sound event, the reason of each other."""
    reader = Reader(SENDER, ["cycling"], datetime(2026, 6, 1, tzinfo=UTC))
    found = [one for chunk in files.chunks(path, SENDER, reader, 10, PLAIN) for one in chunk.read]
    return [one.id if isinstance(one, Event) else one.reason for one in found]


def table(path: Path, *texts: str) -> Path:
    """A CSV file with a column `data`, and a sound row at its end."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "subject", "time", "behaviour", "data"])
        for number, text in enumerate([*texts, json.dumps(RECORD)]):
            out.writerow([f"e{number}", "s", AT, "cycling", text])
    return path


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"city":' + "[" * 60_000 + "]" * 60_000 + "}", "malformed:data"),
        (json.dumps(RECORD)[:-1] + ', "distance_km": 2}', "malformed:data"),
        (json.dumps(RECORD)[:-1] + ', "city": "\\ud800"}', "malformed:event"),
        (json.dumps(RECORD).replace("1.5", "NaN"), "malformed:event"),
        (json.dumps(RECORD).replace("1.5", "9" * 5000), "malformed:data"),
    ],
    ids=["deep", "a name twice", "half a sign", "NaN", "digits"],
)
def test_a_record_that_is_no_record_refuses_its_row_alone(tmp_path: Path, record: str, reason: str) -> None:
    assert read(table(tmp_path / "events.csv", record)) == [reason, "e1"]


def test_another_encoding_is_never_guessed(tmp_path: Path) -> None:
    """A file of it is refused whole, before a row is read; a torn row among sound ones alone."""
    texts = [json.dumps({**RECORD, "city": city}, ensure_ascii=False) for city in ("成都", "重庆", "上海")]
    path = table(tmp_path / "events.csv", *texts)
    sound = path.read_bytes()
    path.write_bytes(sound.decode().encode("gb18030"))
    with pytest.raises(FileEncoding, match="gb18030"):
        read(path)
    path.write_bytes(sound.replace("重庆".encode(), "重庆".encode("gb18030")))
    assert read(path) == ["e0", "malformed:event", "e2", "e3"]
    path.write_bytes(sound.decode().encode("utf-16"))
    with pytest.raises(FileEncoding, match="UTF-16"):
        read(path)


def test_a_byte_order_mark_is_no_part_of_the_first_event(tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "city", "type": "org.abate.behaviour.cycling"}
    line = json.dumps({**event, "subject": "s", "time": AT, "data": RECORD}).encode()
    path = tmp_path / "events.jsonl"
    path.write_bytes(codecs.BOM_UTF8 + line + b"\r\n" + codecs.BOM_UTF8 + line)
    assert read(path) == ["e", "malformed:event"]
    path = table(tmp_path / "events.csv")
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert read(path) == ["e0"]


def test_a_line_of_a_table_without_end_is_refused_without_being_held(tmp_path: Path) -> None:
    path = table(tmp_path / "events.csv")
    with path.open("a") as file:
        file.write('"' + "x" * 1_100_000 + '"')
    with pytest.raises(FileTorn, match="more than 1,000,000"):
        read(path)


WIDE = ["wide", "s", AT, "cycling", '{"distance_km": "1', '5"}']


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_row_that_is_too_wide_comes_back_with_all_that_was_in_it(tmp_path: Path, kind: str) -> None:
    """A decimal comma, the commonest fault of a table: its row came back empty, and nothing of it could be mended."""
    names, sound = (
        ["id", "subject", "time", "behaviour", "data"],
        ["e1", "s", AT, "cycling", json.dumps(RECORD)],
    )
    path, back = tmp_path / f"rides.{kind}", tmp_path / f"back.{kind}"
    _spreadsheet(path, [names, WIDE, sound])
    assert read(path) == ["too_many_cells:event", "e1"]
    tables_back.write(path, PLAIN, iter([(2, "too_many_cells:event")]), back, None)
    assert _cells(back) == [
        [*names, "abate_error"],
        [*WIDE[:5], "too_many_cells:event", WIDE[5]],
        [*sound, ""],
    ]
    # As it came back it is refused again, and comes back the same.
    assert read(back) == ["too_many_cells:event", "e1"]
    tables_back.write(back, PLAIN, iter([(2, "too_many_cells:event")]), tmp_path / f"again.{kind}", None)
    assert _cells(tmp_path / f"again.{kind}") == _cells(back)


def _spreadsheet(path: Path, rows: list[list[str]]) -> None:
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def _cells(path: Path) -> list[list[str]]:
    """Every cell of a file given back, as wide as its row is."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.reader(file))
    found = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_name("data").to_python()
    # A sheet is as wide as its widest row.
    return [[str(cell) for cell in (row if row[6] else row[:6])] for row in found]


def test_a_line_that_is_no_object_comes_back_as_text(tmp_path: Path) -> None:
    path, back = tmp_path / "rides.jsonl", tmp_path / "back.jsonl"
    torn = '{"id": "步行", "data": {"distance_km": "1.5"}'
    path.write_bytes(torn.encode() + b"\n\xff\xfe\n")
    tables_back.write(path, PLAIN, iter([(1, "malformed:event"), (2, "malformed:event")]), back, None)
    told = [json.loads(line) for line in back.read_bytes().splitlines()]
    assert told == [
        {"line": 1, "text": torn, "abate_error": "malformed:event"},
        {"line": 2, "abate_error": "malformed:event"},
    ]
    assert read(back) == ["malformed:specversion"] * 2
