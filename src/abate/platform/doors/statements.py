"""Named SQL statements from a room's `sql/*.sql`: each begins with a line `-- name: xyz`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


@lru_cache
def statements(folder: Path) -> Mapping[str, str]:
    """The statements of one folder by name, comments kept. A name stands for one statement only."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.sql")):
        _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name}: the statement name {name} is taken already")
            found[name] = text.strip().removesuffix(";")
    return found
