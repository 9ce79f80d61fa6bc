"""The outside verifier: checks a receipt or a whole log with the log's public key, offline, and names what
is wrong.

It believes nothing but that key. Each check has a stable name; the first that fails is the verdict's
reason. A check that had nothing to look at is `not checked` and says why: what was not opened can be
neither confirmed nor refuted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from abate.bookkeeping import checkpoint, cosignature, kinds, leaf, merkle, receipt, sm2
from abate.bookkeeping.checkpoint import Key, NoteError
from abate.bookkeeping.cosignature import Witness
from abate.bookkeeping.kinds import EntryError, Kind
from abate.bookkeeping.leaf import AwardPart, BookingPart, Leaf, LeafError, RedeemPart
from abate.bookkeeping.merkle import ProofError
from abate.bookkeeping.receipt import Receipt, ReceiptError
from abate.bookkeeping.sm2 import Sm2Key

NO_KEY = (
    "no key was given, so nothing vouches for this log: take its verifier key from a place you trust "
    "and give it with --key"
)


class Status(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Unlike(Exception):
    """A check that fails: what is there is not what it should be."""


class Unable(Exception):
    """A check that cannot be made with what is at hand."""


REFUSALS = (Unlike, ReceiptError, LeafError, EntryError, NoteError, ProofError)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its stable name, how it went, and what was seen."""

    name: str
    status: Status
    detail: str


@dataclass(slots=True)
class Verdict:
    """All checks in their order. `ok` means that none failed."""

    checks: list[Check] = field(default_factory=list)
    decisions: list[dict[str, object]] = field(default_factory=list)
    """Of a log: the steps of changes by three people, who-role, what, when (decisions.py)."""

    @property
    def ok(self) -> bool:
        return bool(self.checks) and self.first_failure is None

    @property
    def first_failure(self) -> Check | None:
        return next((check for check in self.checks if check.status is Status.FAILED), None)

    @property
    def proved(self) -> list[str]:
        """The checks that passed; none where one failed, for then nothing is vouched for."""
        return [one.name for one in self.checks if one.status is Status.PASSED] if self.ok else []

    @property
    def not_proved(self) -> list[str]:
        """The checks that could not be made: what they are about may be otherwise, and `ok` says nothing of it."""
        return [one.name for one in self.checks if one.status is Status.NOT_CHECKED]

    def document(self) -> dict[str, object]:
        failed = self.first_failure
        return {
            "ok": self.ok,
            "first_failure": failed.name if failed else None,
            "proved": self.proved,
            "not_proved": self.not_proved,
            "checks": [{"name": c.name, "status": c.status.value, "detail": c.detail} for c in self.checks],
            **({"decisions": self.decisions} if self.decisions else {}),
        }

    def note(self, name: str, status: Status, detail: str) -> None:
        self.checks.append(Check(name, status, detail))

    def look(self, name: str, see: Callable[[], str]) -> bool:
        """Make one check: `see` returns what was seen, or raises one of REFUSALS or Unable."""
        try:
            self.note(name, Status.PASSED, see())
        except REFUSALS as fault:
            self.note(name, Status.FAILED, str(fault))
        except Unable as reason:
            self.note(name, Status.NOT_CHECKED, str(reason))
        return self.checks[-1].status is Status.PASSED

    def skip(self, detail: str, *names: str) -> None:
        for name in names:
            self.note(name, Status.NOT_CHECKED, detail)


Recompute = Callable[[Receipt, Leaf, AwardPart], str]
"""Recomputes an opened award; returns what was seen, raises Unlike or Unable."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """Witnesses that the verifier trusts, and how many of them must have cosigned."""

    witnesses: tuple[Witness, ...]
    needed: int


def _lent(source: Mapping[str, object]) -> str:
    """On what terms the data of a declared source was lent, for whoever is handed the receipt."""
    told = {name: str(source[name]) for name in ("source", "mark", "level", "use_until")}
    uses, shared = (", ".join(map(str, source[name])) for name in ("uses", "shared_with"))  # type: ignore[call-overload]
    return (
        "the platform's word, not bound by the leaf: "
        f"its data was lent by {told['source']} ({told['mark']}; level {told['level']}) for {uses}, "
        f"figures to {shared or 'nobody'}, until {told['use_until']}"
    )


def verify_receipt(
    source: str | bytes | Mapping[str, object],
    key: Key | None,
    recompute: Recompute | None = None,
    quorum: Quorum | None = None,
    sm2_key: Sm2Key | None = None,
) -> Verdict:
    """Check one receipt. Without a key nothing can be proved, and the check `signature` fails saying so.

    Checks, in order: form, source (of `abate-receipt/2`; never passed), leaf, signature, sm2 (where `sm2_key` is given),
    witnesses (where `quorum` is given), inclusion, opening, facts, recomputed, credits; of an award rate and total too, which
    never pass, for one receipt shows neither.
    """
    verdict = Verdict()
    try:
        given = receipt.read(source)
    except ReceiptError as fault:
        verdict.note("form", Status.FAILED, str(fault))
        return verdict
    verdict.note("form", Status.PASSED, f"a receipt of log {given.log}, entry number {given.index}")
    if given.source is not None:
        verdict.note("source", Status.NOT_CHECKED, _lent(given.source))
    readable = verdict.look("leaf", lambda: _see_leaf(given.leaf))
    verdict.look("signature", lambda: _see_signature(given, key))
    if sm2_key is not None:
        verdict.look("sm2", lambda: see_sm2(given.checkpoint, sm2_key))
    if quorum is not None:
        verdict.look("witnesses", lambda: see_witnesses(given.checkpoint, quorum))
    verdict.look("inclusion", lambda: _see_inclusion(given))
    if not readable:
        verdict.skip("the leaf cannot be read", "opening", "facts", "recomputed", "credits")
        return verdict
    public = leaf.decode(given.leaf)
    if not verdict.look("opening", lambda: _see_opening(given, public)):
        verdict.skip("the personal part is not opened", "facts", "recomputed")
    else:
        part = leaf.read_personal(given.opening.personal) if given.opening else None
        assert part is not None  # an opening that passed is there and can be read
        if verdict.look("facts", lambda: _see_facts(given, public, part)):
            verdict.look("recomputed", lambda: _see_recomputed(given, public, part, recompute))
        else:
            verdict.skip("the opened part does not belong to the leaf", "recomputed")
    verdict.look("credits", lambda: _see_credits(public, given.rate))
    if public.kind == Kind.AWARD:
        verdict.note("rate", Status.NOT_CHECKED, _RATE.format(given.rate))
        verdict.note("total", Status.NOT_CHECKED, _TOTAL)
    return verdict


_RATE = (
    "{0} credits a kilogram is the issuer's word, the leaf does not bind it: the whole log shows which rate was approved for "
    "the day (每千克 {0} 分只是签发方的说法，这条记录并未锁定；核对整个日志可知当日获批的换算率)"
)
_TOTAL = (
    "the running total before this entry and caps, which decide how many credits it brought: the person's whole statement "
    "shows them (此前的累计与上限：由本人的完整对账单核对)"
)


def _see_leaf(data: bytes) -> str:
    public = leaf.decode(data)
    kinds.check(public.kind, public.carbon_mg, public.credits)
    name = Kind(public.kind).name.lower()
    return f"{name}: {public.carbon_mg} mg CO2e, {public.credits} credits, booked {leaf.time_text(public.at)}"


def _see_signature(given: Receipt, key: Key | None) -> str:
    if key is None:
        raise Unlike(NO_KEY)
    head = checkpoint.open_checkpoint(given.checkpoint, key)
    if head.origin != given.log:
        raise Unlike(f"the receipt names log {given.log!r}, its checkpoint is of {head.origin!r}")
    return f"checkpoint of {head.origin}, {head.size} entries, signed by {key.name}+{key.key_id.hex()}"


def see_sm2(note: str | bytes, key: Sm2Key) -> str:
    """The head is signed by the log's SM2 key too, and is of the log that the key names."""
    read = checkpoint.read_note(note)
    origin = checkpoint.read_checkpoint(read.text).origin
    if origin != key.name:
        raise Unlike(f"the checkpoint is of log {origin!r}, the SM2 key of {key.name!r}")
    return sm2.check(read, key)


def see_witnesses(note: str | bytes, quorum: Quorum) -> str:
    """Enough of the trusted witnesses saw the log only grow up to this head."""
    found = cosignature.seals(checkpoint.read_note(note), quorum.witnesses)
    names = sorted({seal.witness.name for seal in found})
    if len(names) < quorum.needed:
        raise Unlike(
            f"cosigned by {', '.join(names) or 'no witness'}: {len(names)} where {quorum.needed} are needed"
        )
    last = max((seal.at for seal in found), default=0)
    return f"cosigned by {', '.join(names)}, the last at {_moment(last)}"


def _moment(seconds: int) -> str:
    try:
        return leaf.time_text(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"


def _see_inclusion(given: Receipt) -> str:
    head = checkpoint.read_checkpoint(checkpoint.read_note(given.checkpoint).text)
    merkle.check_inclusion(leaf.leaf_hash(given.leaf), given.index, head.size, given.proof, head.root)
    return f"the leaf is number {given.index} of the {head.size} under the checkpoint's root"


def _see_opening(given: Receipt, public: Leaf) -> str:
    if public.kind == Kind.ERASED or public.commitment == leaf.NOTHING:
        raise Unable("this leaf commits to no personal part")
    if given.opening is None:
        raise Unable("nothing is opened: withheld, or erased with the person's key")
    if leaf.commitment(given.opening.salt, given.opening.personal) != public.commitment:
        raise Unlike("the opened personal part and salt are not what the leaf commits to")
    sm3_fits(public.sm3, given.opening.salt, given.opening.personal)
    leaf.read_personal(given.opening.personal)
    also = " and, by SM3, once more" if public.sm3 else ""
    return f"the personal part and salt are what the leaf commits to{also}"


def sm3_fits(sm3: bytes | None, salt: bytes, personal: str) -> None:
    """Raises Unlike where a leaf of format 2 commits to something else by SM3 than what is opened."""
    if sm3 is not None and leaf.sm3_commitment(salt, leaf.sm3_part(personal)) != sm3:
        raise Unlike("sm3: what is opened is not what the leaf commits to by SM3")


def same_booking(part: BookingPart, kind: int, carbon_mg: int, credits: int, cause: bytes) -> None:
    """Raises Unlike where the part of another kind of entry and its leaf differ."""
    same("kind", part.kind, Kind(kind).name.lower())
    same("carbon_mg", part.carbon_mg, carbon_mg)
    same("credits", part.credits, credits)
    named = kind in {Kind.REVERSE, Kind.RESTORE, Kind.SETTLE, Kind.RELEASE}
    same("cause", part.cause[:64] if named else leaf.text_hash(part.cause).hex(), cause.hex())


def _see_facts(given: Receipt, public: Leaf, part: AwardPart | RedeemPart | BookingPart) -> str:
    """The opened part and the leaf's own fields say the same."""
    if isinstance(part, BookingPart):
        same_booking(part, public.kind, public.carbon_mg, public.credits, public.cause)
        return (
            f"{part.kind}: {part.carbon_mg} mg CO2e, {part.credits} credits, {part.held} held; {part.cause}"
        )
    if isinstance(part, RedeemPart):
        same("kind", Kind.REDEEM, public.kind)
        same("credits", -part.credits, public.credits)
        same("cause", leaf.text_hash(part.order).hex(), public.cause.hex())
        return f"order {part.order}: {part.credits} credits spent"
    same("kind", Kind.AWARD, public.kind)
    same("er_mg", part.er_mg, public.carbon_mg)
    same("factors", leaf.text_hash(part.factors).hex(), public.factors_hash.hex())
    if given.method is not None:
        same("methodology version", part.version, given.method.version)
    return f"{part.behaviour} of {part.occurred_at}, event {part.event} of {part.party}: {part.er_mg} mg CO2e"


def same(what: str, opened: object, public: object) -> None:
    """Raises Unlike where the opened part and the leaf differ in `what`."""
    if opened != public:
        raise Unlike(f"{what}: the opened part says {opened}, the leaf says {public}")


def _see_recomputed(
    given: Receipt, public: Leaf, part: AwardPart | RedeemPart | BookingPart, recompute: Recompute | None
) -> str:
    if not isinstance(part, AwardPart):
        raise Unable("only an award rests on a calculation")
    if recompute is None:
        raise Unable("no methodologies at hand")
    return recompute(given, public, part)


def _see_credits(public: Leaf, rate: int) -> str:
    """One entry shows no running total: only the bounds that its rule sets to its credits."""
    if public.kind != Kind.AWARD:
        raise Unable("only an award yields credits from milligrams")
    most = kinds.most_credits(public.carbon_mg, rate)
    if not 0 <= public.credits <= most:
        raise Unlike(
            f"{public.carbon_mg} mg yield {most} credits at most at {rate} a kilogram, booked are {public.credits}"
        )
    return f"{public.credits} credits, as booked; at most {most} possible, if {rate} a kilogram is the rate"
