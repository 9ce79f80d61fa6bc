"""Writing the log's root elsewhere from time to time, in a thread of its own and never in anybody's way.

Which heads are anchored is decided in the database and written down there first; an adapter then carries one anchor
after the other. One that fails or hangs leaves its anchor waiting: signing goes on, metrics and `abate doctor` show it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from abate.bookkeeping import anchors
from abate.bookkeeping.anchors import Anchor
from abate.platform.doors.errors import SetupError
from abate.platform.log import actions

INTERVAL = 1.0
RETRY = 30
"""Rounds until a failed anchor is tried again: each failure is one line in the operator's log at most."""
MOST_LINE = 128
_log = logging.getLogger("abate.log.anchoring")


class Adapter(Protocol):
    """Carries anchors to where they are kept. `ABATE_ANCHOR` names its class; it is made without arguments."""

    def put(self, anchor: Anchor) -> None:
        """Keep this anchor for good before returning; raise whatever went wrong.

        Anchors come in the order of their sizes. The last one may come again, after a crash: then nothing more is kept.
        """


class AnchorRefused(Exception):
    """What is kept already says something else than this anchor."""


class File:
    """Appends a line to the file that ABATE_ANCHOR_FILE names, on disk before `put` returns.

    On a disk that the log's operator can write, such a file proves little: let it lie with somebody else (a mount of
    theirs, append-only media), or hand it on.
    """

    def __init__(self, path: Path | None = None) -> None:
        name = path or settings.ABATE_ANCHOR_FILE
        if not name:
            raise SetupError("anchor-no-file")
        self._path = Path(name)

    def put(self, anchor: Anchor) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file.fileno()).st_size
            tail = os.pread(file.fileno(), MOST_LINE * 2, max(0, size - MOST_LINE * 2))
            # What a crash cut short was never reported as kept.
            torn = len(tail) - (tail.rfind(b"\n") + 1)
            if torn:
                os.ftruncate(file.fileno(), size - torn)
                tail = tail[: len(tail) - torn]
            if tail:
                last = anchors.read_line(tail.splitlines(keepends=True)[-1])
                if (last.size, last.root) == (anchor.size, anchor.root):
                    return
                if last.size >= anchor.size:
                    raise AnchorRefused(
                        f"{self._path} ends with the root over {last.size} entries, {last.root.hex()}; this log "
                        f"would anchor {anchor.size}, {anchor.root.hex()}: its history is another"
                    )
            line = anchor.line().encode()
            if os.write(file.fileno(), line) != len(line):
                raise OSError(f"{self._path} took only a part of the line")
            os.fsync(file.fileno())
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def configured() -> Adapter | None:
    """The adapter that ABATE_ANCHOR names. Raises SetupError where there is no such class or it cannot be made."""
    if not settings.ABATE_ANCHOR:
        return None
    try:
        made: Adapter = import_string(settings.ABATE_ANCHOR)()
    except ImportError as fault:
        raise SetupError("anchor-not-loaded", named=repr(settings.ABATE_ANCHOR), fault=fault) from fault
    return made


class Anchorer:
    """Runs rounds until stopped. `failure` says why the oldest waiting anchor is not kept yet."""

    def __init__(self, adapter: Adapter | None, *, interval: float = INTERVAL) -> None:
        self._adapter, self._interval = adapter, interval
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._call: _Call | None = None
        self._pause = 0
        self.failure: str | None = None

    def start(self) -> None:
        """Without an adapter there is nothing to do, and no thread."""
        if self._adapter is not None:
            self._thread = threading.Thread(target=self.run, name="anchorer", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """A call that hangs is left behind: its anchor waits in the database and is carried after the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self.round()
        connection.close()

    def round(self) -> None:
        """Choose a head if one is due, and see to the oldest anchor that waits."""
        try:
            self._round()
        except (DatabaseError, InterfaceError) as fault:
            self._note(f"the database does not answer: {fault}")
            connection.close()
        except Exception as fault:  # noqa: BLE001 - a thread that ends unseen anchors nothing any more
            self._note(repr(fault))
            connection.close()

    def _round(self) -> None:
        waiting = actions.next_anchor(settings.ABATE_ANCHOR_SECONDS)
        if self._call is not None and not self._call.is_alive():
            call, self._call = self._call, None
            if call.fault is None:
                actions.anchor_kept(call.anchor.size)
                waiting = actions.next_anchor(settings.ABATE_ANCHOR_SECONDS)
                self.failure = None
            else:
                self._pause = RETRY
                self._note(f"the root over {call.anchor.size} entries is not kept: {call.fault!r}")
        self._pause -= self._pause > 0
        if waiting is not None and self._call is None and not self._pause and self._adapter is not None:
            self._call = _Call(self._adapter, waiting)
            self._call.start()

    def _note(self, why: str) -> None:
        if why != self.failure:
            _log.warning("anchoring: %s", why)
        self.failure = why


class _Call(threading.Thread):
    """One call of the adapter, without the database; it may hang without holding up anything else."""

    def __init__(self, adapter: Adapter, anchor: Anchor) -> None:
        super().__init__(name="anchor", daemon=True)
        self._adapter, self.anchor = adapter, anchor
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            self._adapter.put(self.anchor)
        except Exception as fault:  # noqa: BLE001 - whatever an operator's adapter raises
            self.fault = fault
