"""Watching a log from outside: every head is kept, and each new one must only have added to those before.

A log that shows different people different histories, goes back to an older one or changes a tile can do so only
where nobody compares. What is found is a `Finding` with a stable code and the signed notes that prove it to anybody:

    signature   the head shown is not signed by the log's key, or is another log's
    fork        two signed heads that cannot belong to one log
    rollback    a signed head that is older than one seen before
    tile        a tile is missing, short, or not the one that the tree above it was built from

A fork stands until a human settles it: no later head takes back two signatures. The others last as long as what is shown
is wrong; a tile that was found wrong once is read again at every look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from abate.bookkeeping import checkpoint, merkle
from abate.bookkeeping.checkpoint import Checkpoint, Key, NoteError
from abate.bookkeeping.log_files import Fetch, FileError, LogFiles, span
from abate.bookkeeping.merkle import ProofError

AUDITED = 256
"""Older tiles that one look goes through again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something no honest log does. `notes` are the signed heads that show it; `tile` the full tile of leaves that is wrong."""

    code: str
    text: str
    notes: tuple[str, ...] = ()
    tile: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A head that was seen, with the note that proves it."""

    size: int
    root: bytes
    note: str


@dataclass(slots=True)
class Seen:
    """Everything this monitor has accepted: heads by size, each consistent with those before."""

    heads: list[Head] = field(default_factory=list)
    doubted: list[Head] = field(default_factory=list)
    """Signed heads that were shown with tiles of another tree: held against what is shown later, until they are explained."""
    forks: list[Finding] = field(default_factory=list)
    """The forks that nobody has settled, the first one first."""
    told: set[tuple[object, ...]] = field(default_factory=set)
    """What was found since somebody settled what was there: found again it is no news."""
    tiles: set[int] = field(default_factory=set)
    """Full tiles of leaves that were found wrong."""

    @property
    def newest(self) -> Head | None:
        return self.heads[-1] if self.heads else None

    def of_size(self, size: int) -> Head | None:
        return next((head for head in reversed(self.heads) if head.size == size), None)

    def remember(self, findings: Iterable[Finding], key: Key) -> None:
        """Keep of a look what those after it need. The heads whose tiles were wrong, for a log cannot take back what it
        signed; one that is told as part of a fork needs no watching any more, the fork stands.
        """
        for one in findings:
            if one.code == "fork" and not self.knows(one, key):
                self.forks.append(one)
            self.told.add(_same(one, key))
            if one.tile is not None:
                self.tiles.add(one.tile)
            for note in one.notes:
                with suppress(NoteError):
                    shown = checkpoint.open_checkpoint(note, key)
                    self._weigh(one.code, Head(shown.size, shown.root, note))

    def knows(self, one: Finding, key: Key) -> bool:
        """Whether this was found before, and nobody has settled it: of the same heads, whoever cosigned them since."""
        return _same(one, key) in self.told

    def _weigh(self, code: str, head: Head) -> None:
        told = [(one.size, one.root) for one in self.heads + self.doubted]
        if code == "tile" and (head.size, head.root) not in told:
            self.doubted.append(head)
        elif code == "fork":
            self.doubted = [one for one in self.doubted if one.root != head.root]

    def settle(self) -> None:
        """A human has looked into what was found: the fork and the heads in doubt are no news any more. What was accepted
        is held against what comes, as before.
        """
        self.forks, self.doubted, self.told = [], [], set()

    def ahead(self, head: Head) -> Head | None:
        """The largest head in doubt that has more entries."""
        return max(
            (one for one in self.doubted if one.size > head.size), key=lambda one: one.size, default=None
        )

    def contradicts(self, head: Head) -> Head | None:
        """A head seen before, whatever was wrong with it, that has as many entries and another root."""
        return next(
            (one for one in self.heads + self.doubted if one.size == head.size and one.root != head.root),
            None,
        )


def _same(one: Finding, key: Key) -> tuple[object, ...]:
    """What makes a finding the same as another."""
    heads: set[object] = set()
    for note in one.notes:
        try:
            shown = checkpoint.open_checkpoint(note, key)
            heads.add((shown.size, shown.root))
        except NoteError:
            heads.add(note)
    return one.code, one.text, one.tile, frozenset(heads)


def look(
    seen: Seen, fetch: Fetch, key: Key, turn: int = 0, audited: int = AUDITED
) -> tuple[Head | None, list[Finding]]:
    """One look at the log: (the new head, if there is one to keep; what is wrong).

    `seen` is not changed: the caller stores head and findings, and then adds the one and remembers the others
    (Seen.remember). A head with findings is never kept as part of the history, only as evidence: each names it. What was
    found before and stands (Seen.forks) is told by the caller. `turn` chooses which `audited` older tiles are read again.
    """
    note = fetch("checkpoint")
    if note is None:
        return None, [Finding("tile", "there is no file `checkpoint`")]
    try:
        shown = checkpoint.open_checkpoint(note, key)
    except NoteError as fault:
        # No head is longer: of what else was shown, whatever its length, the beginning is the evidence.
        return None, [
            Finding("signature", str(fault), (note[: checkpoint.MAX_NOTE].decode(errors="replace"),))
        ]
    head = Head(shown.size, shown.root, note.decode())
    newest = seen.newest
    known = seen.of_size(head.size)
    other = seen.contradicts(head) if known is None or known.root != head.root else None
    if other is not None:
        return None, [
            Finding("fork", f"two heads of {head.size} entries with different roots", (other.note, head.note))
        ]
    if newest is not None and head.size < newest.size:
        return None, [_older(newest, head, known is not None, fetch)]
    files = LogFiles(fetch, head.size)
    start = newest.size if newest is not None else 0
    findings = _of_tiles(files, shown, start, seen.tiles, turn, audited)
    if newest is not None and known is None and not findings:
        findings = _of_growth(seen.heads, head, files)
    if known is None and not findings:
        findings = _of_doubted([one for one in seen.doubted if start < one.size < head.size], head, files)
    if not findings and (ahead := seen.ahead(head)) is not None:
        text = (
            f"the log shows {head.size} entries after it had signed {ahead.size}, whose tiles it did not show"
        )
        findings = [Finding("rollback", text, (ahead.note,))]
    named = [
        one if head.note in one.notes else replace(one, notes=(*one.notes, head.note)) for one in findings
    ]
    return (head if known is None and not findings else None), named


def _older(newest: Head, head: Head, known: bool, fetch: Fetch) -> Finding:
    """What a head below the newest one means."""
    notes = (newest.note, head.note)
    back = f"the log shows {head.size} entries again after it had shown {newest.size}"
    if known:
        return Finding("rollback", f"{back}: an old head, seen before", notes)
    try:
        _check(LogFiles(fetch, newest.size), head, newest)
    except ProofError:
        return Finding("fork", f"{back}, and they are not the first of those {newest.size}", notes)
    except FileError:
        return Finding("rollback", f"{back}; the tiles of the larger one are gone", notes)
    return Finding("rollback", f"{back}: an old head", notes)


def _check(files: LogFiles, old: Head, new: Head) -> None:
    """Raises ProofError where `new` does not only add to `old`, FileError where the files do not tell."""
    if old.size == 0:
        return
    proof = merkle.consistency(files.nodes(), old.size, new.size)
    merkle.check_consistency(old.size, new.size, old.root, new.root, proof)


def _of_growth(heads: Sequence[Head], head: Head, files: LogFiles) -> list[Finding]:
    """Whether `head` goes on from the newest of `heads`; if not, from which of them it still does."""

    def holds(place: int) -> bool:
        try:
            _check(files, heads[place], head)
        except ProofError:
            return False
        return True

    try:
        if holds(len(heads) - 1):
            return []
        low, high = -1, len(heads) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if holds(middle) else (low, middle)
    except FileError as fault:
        return [Finding("tile", str(fault), (heads[-1].note, head.note))]
    before = heads[low].size if low >= 0 else 0
    text = (
        f"the head of {head.size} entries does not go on from the head of {heads[high].size} seen before: "
        f"entries between {before} and {heads[high].size - 1} were rewritten"
    )
    return [Finding("fork", text, (heads[high].note, head.note))]


def _of_doubted(doubted: Sequence[Head], head: Head, files: LogFiles) -> list[Finding]:
    """The first head, of those shown with something wrong since the newest good one, that `head` does not go on from."""
    for one in doubted:
        try:
            _check(files, one, head)
        except ProofError:
            text = f"the head of {head.size} entries does not go on from the head of {one.size} that was shown before"
            return [Finding("fork", text, (one.note, head.note))]
        except FileError as fault:
            return [Finding("tile", str(fault), (one.note, head.note))]
    return []


def _of_tiles(
    files: LogFiles, head: Checkpoint, start: int, wrong_before: Collection[int], turn: int, audited: int
) -> list[Finding]:
    """The tiles beyond `start`, those that were wrong before and `audited` full ones before it, against the tree above them
    and the root.
    """
    try:
        if merkle.root(files.nodes(), head.size) != head.root:
            return [
                Finding("tile", f"the tiles give another root than the signed head of {head.size} entries")
            ]
    except (FileError, ProofError) as fault:
        return [Finding("tile", str(fault))]
    full = head.size // merkle.WIDTH
    fresh, old = range(start // merkle.WIDTH, full), start // merkle.WIDTH
    again = range(old) if old <= audited else ((turn * audited + n) % old for n in range(audited))
    read = _remembering(files)
    for number in (*fresh, *sorted(one for one in wrong_before if one < old), *again):
        wrong = _first_wrong(files, read, number)
        if wrong:
            return [Finding("tile", wrong, tile=number)]
    return []


def _remembering(files: LogFiles) -> Callable[[int, int], bytes]:
    """Tiles of the upper levels are asked for again and again: kept. Those of level 0 are not."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, number: int) -> bytes:
        if level == 0:
            return files.tile(level, number)
        if (level, number) not in kept:
            kept[level, number] = files.tile(level, number)
        return kept[level, number]

    return read


def _first_wrong(files: LogFiles, read: Callable[[int, int], bytes], number: int) -> str | None:
    """From the full tile `number` of leaves upwards: is each the one its parent was built from?"""
    level = 0
    try:
        while files.width(level, number) == merkle.WIDTH:
            above, place = divmod(number, merkle.WIDTH)
            value = merkle.root_of(merkle.split(read(level, number)))
            if merkle.split(read(level + 1, above))[place] != value:
                path = files.path(level, number)
                return (
                    f"{path} is not the one that the tree was built from: see entries {span(level, number)}"
                )
            level, number = level + 1, above
    except FileError as fault:
        return str(fault)
    return None
