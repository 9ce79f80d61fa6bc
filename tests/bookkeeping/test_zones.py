"""Whose days a log counts is what three people put in force: no award is of another zone's day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from tests.bookkeeping import real_log
from tests.bookkeeping.real_log import START, Booked, RealLog
from tests.bookkeeping.test_rules import RIDE, approve, document, file, found, most, pay, verdict_of

from abate.bookkeeping import leaf, zones
from abate.bookkeeping.decisions import Decisions, Statement
from abate.bookkeeping.verify import Unlike
from abate.bookkeeping.zones import Change, Zones

pytestmark = [pytest.mark.clause("P-8.5-e", "P-3.4")]
SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
HOUR = timedelta(hours=1) // timedelta(microseconds=1)


def adopt(log: RealLog, before: str | None, after: str, at: datetime) -> str:
    """Three leaves of a setting put in force at this moment; the line of it."""
    former = {"zone": before, "methods": {}} if before else None
    told = {"action": "basis.adopt", "before": {"basis": former}, "after": {"basis": {"zone": after}}}
    text = json.dumps(told | {"nonce": str(at)})
    for step in ("propose", "check", "approve"):
        role = {"propose": "entry"}.get(step, step)
        said = Statement(1, sha256(text.encode()).digest(), "basis.adopt", step, role, "somebody", at)
        log.booked.append(Booked(leaf.encode(said.leaf(b"\1" * 32)), None))
    return zones.line(at, text)


def write(log: RealLog, *lines: str) -> None:
    log.changes[zones.FILE] = "".join(f"{one}\n" for one in lines).encode()


def state(log: RealLog, zone: str) -> None:
    """Every opening names this zone."""
    for number, one in enumerate(log.booked):
        if one.opened and one.opened[2]:
            opening, method, terms = one.opened
            assert terms is not None
            log.booked[number] = replace(one, opened=(opening, method, replace(terms, zone=zone)))


@pytest.fixture
def log() -> RealLog:
    """Its acts begin at 9 in the morning of 2 March in Shanghai, 8 in the evening before in New York; from 2 March on a
    kilogram makes 4500.
    """
    made = real_log.make(60)
    rule = document("2026-03-02", 4500)
    approve(made, rule)
    file(made, rule)
    return made


def test_an_award_is_of_the_day_of_the_zone_in_force_when_it_was_booked(log: RealLog) -> None:
    write(log, adopt(log, SHANGHAI, NEW_YORK, START - timedelta(days=1)))
    state(log, NEW_YORK)
    pay(log, RIDE, most(log, 1000))
    assert found(log).status == "passed"
    pay(log, RIDE, most(log, 1000) + 1)
    told = found(log)
    assert told.status == "failed" and "at 1000 a kilogram" in told.detail
    # The former zone would give it the higher rate: it may not say so.
    state(log, SHANGHAI)
    refused = verdict_of(log).first_failure
    assert refused is not None and f"a log whose days are those of {NEW_YORK}" in refused.detail


def test_a_zone_that_comes_later_is_not_that_of_the_awards_before(log: RealLog) -> None:
    write(log, adopt(log, SHANGHAI, NEW_YORK, START + timedelta(days=1)))
    pay(log, RIDE, most(log, 4500))
    assert found(log).status == "passed"
    state(log, NEW_YORK)
    assert not verdict_of(log).ok


def test_without_the_file_a_log_has_one_zone(log: RealLog) -> None:
    """As an export of before, whatever was put in force since."""
    adopt(log, SHANGHAI, NEW_YORK, START + timedelta(days=1))
    assert found(log).status == "passed"


def test_a_zone_that_nobody_put_in_force_or_that_is_kept_back_is_seen(log: RealLog) -> None:
    first = adopt(log, SHANGHAI, NEW_YORK, START + timedelta(days=1))
    second = adopt(log, NEW_YORK, SHANGHAI, START + timedelta(days=2))
    write(log, second, first)
    assert found(log).status == "passed"
    write(log, first)
    assert (found(log).status, "1 settings put in force are not in zones.jsonl" in found(log).detail) == (
        "not checked",
        True,
    )
    moved = zones.line(START + timedelta(days=1, seconds=1), json.loads(first)["document"])
    for other in (moved, first.replace("methods", "method")):
        write(log, other, second)
        told = found(log)
        assert told.status == "failed" and "nobody in this log put the zone" in told.detail


def test_a_batch_on_its_way_may_be_of_either() -> None:
    held = Zones([Change(10 * HOUR, None, SHANGHAI, "a"), Change(20 * HOUR, SHANGHAI, NEW_YORK, "b")])
    told = {at: held.in_force(at) for at in (0, 9 * HOUR, 11 * HOUR, 11 * HOUR + 1, 19 * HOUR, 21 * HOUR + 1)}
    assert told == {
        0: {None},
        9 * HOUR: {None, SHANGHAI},
        11 * HOUR: {None, SHANGHAI},
        11 * HOUR + 1: {SHANGHAI},
        19 * HOUR: {SHANGHAI, NEW_YORK},
        21 * HOUR + 1: {NEW_YORK},
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"at": "2026-03-02T01:00:00Z"}',
        '{"at": "2026-03-02T01:00:00Z", "document": "{}"}',
        '{"at": "2026-03-02T01:00:00Z", "document": "5"}',
        zones.line(START, '{"action":"rule.add","before":{"basis":null},"after":{"basis":{"zone":"UTC"}}}'),
        zones.line(START, '{"action":"basis.adopt","before":{"basis":null},"after":{"basis":{"zone":5}}}'),
        zones.line(
            START, '{"action":"basis.adopt","before":{"basis":{"zone":5}},"after":{"basis":{"zone":"UTC"}}}'
        ),
        zones.line(START, '{"action":"basis.adopt","before":{"basis":null},"after":null}'),
        '{"at": "soon", "document": "{\\"action\\":\\"basis.adopt\\",\\"before\\":{\\"basis\\":null},\\"after\\":{\\"basis\\":'
        '{\\"zone\\":\\"UTC\\"}}}"}',
        '{"at": "2026-03-02T01:00:00", "document": "{\\"action\\":\\"basis.adopt\\",\\"before\\":{\\"basis\\":null},'
        '\\"after\\":{\\"basis\\":{\\"zone\\":\\"UTC\\"}}}"}',
    ],
)
def test_what_is_no_list_of_zones_is_refused_by_name(log: RealLog, text: str) -> None:
    log.changes[zones.FILE] = f"{text}\n".encode()
    told = found(log)
    assert told.status == "failed" and told.detail.startswith("zones.jsonl"), told


def test_changes_that_do_not_follow_on_each_other_are_refused() -> None:
    held = [
        zones.line(
            at, json.dumps({"action": "basis.adopt", "before": {"basis": {"zone": before}}, "after": after})
        )
        for at, before, after in (
            (datetime(2026, 1, 1, tzinfo=UTC), SHANGHAI, {"basis": {"zone": "UTC"}}),
            (datetime(2026, 2, 1, tzinfo=UTC), SHANGHAI, {"basis": {"zone": NEW_YORK}}),
        )
    ]
    made = Zones.of("\n".join(held).encode())
    assert made.fault is not None and "UTC had been put in force" in made.fault
    with pytest.raises(Unlike):
        made.see(Decisions())
