"""The thread that numbers waiting leaves, about once a second, for as long as the platform runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from abate.platform.log import actions
from abate.platform.log.errors import LogDamaged

INTERVAL = 1.0
"""Seconds between rounds: a receipt is there well within the 5 seconds that are promised."""
AFTER_DAMAGE = 60.0
"""Seconds until a damaged log is looked at again: each look is one line in the operator's log."""

_log = logging.getLogger("abate.log.sequencer")


class Sequencer:
    """Runs `sequence` until stopped.

    Nothing it does is lost by stopping it at any point: leaves wait in the database, numbering is one
    transaction. `wait(seconds)` sleeps and answers whether to stop; tests hand in their own.
    """

    def __init__(
        self,
        *,
        interval: float = INTERVAL,
        wait: Callable[[float], bool] | None = None,
        sequence: Callable[[], int] = actions.sequence,
    ) -> None:
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._interval = interval
        self._sequence = sequence
        self._thread: threading.Thread | None = None
        self.failure: str | None = None
        """Why the last round failed; None when it went well."""

    def start(self) -> None:
        actions.publish_key(Path(settings.ABATE_DATA_DIR))
        self._thread = threading.Thread(target=self.run, name="sequencer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask the thread to end after its round and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        """Rounds until `wait` says stop; a full round is followed by the next at once."""
        pause = 0.0
        while not self._wait(pause):
            pause = self.round()
        connection.close()

    def round(self) -> float:
        """Number what waits; returns the seconds to wait before the next round."""
        try:
            done = self._sequence()
        except LogDamaged as fault:
            self._note(f"numbering is halted: {fault}", logging.CRITICAL)
            return AFTER_DAMAGE
        except (DatabaseError, InterfaceError) as fault:
            # The server went away or refused: leaves wait, the next round opens a new connection.
            self._note(f"no leaf was numbered in this round: {fault}", logging.WARNING)
            connection.close()
            return self._interval
        except Exception as fault:  # noqa: BLE001 - a thread that ends unseen numbers nothing
            self._note(f"the sequencer failed: {fault!r}", logging.ERROR)
            connection.close()
            return self._interval
        self.failure = None
        return 0.0 if done >= actions.BATCH else self._interval

    def _note(self, text: str, level: int) -> None:
        if text != self.failure:
            _log.log(level, text)
        self.failure = text
