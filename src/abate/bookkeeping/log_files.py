"""A log's static files, read as far as a tree of a given size needs them. Nothing in them is believed yet."""

from __future__ import annotations

from collections.abc import Callable

from abate.bookkeeping import merkle

Fetch = Callable[[str], bytes | None]
"""Path below the log's prefix -> the file's bytes, None where there is none."""


class FileError(ValueError):
    """A file of the log that is missing, or not as long as the tree asks for; `path` names it."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path} {text}")
        self.path = path


class LogFiles:
    """The files of a log of `size` entries."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self.fetch, self.size = fetch, size

    def file(self, level: int | str, number: int, width: int) -> bytes:
        """Raises FileError."""
        path = merkle.tile_path(level, number, width)
        # A partial tile may have given way to the full one.
        data = self.fetch(path) or self.fetch(merkle.tile_path(level, number))
        if data is None:
            raise FileError(path, "is missing")
        return data

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, as many as the tree has there. Raises FileError."""
        width = self.width(level, number)
        data = self.file(level, number, width)
        if len(data) < width * merkle.HASH or len(data) % merkle.HASH:
            path = merkle.tile_path(level, number, width)
            raise FileError(path, f"holds {len(data)} bytes where {width * merkle.HASH} are due")
        return data[: width * merkle.HASH]

    def width(self, level: int, number: int) -> int:
        """How many hashes the tree has in a tile, 0 to 256."""
        reach: int = merkle.WIDTH**level
        return max(0, min(merkle.WIDTH, self.size // reach - number * merkle.WIDTH))

    def path(self, level: int, number: int) -> str:
        return merkle.tile_path(level, number, self.width(level, number))

    def nodes(self) -> merkle.Nodes:
        """The tree as these files show it; each tile is read once."""
        return merkle.from_tiles(self.tile)


def span(level: int, number: int) -> str:
    """Which entries lie under a full tile."""
    reach: int = merkle.WIDTH ** (level + 1)
    return f"{number * reach} to {(number + 1) * reach - 1}"
