"""The files of changes in a backup folder: of which history they are, and whether a replay of them came to their end.

Read as PostgreSQL writes them (`src/include/access/xlog_internal.h`, `xlogrecord.h`): a file is pages of 8,192 bytes, each
begins with a header, a record begins with its length and goes on over the headers of the pages that it crosses.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from abate.platform.doors.errors import SetupError

_SEGMENT = re.compile(r"[0-9A-F]{24}(\.partial)?")
"""A file of changes: timeline and place, 8 and 16 hexadecimal digits; the one being received bears a mark."""
_FIRST_PAGE = struct.Struct("<HHIQI4xQII")
"""Magic, flags, timeline, address, bytes of a record from before, the database's own number, sizes of a file and of a page."""
_FIRST_OF_FILE = 2
"""The flag of a page header that has the last three."""
_PAGE, _HEADER, _FIRST_HEADER = 8192, 24, 40
_LEAST_RECORD, _SECTOR = 24, 512


@dataclass(frozen=True, slots=True, order=True)
class History:
    """Whose changes a file holds: the database's own number, and its timeline, a new one after every restore."""

    database: int
    timeline: int

    def __str__(self) -> str:
        return f"{self.database}/{self.timeline}"


@dataclass(frozen=True, slots=True)
class Received:
    """What a file of changes holds: `length` bytes up to the zeros at its end, which is `end` in bytes of all changes."""

    path: Path
    length: int
    end: int
    sha256: bytes


def segments(folder: Path) -> list[Path]:
    """The files of changes in a folder, in order."""
    return sorted(path for path in folder.glob("*") if _SEGMENT.fullmatch(path.name))


def histories(folder: Path) -> dict[History, Path]:
    """Every history of which a backup folder holds changes, in its copies or received, with the first file of each.

    A file whose own first page is damaged tells no database: what follows it says that it is damaged.
    """
    found: dict[History, Path] = {}
    for place in (*sorted(folder.glob("base-*/pg_wal")), folder / "wal"):
        for path in segments(place):
            page = _first_page(path)
            if len(page) == _FIRST_HEADER:
                _, flags, _, _, _, database, _, _ = _FIRST_PAGE.unpack(page)
                if flags & _FIRST_OF_FILE:
                    # Of the two timelines that the file of a change of timeline names, its name is the one it goes on with.
                    found.setdefault(History(database, int(path.name[:8], 16)), path)
    return found


def now(path: Path) -> Path:
    """A file of changes under the name that it has now: a receiver that runs meanwhile takes the mark off when one is whole."""
    return path if path.exists() else path.with_suffix("")


def _first_page(path: Path) -> bytes:
    with now(path).open("rb") as file:
        return file.read(_FIRST_HEADER)


def one_history(folder: Path, running: History | None = None) -> None:
    """Refuse a folder with the changes of two databases, or of one before and after a restore: they bear the same places,
    and PostgreSQL would go over from the one to the other, leaving out what only the first holds.

    `running`: the history that is to be received on top. Raises SetupError.
    """
    found = histories(folder)
    if running is not None and found and running not in found:
        raise SetupError("changes-of-another", folder=folder, held=_told(found), running=running)
    if len(found) > 1:
        raise SetupError("changes-two-histories", folder=folder, held=_told(found))


def newest(folder: Path) -> Received | None:
    """The file of changes that was received last, as far as it is filled; None where there is none."""
    held = segments(folder / "wal")
    if not held:
        return None
    path = now(held[-1])
    data = path.read_bytes()
    filled = data.rstrip(b"\0")
    place = int(path.name[8:16], 16) << 32 | int(path.name[16:24], 16) * len(data)
    return Received(path, len(filled), place + len(filled), hashlib.sha256(filled).digest())


def _told(found: dict[History, Path]) -> str:
    return ", ".join(f"{history} ({path.parent.name}/{path.name})" for history, path in sorted(found.items()))


def left_over(folder: Path, end: int) -> str | None:
    """The place of the file of changes at which a replay of all of them ended (`end`, in bytes), where more follows it: it is
    damaged there, and PostgreSQL takes that for the end. None where nothing was left over.

    What was received last may be a part of a record, of which the end is still zeros: that is an end here; whether it is one,
    `spoilt` says.
    """
    held = segments(folder / "wal")
    size = max((now(path).stat().st_size for path in held), default=1)
    place, offset = divmod(end // size, 2**32 // size)
    name = f"{place:08X}{offset:08X}"
    rest = [path for path in held if path.name[8:24] >= name]
    whole = [path.name[8:] for path in rest if path.suffix != ".partial"]
    if whole and max(whole) > name:
        return name
    if not rest:
        return None
    if rest[0].name[8:24] != name:
        return name if _after(rest, 0) else None
    start = end % size
    after = _record_end(rest[0], start)
    # A whole file is left for the next one only by a record that crosses over, or one that says so and fills it.
    short = bool(whole) and after <= size
    return name if short or _after(rest, max(after - 1, start)) else None


def spoilt(folder: Path, end: int) -> tuple[Path, int] | None:
    """The file and the place in it of the last record received, where the replay ended before it (`end`) although it is whole
    and nothing stands after it: it is damaged, and PostgreSQL takes that for the end. None where it may be a part of one.

    Changes are sent up to the end of a record or of a page, and a write that is cut off ends with a sector: what was received
    of a part ends there.
    """
    held = segments(folder / "wal")
    size = max((now(path).stat().st_size for path in held), default=1)
    place, offset = divmod(end // size, 2**32 // size)
    rest = [path for path in held if path.name[8:24] >= f"{place:08X}{offset:08X}"]
    if not rest or rest[0].name[8:24] != f"{place:08X}{offset:08X}" or _after(rest[1:], 0):
        return None
    start, file = end % size, now(rest[0])
    begun = start + (0 if start % _PAGE else _header(start))
    after, received = _record_end(file, start), len(file.read_bytes().rstrip(b"\0"))
    sector = -(-received // _SECTOR) * _SECTOR
    return (file, start) if begun < received <= after <= sector else None


def _record_end(path: Path, start: int) -> int:
    """Where in a file, or past it, the record ends that begins at `start`; `start` itself where there is none."""
    data = now(path).read_bytes()
    at = start + (0 if start % _PAGE else _header(start))
    (length,) = struct.unpack_from("<I", data, at) if at + 4 <= len(data) else (0,)
    if length < _LEAST_RECORD:
        return at
    size = len(data)
    while length > (room := _PAGE - at % _PAGE):
        length, at = length - room, at + room
        # Of a damaged length no more is asked than whether it leaves the file that comes next.
        if at > 2 * size:
            return at
        at += _header(at % size)
    return at + length


def _header(at: int) -> int:
    return _HEADER if at else _FIRST_HEADER


def _after(files: Iterable[Path], start: int) -> bool:
    """Whether anything but zeros stands in these files from `start` in the first one on."""
    data = b"".join(now(path).read_bytes() for path in files)
    return any(data[start:])
