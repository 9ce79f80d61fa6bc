"""What goes into a CSV that a spreadsheet opens: a text that it would run is marked as text, and read again without the mark."""

from __future__ import annotations

import re

# The last ones are the wide signs of a Chinese or Japanese keyboard, which a spreadsheet may take for the narrow ones
# (OWASP, CSV Injection: double-byte characters).
_STARTS = "[=+\\-@\t\r\n＝＋－ー＠]"
_FORMULA, _MARKED = re.compile(f"'*{_STARTS}"), re.compile(f"'+{_STARTS}")


def as_text(cell: str) -> str:
    """`cell` with an apostrophe before it where a spreadsheet would take it for a formula; one that has some gets one more."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unmarked(cell: str) -> str:
    """A cell that `as_text` gave, as it was before."""
    return cell[1:] if _MARKED.match(cell) else cell
