"""Files that came in over HTTP: kept in the data folder under their id, booked one after another by a thread.

A stop at any moment loses nothing: the next start goes on with every file that is not through (loading.py).
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from abate.platform import loading
from abate.platform.doors import clock, randomness
from abate.platform.doors.rounds import BACKOFF, wait_after
from abate.platform.doors.words import on_one_line
from abate.platform.events import actions_files as actions
from abate.platform.events import queries_files as queries
from abate.platform.events.errors import Busy
from abate.platform.events.files_errors import (
    FileKindUnknown,
    FileNamed,
    FileNoRoom,
    FileOverQuota,
    FilesWaiting,
)
from abate.platform.events.models import File
from abate.platform.events.tables import KINDS
from abate.platform.parties.errors import DocumentsExpired, PartySuspended
from abate.platform.parties.models import Party

LARGEST = 256 * 1024 * 1024
"""Bytes of a file over HTTP: our policy, about a million events. Larger ones are split, or loaded by command."""
WAITING = 5
"""Files of one partner that may wait at a time: our policy."""
SPARE = 2 * 1024**3
"""Bytes of disk that uploads leave to the rest of the installation."""
KEPT = timedelta(days=14)
"""How long a file stays to be given back: our policy. What of its rows was not accepted is listed for ever."""
INTERVAL = 1.0
LONGEST_WAIT = 60
"""Seconds after which a file that waits for its quota asks again, at the latest: our policy. A higher quota holds then."""
LOOK = timedelta(minutes=10)
"""How often what other processes left to be given back is looked for: our policy."""
LOOKED_AT = 16 * 1024**2
"""Bytes of a file that comes in between two looks at the disk."""
_log = logging.getLogger("abate.files")
_arriving: Counter[int] = Counter()
_counting = threading.Lock()


def folder() -> Path:
    made = Path(settings.ABATE_DATA_DIR) / "files"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def place(file: File) -> Path:
    """Where its bytes lie; the name that its sender gave is no part of it but the kind."""
    return folder() / f"{file.pk}{Path(file.name).suffix.lower()}"


def back(file: File) -> Path:
    """Where the file with its error column lies, once it is through and has errors."""
    return folder() / f"{file.pk}.back{Path(file.name).suffix.lower()}"


def is_owed(file: File) -> bool:
    """Whether the file with its error column, of one that has errors, is still to be made."""
    return file.state == File.DONE and place(file).exists() and not back(file).exists()


def check_name(name: str) -> str:
    """Raises FileNamed, FileKindUnknown."""
    if not 1 <= len(name) <= actions.LONGEST_NAME or not on_one_line(name) or {"/", "\\"} & set(name):
        raise FileNamed
    if name.startswith(".") or Path(name).suffix.lower() not in KINDS:
        raise FileNamed if name.startswith(".") else FileKindUnknown(Path(name).suffix[:20])
    return name


def check_room(party_id: int, size: int) -> None:
    """Whether one more of `size` bytes may come. Raises FilesWaiting, FileNoRoom."""
    if len(queries.open_files(party_id)) >= WAITING:
        raise FilesWaiting(str(WAITING))
    check_disk(size)


def check_disk(size: int = 0) -> None:
    """Whether the disk has room for `size` bytes more: what its sender said, and many that come at once, say little of it.

    Raises FileNoRoom.
    """
    if shutil.disk_usage(folder()).free < size + SPARE:
        raise FileNoRoom


@contextmanager
def incoming(party_id: int) -> Iterator[tuple[UUID, Path, IO[bytes]]]:
    """A new id, where its bytes go while they come in, and that file; gone at the end unless it was taken.

    Raises FilesWaiting where as many of the party come in already as may wait.
    """
    with _counting:
        if _arriving[party_id] >= WAITING:
            raise FilesWaiting(str(WAITING))
        _arriving[party_id] += 1
    file_id = randomness.new_uuid()
    path = folder() / f"{file_id}.part"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield file_id, path, out
    finally:
        path.unlink(missing_ok=True)
        with _counting:
            _arriving[party_id] -= 1


def take(file_id: UUID, part: Path, *, party: Party, client_id: str, name: str, sha256: bytes, declared: str,
         rehearsal: bool) -> File:  # fmt: skip
    """Keep what came in and was found clean, and have it booked; the same file that is not through yet is answered with its
    first address.

    Raises DeclarationRefused, FilesWaiting.
    """
    text = loading.declared(party, declared).text
    size = part.stat().st_size
    with transaction.atomic():
        # Those that came in together are counted one after the other.
        Party.objects.select_for_update(no_key=True).get(pk=party.pk)
        file = actions.open_file(
            id=file_id, party_id=party.pk, name=name, sha256=sha256, size=size, declaration=text,
            rehearsal=rehearsal, via="http", client_id=client_id,
        )  # fmt: skip
        if file.pk == file_id and len(queries.open_files(party.pk)) > WAITING:
            raise FilesWaiting(str(WAITING))
    # Its bytes are there before the thread looks again; a file that is waited for is booked in a later round.
    if not place(file).exists():
        part.replace(place(file))
    return file


class Loader:
    """Books what waits until stopped; `wait(seconds)` sleeps and answers whether to stop."""

    def __init__(self, *, wait: Callable[[float], bool] | None = None) -> None:
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._thread: threading.Thread | None = None
        self._not_before: dict[UUID, datetime] = {}
        # Files to be given back that are not made: how often that failed, and when it is tried again.
        self._owed: dict[UUID, tuple[int, datetime]] = {}
        self._look_at = datetime.min.replace(tzinfo=UTC)

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="files", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask the thread to end after its chunk and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        while not self._wait(INTERVAL):
            try:
                self.round()
            except (DatabaseError, InterfaceError, Busy) as fault:
                _log.warning("no file was booked in this round: %s", fault)
                connection.close()
            except Exception:  # noqa: BLE001 - a thread that ends unseen books nothing
                _log.exception("booking files failed")
                connection.close()
        connection.close()

    def round(self) -> None:
        """Every file that waits here, one of each partner in turn and of it the oldest, and what could not be given back before;
        then what is past its time goes."""
        self._look_for_owed()
        seen: set[UUID] = set()
        turns: Counter[int] = Counter()
        while not self._stopping.is_set() and (file := self._next(seen, turns)):
            seen.add(file.pk)
            turns[file.party_id] += 1
            try:
                self._book(file)
            except (DatabaseError, InterfaceError, Busy):
                raise
            except Exception:  # noqa: BLE001 - one file that cannot be booked holds up no other
                _log.exception("file %s was not booked", file.pk)
        for file_id, (_, due) in list(self._owed.items()):
            if self._stopping.is_set():
                return
            if due <= clock.now():
                self._give_back(file_id)
        sweep()

    def _next(self, seen: set[UUID], turns: Counter[int]) -> File | None:
        """Asked for anew each time: who sends one file waits for no more than one of a partner that sends many."""
        now = clock.now()
        due = [
            file
            for file in queries.open_files()
            if file.pk not in seen and place(file).exists() and self._not_before.get(file.pk, now) <= now
        ]
        return min(due, key=lambda file: turns[file.party_id], default=None)

    def _look_for_owed(self) -> None:
        """What a process that was killed ended and did not give back is taken up, at the start and now and then."""
        now = clock.now()
        if self._look_at <= now:
            ended = queries.ended_with_errors(now - KEPT)
            self._owed = {file.pk: (0, now) for file in ended if is_owed(file)} | self._owed
            self._look_at = now + LOOK

    def _give_back(self, file_id: UUID) -> None:
        """Make the file with its error column; where that fails it is made again later, for as long as its bytes are kept,
        and holds up nothing.
        """
        # Noted before anything is asked of the database: whatever fails from here on, it stays owed.
        tries, _ = self._owed.setdefault(file_id, (0, clock.now()))
        try:
            if _is_settled(file_id):
                del self._owed[file_id]
            else:
                self._owed[file_id] = tries, clock.now() + BACKOFF[0]
        except Exception as fault:  # noqa: BLE001 - whatever stopped it, a full disk or a lost connection, may pass
            wait = wait_after(tries + 1) or BACKOFF[-1]
            self._owed[file_id] = tries + 1, clock.now() + wait
            _log.exception("file %s was not given back; it is made again in %s", file_id, wait)
            if isinstance(fault, DatabaseError | InterfaceError):
                connection.close()

    def _book(self, file: File) -> None:
        party = Party.objects.get(pk=file.party_id)
        try:
            through = loading.load(file, place(file), party, stopping=self._stopping.is_set)
        except (PartySuspended, DocumentsExpired) as refusal:
            actions.end(file, f"{refusal.code}:{refusal.detail}")
            return
        except FileOverQuota as full:
            # Not every second: what is booked of it is read over again.
            wait = timedelta(seconds=min(full.retry_after, LONGEST_WAIT))
            self._not_before[file.pk] = clock.now() + wait
            _log.warning("file %s of %s waits for its quota of events: %s", file.pk, party.code, full.detail)
            return
        self._not_before.pop(file.pk, None)
        if not through:
            return
        if file.refusal:
            _log.warning("file %s of %s is refused: %s", file.pk, party.code, file.refusal)
        else:
            self._give_back(file.pk)


def _is_settled(file_id: UUID) -> bool:
    """Make the file with its error column where it is owed; False where somebody else is at the file."""
    with actions.alone(file_id) as mine:
        file = File.objects.filter(pk=file_id).first() if mine else None
        if file is not None and is_owed(file) and queries.wrong_rows(file, limit=1):
            loading.give_back(file, Party.objects.get(pk=file.party_id), place(file), back(file))
    return mine


def sweep() -> None:
    """Remove the bytes of files that ended and are past their time, and of uploads that were cut off."""
    now = clock.now()
    old: dict[Path, str] = {}
    for path in folder().iterdir():
        try:
            age = now.timestamp() - path.stat().st_mtime
        except FileNotFoundError:
            # An upload that came to its end meanwhile has another name now.
            continue
        if path.suffix == ".part" and age > 86_400:
            path.unlink(missing_ok=True)
        elif path.suffix != ".part" and age > KEPT.total_seconds():
            old[path] = path.name.partition(".")[0]
    # A file may wait for longer than it is kept, and its time begins when it ends.
    needed = queries.needed_files(set(old.values()), now - KEPT)
    for path, name in old.items():
        if name not in needed:
            path.unlink(missing_ok=True)
