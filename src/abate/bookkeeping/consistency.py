"""The proof that a log only grew between two signed heads, as one JSON document that is checked offline.

{"format": "abate-consistency/1",
 "old": "<signed note>", "new": "<signed note>",
 "proof": ["<base64, 32 bytes>", ...]}         RFC 6962, 2.1.2, from the size of `old` to that of `new`
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from abate.bookkeeping import checkpoint, merkle, receipt
from abate.bookkeeping.checkpoint import Checkpoint, Key
from abate.bookkeeping.receipt import ReceiptError
from abate.bookkeeping.sm2 import Sm2Key
from abate.bookkeeping.verify import NO_KEY, Status, Unlike, Verdict, see_sm2

FORMAT = "abate-consistency/1"
_MEMBERS = {"format", "old", "new", "proof"}


def document(old: str, new: str, nodes: merkle.Nodes) -> dict[str, object]:
    """The proof between two notes of a log, whose tree `nodes` holds. Raises ProofError, NoteError."""
    sizes = [checkpoint.read_checkpoint(checkpoint.read_note(note).text).size for note in (old, new)]
    proof = merkle.consistency(nodes, *sizes)
    return {
        "format": FORMAT,
        "old": old,
        "new": new,
        "proof": [base64.b64encode(one).decode() for one in proof],
    }


def verify_consistency(
    source: str | bytes | Mapping[str, object], key: Key | None, sm2_key: Sm2Key | None = None
) -> Verdict:
    """Check the document. Checks, in order: form, signature, sm2 (where `sm2_key` is given), consistency.

    By SM2 the newer head must be signed: it covers the older one, which may be from before that key.
    """
    verdict = Verdict()
    try:
        members = receipt.members_of(source, "consistency", _MEMBERS)
        if members["format"] != FORMAT:
            raise ReceiptError("format", f"{members['format']!r} is not known here; {FORMAT!r} is")
        old, new, proof = receipt.proof_between(members)
    except ReceiptError as fault:
        verdict.note("form", Status.FAILED, str(fault))
        return verdict
    verdict.note("form", Status.PASSED, "a proof between two heads of a log")
    heads: list[Checkpoint] = []
    if not verdict.look("signature", lambda: _see_signatures(old, new, key, heads)):
        verdict.skip("no two signed heads of one log", "consistency")
        return verdict
    if sm2_key is not None:
        verdict.look("sm2", lambda: see_sm2(new, sm2_key))
    verdict.look("consistency", lambda: _see_consistency(heads[0], heads[1], proof))
    return verdict


def _see_signatures(old: str, new: str, key: Key | None, heads: list[Checkpoint]) -> str:
    if key is None:
        raise Unlike(NO_KEY)
    heads += [checkpoint.open_checkpoint(note, key) for note in (old, new)]
    return (
        f"two heads of {heads[0].origin}, {heads[0].size} and {heads[1].size} entries, signed by {key.name}"
    )


def _see_consistency(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> str:
    merkle.check_consistency(old.size, new.size, old.root, new.root, proof)
    return f"the log of {new.size} entries begins with the {old.size} of the older head, unchanged"
