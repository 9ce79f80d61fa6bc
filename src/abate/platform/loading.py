"""Files of events through the pipeline, a chunk at a time: rehearsed or booked, gone on with after a stop.

How far a file is booked is committed with each chunk, so that a process that was killed is gone on with where it ended, and the
result is that of one run. By command and over HTTP it is this code. (P-7.3.3.3-a, P-8.5-a)
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from django.db import transaction

from abate.platform import pipeline
from abate.platform.carbon.basis import catalogue
from abate.platform.doors import clock, scanner
from abate.platform.events import actions_files as actions
from abate.platform.events import files, queries_files, sources, tables_back
from abate.platform.events.actions import Arrival
from abate.platform.events.declared import Declaration, declaration
from abate.platform.events.envelope import Event, Reader, Sender, Withdrawal, is_name
from abate.platform.events.files import Chunk
from abate.platform.events.files_errors import FileInterrupted, FileOverQuota, FileRefused
from abate.platform.events.models import File
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.parties import limits
from abate.platform.parties import queries as parties
from abate.platform.parties.errors import LimitReached
from abate.platform.parties.models import Party
from abate.platform.review.audit import Actor, acting, note

CHUNK = 20_000
"""Events in one transaction where nobody says otherwise: our policy."""
PAGE = "page"
"""What stands in the place of a key where somebody brought a file on the page."""
_BAD = (Outcome.REFUSED, Outcome.CONFLICT)
_log = logging.getLogger("abate.loading")


class _Rehearsed(Exception):
    """Takes a chunk back that was booked to see what comes of it."""

    def __init__(self, results: list[Result]) -> None:
        super().__init__("rehearsed")
        self.results = results


def sha256_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def require_clean(path: Path, party: Party) -> None:
    """Show what the operator loads by command to the scanner; harmful, it is told in the trail as whoever's the command is.

    Raises FileHarmful, FileNotScanned, ScannerAway, SetupError.
    """
    try:
        scanner.require_clean(path)
    except scanner.FileHarmful as harmful:
        with transaction.atomic():
            note("file.harmful", act="refused", code=harmful.code, party=party.code)
        raise


def declared(party: Party, text: str) -> Declaration:
    """A partner's declaration. Raises DeclarationRefused."""
    return declaration(text, catalogue(), parties.behaviours(party.pk))


def load(
    file: File,
    path: Path,
    party: Party,
    *,
    size: int | None = None,
    told: Callable[[int], object] = lambda rows: None,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Book (or rehearse) what of a file is not through yet; False where another process is at it, or `stopping` said so.

    A file that cannot be read to its end is refused from there on, by name, in `file.refusal`. One that came over HTTP and
    would pass its party's quota of events stays open, with what it waits for there; what the operator loads by command is
    no sending of the party's, and counts towards no quota. Raises PartySuspended, DocumentsExpired, FileOverQuota, Busy.
    """
    with actions.alone(file.pk) as mine:
        if not mine:
            return False
        file.refresh_from_db()
        if file.state != File.OPEN:
            return True
        parties.check_standing(party.code, party.status, party.valid_until)
        # A rehearsal tells nobody.
        hooked = not file.rehearsal and parties.is_hooked(party.pk)
        sender = Sender(party.pk, party.code, frozenset(parties.behaviours(party.pk)), file.client_id, hooked)
        reader = Reader(sender, catalogue().methods, clock.now())
        counted = file.via == "http" and not file.rehearsal
        most = party.events_per_day if counted else None
        step = size or CHUNK
        if most is not None:
            # No chunk that the quota could never let through, and no day's wait for a first one.
            step = min(step, max(1, most // 10))
            if file.refusal:
                # It waited: with what there is now, or it would never get a whole chunk beside steady messages.
                step = min(step, max(1, limits.events_left(party.pk, most)))
        try:
            if file.rehearsal:
                actions.begin_rehearsal()
                if file.rows:
                    raise FileInterrupted(f"row {file.rows}")
            means = declared(party, file.declaration)
            for chunk in files.chunks(path, sender, reader, step, means, skip=file.rows):
                _book(file, sender, chunk, most)
                told(file.rows)
                # The next chunk is a batch of its own: a source may have ended meanwhile.
                reader.begin(clock.now())
                if stopping():
                    return False
        except FileOverQuota as full:
            actions.hold(file, f"{full.code}:{full.detail}")
            raise
        except FileRefused as refusal:
            _refuse(file, party, refusal)
            return True
        actions.end(file)
        return True


def _refuse(file: File, party: Party, refusal: FileRefused) -> None:
    """The rest of a file is not read. What passed the door and was hostile inside is told of with it, as its sender's;
    loaded by command, as whoever's the command is.
    """
    with transaction.atomic():
        actions.end(file, f"{refusal.code}:{refusal.detail}"[:200])
        if refusal.hostile:
            with acting(lambda: _sender(file)) if file.via == "http" else nullcontext():
                note("file.unpacked", file.pk, act="refused", code=refusal.code, party=party.code)


def _sender(file: File) -> Actor:
    """Whoever sent a file over HTTP: a key, or somebody of the party's on its page, of whom nothing is kept with the file."""
    return (
        Actor("", "page", "partner") if file.client_id == PAGE else Actor(file.client_id, "interface", "key")
    )


def _book(file: File, sender: Sender, chunk: Chunk, most: int | None) -> None:
    """Book a chunk and use the party's quota, `most` a day, in one transaction: what is tried again is counted once.

    Raises FileOverQuota, with the seconds after which the chunk can be had.
    """
    counts = Counter(file.counts)
    arrival = Arrival(sender, "file", clock.now(), chunk.digest, len(chunk.read))

    def then(results: Sequence[Result]) -> None:
        if file.rehearsal:
            raise _Rehearsed(list(results))
        limits.take_events(file.party_id, most, len(chunk.read))
        _note(file, chunk, counts, results)

    try:
        pipeline.run_batch(arrival, chunk.read, everything=False, then=then)
    except _Rehearsed as found:
        _meet_earlier(chunk, found.results)
        with transaction.atomic():
            _note(file, chunk, counts, found.results)
    except LimitReached as over:
        raise FileOverQuota(f"row {file.rows}", over.retry_after) from None
    file.rows += len(chunk.read)
    file.counts = dict(+counts)
    if file.refusal:
        actions.hold(file, None)


def _note(file: File, chunk: Chunk, counts: Counter[str], results: Sequence[Result]) -> None:
    """What a chunk came to; results without the credited ones. Called again where the chunk lost a race."""
    counts.clear()
    counts.update(file.counts)
    counts[Outcome.CREDITED.text] += len(chunk.read) - len(results)
    counts.update(one.outcome.text for one in results)
    wrong = [(chunk.lines[one.place], one) for one in results if one.outcome in _BAD]
    actions.advance(file, len(chunk.read), +counts, wrong)


def _meet_earlier(chunk: Chunk, results: list[Result]) -> None:
    """A rehearsed chunk leaves no event behind: what repeats one of an earlier chunk is found here."""
    bad = {one.place for one in results if one.outcome in _BAD}
    by_place = {one.place: one for one in results}
    sound = [one for one in chunk.read if isinstance(one, Event | Withdrawal) and one.place not in bad]
    digests = [hashlib.sha256(repr(_content(one)).encode()).digest() for one in sound]
    met = actions.rehearse([one.place for one in sound], [one.id for one in sound], digests)
    for place, same in met.items():
        outcome, reason = (Outcome.EXISTS, None) if same else (Outcome.CONFLICT, "other_content:id")
        if place in by_place:
            by_place[place].outcome, by_place[place].reason = outcome, reason
        else:
            results.append(Result(place, chunk.read[place].id, outcome, reason))


def _content(one: Event | Withdrawal) -> tuple[object, ...]:
    if isinstance(one, Withdrawal):
        return one.subject, one.time, one.event, one.cause
    return one.behaviour, one.subject, one.time, one.data, one.corrects, one.cause


def refusal_of(file: File) -> FileRefused:
    """What stands in `file.refusal`, to be raised or shown."""
    code, _, detail = (file.refusal or "").partition(":")
    kinds = {kind.code: kind for kind in (FileRefused, *FileRefused.__subclasses__())}
    return kinds.get(code, FileRefused)(detail)


def give_back(file: File, party: Party, path: Path, out: Path) -> None:
    """The file again at `out`, with its error column and the marks of its sources (tables_back.py); whole or not at all.

    Raises FileRefused, OSError.
    """
    wrong = (
        (line, queries_files.told(outcome, reason))
        for line, _, outcome, reason in queries_files.all_wrong_rows(file)
    )
    named = sources.texts(party.pk, clock.day(file.at))

    def marks(rows: Sequence[tuple[str, str]]) -> list[str]:
        """Of an event that was taken, whenever that was, the terms it came under; of what was not, those it names."""
        # What is no id was refused: nothing is kept of it, and no database could be asked for it.
        own = sources.marks((party.pk, event_id) for event_id, _ in rows if is_name(event_id))
        lines = {event_id: sources.line(mark) for (_, event_id), mark in own.items()}
        return [lines.get(event_id) or named.get(source, "") for event_id, source in rows]

    # As long for whatever name: one that a disk just takes has no room for more.
    short = hashlib.sha256(out.name.encode(errors="surrogateescape")).hexdigest()[:32]
    part = out.with_name(f".{short}.part")
    try:
        tables_back.write(path, declared(party, file.declaration), wrong, part, marks if named else None)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
