"""Rooms that note in bulk which of their entries need a leaf, and write the leaves only when the log asks.

A batch of awards notes one row for all its entries; its leaves follow from what the entries hold. A room registers
itself here when Django starts, for the log stands before it and knows no room after itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.db.backends.utils import CursorWrapper


class Source(Protocol):
    """A room with entries whose leaves are not in the queue yet."""

    def hand_over(self, cursor: CursorWrapper, limit: int) -> None:
        """Move leaves into the queue, about `limit` of them, in the transaction that is open and under the
        sequencer's lock: an entry leaves the room's notes exactly when its leaf is in the queue.
        """

    def waiting(self) -> int:
        """How many entries are noted."""

    def since(self) -> datetime | None:
        """Since when the oldest of its entries is without a number, noted here or in the queue; None where none is."""


SOURCES: list[Source] = []
