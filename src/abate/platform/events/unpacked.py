"""Workbooks and Parquet files as rows, read by a child process that may take only so much memory and time.

What is packed can unpack to anything: a few kilobytes to terabytes, a sheet with two cells to a billion. Whatever it does
to the child, the platform lives on. Run as a program it writes JSON: the names of the columns, then a list a row.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO
from xml.parsers import expat

from abate.platform.events import files_errors
from abate.platform.events.errors import Busy
from abate.platform.events.files_errors import FileReachesOut, FileRefused, FileUnpacks

MEMORY = 3 * 1024**3
"""Bytes of address space of the child: our policy. A workbook of a million rows and ten columns needs about half."""
SECONDS = 600
"""Seconds of processor time of the child: our policy."""
UNPACKED = 1024**3
"""Bytes of a workbook, unpacked, by its own word; the limits above hold where that word is false."""
MEMBERS = 2_000
LONGEST_LINE = 1_000_000
"""Bytes of a row as JSON, whatever kind of file it stands in: no event is larger, and HTTP takes no more for a whole batch."""
_WRITTEN = 6 * LONGEST_LINE + 2
"""Of a row as the child writes it: a sign beyond ASCII takes six."""
_TOO_LONG = "0"
_DESCRIPTION = 4 * 1024**2
"""Bytes of a workbook's own lists of parts: our policy."""
_OUTSIDE = (
    "xl/externallinks/",
    "xl/connections",
    "xl/querytables/",
    "xl/vbaproject",
    "xl/embeddings/",
    "xl/activex/",
)
# The same by what a part is said to be: a name is its writer's to choose.
_FOREIGN = (
    "externallink",
    "connections",
    "querytable",
    "vbaproject",
    "macroenabled",
    "oleobject",
    "embeddings",
    "activex",
    "ctrlprop",
)
_REFUSED = 3


@contextmanager
def rows(path: Path, sheet: str | None) -> Iterator[tuple[list[str], Iterator[list[object] | None]]]:
    """The names of the columns, and the rows; None for one that is too long, which is not held here. Raises FileRefused,
    here or on the way."""
    child = subprocess.Popen(
        [sys.executable, "-m", "abate.platform.events.unpacked", str(path.resolve()), sheet or ""],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    lines = _lines(child, child.stdout)
    try:
        names = next(lines)
        if names is None:
            raise FileRefused(f"names of more than {LONGEST_LINE:,} bytes")
        yield [str(name) for name in names], lines
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def _lines(child: subprocess.Popen[bytes], out: IO[bytes]) -> Iterator[list[object] | None]:
    while line := out.readline(_WRITTEN):
        if line == f"{_TOO_LONG}\n".encode():
            yield None
            continue
        found = json.loads(line) if line.endswith(b"\n") else None
        if isinstance(found, dict):
            refusal = getattr(files_errors, found["refused"])
            raise refusal(found["detail"])
        if found is None:
            break
        yield found
    ended = child.wait()
    if -ended in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # It was asked to end, with us or by the operator: the file is as good as it was.
        raise Busy
    if ended != 0:
        raise FileUnpacks(f"{MEMORY // 1024**2} MiB")


def _main(path: Path, sheet: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write = sys.stdout.write
    try:
        for row in _workbook(path, sheet) if path.suffix.lower() == ".xlsx" else _parquet(path):
            write(_written(row) + "\n")
    except FileRefused as refusal:
        write(json.dumps({"refused": type(refusal).__name__, "detail": refusal.detail}) + "\n")
        sys.stdout.flush()
        return _REFUSED
    sys.stdout.flush()
    return 0


def _written(row: list[object]) -> str:
    """One row as the parent reads it; where it is longer than an event may be it says that, and the row stays here."""
    if sum(len(value) for value in row if isinstance(value, str | bytes)) > LONGEST_LINE:
        return _TOO_LONG
    text = json.dumps(row, ensure_ascii=True, default=_plain)
    if len(text) <= LONGEST_LINE:
        return text
    plain = json.dumps(row, ensure_ascii=False, default=_plain)
    return _TOO_LONG if len(plain.encode("utf-8", "surrogatepass")) > LONGEST_LINE else text


def _workbook(path: Path, sheet: str) -> Iterator[list[object]]:
    """The rows of a sheet, the first where none is named; empty ones too, so that a row keeps its number."""
    _inspect(path)
    import python_calamine  # lazy: the platform itself never opens a workbook, only this program does

    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        if sheet and sheet not in book.sheet_names:
            raise FileRefused(f"no sheet {sheet[:40]!r}")
        found = book.get_sheet_by_name(sheet) if sheet else book.get_sheet_by_index(0)
        before = [[]] * found.start[0] if found.start else []
        yield from before
        yield from ([_cell(value) for value in row] for row in found.iter_rows())
    except python_calamine.CalamineError as fault:
        raise FileRefused(str(fault)[:80]) from fault


def _inspect(path: Path) -> None:
    """What a workbook says of itself before a sheet is unpacked."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            _check_members(members)
            for one in members:
                name = one.filename.lower()
                if name.endswith((".rels", "[content_types].xml")):
                    with packed.open(one) as text:
                        _check_description(text.read(_DESCRIPTION + 1))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError) as fault:
        raise FileRefused("no workbook") from fault


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MEMBERS or sum(one.file_size for one in members) > UNPACKED:
        raise FileUnpacks(f"{UNPACKED // 1024**2} MiB")
    for one in members:
        if one.flag_bits & 1:
            raise FileRefused("encrypted")
        name = one.filename.replace("\\", "/").lower()
        if ".." in name.split("/") or name.lstrip("/").startswith(_OUTSIDE):
            raise FileReachesOut(one.filename.rsplit("/", 1)[-1][:40])


def _check_description(text: bytes) -> None:
    """One list of a workbook's parts, wherever it stands: what they are, and whether one lies outside. A link that a reader
    may follow brings no figure here. Raises FileReachesOut, FileUnpacks, FileRefused."""
    if len(text) > _DESCRIPTION:
        raise FileUnpacks(f"{_DESCRIPTION // 1024**2} MiB")

    def begin(name: str, given: dict[str, str]) -> None:
        kind = (given.get("Type") or given.get("ContentType") or "").lower()
        outside = given.get("TargetMode", "").lower() == "external" and not kind.endswith("/hyperlink")
        named = kind.rsplit("/", 1)[-1]
        if outside or named == "package" or any(word in named for word in _FOREIGN):
            raise FileReachesOut(named[:40])

    def document_type(*given: object) -> None:
        raise FileReachesOut("a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = begin, document_type
    try:
        parser.Parse(text, True)
    except expat.ExpatError as fault:
        raise FileRefused("no workbook") from fault


def _parquet(path: Path) -> Iterator[list[object]]:
    import pyarrow as pa  # lazy: as above
    import pyarrow.parquet as pq  # lazy: as above

    pa.set_cpu_count(1)
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        with pq.ParquetFile(path) as file:
            yield list(file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=4096, use_threads=False):
                columns = [column.to_pylist() for column in batch.columns]
                yield from (list(row) for row in zip(*columns, strict=True))
    except MemoryError:
        raise
    except (OSError, ValueError, pa.ArrowException) as fault:
        raise FileRefused(type(fault).__name__) from fault


def _cell(value: object) -> str:
    """A cell as text: numbers with the fifteen digits that a workbook shows, no more."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(Decimal(f"{value:.15g}"), "f")
    if isinstance(value, datetime):
        # Kept there as a fraction of a day: a thousandth of a second is its grain.
        value = value + timedelta(microseconds=500)
        return value.replace(microsecond=value.microsecond // 1000 * 1000).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


if __name__ == "__main__":
    try:
        sys.exit(_main(Path(sys.argv[1]), sys.argv[2]))
    except MemoryError:
        sys.exit(_REFUSED + 1)
