"""Changes by three people, as the log tells them: who-role did which step, of what, when. No personal data.

A leaf of kind 19 is one step. Its fields: `cause` the digest of the proposal, `method_hash` the SHA-256 of the change's
name, `factors_hash` the SHA-256 of step and role ("check check"), `at` the moment, amounts 0, `commitment` as in leaf.py
over the statement below. The statement names the account by its handle, so it is opened to those who may see it only:

    {"proposal":N,"digest":H,"action":S,"step":S,"role":S,"account":S,"at":T,"signature":B}

H 64 hexadecimal digits, B the base64 of an Ed25519 signature by the log's key over the UTF-8 bytes of `abate-step-1 `
and the statement without its member `signature`. A signed tree head has three lines and this text has one: neither can
be taken for the other. Clause P-8.4-c.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from abate.bookkeeping.leaf import Leaf, json_text, text_hash, time_text

LABEL = b"abate-step-1 "
STEPS = ("propose", "check", "approve", "reject")
ROLES = (
    "system_admin",
    "security_admin",
    "audit_admin",
    "entry",
    "check",
    "approve",
    "query",
    "finance",
    "content",
)
# Names of changes that this verifier can say; of another one it shows the hash. The platform's own are held to it.
ACTIONS = (
    "announcement.end",
    "announcement.set",
    "basis.adopt",
    "cap.add",
    "duty.add",
    "entry.reverse",
    "ledger.adjust",
    "ledger.book",
    "offer.create",
    "offer.end",
    "party.admit",
    "party.behaviours",
    "party.binding",
    "party.client",
    "party.conditions",
    "party.contact",
    "party.create",
    "party.leave",
    "party.limits",
    "party.member",
    "party.refuse",
    "party.renew",
    "party.resume",
    "party.rotate",
    "party.sign",
    "party.suspend",
    "quarantine.rule",
    "revalue.book",
    "role.grant",
    "role.withdraw",
    "rule.add",
    "sharing.answer",
    "source.declare",
    "staff.close",
    "staff.enrol",
)
OPENED = "open system"
"""In place of step and role in the one leaf that tells of the first people of an empty system (review/opening.py)."""
_STEP_OF = {text_hash(OPENED): ("open", "system")} | {
    text_hash(f"{step} {role}"): (step, role) for step in STEPS for role in ROLES
}
_ACTION_OF = {text_hash(name): name for name in (*ACTIONS, OPENED)}


@dataclass(frozen=True, slots=True)
class Statement:
    """What one person says by one step. `digest` is the proposal's (32 bytes), `account` a handle without a name."""

    proposal: int
    digest: bytes
    action: str
    step: str
    role: str
    account: str
    at: datetime

    def text(self) -> str:
        """The statement as it is signed, after LABEL."""
        return (
            f'{{"proposal":{self.proposal},"digest":"{self.digest.hex()}","action":{json_text(self.action)},'
            f'"step":{json_text(self.step)},"role":{json_text(self.role)},"account":{json_text(self.account)},'
            f'"at":"{time_text(self.at)}"}}'
        )

    def sign(self, key: bytes) -> bytes:
        """64 bytes of Ed25519 by the private `key` (32 bytes)."""
        return Ed25519PrivateKey.from_private_bytes(key).sign(LABEL + self.text().encode())

    def opened(self, signature: bytes) -> str:
        """The personal part of the leaf."""
        return f'{self.text()[:-1]},"signature":"{base64.b64encode(signature).decode()}"}}'

    def leaf(self, commitment: bytes) -> Leaf:
        """The public part; a rejection and an approval alike."""
        return Leaf(
            kind=19,
            carbon_mg=0,
            credits=0,
            at=self.at,
            method_hash=text_hash(self.action),
            factors_hash=text_hash(f"{self.step} {self.role}"),
            cause=self.digest,
            commitment=commitment,
        )


def opening(digest: bytes, at: datetime) -> Leaf:
    """The leaf of a system's opening; `digest` is that of the document kept with it."""
    return Leaf(19, 0, 0, at, method_hash=text_hash(OPENED), factors_hash=text_hash(OPENED), cause=digest)


def signed(text: str, public: bytes) -> bool:
    """Whether an opened statement carries its signature by the raw Ed25519 key `public` (32 bytes)."""
    try:
        signature = base64.b64decode(json.loads(text)["signature"], validate=True)
        bare = text[: text.rindex(',"signature":"')] + "}"
        Ed25519PublicKey.from_public_bytes(public).verify(signature, LABEL + bare.encode())
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Seen:
    """One step as a leaf tells it; `action` is the hash's first digits where the name is not known here."""

    index: int
    at: datetime
    action: str
    step: str
    role: str
    digest: str

    def document(self) -> dict[str, object]:
        """As `abate verify --json` tells it."""
        return {
            "entry": self.index,
            "at": self.at.isoformat(),
            "change": self.action,
            "step": self.step,
            "role": self.role,
            "digest": self.digest,
        }


class Decisions:
    """The steps of a whole log. `wrong` names the first that cannot be."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.wrong: str | None = None

    def add(self, index: int, leaf: Leaf) -> None:
        """Take one leaf of kind 19."""
        named = _STEP_OF.get(leaf.factors_hash)
        if named is None:
            self.wrong = self.wrong or f"entry {index}: no step of a change by any role"
            return
        action = _ACTION_OF.get(leaf.method_hash, leaf.method_hash.hex()[:16])
        self.seen.append(Seen(index, leaf.at, action, *named, leaf.cause.hex()))

    def __bool__(self) -> bool:
        return bool(self.seen or self.wrong)

    def fault(self) -> str | None:
        """Why the steps do not hold: one taken twice, an approval without its check, a change that ended twice."""
        return self.wrong or next(self._faults(), None)

    def _faults(self) -> Iterator[str]:
        of: dict[str, list[Seen]] = {}
        if sum(one.step == "open" for one in self.seen) > 1:
            yield "the system was opened twice"
        for one in (one for one in self.seen if one.step != "open"):
            of.setdefault(one.digest, []).append(one)
        for digest, steps in of.items():
            where = f"entry {steps[-1].index}: change {digest[:16]}"
            taken = Counter(one.step for one in steps)
            if len({one.action for one in steps}) > 1:
                yield f"{where} goes by two names"
            if max(taken.values()) > 1 or taken["approve"] + taken["reject"] > 1:
                yield f"{where} has a step twice, or ended twice"
            if not taken["propose"] or (taken["approve"] and not taken["check"]):
                yield f"{where} was approved without being checked, or never proposed"

    def told(self) -> str:
        """One line: how many, and how they ended."""
        taken = Counter(one.step for one in self.seen)
        return (
            f"{taken['propose']} changes proposed, {taken['check']} checked, {taken['approve']} approved, "
            f"{taken['reject']} rejected; none approved without the two steps before"
        )
