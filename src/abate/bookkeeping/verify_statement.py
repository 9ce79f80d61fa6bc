"""Checks a person's statement: every receipt in it, every figure beside them, and that they add up.

What the statement says of a row is held against the row's leaf and opened part; what it says of the account, against
the rows. The first thing that is wrong is named with its row. What no receipt shows is stated in the checks' names:
that no entry was left out follows from the sums, and from the closing being the next statement's opening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from abate.bookkeeping import checkpoint, leaf, receipt, statement
from abate.bookkeeping.checkpoint import Key
from abate.bookkeeping.kinds import MILLION, Kind
from abate.bookkeeping.leaf import AwardPart, BookingPart, Leaf, RedeemPart
from abate.bookkeeping.receipt import ReceiptError
from abate.bookkeeping.sm2 import Sm2Key
from abate.bookkeeping.statement import Lot, Row, State, Statement
from abate.bookkeeping.verify import (
    NO_KEY,
    Quorum,
    Recompute,
    Status,
    Unable,
    Unlike,
    Verdict,
    see_sm2,
    see_witnesses,
    verify_receipt,
)

_ZoneAt = Callable[[datetime], ZoneInfo]
_SPENDS = {Kind.REDEEM, Kind.CANCEL, Kind.HOLD, Kind.EXCHANGE_OUT, Kind.TRANSFER}
"""What may draw on no lot that has expired."""


@dataclass(frozen=True, slots=True)
class _Proved:
    """A row with what its receipt showed."""

    name: str
    row: Row
    public: Leaf
    index: int
    part: AwardPart | RedeemPart | BookingPart | None
    recomputed: Status


@dataclass(slots=True)
class _Reading:
    """What the check of receipts found, for the checks after it."""

    proved: list[_Proved] = field(default_factory=list)
    pending: int = 0


def verify_statement(
    source: str | bytes,
    key: Key | None,
    recompute: Recompute | None = None,
    quorum: Quorum | None = None,
    sm2_key: Sm2Key | None = None,
) -> Verdict:
    """Check one statement. Without a key nothing can be proved, and the check `signature` fails saying so.

    Checks, in order: form, signature, sm2 (where `sm2_key` is given), witnesses (where `quorum` is given), receipts,
    rows, person, order, running, credits, lots, pending, recomputed, and where there are awards rates (never passed: a
    statement shows none approved).
    """
    verdict = Verdict()
    try:
        given = statement.read(source)
        zone_at = _zones(given)
    except ReceiptError as fault:
        verdict.note("form", Status.FAILED, str(fault))
        return verdict
    verdict.note("form", Status.PASSED, f"{len(given.rows)} entries from {given.first} to {given.last}")
    verdict.look("signature", lambda: _see_signature(given, key))
    if sm2_key is not None:
        verdict.look("sm2", lambda: see_sm2(given.checkpoint, sm2_key))
    if quorum is not None:
        verdict.look("witnesses", lambda: see_witnesses(given.checkpoint, quorum))
    seen = _Reading()
    if verdict.look("receipts", lambda: _see_receipts(given, zone_at, key, recompute, seen)):
        verdict.look("rows", lambda: _see_rows(seen.proved))
        verdict.look("person", lambda: _see_person(given, seen.proved))
    else:
        verdict.skip("the receipts are not in order", "rows", "person")
    verdict.look("order", lambda: _see_order(given, zone_at))
    verdict.look("running", lambda: _see_running(given))
    verdict.look("credits", lambda: _see_credits(given, zone_at))
    verdict.look("lots", lambda: _see_lots(given, zone_at))
    if seen.pending:
        verdict.skip(f"{seen.pending} entries have no receipt yet: ask again in a few seconds", "pending")
    verdict.look("recomputed", lambda: _see_recomputed(seen.proved))
    if any(row.kind is Kind.AWARD for row in given.rows):
        verdict.skip(_RATES, "rates")
    return verdict


_RATES = (
    "the rates stated are the issuer's word, no leaf of these binds them: the whole log shows which were approved for which "
    "days (对账单所列换算率只是签发方的说法；核对整个日志可知获批的换算率)"
)


def _zones(given: Statement) -> _ZoneAt:
    """The zone in force at a moment. Raises ReceiptError where a name is none."""
    known = {}
    for one in given.zones:
        try:
            known[one.name] = ZoneInfo(one.name)
        except (KeyError, ValueError, OSError):
            raise ReceiptError("zone", f"there is no time zone {one.name!r}") from None
    return lambda booked: known[given.zone_at(booked)]


def _see_signature(given: Statement, key: Key | None) -> str:
    if key is None:
        raise Unlike(NO_KEY)
    head = checkpoint.open_checkpoint(given.checkpoint, key)
    if head.origin != given.log:
        raise Unlike(f"the statement names log {given.log!r}, its checkpoint is of {head.origin!r}")
    return f"checkpoint of {head.origin}, {head.size} entries, signed by {key.name}+{key.key_id.hex()}"


def _named(given: Statement) -> Iterator[tuple[str, Row]]:
    for number, row in enumerate(given.rows, 1):
        yield f"row {number} (entry {row.entry}, {row.kind.name.lower()} of {row.day})", row


def _see_receipts(
    given: Statement, zone_at: _ZoneAt, key: Key | None, recompute: Recompute | None, seen: _Reading
) -> str:
    """Every receipt verifies by itself, under the statement's own head, and none is used twice."""
    places: dict[int, str] = {}
    for name, row in _named(given):
        if row.receipt is None:
            seen.pending += 1
            continue
        verdict = verify_receipt(row.receipt, key, recompute)
        if failed := verdict.first_failure:
            raise Unlike(f"{name}: {failed.name}: {failed.detail}")
        read = receipt.read(row.receipt)
        if (read.log, read.checkpoint) != (given.log, given.checkpoint):
            raise Unlike(f"{name}: its receipt is under another head than the statement's")
        if row.kind is Kind.AWARD and read.rate not in (rates := _rates(name, row, given, zone_at)):
            raise Unlike(
                f"{name}: its receipt says {read.rate} credits a kilogram, the statement {' or '.join(map(str, rates))}"
            )
        if read.index in places:
            raise Unlike(
                f"{name}: its receipt, number {read.index} of the log, is that of {places[read.index]} too"
            )
        places[read.index] = name
        opened = next(check.status for check in verdict.checks if check.name == "opening")
        part = leaf.read_personal(read.opening.personal) if read.opening and opened is Status.PASSED else None
        again = next(check.status for check in verdict.checks if check.name == "recomputed")
        seen.proved.append(_Proved(name, row, leaf.decode(read.leaf), read.index, part, again))
    return f"{len(places)} receipts verify, each by itself"


def _see_rows(proved: Sequence[_Proved]) -> str:
    """What a row says is what its leaf and its opened part say."""
    for one in proved:
        row, public = one.row, one.public
        _same(one, "kind", row.kind.value, public.kind)
        _same(one, "at", row.at, public.at)
        _same(one, "carbon_mg", row.carbon_mg, public.carbon_mg)
        _same(one, "credits", row.credits, public.credits)
        about, party, occurred, held = _told(one.part)
        _same(one, "about", row.about, about)
        _same(one, "party", row.party, party)
        _same(one, "occurred_at", row.occurred_at, occurred)
        if one.part is not None:
            _same(one, "held", row.held, held)
        if row.kind is Kind.AWARD and not 0 <= row.eligible_mg <= row.carbon_mg:
            raise Unlike(f"{one.name}: eligible_mg: {row.eligible_mg} of {row.carbon_mg} mg cannot be")
        if row.kind not in {Kind.AWARD, Kind.REVERSE} and row.eligible_mg:
            raise Unlike(f"{one.name}: eligible_mg: only an award and its reversal change the running total")
    return "every row says what its leaf and its opened part say"


def _told(
    part: AwardPart | RedeemPart | BookingPart | None,
) -> tuple[str | None, str | None, str | None, int]:
    """(about, party, occurred_at, held) as the opened part tells them."""
    match part:
        case AwardPart():
            return part.behaviour, part.party, part.occurred_at, 0
        case RedeemPart():
            return part.order, None, None, 0
        case BookingPart():
            return part.cause, None, None, part.held
        case _:
            return None, None, None, 0


def _same(one: _Proved, what: str, said: object, shown: object) -> None:
    if said != shown:
        raise Unlike(f"{one.name}: {what}: the statement says {said}, the receipt shows {shown}")


def _see_person(given: Statement, proved: Sequence[_Proved]) -> str:
    """One person's entries only: by the pseudonym, and by the one name that each party knows them by."""
    subjects: dict[str, str] = {}
    for one in proved:
        if isinstance(one.part, AwardPart):
            known = subjects.setdefault(one.part.party, one.part.subject)
            if known != one.part.subject:
                raise Unlike(
                    f"{one.name}: {one.part.party} knows its person by another name than in rows before"
                )
        elif one.part is not None and one.part.person != given.person:
            raise Unlike(f"{one.name}: the entry is of {one.part.person}, the statement of {given.person}")
    closed = sum(one.part is None for one in proved)
    if closed == len(proved) and proved:
        raise Unable("no entry is opened: withheld, or erased with the person's key")
    return "all entries opened are one person's" + (f"; {closed} are not opened" if closed else "")


def _see_order(given: Statement, zone_at: _ZoneAt) -> str:
    """Entries in the order of booking, of this period; none is dated before it was booked."""
    if given.last < given.first:
        raise Unlike(f"the period ends on {given.last}, before it begins on {given.first}")
    last = 0
    for name, row in _named(given):
        if row.entry <= last:
            raise Unlike(f"{name}: comes after entry {last}: entries go upwards, none twice")
        if row.day < given.first:
            raise Unlike(f"{name}: is of a day before the period")
        if row.day < row.at.astimezone(zone_at(row.at)).date():
            raise Unlike(f"{name}: carries a day before that of its booking, {leaf.time_text(row.at)}")
        last = row.entry
    # A clock set back may leave a later day before an earlier one; the entry that ends the period is of it.
    if given.rows and given.rows[-1].day > given.last:
        raise Unlike(f"the last entry is of {given.rows[-1].day}, after the period's end on {given.last}")
    return "entries in the order of booking, within the period"


def _see_running(given: Statement) -> str:
    """Opening, each entry, closing: every running figure is the one before and the entry."""
    _see_owed("opening", given.opening)
    carbon, credits, held = given.opening.carbon_mg, given.opening.credits, given.opening.held
    for name, row in _named(given):
        carbon, credits, held = carbon + row.carbon_mg, credits + row.credits, held + row.held
        for what, said, comes in (
            ("carbon_after", row.carbon_after, carbon),
            ("credits_after", row.credits_after, credits),
            ("held_after", row.held_after, held),
        ):
            if said != comes:
                raise Unlike(f"{name}: {what}: the statement says {said}, the entries before it give {comes}")
        if held < 0:
            raise Unlike(f"{name}: {-held} more credits are freed than were held")
    for what, comes in (("carbon_mg", carbon), ("credits", credits), ("held", held)):
        said = getattr(given.closing, what)
        if said != comes:
            raise Unlike(f"closing {what}: the statement says {said}, opening and entries give {comes}")
    _see_owed("closing", given.closing)
    return f"from {given.opening.credits} to {credits} credits, from {given.opening.carbon_mg} to {carbon} mg CO2e"


def _see_owed(name: str, state: State) -> None:
    lies = sum(lot.credits for lot in state.lots)
    if lies + state.held != state.credits + state.owed or state.owed < 0 or state.held < 0:
        raise Unlike(
            f"{name}: {lies} credits in lots and {state.held} held are not {state.credits} and {state.owed} owed"
        )


def _see_credits(given: Statement, zone_at: _ZoneAt) -> str:
    """Credits are the whole ones of what was earned, each award at its rate, in any order (docs/explain/rounding.md)."""
    eligible, earned = given.opening.eligible_mg, given.opening.earned
    for name, row in _named(given):
        _see_earned(name, row, given, zone_at)
        before, earned, eligible = earned, earned + row.earned, eligible + row.eligible_mg
        if eligible < 0 or earned < 0:
            raise Unlike(f"{name}: eligible_mg: the running total would be {eligible} mg, {earned} earned")
        yields = earned // MILLION - before // MILLION
        if (row.kind is Kind.AWARD or row.earned) and row.credits != yields:
            raise Unlike(
                f"{name}: credits: {row.credits} booked, from {before} to {earned} millionths earned gives {yields}"
            )
    for what, comes in (("eligible_mg", eligible), ("earned", earned)):
        said = getattr(given.closing, what)
        if said != comes:
            raise Unlike(f"closing {what}: the statement says {said}, the rows give {comes}")
    rates = ", ".join(f"{one.credits_per_kg} a kilogram from {one.from_day}" for one in given.rates)
    return f"every credit is earned by eligible milligrams at the rates stated: {rates}"


def _see_earned(name: str, row: Row, given: Statement, zone_at: _ZoneAt) -> None:
    """An award earns at the rate of the day of its act; what is taken back had earned at one that no row here shows."""
    possible = sorted({row.eligible_mg * rate for rate in _rates(name, row, given, zone_at)})
    if row.earned not in possible:
        raise Unlike(
            f"{name}: earned: {row.earned} of {row.eligible_mg} mg, the rates give {' or '.join(map(str, possible))}"
        )


def _rates(name: str, row: Row, given: Statement, zone_at: _ZoneAt) -> list[int]:
    """At which rates a row may have earned: that of its act where it tells when that was."""
    if row.kind is not Kind.AWARD or row.occurred_at is None:
        return [one.credits_per_kg for one in given.rates]
    try:
        day = datetime.fromisoformat(row.occurred_at).astimezone(zone_at(row.at)).date()
    except (ValueError, OverflowError):
        raise Unlike(f"{name}: occurred_at: {row.occurred_at!r} is no moment") from None
    return [max((one for one in given.rates if one.from_day <= day), default=min(given.rates)).credits_per_kg]


def _see_lots(given: Statement, zone_at: _ZoneAt) -> str:
    """Lots at the end are those of the beginning and what each entry changed; what is owed is what lots lack."""
    lots = {_key(lot): lot.credits for lot in given.opening.lots}
    for name, row in _named(given):
        today = row.at.astimezone(zone_at(row.at)).date()
        for lot in row.lots:
            if row.kind in _SPENDS and lot.credits < 0 and lot.expires_on <= today:
                raise Unlike(
                    f"{name}: lots: spends {-lot.credits} credits that had expired on {lot.expires_on}"
                )
            lots[_key(lot)] = lots.get(_key(lot), 0) + lot.credits
        owed = sum(lots.values()) + row.held_after - row.credits_after
        if owed != row.owed_after or owed < 0:
            raise Unlike(f"{name}: lots: owed is {row.owed_after}, lots and balance make it {owed}")
    left = {key: credits for key, credits in lots.items() if credits}
    if left != {_key(lot): lot.credits for lot in given.closing.lots}:
        raise Unlike("closing lots are not the opening's and what the entries changed")
    return f"{len(left)} lots at the end, none spent after its day"


def _key(lot: Lot) -> tuple[date, date, Kind]:
    return lot.expires_on, lot.day, lot.origin


def _see_recomputed(proved: Sequence[_Proved]) -> str:
    awards = [one for one in proved if one.row.kind is Kind.AWARD]
    open_ones = [one.name for one in awards if one.recomputed is not Status.PASSED]
    if open_ones:
        raise Unable(
            f"{len(open_ones)} of {len(awards)} awards are not recomputed, the first is {open_ones[0]}"
        )
    return f"{len(awards)} awards give their milligrams and factors again"
