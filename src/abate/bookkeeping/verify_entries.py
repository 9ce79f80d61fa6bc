"""One pass over a log's leaves and, where they are given, what opens them: a million in well under a minute.

The careful readers (leaf.py, kinds.py, openings.py) say what is right. Here the common shapes of a leaf, a line
and a personal part are recognised quickly; whatever does not look common goes to the careful reader, which
decides. Nothing passes here that it would refuse, except that a line's members are not searched for repetitions:
the leaf binds what counts.
"""

from __future__ import annotations

import re
import struct
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from hashlib import sha256

from abate.bookkeeping import kinds, leaf, merkle, openings, receipt, rules, zones
from abate.bookkeeping.decisions import Decisions
from abate.bookkeeping.kinds import EntryError, Kind
from abate.bookkeeping.leaf import BookingPart, LeafError, RedeemPart
from abate.bookkeeping.log_files import FileError, LogFiles
from abate.bookkeeping.openings import Opened
from abate.bookkeeping.receipt import ReceiptError
from abate.bookkeeping.recompute_all import Group, RecomputingAll
from abate.bookkeeping.rules import Rates
from abate.bookkeeping.verify import Unable, Unlike, same, same_booking, sm3_fits

_FIELDS = struct.Struct(">Bhqqq32s32s32s32s")
_LENGTH = leaf.SIZE.to_bytes(2)
_STEP = 2 + leaf.SIZE
_SIZES = {leaf.VERSION: leaf.SIZE, leaf.WITH_SM3: leaf.SIZE_WITH_SM3}
_LINE = re.compile(
    r'\{"index":([0-9]{1,18}),"opening":\{"salt":"([A-Za-z0-9+/]{43}=)","personal":"(.*)"\},("method":.*)\}\n?'
)
"""A line of the common shape. `"},"method":` cannot stand inside a JSON string, whose quotes are escaped."""
_PLAIN = r'"[^"\\\x00-\x1f]*"'
_AWARD = re.compile(
    rf'\{{"subject":{_PLAIN},"party":{_PLAIN},"event":{_PLAIN},"behaviour":({_PLAIN}),"occurred_at":({_PLAIN}),'
    rf'"record":(\{{.*\}}),"er_mg":(-?[0-9]{{1,19}}),"version":([0-9]{{1,9}}),"factors":({_PLAIN})\}}'
)
"""An award's personal part whose texts hold nothing escaped. The tail is fixed, so the record ends in one place."""
CHUNK = 100_000
"""Awards recomputed at a time: about 100 MB with their records."""

Public = tuple[int, int, int, bytes, bytes, bytes, bytes, bytes | None, int]
"""kind, carbon_mg, credits, method_hash, factors_hash, cause, commitment of a leaf, its SM3 or None, and when it was booked in
microseconds.
"""
Line = tuple[int, bytes, str, str]
"""Entry, salt, personal part, and the members `method` and `setting` as the text that they are."""


class Entries:
    """What the pass saw; the three checks tell it. The pass is made by `see`."""

    def __init__(
        self, files: LogFiles, lines: Iterable[str] | None, recompute: RecomputingAll | None
    ) -> None:
        self.files, self.recompute = files, recompute
        self.lines = None if lines is None else enumerate(lines, 1)
        self.carbon = self.credits = self.seen = 0
        self.groups: dict[tuple[bytes, bytes, str, str, str, str], Group] = {}
        self.opened = self.awards = self.held = 0
        self.closed: dict[bytes, tuple[int, bool]] = {}
        """Leaf hash -> (entry, whether an award) of the entries with a personal part that was not opened."""
        self.erased: set[bytes] = set()
        self.wrong_opening: str | None = None
        self.decisions = Decisions()
        self.rates = Rates.of(files.fetch(rules.FILE), files.fetch(zones.FILE))
        self._admitted: set[tuple[int, bool, bool, bool, bool]] = set()

    def see(self) -> str:
        """Every leaf hashes to its place in the tree and is an entry its kind admits; sums per asset."""
        size = self.files.size
        first = merkle.tile_path("entries", 0, min(size, merkle.WIDTH))
        if (
            size
            and self.files.fetch(first) is None
            and self.files.fetch(merkle.tile_path("entries", 0)) is None
        ):
            raise Unable("bundles of leaves are not at hand (they are not public)")
        waiting = self._next() if self.lines is not None else None
        try:
            for index, data, digest in self._leaves():
                public = self._public(index, data)
                self.seen = index + 1
                if self.lines is None:
                    continue
                if waiting is not None and waiting[0] == index:
                    self._open(index, public, waiting)
                    waiting = self._next()
                else:
                    self._leave(index, public, digest)
        finally:
            # Also before a wrong leaf: what came earlier is recomputed, so that the first wrong figure is named.
            self._flush()
        if waiting is not None and self.wrong_opening is None:
            self.wrong_opening = f"entry {waiting[0]} is opened, the log has {size}"
        return f"{size} leaves; all persons together hold {self.carbon} mg CO2e and {self.credits} credits"

    def see_decisions(self) -> str:
        """No change was approved without being proposed and checked, and none ended twice."""
        fault = self.decisions.fault()
        if fault is not None:
            raise Unlike(fault)
        return self.decisions.told()

    def see_rates(self) -> str:
        """No award has more credits than the approved rate of its day gives (rules.py)."""
        if self.wrong_opening is not None or self.seen < self.files.size:
            raise Unable("the leaves and what opens them were not all read")
        return self.rates.see(self.decisions)

    def see_openings(self) -> str:
        """Each opened part is what its leaf commits to, and says the same as the leaf."""
        if self.wrong_opening is not None:
            raise Unlike(self.wrong_opening)
        if self.seen < self.files.size:
            raise Unable("the leaves were not all read")
        erased = sum(one in self.erased for one in self.closed)
        withheld = len(self.closed) - erased
        return f"{self.opened} entries opened, {erased} erased with their person, {withheld} not opened"

    def see_recomputed(self) -> str:
        """Every issued figure comes out of its record again. Not passed while one award was not recomputed."""
        if self.recompute is None:
            raise Unable("no methodologies at hand")
        if self.recompute.wrong is not None:
            raise Unlike(self.recompute.wrong)
        if self.recompute.unable is not None:
            raise Unable(self.recompute.unable)
        if self.seen < self.files.size:
            raise Unable("the leaves were not all read")
        done = f"{self.recompute.done} of {self.awards} awards give the booked milligrams again"
        left = [
            entry for digest, (entry, award) in self.closed.items() if award and digest not in self.erased
        ]
        if left or self.wrong_opening is not None:
            raise Unable(
                f"{done}; {len(left)} were not opened, the first is entry {min(left, default='none')}"
            )
        return f"{done}, to the last one; {self.awards - self.recompute.done} were erased with their person"

    def _leaves(self) -> Iterator[tuple[int, bytes, bytes]]:
        """(number, leaf, hash) one by one. Raises Unlike where a leaf is not the one in the tree."""
        for number in range(-(-self.files.size // merkle.WIDTH)):
            width = self.files.width(0, number)
            try:
                hashes = self.files.tile(0, number)
                data = self.files.file("entries", number, width)
            except FileError as fault:
                raise Unlike(str(fault)) from None
            first = number * merkle.WIDTH
            for place, one in enumerate(_bundle(data, number, width)):
                digest = sha256(b"\x00" + one).digest()
                if digest != hashes[place * 32 : place * 32 + 32]:
                    raise Unlike(f"entry {first + place}: its leaf is not the one in the tree")
                yield first + place, one, digest

    def _public(self, index: int, data: bytes) -> Public:
        """The leaf's own fields, summed; what is not admitted is refused by the careful readers."""
        try:
            version, kind, carbon, credits, at, *digests = _FIELDS.unpack(data[: leaf.SIZE])
            national = data[leaf.SIZE :] or None
            # A rule of kinds.py looks at signs alone.
            signs = (kind, carbon > 0, carbon < 0, credits > 0, credits < 0)
            common = _SIZES.get(version) == len(data)
            common = common and not (national and leaf.NOTHING in (national, digests[-1]))
            if not common or signs not in self._admitted or not -(2**55) < at < 2**55:
                public = leaf.decode(data)
                kinds.check(public.kind, public.carbon_mg, public.credits)
                self._admitted.add(signs)
        except (LeafError, EntryError) as fault:
            raise Unlike(f"entry {index}: {fault}") from None
        except struct.error:
            raise Unlike(f"entry {index}: a leaf has {leaf.SIZE} bytes at least, not {len(data)}") from None
        self.carbon += carbon
        self.credits += credits
        if kind == Kind.DECIDED:
            self.decisions.add(index, leaf.decode(data))
        return (kind, carbon, credits, *digests, national, at)

    def _leave(self, index: int, public: Public, digest: bytes) -> None:
        """An entry that was not opened."""
        kind, carbon, credits, cause, commitment = *public[:3], public[5], public[6]
        if kind == Kind.ERASED:
            self.erased.add(cause)
        elif commitment != leaf.NOTHING and kind != Kind.DECIDED:
            self.closed[digest] = index, kind == Kind.AWARD
        if kind == Kind.AWARD:
            self.awards += 1
            self.rates.look_closed(index, carbon, credits)

    def _next(self) -> Line | None:
        """The next line, or None at the end and after the first line that cannot be read."""
        assert self.lines is not None
        number, line = next(self.lines, (0, None))
        if line is None or self.wrong_opening is not None:
            return None
        try:
            found = _quick(line) or _careful(line)
        except ReceiptError as fault:
            self.wrong_opening = f"line {number}: {fault}"
            return None
        if found[0] < self.seen:
            self.wrong_opening = f"line {number}: entry {found[0]} comes late or twice, lines go upwards"
            return None
        return found

    def _open(self, index: int, public: Public, line: Line) -> None:
        kind, carbon, credits, method_hash, factors_hash, cause, commitment, national, booked = public
        _, salt, personal, beside = line
        self.awards += kind == Kind.AWARD
        if self.wrong_opening is not None:
            return
        try:
            if sha256(salt + sha256(personal.encode()).digest()).digest() != commitment:
                raise Unlike("what is opened is not what the leaf commits to")
            sm3_fits(national, salt, personal)
            part = _award(personal)
            if isinstance(part, RedeemPart):
                same("kind", Kind.REDEEM, kind)
                same("credits", -part.credits, credits)
                same("cause", leaf.text_hash(part.order).hex(), cause.hex())
            elif isinstance(part, BookingPart):
                same_booking(part, kind, carbon, credits, cause)
            else:
                behaviour, record, er_mg, version, factors, at = part
                same("kind", Kind.AWARD, kind)
                same("er_mg", er_mg, carbon)
                # What many entries have in common is looked at once.
                key = method_hash, factors_hash, behaviour, version, factors, beside
                group = self.groups.get(key)
                if group is None:
                    group = self.groups[key] = _group(*key)
                group.add(index, record, er_mg)
                self.held += 1
                self.rates.look(index, carbon, credits, at, group.terms, booked)
        except (Unlike, LeafError, ReceiptError, UnicodeEncodeError) as fault:
            self.wrong_opening = f"entry {index}: {fault}"
            return
        self.opened += 1
        if self.held >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        if self.recompute is not None:
            self.recompute.take(group for group in self.groups.values() if group.entries)
        for group in self.groups.values():
            group.clear()
        self.held = 0


def _bundle(data: bytes, number: int, width: int) -> Iterator[bytes]:
    """The leaves of an entry bundle: each after its length as two bytes."""
    at = count = 0
    while at < len(data) and count < width:
        if data[at : at + 2] == _LENGTH:
            end = at + _STEP
        else:
            end = at + 2 + int.from_bytes(data[at : at + 2])
        if end > len(data):
            break
        yield data[at + 2 : end]
        at, count = end, count + 1
    if count < width:
        raise Unlike(f"{merkle.tile_path('entries', number, width)} is cut short after {count} leaves")


def _quick(line: str) -> Line | None:
    """A line of the common shape; None sends it to the careful reader."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    index, salt, personal, beside = found.groups()
    # Of JSON's escapes only the quote's is undone here. No control character may stand in a JSON string.
    if "\x00" in personal or '"source":' in beside:
        return None
    plain = personal.replace('\\"', "\x00")
    if "\\" in plain or '"' in plain:
        return None
    return int(index), a2b_base64(salt), plain.replace("\x00", '"'), beside


def _careful(line: str) -> Line:
    one = openings.read(line)
    beside = Opened(0, one.opening, one.method, one.terms).line()
    return one.index, one.opening.salt, one.opening.personal, beside[beside.rindex('"method":') : -1]


def _award(text: str) -> tuple[str, str, int, str, str, str] | RedeemPart | BookingPart:
    """(behaviour, record, er_mg, version, factors, occurred_at) of an award, or the part of another kind. Raises LeafError."""
    found = _AWARD.fullmatch(text)
    if found is not None:
        return found[1][1:-1], found[3], int(found[4]), found[5], found[6][1:-1], found[2][1:-1]
    part = leaf.read_personal(text)
    if isinstance(part, RedeemPart | BookingPart):
        return part
    return part.behaviour, part.record, part.er_mg, str(part.version), part.factors, part.occurred_at


def _group(
    method_hash: bytes, factors_hash: bytes, behaviour: str, version: str, factors: str, beside: str
) -> Group:
    """Awards that have all this in common. Raises Unlike, ReceiptError where it does not fit together."""
    same("factors", leaf.text_hash(factors).hex(), factors_hash.hex())
    _, method, terms = receipt.read_opened(
        {"opening": None, **receipt.members_of(f"{{{beside}}}", "line", _BESIDE)}
    )
    if method is not None:
        same("methodology version", int(version), method.version)
    return Group(method_hash, behaviour, int(version), factors, method.id if method else None, terms)


_BESIDE = {"method", "setting"}
