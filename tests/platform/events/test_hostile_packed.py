"""Workbooks and Parquet files that mean harm, names that are paths, declarations that are none: refused by name."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from abate.platform import spool
from abate.platform.events import files_errors as refusals
from abate.platform.events import unpacked
from abate.platform.events.declared import declaration
from abate.platform.events.errors import Busy
from abate.platform.events.tables import opened
from abate.quantify import catalogue

NAMES = ["id", "subject", "time", "behaviour", "distance_km"]
PLAIN = declaration("", catalogue.load(), ["cycling"])


def workbook(path: Path, rows: int = 3) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("rides")
        sheet.write_row(0, 0, NAMES)
        for row in range(1, rows + 1):
            sheet.write_row(row, 0, [f"r{row}", "s", "2026-05-20T09:00:00+08:00", "cycling", 1.1 + 2.2])
    return path


def add(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(name, data)


def replace(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for one, text in (parts | {name: data}).items():
            packed.writestr(one, text)


def read(path: Path) -> list[list[object]]:
    with opened(path, PLAIN) as found:
        return [cells for _, cells in found.rows]


def test_a_sound_workbook_says_what_it_shows(tmp_path: Path) -> None:
    """1.1 + 2.2 is 3.3000000000000003 in a file; the sheet shows, and we read, 3.3."""
    assert [row[4] for row in read(workbook(tmp_path / "a.xlsx"))] == ["3.3"] * 3


@pytest.mark.parametrize(
    "member",
    [
        "xl/externalLinks/externalLink1.xml",
        "xl/connections.xml",
        "xl/vbaProject.bin",
        "XL\\ExternalLinks\\a.xml",
        "../../etc/cron.d/a",
        "xl\\..\\..\\a.xml",
    ],
)
def test_a_workbook_that_reaches_out_is_refused(tmp_path: Path, member: str) -> None:
    path = workbook(tmp_path / "a.xlsx")
    add(path, member, b"<externalLink/>")
    with pytest.raises(refusals.FileReachesOut):
        read(path)


RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(kind: str, mode: str = "") -> bytes:
    mode = f' TargetMode="{mode}"' if mode else ""
    one = f'<x:Relationship Id="r1" Type="{OFFICE}/{kind}" Target="a"{mode}/>'
    return f'<x:Relationships xmlns:x="{RELS}">{one}</x:Relationships>'.encode()


def typed(part: str, kind: str) -> bytes:
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'<Types xmlns="{space}"><Override PartName="/{part}" ContentType="application/vnd.{kind}"/></Types>'.encode()


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("xl/worksheets/_rels/sheet1.xml.rels", relations("image", "External")),
        ("elsewhere/_RELS/a.xml.RELS", relations("externalLinkPath", "External")),
        ("elsewhere/_rels/a.xml.rels", relations("oleObject")),
        ("xl/_rels/other.xml.rels", relations("vbaProject")),
        ("xl/_rels/wide.xml.rels", relations("image", "External").decode().encode("utf-16")),
        (
            "docs/[Content_Types].xml",
            typed("x.xml", "openxmlformats-officedocument.spreadsheetml.externalLink+xml"),
        ),
        ("docs/[Content_Types].xml", typed("x.xml", "ms-excel.sheet.macroEnabled.main+xml")),
    ],
)
def test_what_reaches_out_is_refused_whatever_it_is_called(tmp_path: Path, member: str, text: bytes) -> None:
    path = workbook(tmp_path / "a.xlsx")
    add(path, member, text)
    with pytest.raises(refusals.FileReachesOut):
        read(path)


def test_a_link_to_follow_brings_no_figure_and_a_list_of_parts_is_one(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    add(path, "xl/worksheets/_rels/sheet1.xml.rels", relations("hyperlink", "External"))
    assert len(read(path)) == 3
    for number, text in enumerate((b"<a", b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', b" " * (5 * 1024**2))):
        path = workbook(tmp_path / f"{number}.xlsx")
        add(path, "xl/_rels/bad.rels", text)
        with pytest.raises(refusals.FileRefused) as refused:
            read(path)
        # What declares entities, or unpacks too far, is nobody's slip.
        assert refused.value.hostile == (number > 0)


def sheet_of(*cells: str) -> bytes:
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return f"{head}{''.join(cells)}</sheetData></worksheet>".encode()


def cell(place: str, text: str) -> str:
    row = "".join(filter(str.isdigit, place))
    return f'<row r="{row}"><c r="{place}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def test_two_cells_that_span_a_billion_are_refused_and_take_no_memory_here(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    replace(path, "xl/worksheets/sheet1.xml", sheet_of(cell("A1", "id"), cell("XFD1048576", "x")))
    assert path.stat().st_size < 20_000
    assert spent(path) == ("FileUnpacks", True)


def test_a_cell_of_a_hundred_megabytes_stays_with_the_child(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {name: ["x"] * 3 for name in NAMES} | {"subject": ["s", " " * 100_000_000, "t"]}
    pq.write_table(pa.table(table), path, compression="zstd")
    assert path.stat().st_size < 100_000
    assert spent(path) == ("['s', None, 't']", True)


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_a_row_longer_than_an_event_is_refused_alone(tmp_path: Path, kind: str) -> None:
    path, long = tmp_path / f"a.{kind}", "长" * 32_000
    rows = [["a", "s"], ["b", *[long] * 11], ["c", *[long] * 9]]
    names = [*NAMES, *(f"more{n}" for n in range(8))]
    filled = [row + [""] * (len(names) - len(row)) for row in rows]
    if kind == "xlsx":
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate([names, *filled]):
                sheet.write_row(number, 0, row)
    else:
        pq.write_table(pa.table({n: [row[at] for row in filled] for at, n in enumerate(names)}), path)
    found = read(path)
    # Thirty-two thousand signs of three bytes: eleven cells of them pass a million bytes, nine do not.
    assert [row and row[0] for row in found] == ["a", None, "c"] and found[2][9] == long


MEASURED = """
import resource, sys
from pathlib import Path
from abate.platform.events import unpacked
from abate.platform.events.files_errors import FileRefused
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with unpacked.rows(Path(sys.argv[1]), None) as (names, rows):
        told = str([row and row[1] for row in rows])
except FileRefused as refusal:
    told = type(refusal).__name__
print(told)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def spent(path: Path) -> tuple[str, bool]:
    """What reading a file comes to in a process of its own, and whether that took it less than 50 MB."""
    made = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return made[0], int(made[1]) < 50_000


def declare(path: Path, size: int) -> None:
    """Let the last member say that it unpacks to so many bytes."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, size)
    path.write_bytes(data)


def test_a_bomb_is_refused_by_its_own_word(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    add(path, "xl/media/x", b"x")
    assert read(path)
    declare(path, unpacked.UNPACKED + 1)
    with pytest.raises(refusals.FileUnpacks):
        read(path)


@pytest.mark.slow
def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheet unpacks to two gigabytes and says that it is a hundred bytes."""
    path = workbook(tmp_path / "a.xlsx")
    text = sheet_of(cell("A1", "id") + "<!--")
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist() if "sheet1" not in one}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for one, data in parts.items():
            packed.writestr(one, data)
        with packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as out:
            out.write(text[:-30])
            for _ in range(3 * 1024):
                out.write(b" " * 1024 * 1024)
    declare(path, 100)
    with pytest.raises(refusals.FileRefused):
        read(path)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"id,subject"]
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(refusals.FileRefused):
        read(path)


@pytest.mark.slow
def test_a_parquet_page_that_unpacks_too_far_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({name: pa.array([" " * 60_000_000] * 8) for name in NAMES})
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 2_000_000
    with pytest.raises(refusals.FileRefused):
        read(path)


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("../../etc/passwd.csv", refusals.FileNamed),
        ("..\\a.csv", refusals.FileNamed),
        ("/a.csv", refusals.FileNamed),
        (".csv", refusals.FileNamed),
        ("a\0.csv", refusals.FileNamed),
        ("a\n.csv", refusals.FileNamed),
        ("", refusals.FileNamed),
        ("x" * 130 + ".csv", refusals.FileNamed),
        ("a.xlsm", refusals.FileKindUnknown),
        ("a.zip", refusals.FileKindUnknown),
        ("a", refusals.FileKindUnknown),
    ],
)
def test_a_name_is_a_name(name: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        spool.check_name(name)
    assert spool.check_name("2026-11 骑行.csv")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"charset": "utf-7"}, "charset"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"units": {"distance_km": "kg"}}, "distance_km"),
        ({"units": {"distance_km": "__import__('os')"}}, "distance_km"),
        ({"units": {"nothing": "m"}}, "nothing"),
        ({"columns": {"a": "id", "b": "id"}}, "columns"),
        ({"columns": {"a": "id"}, "constants": {"id": "x"}}, "columns"),
        ({"formula": "1+1"}, "formula"),
        ({"columns": {"": "id"}}, "columns"),
        (["id"], "array"),
    ],
)
def test_a_declaration_that_is_none_is_refused_by_its_part(given: object, part: str) -> None:
    with pytest.raises(refusals.DeclarationRefused, match=part):
        declaration(json.dumps(given), catalogue.load(), ["cycling"])
    with pytest.raises(refusals.DeclarationRefused):
        declaration(" " * 9000, catalogue.load(), ["cycling"])


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,subject,time,behaviour,id\n1,2,3,4,5\n")
    with pytest.raises(refusals.FileColumns, match="'id' twice"):
        read(path)


@pytest.mark.parametrize(
    ("ended", "told"),
    [(signal.SIGKILL, refusals.FileUnpacks), (signal.SIGTERM, Busy)],
    ids=["killed", "asked to end"],
)
def test_a_child_that_dies_is_no_end_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int, told: type[Exception]
) -> None:
    """What came before are rows; that it ended without having said all is no short file."""
    path, children, really = workbook(tmp_path / "a.xlsx", 20_000), [], subprocess.Popen

    def begin(*arguments: object, **options: object) -> object:
        children.append(really(*arguments, **options))  # type: ignore[call-overload]
        return children[-1]

    monkeypatch.setattr(unpacked.subprocess, "Popen", begin)
    with unpacked.rows(path, None) as (names, rows):
        assert names == NAMES and next(rows)[0] == "r1"
        children[0].send_signal(ended)
        with pytest.raises(told):
            list(rows)
