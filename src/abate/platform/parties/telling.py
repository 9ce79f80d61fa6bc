"""A thread that carries webhooks as they fall due: beside the server, never in the way of an answer."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, InterfaceError, connection

from abate.platform.parties import webhooks

_log = logging.getLogger("abate.webhooks")


class Teller:
    """Runs rounds until stopped. Several servers may each have one: a message is claimed by one of them."""

    def __init__(self, *, interval: float = 1.0) -> None:
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="teller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """A call that hangs is left behind: its message is claimed again when its lease ends."""
        self._stopping.set()
        self._thread.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self.round()
        connection.close()

    def round(self) -> None:
        try:
            while webhooks.send_due() and not self._stopping.is_set():
                pass
        except (DatabaseError, InterfaceError) as fault:
            _log.warning("webhooks wait: the database does not answer: %s", fault)
            connection.close()
        except Exception:  # noqa: BLE001 (a thread that ends unseen tells nothing any more)
            _log.exception("webhooks wait")
            connection.close()
