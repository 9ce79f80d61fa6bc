"""Processor time beside wall time: of this process and its children, and of every process of the PostgreSQL server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Spent:
    """Seconds. `server` counts backends that ended meanwhile too."""

    wall: float = 0
    client: float = 0
    server: float = 0

    @property
    def processor(self) -> float:
        return self.client + self.server


@contextmanager
def spent() -> Iterator[Spent]:
    """The seconds that the block took; filled in at its end."""
    found = Spent()
    parent = _postmaster()
    server, client, wall = _tree(parent), sum(os.times()[:4]), time.perf_counter()
    yield found
    found.wall = time.perf_counter() - wall
    found.client = sum(os.times()[:4]) - client
    found.server = _tree(parent) - server


def _postmaster() -> int:
    from django.db import connection  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute("show data_directory")
        folder = Path(cursor.fetchone()[0])
    return int((folder / "postmaster.pid").read_text().split()[0])


def _tree(parent: int) -> float:
    """The parent with the children it buried, and the children that live."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended since it was listed
            continue
        number = int(stat.parent.name)
        if number == parent:
            total += sum(map(int, fields[11:15])) / _TICKS
        elif int(fields[1]) == parent:
            total += sum(map(int, fields[11:13])) / _TICKS
    return total
