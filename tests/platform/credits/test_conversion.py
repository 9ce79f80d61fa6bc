"""How many credits a kilogram makes changes by a dated rule: exact at any rate, and what was booked keeps its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from tests.platform.pipeline.world import NOW, World, differences

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.rules import ACTION, FILE, line
from abate.bookkeeping.verify import Check, Verdict, verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli import rule as command
from abate.cli import verify
from abate.demo import desk
from abate.platform.carbon import queries as carbon
from abate.platform.credits import actions as credits
from abate.platform.credits import queries as rules
from abate.platform.credits.errors import RateUnfit, RuleTooLate
from abate.platform.doors import clock
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.log import queries as log_queries
from abate.platform.review import queries as review
from abate.platform.web import openings, receipts, statement

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-3.4", "P-7.4")]
MEETING, RIDE = 2_712_694, 222_915
LATER = NOW + timedelta(days=2)
THEN, EARLIER = ((LATER - timedelta(hours=hours)).isoformat() for hours in (1, 3))
"""When what is done after the change is done: an act earns at the rate of its day."""
TITLES = ("每千克 333 分", "333 credits a kilogram")


def change(rate: int = 333) -> None:
    desk.add_rule(clock.day(LATER), TITLES, credits_per_kg=rate)


def whole(*earned: int) -> int:
    return sum(earned) // 1_000_000


def test_each_award_earns_at_the_rate_of_its_day_and_no_part_is_lost(world: World) -> None:
    (first,) = world.send(world.meeting("before"))
    change()
    (second,) = world.send(world.ride("still before"))
    with clock.frozen(LATER):
        third, fourth = world.send(
            world.ride("after", start=THEN), world.meeting("after that", start=EARLIER)
        )
    earned = [MEETING * 1000, RIDE * 1000, RIDE * 333, MEETING * 333]
    upto = [whole(*earned[: number + 1]) for number in range(4)]
    got = [one.credits for one in (first, second, third, fourth)]
    assert got == [here - before for before, here in zip([0, *upto], upto, strict=False)]
    held = ledger.balance(world.people[0].pk)
    assert (held.credits, held.earned, held.eligible_mg) == (upto[-1], sum(earned), 2 * (MEETING + RIDE))
    assert differences() == {}
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger_balance set earned = earned - 1 where person_id = %s", [world.people[0].pk]
        )
    assert differences() == {"earned": 1}, "the check sees a millionth of a credit"


def test_what_is_taken_back_takes_what_it_earned_whatever_the_rate_is_now(world: World) -> None:
    first, other = world.send(world.meeting("before"), world.ride("kept"))
    change()
    person = world.people[0].pk
    with clock.frozen(LATER):
        (after,) = world.send(world.meeting("after", start=THEN))
        credits.reverse(person, first.entry, "returned")
        assert ledger.balance(person).earned == RIDE * 1000 + MEETING * 333
        credits.reverse(person, after.entry, "returned too")
        held = ledger.balance(person)
        assert (held.earned, held.credits) == (RIDE * 1000, other.er_mg // 1000)
        assert differences() == {}


def test_one_batch_of_acts_at_several_rates_earns_as_one_by_one(world: World) -> None:
    """Acts of before the change come late, beside later ones, of several people and behaviours, some cut by a cap."""
    credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("每日上限", "Daily cap"))
    change(4500)
    sent = [
        world.meeting("m1"), world.ride("r1", start=THEN), world.ride("r2", 1), world.ride("r3"), world.ride("r4"),
        world.meeting("m2", 1, start=EARLIER), world.meeting("m3", start=EARLIER), world.ride("r5", 1, start=THEN),
    ]  # fmt: skip
    with clock.frozen(LATER):
        got = world.send(*sent)
        assert {one.outcome.text for one in got} == {"credited"}, [(one.id, one.reason) for one in got]
        assert differences() == {}
        rate = {one["id"]: 4500 if one["time"] in (THEN, EARLIER) else 1000 for one in sent}
        for who, names in ((0, ("m1", "r1", "r3", "r4", "m3")), (1, ("r2", "m2", "r5"))):
            person, earned = world.people[who].pk, 0
            for name in names:
                one = next(result for result in got if result.id == name)
                found = carbon.behaviour_of_entry(person, one.entry or 0)
                assert found is not None
                before, earned = earned, earned + found.eligible_mg * rate[name]
                assert one.credits == whole(earned) - whole(before), name
            held = ledger.balance(person)
            assert (held.earned, held.credits) == (earned, whole(earned))
        # A correction of an act of before the change earns what the act earned, whenever it comes.
        mended = world.meeting("m1-again") | {"corrects": "m1", "correctedfor": "wrong_figure"}
        (again,) = world.send(mended)
        assert again.credits and ledger.balance(world.people[0].pk).earned == sum(
            (carbon.behaviour_of_entry(world.people[0].pk, e.entry or 0).eligible_mg)
            * rate.get(e.id or "", 1000)  # type: ignore[union-attr]
            for e in [*(one for one in got if one.id in ("r1", "r3", "r4", "m3")), again]
        )
        assert differences() == {}


def test_room_of_another_rate_is_not_for_what_is_short(world: World) -> None:
    """It earned credits at its own rate; what is short would earn others. So it stays free for whoever comes next."""
    whole_time = credits.Per("person", "ever", "")
    credits.add_cap("cycling", date(2026, 5, 1), 300_000, ("总上限", "A cap for good"), per=whole_time)
    first, short = world.send(world.ride("a"), world.ride("b"))
    change(4000)
    person = world.people[0].pk
    with clock.frozen(LATER):
        (late,) = world.send(world.ride("c", start=THEN))
        assert (short.capped, late.capped, late.credits) == (True, True, 0)
        credits.reverse(person, first.entry, "returned")
        # The room went to `short`, booked at the rate of `first`; `late` is of another rate.
        assert ledger.balance(person).earned == RIDE * 1000 and differences() == {}
        credits.reverse(person, short.entry, "returned too")
        assert ledger.balance(person).earned == 0 and differences() == {}
        (last,) = world.send(world.ride("d", start=THEN))
        assert ledger.balance(person).earned == RIDE * 4000 and last.credits == RIDE * 4000 // 1_000_000
        assert differences() == {}


def test_a_rate_is_proposed_by_one_decided_by_others_and_told(world: World) -> None:
    given = [
        "--from",
        LATER.date().isoformat(),
        "--title-zh",
        TITLES[0],
        "--title-en",
        TITLES[1],
        "--why",
        "tried",
    ]
    refused = CliRunner().invoke(command.command, ["add", *given, "--credits-per-kg", "0"])
    assert refused.exit_code == 2 and "1<=x<=1000000" in refused.output
    for rate in (0, -1, 1_000_001):
        with pytest.raises(RateUnfit):
            credits.add_rule(LATER.date(), TITLES, credits_per_kg=rate)
        with pytest.raises(RateUnfit):
            desk.add_rule(clock.day(LATER), TITLES, credits_per_kg=rate)
    with pytest.raises(RuleTooLate):
        credits.add_rule(clock.today(), TITLES, credits_per_kg=333)
    change()
    assert rules.rates(clock.day(LATER)) == [(date(2000, 1, 1), 1000), (clock.day(LATER), 333)]
    # A later rule that names no rate keeps the one before it.
    credits.add_rule(clock.day(LATER) + timedelta(days=1), ("一年有效", "Good for a year"), expiry_days=365)
    assert rules.credits_per_kg(clock.day(LATER) + timedelta(days=1)) == 333
    with clock.frozen(LATER):
        (made,) = world.send(world.ride("after", start=THEN))
        browser = Client()
        browser.force_login(world.people[0].user, backend="django.contrib.auth.backends.ModelBackend")
        page = browser.get(f"/entries/{made.entry}", headers={"accept-language": "en"}).content.decode()
    assert "333 a kilogram" in page and TITLES[1] in page


def made_of(world: World) -> dict[str, Any]:
    while log.sequence():
        pass
    found: dict[str, Any] = json.loads(statement.make(world.people[0], NOW.date(), clock.today()).text())
    return found


def verdict(document: object) -> Verdict:
    key = checkpoint.read_key(log_queries.public_key())
    return verify_statement(json.dumps(document, ensure_ascii=False), key, Recomputing())


def test_a_statement_over_two_rates_verifies_and_no_rate_can_be_told_otherwise(world: World) -> None:
    first, *_ = world.send(world.meeting("before"), world.ride("kept"))
    change()
    with clock.frozen(LATER):
        world.send(world.meeting("after", start=THEN))
        credits.reverse(world.people[0].pk, first.entry, "returned")
        document = made_of(world)
        assert verdict(document).first_failure is None
        for place in (0, 1):
            spoilt = json.loads(json.dumps(document))
            spoilt["rates"][place]["credits_per_kg"] += 1
            failed = verdict(spoilt).first_failure
            assert failed and failed.name == "receipts"
            # And where the receipts say the same, the figures do not.
            for row in spoilt["rows"]:
                row["receipt"] = None
            failed = verdict(spoilt).first_failure
            assert failed and failed.name == "credits"
        spoilt = json.loads(json.dumps(document))
        taken = next(row for row in spoilt["rows"] if row["kind"] == "reverse")
        taken["earned"] = taken["eligible_mg"] * 333
        failed = verdict(spoilt).first_failure
        assert failed and failed.name == "credits"


def test_a_statement_of_a_former_form_still_verifies(world: World, tmp_path: Path) -> None:
    world.send(world.meeting("m"), world.ride("r"))
    document = made_of(world)
    of_one_zone = document | {"format": "abate-statement/2", "zone": "Asia/Shanghai"}
    del of_one_zone["zones"]
    assert verdict(of_one_zone).first_failure is None
    failed = verdict(of_one_zone | {"zone": None}).first_failure
    assert failed and failed.name == "form"
    former = json.loads(json.dumps(of_one_zone)) | {"format": "abate-statement/1", "mg_per_credit": 1000}
    del former["rates"]
    for part in (former["opening"], former["closing"], *former["rows"]):
        del part["earned"]
    assert verdict(former).first_failure is None
    # And for whoever holds the file alone: the command took it for a receipt, and refused it.
    kept, key = tmp_path / "statement.json", tmp_path / "log.key"
    key.write_text(log_queries.public_key(), encoding="utf-8")
    for of_then in (former, of_one_zone):
        kept.write_text(json.dumps(of_then), encoding="utf-8")
        told = CliRunner().invoke(verify.command, [str(kept), "--key", str(key)])
        assert told.exit_code == 0 and "Verified" in told.output, told.output
    for wrong, name in ((500, "receipts"), (999, "form"), (0, "form"), ("1000", "form")):
        failed = verdict(former | {"mg_per_credit": wrong}).first_failure
        assert failed and failed.name == name, wrong


def test_a_receipt_of_another_rate_says_it_and_is_bound_by_it(world: World) -> None:
    change(4500)
    with clock.frozen(LATER):
        (made,) = world.send(world.ride("after", start=THEN))
        log.sequence()
        person, row = world.people[0], ledger.entry(world.people[0].pk, made.entry)
        assert row is not None
        document = receipts.receipt(person, row)
        key = checkpoint.read_key(log_queries.public_key())
        assert document and (document["format"], document["rate"]) == ("abate-receipt/3", 4500)
        assert verify_receipt(document, key, Recomputing()).first_failure is None
        for wrong, name in (
            (1000, "form"),
            (999, "credits"),
            (0, "form"),
            ("4500", "form"),
            (1_000_001, "form"),
        ):
            changed = document | {"rate": wrong}
            failed = verify_receipt(changed, key, Recomputing()).first_failure
            assert failed and failed.name == name, wrong


def test_an_export_proves_every_rate_and_a_changed_or_missing_rule_is_seen(
    world: World, tmp_path: Path
) -> None:
    """The text of the approved proposal goes with the export; three leaves of the log bind it. (P-8.4-c)"""
    world.send(world.ride("before"))
    change(4500)
    with clock.frozen(LATER):
        world.send(world.ride("after", start=THEN), world.ride("at the old rate", start=NOW.isoformat()))
        log.sequence()
        size = export.write_files(tmp_path, entries=True)
        lines = [one.line() + "\n" for one in openings.openings(0, size - 1)]
    ((_, text),) = review.approved(ACTION, size)
    assert review.approved(ACTION, 1) == []

    def rates(written: str | None) -> Check:
        (tmp_path / FILE).unlink(missing_ok=True)
        if written is not None:
            (tmp_path / FILE).write_text(f"{line(written)}\n", encoding="utf-8")
        found = verify_log(
            lambda path: (tmp_path / path).read_bytes() if (tmp_path / path).is_file() else None,
            checkpoint.read_key(log_queries.public_key()),
            openings=lines,
            recompute=RecomputingAll(),
        )
        assert found.first_failure is None or found.first_failure.name == "rates"
        return next(one for one in found.checks if one.name == "rates")

    good = rates(text)
    assert good.status == "passed" and f"4500 from {clock.day(LATER)}" in good.detail
    assert rates(text.replace("4500", "4501")).status == "failed"
    assert rates(None).status == "not checked"


@pytest.fixture
def back(world: World) -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def test_accounts_of_before_are_carried_over_and_several_rates_have_no_way_back(
    world: World, back: None
) -> None:
    world.send(world.meeting("m"), world.ride("r", 1))
    before = [ledger.balance(person.pk) for person in world.people]
    call_command("migrate", "ledger", "0005", verbosity=0)
    call_command("migrate", "credits", "0004", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("select mg_per_credit from credits_rule")
        assert cursor.fetchall() == [(1000,)]
    call_command("migrate", verbosity=0)
    assert [ledger.balance(person.pk) for person in world.people] == before and differences() == {}
    change()
    with pytest.raises(DatabaseError, match="no way back"):
        call_command("migrate", "ledger", "0005", verbosity=0)
