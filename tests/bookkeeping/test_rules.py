"""A log's rates: each award held against the rate that three people approved for the day of its act."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from tests.bookkeeping import real_log
from tests.bookkeeping.real_log import START, Booked, RealLog

from abate.bookkeeping import leaf, rules
from abate.bookkeeping.decisions import Statement
from abate.bookkeeping.receipt import SHIPPED, Terms
from abate.bookkeeping.rules import Rates, Rule
from abate.bookkeeping.verify import Check, Unlike, Verdict
from abate.bookkeeping.verify_log import verify_log

pytestmark = [pytest.mark.clause("P-8.5-e", "P-3.4", "P-7.4")]
EARLY = START - timedelta(days=30)
"""When rules are approved; the log's acts begin at START, the morning of 2 March 2026 in Shanghai."""


def document(from_day: str, rate: object, **other: object) -> str:
    """A proposal as the platform writes it, the members that a verifier reads and two more."""
    rule = {"from_day": from_day, "credits_per_kg": rate, "title_en": "tried"}
    return json.dumps({"action": "rule.add", "after": {"rule": rule}, "nonce": "00" * 16} | other)


def approve(
    log: RealLog, text: str, at: datetime = EARLY, steps: tuple[str, ...] = ("propose", "check", "approve")
) -> None:
    for step in steps:
        role = {"propose": "entry", "reject": "approve"}.get(step, step)
        said = Statement(1, sha256(text.encode()).digest(), "rule.add", step, role, "somebody", at)
        log.booked.append(Booked(leaf.encode(said.leaf(b"\1" * 32)), None))


def file(log: RealLog, *texts: str) -> None:
    log.changes[rules.FILE] = "".join(f"{rules.line(one)}\n" for one in texts).encode()


def verdict_of(log: RealLog) -> Verdict:
    return verify_log(log.files().get, log.key, openings=log.lines())


def found(log: RealLog) -> Check:
    verdict = verdict_of(log)
    assert verdict.first_failure is None or verdict.first_failure.name == "rates", verdict.first_failure
    return next(one for one in verdict.checks if one.name == "rates")


def pay(log: RealLog, number: int, credits: int) -> None:
    """A dishonest platform books so many credits for the award; leaf, tree and signature are in harmony."""
    booked = log.booked[number]
    public = replace(leaf.decode(booked.leaf), credits=credits)
    log.booked[number] = replace(booked, leaf=leaf.encode(public))


@pytest.fixture
def log() -> RealLog:
    return real_log.make(60)


RIDE = 2
"""An award of the log that is opened."""


def most(log: RealLog, rate: int) -> int:
    carbon = leaf.decode(log.booked[RIDE].leaf).carbon_mg
    return -(-carbon * rate // 1_000_000)


def test_a_credit_above_the_shipped_rate_is_named(log: RealLog) -> None:
    pay(log, RIDE, most(log, 1000))
    assert found(log).status == "passed"
    pay(log, RIDE, most(log, 1000) + 1)
    told = found(log)
    assert (told.status, told.detail.startswith(f"entry {RIDE}: ")) == ("failed", True)
    assert "at 1000 a kilogram" in told.detail


def test_an_approved_rate_holds_from_its_day_on(log: RealLog) -> None:
    text = document("2026-03-02", 4500)
    approve(log, text)
    file(log, text)
    pay(log, RIDE, most(log, 4500))
    told = found(log)
    assert told.status == "passed" and "4500 from 2026-03-02 by days of Asia/Shanghai" in told.detail
    pay(log, RIDE, most(log, 4500) + 1)
    assert found(log).status == "failed"


def test_the_rate_of_another_day_is_not_this_ones(log: RealLog) -> None:
    text = document("2026-03-03", 4500)
    approve(log, text)
    file(log, text)
    pay(log, RIDE, most(log, 4500))
    told = found(log)
    assert told.status == "failed" and "at 1000 a kilogram" in told.detail
    # A rule that ends an earlier one binds too.
    earlier, later = document("2026-02-20", 4500), document("2026-03-01", 10)
    log = real_log.make(60)
    approve(log, earlier), approve(log, later)
    file(log, later, earlier)
    assert found(log).status == "failed"


def test_a_rate_that_nobody_approved_in_this_log_is_refused(log: RealLog) -> None:
    text = document("2026-03-02", 4500)
    file(log, text)
    pay(log, RIDE, most(log, 4500))
    told = found(log)
    assert told.status == "failed" and "nobody in this log approved" in told.detail
    approve(log, text, steps=("propose", "check", "reject"))
    assert found(log).status == "failed"


def test_a_forged_text_of_an_approved_rule_is_refused(log: RealLog) -> None:
    approve(log, document("2026-03-02", 2000))
    file(log, document("2026-03-02", 4500))
    assert found(log).status == "failed"


def test_a_rule_kept_back_is_seen_and_nothing_is_passed(log: RealLog) -> None:
    first, second = document("2026-02-20", 4500), document("2026-03-01", 1000)
    approve(log, first), approve(log, second)
    file(log, first)
    told = found(log)
    assert (told.status, "1 approved rules are not in rules.jsonl" in told.detail) == ("not checked", True)
    del log.changes[rules.FILE]
    assert found(log).status == "not checked" and "rates" in verdict_of(log).not_proved


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "no/zone"])
def test_a_line_that_counts_the_days_of_another_zone_is_refused(log: RealLog, zone: str) -> None:
    """Nothing binds the zone beside an opening: fourteen hours ahead, the act would be of another day with another rate."""
    text = document("2026-03-02", 4500)
    approve(log, text)
    file(log, text)
    opening, method, terms = log.booked[RIDE].opened or (None, None, None)
    assert opening is not None and terms is not None
    log.booked[RIDE] = replace(log.booked[RIDE], opened=(opening, method, replace(terms, zone=zone)))
    failed = verdict_of(log).first_failure
    assert failed is not None and failed.name == "openings" and f"entry {RIDE}: " in failed.detail


def test_a_rule_approved_after_its_day_is_refused(log: RealLog) -> None:
    text = document("2026-03-02", 4500)
    file(log, text)
    day = datetime(2026, 3, 2, tzinfo=UTC)
    approve(log, text, day + timedelta(hours=12))
    told = found(log)
    assert told.status == "failed" and "after that day began" in told.detail


def test_an_award_that_nobody_can_open_any_more_is_held_against_the_highest_rate(log: RealLog) -> None:
    """Entry 4 was erased: which day its act was of, nobody can see."""
    pay(log, 4, 10**9)
    # The erased leaf names the leaf that it closes.
    erased = replace(leaf.decode(log.booked[24].leaf), cause=leaf.leaf_hash(log.booked[4].leaf))
    log.booked[24] = replace(log.booked[24], leaf=leaf.encode(erased))
    told = found(log)
    assert told.status == "failed" and told.detail.startswith("entry 4: ")


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"[]\n",
        b'{"document": 5}\n',
        b'{"document": "{}"}\n',
        b'{"document": "{}", "more": 1}\n',
        *(
            f"{rules.line(text)}\n".encode()
            for text in (
                document("2026-03-02", 0),
                document("2026-03-02", True),
                document("2026-03-02", "1000"),
                document("2026-03-02", 1_000_001),
                document("on Monday", 1000),
                document("2026-03-02", 1000, action="cap.add"),
                document("2026-03-02", 1000, after=None),
            )
        ),
        f"{rules.line(document('2026-03-02', 5))}\n{rules.line(document('2026-03-02', 6))}\n".encode(),
    ],
)
def test_what_is_no_list_of_rules_is_refused_by_name(log: RealLog, data: bytes) -> None:
    log.changes[rules.FILE] = data
    told = found(log)
    assert told.status == "failed" and told.detail.startswith("rules.jsonl"), told


def test_a_rate_that_is_null_is_a_rate_that_is_not_named() -> None:
    (rule,) = rules.read(rules.line(document("2026-03-02", None)).encode())
    assert rule.credits_per_kg == SHIPPED


def _told(day: date, at: str, zone: str) -> Rates:
    """An award of one kilogram and 2000 credits, at that moment, where 2000 a kilogram hold from `day` on."""
    rates = Rates([Rule(day, 2000, "a" * 64)])
    rates.look(7, 1_000_000, 2000, at, Terms(zone=zone), 0)
    return rates


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Asia/Shanghai", date(2026, 3, 2)),
        ("UTC", date(2026, 3, 2)),
        # Days without a midnight, and one that has it twice.
        ("America/Santiago", date(2025, 9, 7)),
        ("Africa/Cairo", date(2025, 4, 25)),
        ("America/Havana", date(2025, 3, 9)),
        ("America/Havana", date(2025, 11, 2)),
        # A day that was not.
        ("Pacific/Apia", date(2011, 12, 30)),
    ],
)
def test_a_rule_holds_from_the_first_to_the_last_moment_of_its_days(zone: str, day: date) -> None:
    noon = datetime.combine(day, time(12), UTC)
    for quarter in range(-200, 200):
        for more in (timedelta(0), timedelta(microseconds=-1)):
            at = noon + quarter * timedelta(minutes=15) + more
            due = at.astimezone(ZoneInfo(zone)).date() >= day
            assert (_told(day, leaf.time_text(at), zone).wrong is None) == due, at


def test_what_is_held_of_a_log_does_not_grow_with_its_acts() -> None:
    rates, terms = Rates([Rule(date(2026, 3, 2), 2000, "a" * 64)]), Terms()
    rates.look(0, 1, 0, leaf.time_text(START), terms, 0)
    tracemalloc.start()
    try:
        for minute in range(5_000):
            rates.look(minute, 1, 0, leaf.time_text(START + timedelta(minutes=minute)), terms, 0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000, f"{held} bytes of 5,000 minutes"


@pytest.mark.parametrize(
    "at", ["", "Z", "soonZ", "2026-02-30T01:00:00Z", "2026-03-02T01:00:00", "2026-03-02T01:00:00+00:00"]
)
def test_what_is_no_moment_is_refused(at: str) -> None:
    with pytest.raises(Unlike):
        _told(date(2026, 3, 2), at, "Asia/Shanghai")


@pytest.mark.parametrize("zone", ["", "no/zone", "../etc/passwd"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(Unlike):
        _told(date(2026, 3, 2), "2026-03-02T01:00:00Z", zone)
