"""Asking witnesses to cosign the newest head, about as often as heads are signed, and never in anybody's way.

A witness that is down, slow or wrong costs its own cosignature and nothing else: numbering and signing do not wait
for it, and what it missed it gets with the next head, by one proof over the whole stretch.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from abate.bookkeeping import checkpoint as notes
from abate.bookkeeping import cosignature, merkle, witness
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.cosignature import Seal, Witness
from abate.platform.doors import outbound
from abate.platform.doors.errors import SetupError
from abate.platform.log import actions, queries

INTERVAL = 1.0
TIMEOUT = 5.0
"""Seconds that one witness may take; the others do not wait for it longer than this."""
MAX_ANSWER = 16 * 1024
_log = logging.getLogger("abate.log.cosigning")


@dataclass(frozen=True, slots=True)
class Asked:
    """A configured witness: its key, and the submission prefix that `/add-checkpoint` is put behind."""

    witness: Witness
    address: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: a seal, the size the witness stands at, or why neither."""

    seal: Seal | None = None
    size: int | None = None
    why: str = ""


Post = Callable[..., tuple[int, bytes]]


def configured(file: str | None = None) -> list[Asked]:
    """The witnesses in the file that ABATE_WITNESSES names: a line each, verifier key, space, address."""
    name = file if file is not None else settings.ABATE_WITNESSES
    if not name:
        return []
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
        found = [_configured(line) for line in lines if line.strip() and not line.startswith("#")]
    except (OSError, ValueError, NoteError) as fault:
        raise SetupError("witnesses-unreadable", name=name, fault=fault) from fault
    return found


def _configured(line: str) -> Asked:
    key, _, address = line.strip().partition(" ")
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"no http(s) address after the key in {line[:60]!r}")
    return Asked(cosignature.read_witness(key), address.strip().rstrip("/"))


def ask(witnesses: Sequence[Asked], post: Post = outbound.post) -> dict[str, str]:
    """Ask every witness that has not cosigned the newest head; returns why the missing ones are missing."""
    size, failures = queries.size(), {}
    note = queries.checkpoint_of(size)
    if note is None or not size:
        return {}
    missing = [one for one in witnesses if one.witness.key_id not in queries.cosigned_by(size)]
    olds = {one: min(queries.last_cosigned(one.witness.key_id), size) for one in missing}
    with ThreadPoolExecutor(max_workers=max(1, len(missing)), thread_name_prefix="witness") as pool:
        # A second time where the witness stands elsewhere than we thought.
        for _ in range(2):
            proofs = {one: _proof(old, size) for one, old in olds.items()}
            asked = {one: pool.submit(_ask, one, olds[one], proofs[one], note, post) for one in olds}
            olds = {}
            for one, future in asked.items():
                answer = future.result()
                if answer.seal is not None:
                    actions.add_cosignature(size, one.witness.key_id, answer.seal)
                    failures.pop(one.witness.name, None)
                    continue
                failures[one.witness.name] = answer.why
                if answer.size is not None and answer.size < size:
                    olds[one] = answer.size
    return failures


def _proof(old: int, size: int) -> list[bytes]:
    return merkle.consistency(queries.nodes(), old, size) if 0 < old < size else []


def _ask(one: Asked, old: int, proof: list[bytes], note: str, post: Post) -> _Answer:
    """In a thread of its own, without the database."""
    body = witness.write_request(old, proof, note)
    try:
        status, answer = post(f"{one.address}/add-checkpoint", body, timeout=TIMEOUT, most=MAX_ANSWER)
    except outbound.Unanswered as fault:
        return _Answer(why=str(fault))
    text = answer.decode(errors="replace")
    if status == 409 and text.strip().isdecimal() and len(text) < 21:
        return _Answer(size=int(text), why=f"it stands at {text.strip()} entries")
    if status != 200:
        return _Answer(why=f"it answered {status}: {text[:200].strip()}")
    try:
        found = cosignature.seals(notes.read_note(note + text), [one.witness])
    except NoteError as fault:
        return _Answer(why=f"its cosignature does not verify: {fault}")
    return _Answer(seal=found[-1]) if found else _Answer(why="it sent no cosignature of its key")


class Cosigner:
    """Runs `ask` until stopped. `failures` says, by witness, why it did not cosign the newest head."""

    def __init__(self, witnesses: Sequence[Asked], *, interval: float = INTERVAL) -> None:
        self._witnesses, self._interval = list(witnesses), interval
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures: dict[str, str] = {}

    def start(self) -> None:
        """Without witnesses there is nothing to do, and no thread."""
        if self._witnesses:
            self._thread = threading.Thread(target=self.run, name="cosigner", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 2 * TIMEOUT + 1) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self.round()
        connection.close()

    def round(self) -> None:
        try:
            failures = ask(self._witnesses)
        except (DatabaseError, InterfaceError) as fault:
            failures = {"(database)": str(fault)}
            connection.close()
        except Exception as fault:  # noqa: BLE001 - a thread that ends unseen asks nobody any more
            failures = {"(fault)": repr(fault)}
            connection.close()
        for name, why in failures.items():
            if self.failures.get(name) != why:
                _log.warning("witness %s did not cosign: %s", name, why)
        self.failures = failures
