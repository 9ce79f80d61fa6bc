"""What opens entries to a verifier: JSON Lines, one entry a line, in the order of their numbers.

    {"index": 785, "opening": {"salt": "<base64, 32 bytes>", "personal": "<text that was committed to>"},
     "method": {"id": "walking", "version": 1},
     "setting": {"region": null, "floor": "standard", "pack": null, "zone": "Asia/Shanghai"}}

The members mean what they mean in a receipt (receipt.py), `source` too, which stands last and only where the data came
from a declared source; `method` and `setting` may be null. Nothing is
believed because it stands there: the leaf of that number binds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from abate.bookkeeping import receipt
from abate.bookkeeping.receipt import MethodName, Opening, ReceiptError, Terms

FILE = "openings.jsonl"
"""The name of the file beside a log's `checkpoint`."""
LONGEST = 16 * 1024 * 1024
"""Characters of a line: several times what one request with events may have."""
_MEMBERS = {"index", "opening", "method", "setting"}


@dataclass(frozen=True, slots=True)
class Opened:
    """One line: the number of an entry, and what opens it."""

    index: int
    opening: Opening
    method: MethodName | None = None
    terms: Terms | None = None
    source: Mapping[str, object] | None = None

    def line(self) -> str:
        """The line, without its newline."""
        document = {"index": self.index, **receipt.opened(self.opening, self.method, self.terms, self.source)}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def read(line: str | bytes) -> Opened:
    """One line read strictly. Raises ReceiptError."""
    if len(line) > LONGEST:
        raise ReceiptError("line", f"is longer than {LONGEST} characters")
    members = receipt.members_of(line, "opening", _MEMBERS, "source")
    index = members["index"]
    if type(index) is not int or index < 0:
        raise ReceiptError("index", "an entry's number is a whole number, 0 or more")
    opening, method, terms = receipt.read_opened(members)
    if opening is None:
        raise ReceiptError("opening", "a line without an opening opens nothing")
    return Opened(index, opening, method, terms, receipt.read_source(members))


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines of a file from anybody. One without an end is handed on as far as it shows that it is too long."""
    while line := file.readline(LONGEST + 1):
        yield line


def in_order(lines: Iterable[str | bytes]) -> Iterator[Opened]:
    """The lines one by one. Raises ReceiptError naming the line: unreadable, out of order, or twice."""
    last = -1
    for number, line in enumerate(lines, 1):
        try:
            one = read(line)
        except ReceiptError as fault:
            raise ReceiptError(f"line {number}", str(fault)) from None
        if one.index <= last:
            raise ReceiptError(
                f"line {number}", f"entry {one.index} comes after entry {last}: lines go upwards, none twice"
            )
        last = one.index
        yield one
