"""The witness's side and the log's side of C2SP tlog-witness, without network, files or clock.

    POST <prefix>/add-checkpoint      old <size>, proof lines, an empty line, the checkpoint
    -> 200 signature lines | 400 | 403 | 404 | 409 with the size last cosigned | 422

`judge` decides; whoever calls it holds the log's state locked from before it reads it until the new one is on
disk, so that a slower request cannot take the witness back.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abate.bookkeeping import checkpoint, merkle
from abate.bookkeeping.checkpoint import Checkpoint, Key, NoteError
from abate.bookkeeping.merkle import ProofError

MAX_PROOF = 63
MAX_BODY = 128 * 1024
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Refused(Exception):
    """An answer other than 200. `body` is what the protocol lets the log learn from it."""

    def __init__(self, status: int, why: str, body: str = "") -> None:
        super().__init__(why)
        self.status, self.why = status, why
        self.body = body or f"{why}\n"
        self.kind = SIZE_TYPE if body else "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What a log sends. The checkpoint is read, nothing is verified yet."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    head: Checkpoint


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The head that a witness cosigned last for a log."""

    size: int
    root: bytes


def write_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body that a log sends."""
    lines = "".join(base64.b64encode(one).decode() + "\n" for one in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def read_request(body: bytes) -> Request:
    """Take a body apart. Raises Refused(400)."""
    if len(body) > MAX_BODY:
        raise Refused(400, f"a request of more than {MAX_BODY} bytes is not read")
    try:
        head, gap, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if not gap or old is None or len(lines) > MAX_PROOF:
            raise ValueError(
                "the body reads: old <size>, at most 63 proof lines, an empty line, the checkpoint"
            )
        proof = tuple(_hash(line) for line in lines)
        shown = checkpoint.read_checkpoint(checkpoint.read_note(note).text)
    except (ValueError, NoteError) as fault:
        raise Refused(400, str(fault)) from None
    return Request(int(old[1]), proof, note, shown)


def _hash(line: str) -> bytes:
    try:
        data = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a proof line is not base64") from None
    if len(data) != merkle.HASH or base64.b64encode(data).decode() != line:
        raise ValueError(f"a proof line is the base64 of {merkle.HASH} bytes")
    return data


def key_for(request: Request, logs: Mapping[str, Key]) -> Key:
    """The key under which this witness knows the log. Raises Refused(404), (403)."""
    key = logs.get(request.head.origin)
    if key is None:
        raise Refused(404, "this witness does not know the log of this origin")
    try:
        checkpoint.open_checkpoint(request.note, key)
    except NoteError:
        raise Refused(403, "no signature on the checkpoint is one of the log's key") from None
    return key


def judge(request: Request, last: Cosigned | None) -> Cosigned:
    """The state to store before the cosignature leaves. Raises Refused(400), (409), (422).

    `last` is what was stored, read under the same lock under which the answer will be stored.
    """
    held, head = last or Cosigned(0, merkle.EMPTY_ROOT), request.head
    if request.old > head.size:
        raise Refused(400, f"the old size {request.old} is above the checkpoint's {head.size}")
    if request.old != held.size:
        raise Refused(409, "the old size is not the one last cosigned", f"{held.size}\n")
    if request.old == head.size:
        # An empty proof, and the very same root: for the empty tree too.
        if head.root != held.root:
            raise Refused(409, "two different roots are shown for one size", f"{held.size}\n")
        if request.proof:
            raise Refused(422, "between a tree and itself there is nothing to prove")
    elif request.old == 0:
        if request.proof:
            raise Refused(422, "from the empty tree there is nothing to prove")
    else:
        try:
            merkle.check_consistency(request.old, head.size, held.root, head.root, request.proof)
        except ProofError as fault:
            raise Refused(422, str(fault)) from None
    return Cosigned(head.size, head.root)
