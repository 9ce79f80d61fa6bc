"""A file with what is secret or personal: written in full and on the disk before it has its name, read by its owner alone."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NO_SECOND_NAMES = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


def write_new(path: Path, text: str) -> None:
    """Write `path`, all or nothing; raises FileExistsError where one is there, OSError where it cannot be written."""
    write_pieces(path, (text + "\n",))


def write_pieces(path: Path, pieces: Iterable[str]) -> int:
    """The same of a text that comes piece by piece and is never whole in memory; how many came. Raises what they raise too."""
    part = _part(path)
    count = _write(part, pieces)
    try:
        # Unlike a renaming, a second name is refused where there is one already.
        os.link(part, path)
    except OSError as fault:
        if fault.errno not in _NO_SECOND_NAMES:
            raise
        # A disk such as a network's or a stick's; a power cut may leave a part of the text there.
        with part.open(encoding="utf-8", newline="") as written:
            _write(path, written)
    finally:
        part.unlink()
    try:
        _keep_name(path)
    except BaseException:
        path.unlink()
        raise
    return count


@contextmanager
def held(path: Path) -> Iterator[Path]:
    """Inside, nobody else holds `path` to change it; who comes waits. Raises OSError."""
    while True:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who held it before wrote it anew: this name may be another file's by now.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield path
                return


def replace(path: Path, text: str) -> None:
    """Write `path` anew: a reader sees the old text or the new one, and its owner stays. Raises OSError."""
    part, before = _part(path), path.stat()
    _write(part, (text + "\n",))
    try:
        made = part.stat()
        # Whoever runs this as root must not shut the server out.
        if before.st_uid != made.st_uid:
            os.chown(part, before.st_uid, -1)
        # Its group reads nothing of it, and its owner may not be in that group.
        if before.st_gid != made.st_gid:
            with suppress(PermissionError):
                os.chown(part, -1, before.st_gid)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _keep_name(path)


def _part(path: Path) -> Path:
    """A name beside `path` that nobody reads."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    return part


def _write(path: Path, pieces: Iterable[str]) -> int:
    """A new file on the disk, and of how many pieces; none where it fails. Raises FileExistsError, OSError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    count = 0
    try:
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
            for piece in pieces:
                file.write(piece)
                count += 1
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return count


def _keep_name(path: Path) -> None:
    """The name too outlives a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
