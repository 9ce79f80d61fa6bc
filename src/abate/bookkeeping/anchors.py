"""Anchors: the roots of a log, written down where the log's operator cannot change them afterwards.

    <size> <root, 64 hexadecimal digits> <moment, RFC 3339 in UTC>

A line for each, sizes going upwards. A root at a size fixes every entry below it: a log that was set back, or
lived again with other entries, contradicts the first anchor above the place where it was changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from abate.bookkeeping import leaf, merkle
from abate.bookkeeping.merkle import ProofError
from abate.bookkeeping.verify import Unlike

_LINE = re.compile(rb"([1-9][0-9]{0,18}) ([0-9a-f]{64}) ([0-9]{4}-[0-9T:.-]{6,24}Z)\n")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The root over the first `size` entries, and when it was to be written down (aware)."""

    size: int
    root: bytes
    at: datetime

    def line(self) -> str:
        return f"{self.size} {self.root.hex()} {leaf.time_text(self.at)}\n"


def read_line(line: bytes) -> Anchor:
    """One line, its newline included. Raises Unlike."""
    found = _LINE.fullmatch(line)
    try:
        if found is None:
            raise ValueError
        at = datetime.fromisoformat(found[3].decode())
    except ValueError:
        raise Unlike(f"{line[:80]!r} does not read: size, root in hexadecimal, moment, newline") from None
    return Anchor(int(found[1]), bytes.fromhex(found[2].decode()), at)


def read(lines: Iterable[bytes]) -> Iterator[Anchor]:
    """The anchors one by one. Raises Unlike naming the first line that is none or does not go upwards."""
    last = 0
    for number, line in enumerate(lines, 1):
        try:
            one = read_line(line)
        except Unlike as fault:
            raise Unlike(f"line {number}: {fault}") from None
        if one.size <= last:
            raise Unlike(
                f"line {number}: size {one.size} comes after size {last}: sizes go upwards, none twice"
            )
        last = one.size
        yield one


def see_anchors(lines: Iterable[bytes], nodes: merkle.Nodes, size: int) -> str:
    """Every anchor is a root that the log of `size` entries went through. Raises Unlike naming the first that is not."""
    count, last = 0, 0
    for count, one in enumerate(read(lines), 1):
        told = f"line {count}, of {leaf.time_text(one.at)}"
        if one.size > size:
            raise Unlike(
                f"{told}: {one.size} entries were anchored, the log has {size}: it was set back, or this is an older copy"
            )
        try:
            root = merkle.root(nodes, one.size)
        except ProofError as fault:
            raise Unlike(f"{told}: the log's tree does not reach {one.size} entries: {fault}") from None
        if root != one.root:
            raise Unlike(
                f"{told}: the first {one.size} entries of the log have another root than was anchored. "
                f"What changed lies after entry {last - 1}"
                if last
                else f"{told}: the first {one.size} entries of the log have another root than was anchored"
            )
        last = one.size
    if not count:
        raise Unlike("there is no anchor in it")
    return f"{count} anchors, the last over {last} of {size} entries: all are roots of this log"
