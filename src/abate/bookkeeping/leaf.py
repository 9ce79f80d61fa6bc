"""The leaf of the transparency log: 155 or 187 bytes for every entry, and the commitment to its personal part.

A leaf, numbers big-endian and signed (PostgreSQL: `int2send`, `int8send`), nothing between the fields:

    offset  bytes  field
         0      1  format version, 0x01 or 0x02
         1      2  kind           code of the entry kind (kinds.py)
         3      8  carbon_mg      the person's side, mg CO2e, signed
        11      8  credits        the person's side, whole credits, signed
        19      8  at             microseconds since 1970-01-01T00:00:00Z, when the entry was booked
        27     32  method_hash    SHA-256 that names the methodology version; zeros where nothing was computed
        59     32  factors_hash   SHA-256 of the UTF-8 factor ids, sorted, joined with ";" (of the empty text
                                  where the formula reads none); zeros where nothing was computed
        91     32  cause          award: SHA-256 of the batch body received; redeem: SHA-256 of the order id;
                                  reverse, restore, settle, release, erased: leaf hash of the entry reversed, of
                                  the award whose credits come back, of the hold, of the entry erased; others:
                                  SHA-256 of the cause text
       123     32  commitment     SHA-256(salt || SHA-256(personal)), personal in UTF-8; zeros where there is none
       155     32  sm3            format 2 only: SM3(salt || SM3(personal)), the same commitment by the national
                                  digest (GB/T 32905), so that what is opened can be checked without SHA-256

Its hash in the tree is RFC 6962's: SHA-256(0x00 || leaf). Both formats may stand in one log. Format 2 is written
where the operator's switch is on (ABATE_LOG_SM) and there is a personal part; everything else has format 1.

    salt = SHA-256(commit_key || "abate-salt-1" || int8 entry_id)

`commit_key` is 32 random bytes of the person's own. When it is destroyed the salt is gone with it, and the
commitment says nothing about the person any more; the leaf and every proof stay as they are.

The personal part is a JSON object on one line, without spaces, its members in exactly this order:

    award   {"subject":S,"party":S,"event":S,"behaviour":S,"occurred_at":T,
             "record":R,"er_mg":N,"version":N,"factors":S}          (one line; broken here to fit)
    redeem  {"person":S,"order":S,"credits":N}
    others  {"person":S,"kind":S,"cause":S,"carbon_mg":N,"credits":N,"held":N}

    S  a JSON string as `json.dumps(s, ensure_ascii=False)` and PostgreSQL's `to_json(s)::text` write it: they
       agree on every text that UTF-8 and PostgreSQL can hold, which leaves out U+0000 and unpaired surrogates
       (refused here). Escaped are `"`, backslash and U+0001 to U+001F (short forms b, t, n, f, r, else
       lower-case u00xx); all other characters stand for themselves.
    T  the UTC moment with six decimals and Z: "2026-11-21T01:32:59.000000Z"
    R  the canonical activity record, a JSON object, put in as the text that it is
    N  a decimal integer; `er_mg` is the quantity of the activity, `version` the methodology's version,
       `credits` of a redemption the credits spent (positive)
    kind is the kind's name in small letters; cause the id or reason given, after the 64 hexadecimal digits of
    the leaf hash and a space where the leaf's cause is one; amounts are the person's side, `held` by how much
    the credits set aside change.
    subject is the pseudonym that the party, and no other, knows the person by; person, of a redemption, is the
    person's pseudonym on the platform. The record carries no name and no contact.

The personal part goes in by its digest, so that who knows the act can digest it before the entry has an id.

The same bytes in SQL, SM3 apart, which PostgreSQL does not have: abate_leaf, abate_leaf_sm3, abate_leaf_hash,
abate_salt, abate_personal_redeem, abate_commitment (platform/log) and abate_personal_booking (platform/ledger); tests
hold both sides together.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from abate.bookkeeping import sm3, strict_json
from abate.bookkeeping.merkle import leaf_hash as leaf_hash

VERSION = 1
WITH_SM3 = 2
SIZE = 155
"""Bytes of format 1, and of what both formats have in common."""
SIZE_WITH_SM3 = SIZE + 32
NOTHING = bytes(32)
_LAYOUT = struct.Struct(">Bhqqq32s32s32s32s")
_SIZES = {VERSION: SIZE, WITH_SM3: SIZE_WITH_SM3}
_SALT_LABEL = b"abate-salt-1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LeafError(ValueError):
    """Bytes that are no leaf, or a value that has no place in one. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Leaf:
    """The public part of one entry. Amounts are the person's side; digests are 32 bytes."""

    kind: int
    carbon_mg: int
    credits: int
    at: datetime
    method_hash: bytes = NOTHING
    factors_hash: bytes = NOTHING
    cause: bytes = NOTHING
    commitment: bytes = NOTHING
    sm3: bytes | None = None
    """None in format 1."""


def microseconds(at: datetime) -> int:
    """Whole microseconds from 1970 to the aware moment `at`, exact (no float)."""
    if at.tzinfo is None:
        raise LeafError("naive-time", "a moment in a leaf needs its offset: a naive one has no place in time")
    return (at - _EPOCH) // _MICROSECOND


def encode(leaf: Leaf) -> bytes:
    """The bytes of `leaf`, in format 2 where it has an SM3. Raises LeafError where a value does not fit its field."""
    for name in ("method_hash", "factors_hash", "cause", "commitment"):
        if len(getattr(leaf, name)) != 32:
            raise LeafError("digest-length", f"{name} must be 32 bytes, not {len(getattr(leaf, name))}")
    if leaf.sm3 is not None:
        _check_sm3(leaf.commitment, leaf.sm3)
    try:
        common = _LAYOUT.pack(
            VERSION if leaf.sm3 is None else WITH_SM3,
            leaf.kind,
            leaf.carbon_mg,
            leaf.credits,
            microseconds(leaf.at),
            leaf.method_hash,
            leaf.factors_hash,
            leaf.cause,
            leaf.commitment,
        )
    except struct.error as fault:
        raise LeafError("out-of-range", f"a number does not fit its field of the leaf: {fault}") from None
    return common + (leaf.sm3 or b"")


def decode(data: bytes) -> Leaf:
    """The leaf in `data`. Raises LeafError for a wrong length, an unknown version, an impossible time."""
    if not data:
        raise LeafError("leaf-length", "a leaf has at least one byte, its format; here is none")
    if data[0] not in _SIZES:
        raise LeafError(
            "leaf-version",
            f"leaf format {data[0]} is not known here; {VERSION} and {WITH_SM3} are. Take a newer verifier",
        )
    if len(data) != _SIZES[data[0]]:
        raise LeafError(
            "leaf-length",
            f"a leaf of format {data[0]} has {_SIZES[data[0]]} bytes; these are {len(data)}",
        )
    _, kind, carbon, credits, at, method, factors, cause, commitment = _LAYOUT.unpack(data[:SIZE])
    national = None if data[0] == VERSION else data[SIZE:]
    if national is not None:
        _check_sm3(commitment, national)
    try:
        moment = _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        raise LeafError("leaf-time", f"{at} microseconds since 1970 is no date of this calendar") from None
    return Leaf(kind, carbon, credits, moment, method, factors, cause, commitment, national)


def _check_sm3(commitment: bytes, made: bytes) -> None:
    if len(made) != 32:
        raise LeafError("digest-length", f"sm3 must be 32 bytes, not {len(made)}")
    if NOTHING in (commitment, made):
        raise LeafError(
            "leaf-sm3", "a leaf of format 2 commits to a personal part twice, by SHA-256 and by SM3"
        )


def text_hash(text: str) -> bytes:
    """SHA-256 of a text: `factors_hash` of the joined factor ids, `cause` of an order id, a personal part."""
    return hashlib.sha256(text.encode()).digest()


def salt(commit_key: bytes, entry_id: int) -> bytes:
    """The salt of one entry, from the person's own 32-byte key."""
    if len(commit_key) != 32:
        raise LeafError("commit-key-length", f"a commit key has 32 bytes, not {len(commit_key)}")
    return hashlib.sha256(commit_key + _SALT_LABEL + struct.pack(">q", entry_id)).digest()


def commitment(salt_: bytes, personal: str) -> bytes:
    """What the leaf holds instead of the personal part."""
    return hashlib.sha256(salt_ + text_hash(personal)).digest()


def sm3_part(personal: str) -> bytes:
    """SM3 of a personal part, made before the entry has an id and a salt."""
    return sm3.digest(personal.encode())


def sm3_commitment(salt_: bytes, part: bytes) -> bytes:
    """The field `sm3` of a leaf; `part` is sm3_part of the personal part."""
    return sm3.digest(salt_ + part)


def json_text(text: str) -> str:
    """`text` as a JSON string, byte for byte what PostgreSQL's to_json writes.

    Raises LeafError on U+0000 and on unpaired surrogates, which PostgreSQL cannot hold.
    """
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise LeafError("charset", "text with U+0000 or an unpaired surrogate cannot be committed to")
    return json.dumps(text, ensure_ascii=False)


def time_text(at: datetime) -> str:
    """The UTC moment with six decimals and Z, as the personal part writes it."""
    if at.tzinfo is None:
        raise LeafError("naive-time", "a moment in a leaf needs its offset: a naive one has no place in time")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


@dataclass(frozen=True, slots=True)
class AwardPart:
    """The personal part of an award: what a verifier is shown to recompute the quantity."""

    subject: str
    party: str
    event: str
    behaviour: str
    occurred_at: str
    record: str
    er_mg: int
    version: int
    factors: str


@dataclass(frozen=True, slots=True)
class RedeemPart:
    """The personal part of a redemption."""

    person: str
    order: str
    credits: int


@dataclass(frozen=True, slots=True)
class BookingPart:
    """The personal part of every other kind. Amounts are the person's side, signed."""

    person: str
    kind: str
    cause: str
    carbon_mg: int
    credits: int
    held: int


def personal_award(
    subject: str,
    party: str,
    event: str,
    behaviour: str,
    occurred_at: datetime,
    record: str,
    er_mg: int,
    version: int,
    factors: str,
) -> str:
    """The personal part of an award. `record` is the canonical record text."""
    part = AwardPart(
        subject, party, event, behaviour, time_text(occurred_at), record, er_mg, version, factors
    )
    return _award_text(part)


def personal_redeem(person: str, order: str, credits: int) -> str:
    """The personal part of a redemption (SQL: abate_personal_redeem); `credits` spent, positive."""
    return f'{{"person":{json_text(person)},"order":{json_text(order)},"credits":{credits}}}'


def personal_booking(part: BookingPart) -> str:
    """The personal part of a kind without a recipe of its own (SQL: abate_personal_booking)."""
    return (
        f'{{"person":{json_text(part.person)},"kind":{json_text(part.kind)},"cause":{json_text(part.cause)},'
        f'"carbon_mg":{part.carbon_mg},"credits":{part.credits},"held":{part.held}}}'
    )


def _award_text(part: AwardPart) -> str:
    head, tail = _around_record(part)
    return head + part.record + tail


def _around_record(part: AwardPart) -> tuple[str, str]:
    head = (
        f'{{"subject":{json_text(part.subject)},"party":{json_text(part.party)},"event":{json_text(part.event)},'
        f'"behaviour":{json_text(part.behaviour)},"occurred_at":{json_text(part.occurred_at)},"record":'
    )
    return head, f',"er_mg":{part.er_mg},"version":{part.version},"factors":{json_text(part.factors)}}}'


def read_personal(text: str) -> AwardPart | RedeemPart | BookingPart:
    """Take a personal part apart. Raises LeafError unless `text` is exactly what the recipe above writes."""
    try:
        members = strict_json.read(text)
    except (ValueError, RecursionError) as fault:
        raise LeafError(
            "personal-json", f"the opened personal part is not the JSON it should be: {fault}"
        ) from None
    if not isinstance(members, Mapping):
        raise LeafError("personal-json", "the opened personal part is not a JSON object")
    if set(members) == {"person", "order", "credits"} and _typed(members, ("credits",)):
        redeem = RedeemPart(members["person"], members["order"], members["credits"])
        if personal_redeem(redeem.person, redeem.order, redeem.credits) == text:
            return redeem
    elif set(members) == set(BookingPart.__slots__) and _typed(members, ("carbon_mg", "credits", "held")):
        booking = BookingPart(**members)
        if personal_booking(booking) == text:
            return booking
    elif set(members) == set(AwardPart.__slots__) and _typed(members, ("er_mg", "version"), ("record",)):
        # The record is taken as the text that stands there: its spelling is part of what was committed to.
        award = AwardPart(**{**members, "record": ""})
        head, tail = _around_record(award)
        if text.startswith(head) and text.endswith(tail) and isinstance(members["record"], Mapping):
            return AwardPart(**{**members, "record": text[len(head) : len(text) - len(tail)]})
    raise LeafError("personal-form", "the opened personal part does not follow the recipe of its format")


def _typed(members: Mapping[str, object], numbers: tuple[str, ...], free: tuple[str, ...] = ()) -> bool:
    return all(
        name in free or (type(value) is int if name in numbers else isinstance(value, str))
        for name, value in members.items()
    )
