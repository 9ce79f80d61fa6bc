"""A file with a secret: written in full and on the disk before it has its name, read by its owner alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NO_SECOND_NAMES = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


def write_new(path: Path, text: str) -> None:
    """Write `path`, all or nothing; raises FileExistsError where one is there, OSError where it cannot be written."""
    part = _beside(path, text)
    try:
        # Unlike a renaming, a second name is refused where there is one already.
        os.link(part, path)
    except OSError as fault:
        if fault.errno not in _NO_SECOND_NAMES:
            raise
        # A disk such as a network's or a stick's; a power cut may leave a part of the text there.
        _write(path, text)
    finally:
        part.unlink()
    try:
        _keep_name(path)
    except BaseException:
        path.unlink()
        raise


def replace(path: Path, text: str) -> None:
    """Write `path` anew: a reader sees the old text or the new one. Raises OSError."""
    _beside(path, text).replace(path)
    _keep_name(path)


def _beside(path: Path, text: str) -> Path:
    """The text on disk beside `path`, under a name that nobody reads."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    _write(part, text)
    return part


def _write(path: Path, text: str) -> None:
    """A new file on the disk; none where it fails. Raises FileExistsError, OSError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _keep_name(path: Path) -> None:
    """The name too outlives a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
