"""How a line of the server's own log looks: its moment in UTC, and no sign in it that would begin another line."""

from __future__ import annotations

import logging
from datetime import UTC, datetime


class OneLine(logging.Formatter):
    """`2026-11-22T03:04:05.678Z LEVEL name message`; a message's control signs are written as escapes.

    What callers sent may stand in a message: a line break in it would be a line of theirs. A trace follows, indented.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _plain(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        """The trace, each line of it indented: none of them can be taken for one of ours."""
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        return "\n".join(f"    {_plain(line)}" for line in lines)


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
