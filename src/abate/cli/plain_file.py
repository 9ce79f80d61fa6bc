"""Files that come from anybody: read whole only where they are files and small, for a pipe may wait and a device never ends."""

from __future__ import annotations

from pathlib import Path

import click


def look(file: Path, most: int, hint: str) -> Path:
    """The same path, of a plain file of at most `most` bytes. Raises BadParameter, opening nothing."""
    if not file.is_file():
        raise click.BadParameter(f"{file} is no plain file", param_hint=hint)
    if file.stat().st_size > most:
        raise click.BadParameter(f"{file} is larger than any such file ({most} bytes)", param_hint=hint)
    return file


def read(file: Path, most: int, hint: str) -> bytes:
    """Its bytes. Raises BadParameter as `look` does, and where it grew meanwhile."""
    with look(file, most, hint).open("rb") as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise click.BadParameter(f"{file} is larger than any such file ({most} bytes)", param_hint=hint)
    return data


def text(file: Path, most: int, hint: str) -> str:
    """As `read`; a byte that is no UTF-8 becomes another sign, which no key or head has."""
    return read(file, most, hint).decode("utf-8", "replace")
