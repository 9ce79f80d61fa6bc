"""What is done beside the server: a thread that runs rounds; and of an outbox, how long a failed sending waits.

An outbox is a table with `next_at`. Who carries claims one row by moving that moment a lease on, commits, carries it without
any lock, notes what came where the row is still theirs, and claims the next. Who dies on the way leaves it to whoever comes
after the lease: at least once, never lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection

from abate.platform.doors.errors import SetupError

BACKOFF = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""As Standard Webhooks advises: ten tries within three days; then it waits to be sent again by hand."""
LEASE = timedelta(seconds=60)
"""For so long nobody else takes the row that is being carried: longer than one sending takes. Of a longer one whoever came
after says what came."""


def wait_after(tries: int) -> timedelta | None:
    """How long after so many failed tries (at least one) the next is due; None where it is given up."""
    return None if tries > len(BACKOFF) else BACKOFF[tries - 1]


class Rounds:
    """Calls `work` until it has nothing more to do, again and again until stopped. `work` returns how much it took.

    Several servers may each have one: of an outbox a row is claimed by one of them, and of two sweeps one waits.
    """

    def __init__(self, name: str, work: Callable[[], int], *, interval: float = 1.0) -> None:
        self._name, self._work, self._interval = name, work, interval
        self._log = logging.getLogger(f"abate.{name}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Work that hangs is left behind: the next start, or whoever claims its row when the lease ends, does it again."""
        self._stopping.set()
        self._thread.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self.round()
        connection.close()

    def round(self) -> None:
        try:
            while self._work() and not self._stopping.is_set():
                pass
        except (DatabaseError, InterfaceError, SetupError) as fault:
            self._log.warning("%s wait: %s", self._name, fault)
            connection.close()
        except Exception:  # noqa: BLE001 (a thread that ends unseen tells nothing any more)
            self._log.exception("%s wait", self._name)
            connection.close()
