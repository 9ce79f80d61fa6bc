"""What goes into a CSV that a spreadsheet opens: a text that it would run is marked as text, and read again without the mark."""

from __future__ import annotations

import re

# The last ones are the wide signs of a Chinese or Japanese keyboard, which a spreadsheet may take for the narrow ones
# (OWASP, CSV Injection: double-byte characters).
_SIGNS = "=+\\-@＝＋－ー＠"
_FIRST = f"(?='*[{_SIGNS}\t\r\n])"
# Where a semicolon or a tab parts cells (a setting of the computer, not of the file) a cell of ours is cut there, and the rest
# is one; quotation marks hold together only what they begin.
_CUT = f"(?<=[;\t\r\n]){{}}(?=['\"]*[{_SIGNS}])"
_BEGINS = re.compile(f"^{_FIRST}|{_CUT.format('')}")
_MARKS = re.compile(f"^'{_FIRST}|{_CUT.format(chr(39))}")


def as_text(cell: str) -> str:
    """`cell` with an apostrophe wherever a spreadsheet would begin to read a formula; what has some there gets one more."""
    return _BEGINS.sub("'", cell)


def unmarked(cell: str) -> str:
    """A cell that `as_text` gave, as it was before."""
    return _MARKS.sub("", cell)
