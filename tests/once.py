"""What is dear to make, made once in a run and copied by each of its workers."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO
from uuid import uuid4

MADE = "made"


@cache
def _run() -> str:
    """The name of this run, the same in all of its workers."""
    return (os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex)[:12]


def once(prefix: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled, in this worker or in the one that came first; the last that used it takes it away."""
    folder = Path(tempfile.gettempdir()) / f"{prefix}-{_run()}"
    used = Path(f"{folder}.used").open("w")  # noqa: SIM115 (held until the end)
    # Before it is made: what was made by half goes too.
    atexit.register(_leave, folder, used)
    with _one_by_one(folder):
        fcntl.flock(used, fcntl.LOCK_SH)
        if not (folder / MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            make(folder)
            (folder / MADE).touch()
    return folder


@contextlib.contextmanager
def _one_by_one(folder: Path) -> Iterator[None]:
    """Workers that come or leave wait for one another here, and never for one that only uses what was made."""
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _leave(folder: Path, used: IO[str]) -> None:
    with _one_by_one(folder), contextlib.suppress(BlockingIOError):
        fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        Path(used.name).unlink(missing_ok=True)
        Path(f"{folder}.lock").unlink(missing_ok=True)
