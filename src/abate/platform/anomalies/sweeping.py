"""A thread that sweeps what was booked: beside the server, after the lanes and never in them."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, InterfaceError, connection

from abate.platform.anomalies import actions
from abate.platform.doors.errors import SetupError

INTERVAL = 300.0
"""Seconds between sweeps: our policy."""
_log = logging.getLogger("abate.anomalies")


class Sweeper:
    """Runs rounds until stopped. Several servers may each have one: of two sweeps one waits for the other."""

    def __init__(self, *, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """A sweep that is under way is left behind: its transaction ends with the process, and the next start repeats it."""
        self._stopping.set()
        self._thread.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self.round()
        connection.close()

    def round(self) -> None:
        try:
            actions.sweep()
        except (DatabaseError, InterfaceError, SetupError) as fault:
            _log.warning("anomalies wait: %s", fault)
            connection.close()
        except Exception:  # noqa: BLE001 (a thread that ends unseen finds nothing any more)
            _log.exception("anomalies wait")
            connection.close()
