"""A person's statement holds every kind of entry, verifies offline, and names the row of any figure that is changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from django.db import connection, transaction
from django.test import Client
from pypdf import PdfReader
from tests.platform.ledger.conftest import DAYS, expiring_room
from tests.platform.pipeline.world import NOW, World
from tests.platform.web import city as stage

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import Verdict
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli import verify as command
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.ledger import actions, expiring, holds, queries, standing
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.log.models import Checkpoint
from abate.platform.people import actions as people
from abate.platform.web import statement, statement_pdf

pytestmark = [pytest.mark.platform]
__all__ = ["expiring_room"]
RECOMPUTING = Recomputing()
FIRST, LAST = (NOW.date(), (NOW + timedelta(days=29)).date())


@pytest.fixture
def told(expiring_room: World) -> Iterator[tuple[World, dict[str, Any]]]:
    """A month of one person in which every kind of entry occurs, made at its end."""
    world, (one, two, _) = expiring_room, (person.pk for person in expiring_room.people)
    with clock.frozen(NOW - timedelta(days=10)):
        world.send(world.meeting("before", start="2026-05-01T09:00:00+08:00"))
    for day in range(4):
        with clock.frozen(NOW + timedelta(days=day)):
            world.send(
                *(
                    world.meeting(f"m-{day}-{n}", start=f"2026-05-{10 + day}T0{n}:00:00+08:00")
                    for n in range(3)
                ),
                world.ride(f"r-{day}", start=f"2026-05-{10 + day}T09:00:00+08:00", km="2.5"),
            )
    with clock.frozen(NOW + timedelta(days=3, hours=2)):
        with transaction.atomic(), connection.cursor() as cursor:
            spent = actions.post_redeem(cursor, one, 3, f"order-{uuid4()}")
        ends = clock.now() + timedelta(hours=1)
        kept = [holds.hold(one, 2, f"hold-{n}", ends) for n in range(3)]
        holds.settle(one, kept[0].id, "used")
        holds.release(one, kept[1].id, "not used")
        actions.transfer(one, two, 2, "gift")
        actions.transfer(two, one, 1, "gift back")
        actions.cancel(one, 1, "for good")
        actions.exchange_out(one, 1, "out")
        actions.exchange_in(one, 4, "in")
        actions.adjust(one, 2, "mended")
        actions.retire(one, 500, "offset")
        credits.reverse(one, spent.id, "returned")
    with clock.frozen(NOW + timedelta(days=4)):
        # What is there is given away, then an award is taken back: a debt, which the next award settles.
        actions.cancel(one, standing.standing(one).free, "all that is left")
        award = next(row for row in queries.entries(one, limit=100) if row.kind == 1 and row.credits)
        credits.reverse(one, award.id, "withdrawn")
        assert standing.standing(one).owed
        world.send(world.meeting("later", start="2026-05-20T09:00:00+08:00"))
    with clock.frozen(NOW + timedelta(days=5 + DAYS)):
        expiring.cut_all()
        expiring.expire_due()
        while log.sequence():
            pass
        made = json.loads(statement.make(world.people[0], FIRST, clock.today()).text())
        yield world, made


def verdict(document: object) -> Verdict:
    key = checkpoint.read_key(log_queries.public_key())
    return verify_statement(json.dumps(document, ensure_ascii=False), key, RECOMPUTING)


@pytest.mark.clause("P-4.4", "P-8.5-e", "P-3.1")
def test_every_kind_of_entry_is_told_and_verifies_offline(
    told: tuple[World, dict[str, Any]], tmp_path: Path
) -> None:
    world, document = told
    kinds = {row["kind"] for row in document["rows"]}
    assert kinds >= {"award", "redeem", "hold", "settle", "release", "transfer", "cancel", "exchange_out", "exchange_in",
                     "adjust", "retire", "reverse", "expire"}  # fmt: skip
    assert any(row["owed_after"] for row in document["rows"]) and document["opening"]["credits"]
    found = verdict(document)
    assert {check.name: check.status.value for check in found.checks} == dict.fromkeys(
        (
            "form",
            "signature",
            "receipts",
            "rows",
            "person",
            "order",
            "running",
            "credits",
            "lots",
            "recomputed",
        ),
        "passed",
    ) | {"rates": "not checked"}, found.first_failure or found.checks
    now = queries.balance(world.people[0].pk)
    closing = document["closing"]
    assert (closing["carbon_mg"], closing["credits"], closing["eligible_mg"]) == (
        now.carbon_mg,
        now.credits,
        now.eligible_mg,
    )
    file, key = tmp_path / "statement.json", tmp_path / "log.key"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    key.write_text(log_queries.public_key())
    done = CliRunner().invoke(command.command, [str(file), "--key", str(key)])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("lots, recomputed. Not proved 未证明 (-): rates.\n"), done.output
    assert CliRunner().invoke(command.command, [str(file), "--key", str(key), "--json"]).exit_code == 0


def figures(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every figure and text beside the receipts: its place, who holds it, its name."""
    for end in ("opening", "closing"):
        yield from ((f"{end} {name}", document[end], name) for name in document[end] if name != "lots")
        yield from ((f"{end} lots", lot, name) for lot in document[end]["lots"] for name in lot)
    for number, row in enumerate(document["rows"], 1):
        place = f"row {number} (entry {row['entry']}"
        # `entry` is the platform's own number of the row, under which no receipt could be wrong.
        yield from ((place, row, name) for name in row if name not in {"lots", "receipt", "entry"})
        yield from ((place, lot, name) for lot in row["lots"] for name in lot)


def another(value: Any, name: str) -> Any:
    """A value of the same form that is not this one."""
    if name in {"kind", "origin"}:
        return "cancel" if value != "cancel" else "award"
    if isinstance(value, int):
        return value + 1
    if name in {"day", "expires_on"}:
        return "2020-02-29"
    if name in {"at", "occurred_at"} and value:
        return value.replace("2026", "2025")
    return f"{value}x"


@pytest.mark.clause("P-8.5-e")
def test_any_changed_figure_is_found_and_its_row_named(told: tuple[World, dict[str, Any]]) -> None:
    _, document = told
    places = list(figures(document))
    assert len(places) > 400
    # Each kind of figure once on every kind of row; all of them would only take longer.
    tried: set[tuple[str, str, int]] = set()
    for number, (place, holder, name) in enumerate(places):
        sort = (holder.get("kind", place.partition(" (")[0][:4]), name, 0)
        if sort in tried:
            continue
        tried.add(sort)
        changed = deepcopy(document)
        _, target, _ = list(figures(changed))[number]
        target[name] = another(target[name], name)
        failed = verdict(changed).first_failure
        assert failed is not None, f"{place}: {name} may be anything"
        if place.startswith("row") and name != "kind" and "expires_on" not in holder:
            assert place in failed.detail or failed.name == "form", (place, name, failed)
    assert len(tried) > 100


def test_what_is_left_out_added_or_swapped_is_found(told: tuple[World, dict[str, Any]]) -> None:
    world, document = told
    other = json.loads(statement.make(world.people[1], FIRST, clock.today()).text())
    assert verdict(other).ok

    def spoil(change: Any) -> str:
        changed = deepcopy(document)
        change(changed)
        failed = verdict(changed).first_failure
        assert failed is not None
        return failed.name

    assert spoil(lambda d: d["rows"].pop()) == "running"
    assert spoil(lambda d: d["rows"].pop(3)) == "running"
    assert spoil(lambda d: d["rows"].insert(0, d["rows"][0])) == "receipts"
    assert spoil(lambda d: d["rows"].reverse()) == "order"
    assert spoil(lambda d: d["rows"][0].update(receipt=d["rows"][1]["receipt"])) == "receipts"
    assert spoil(lambda d: d["rows"][0].update(receipt=other["rows"][0]["receipt"])) == "rows"
    assert spoil(lambda d: d.update(person=other["person"])) == "person"
    assert (
        spoil(
            lambda d: d.update(checkpoint=d["checkpoint"].replace("\u2014 abate.test", "\u2014 abate.fest"))
        )
        == "signature"
    )
    assert spoil(lambda d: [one.update(credits_per_kg=999) for one in d["rates"]]) == "receipts"
    assert spoil(lambda d: d.update(first="2026-06-03")) == "order"
    assert spoil(lambda d: d.update(last="2026-06-02")) == "order"
    assert spoil(lambda d: d.update(zone="Nowhere/City")) == "form"
    assert spoil(lambda d: d.update(extra=1)) == "form"
    assert (
        spoil(lambda d: d["rows"][0]["receipt"].update(index=0 if d["rows"][0]["receipt"]["index"] else 1))
        == "receipts"
    )


def test_periods_meet_without_a_gap_and_odd_ones_are_refused(told: tuple[World, dict[str, Any]]) -> None:
    world, document = told
    person, cut = world.people[0], NOW.date() + timedelta(days=2)
    before = statement.make(person, FIRST, cut)
    after = statement.make(person, cut + timedelta(days=1), clock.today())
    assert before.closing == after.opening and before.rows and after.rows
    assert [row.entry for row in before.rows + after.rows] == [row["entry"] for row in document["rows"]]
    for part in (before, after):
        assert verdict(part.document()).ok, verdict(part.document()).first_failure
    empty = statement.make(world.people[2], FIRST, min(LAST, clock.today()))
    assert not empty.rows and verdict(empty.document()).ok
    for odd in ((cut, FIRST), (FIRST, clock.today() + timedelta(days=1)), (FIRST - timedelta(days=400), cut)):
        with pytest.raises(statement.PeriodUnfit):
            statement.make(person, *odd)
    with pytest.raises(statement.PeriodUnfit, match="before the first credit rule"):
        statement.make(person, date(1, 6, 1), date(1, 6, 1))


def test_a_pending_entry_is_told_as_such_and_an_erased_person_opens_nothing(
    told: tuple[World, dict[str, Any]],
) -> None:
    world, _ = told
    person = world.people[0]
    world.send(world.meeting("pending", start="2026-06-02T09:00:00+08:00"))
    found = verdict(statement.make(person, FIRST, clock.today()).document())
    assert found.ok and "pending" in [check.name for check in found.checks]
    log.sequence()
    people.destroy(person)
    person.refresh_from_db()
    closed = statement.make(person, FIRST, clock.today()).document()
    found = verdict(closed)
    assert found.ok, found.first_failure
    status = {check.name: check.status.value for check in found.checks}
    assert status["person"] == status["recomputed"] == "not checked" and status["running"] == "passed"


@pytest.mark.clause("P-4.4", "P-4.2")
def test_pages_files_and_interface_give_the_same_in_both_languages(
    told: tuple[World, dict[str, Any]], enter: Any
) -> None:
    world, document = told
    person, month = world.people[0], f"{clock.today():%Y-%m}"
    for language, title in (("zh-hans", "碳账户对账单"), ("en", "Carbon account statement")):
        browser = enter(person.user, language)
        assert f"/statement/{month}.pdf" in browser.get("/statement").content.decode()
        assert browser.get("/entries").content.decode().count('href="/statement"') == 1
        file = browser.get(f"/statement/{month}.json")
        made = file.json()
        assert "attachment" in file["Content-Disposition"] and verdict(made).ok
        assert (made["closing"], made["opening"]) == (document["closing"], document["opening"])
        paper = browser.get(f"/statement/{month}.pdf")
        assert paper["Content-Type"] == "application/pdf"
        read = PdfReader(io.BytesIO(paper.content))
        assert read.metadata is not None and read.metadata.title == title
        assert b"<pdfaid:part>3" in read.trailer["/Root"]["/Metadata"].get_data()
        (attached,) = read.attachments["statement.json"]
        assert verdict(json.loads(attached)).ok
        words = " ".join(page.extract_text() for page in read.pages)
        for row in document["rows"]:
            # Every figure of every entry stands on the paper.
            for figure in (
                f"{abs(row['credits']):,}",
                f"{row['credits_after']:,}".replace("-", "−"),
                str(row["receipt"]["index"]),
            ):
                assert figure in words, (row, figure)
            assert (
                not row["carbon_mg"]
                or f"{abs(row['carbon_mg']) // 1000:,}.{abs(row['carbon_mg']) % 1000:03}" in words
            )
        first, last = document["first"], document["last"]
        over = browser.get(f"/v1/me/statement?first={first}&last={last}").json()
        assert over["rows"] == document["rows"] and verdict(over).ok
        assert browser.get(f"/v1/me/statement.pdf?first={first}&last={last}").content[:5] == b"%PDF-"
        assert browser.get(f"/v1/me/statement?first={last}&last={first}").json()["code"] == "statement-period"
        assert browser.get("/v1/me/statement?first=x&last=y").status_code == 422
        assert browser.get("/statement/2026-13.pdf").status_code == 404
        assert browser.get("/statement?month=2999-01").status_code == 422
    assert enter(world.people[1].user).get(f"/statement/{month}.json").json()["person"] != document["person"]
    assert Client().get(f"/v1/me/statement?first={first}&last={last}").status_code == 401
    assert Client().get(f"/statement/{month}.pdf").status_code == 302


@pytest.mark.django_db
def test_before_the_first_signed_head_nothing_is_offered_that_would_fail(enter: Any) -> None:
    """A platform's first second."""
    person = stage.build().person
    assert not Checkpoint.objects.exists()
    browser, month = enter(person.user, "en"), f"{clock.today():%Y-%m}"
    page = browser.get("/statement").content.decode()
    assert f"/statement/{month}.json" not in page and "reload this page" in page
    refused = browser.get(f"/statement/{month}.json")
    said = refused.content.decode()
    assert refused.status_code == 404 and "in a moment" in said and "--from" not in said


def test_without_a_chinese_font_the_paper_is_refused_by_name(
    told: tuple[World, dict[str, Any]], enter: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(statement_pdf, "FONTS", ("No Such Family",))
    browser = enter(told[0].people[0].user)
    answer = browser.get(f"/v1/me/statement.pdf?first={FIRST}&last={clock.today()}")
    assert (answer.status_code, answer.json()["code"]) == (503, "pdf-font-missing")
    page = browser.get("/statement").content.decode()
    assert ".pdf" not in page and ".json" in page


def test_a_sign_without_a_shape_costs_the_archive_form_only(told: tuple[World, dict[str, Any]]) -> None:
    odd = statement.make(told[0].people[0], FIRST, clock.today())
    rows = tuple(replace(row, about=f"{row.about}\U0001f9ff #let x = *y* $z$ @q") for row in odd.rows)
    read = PdfReader(io.BytesIO(statement_pdf.render(replace(odd, rows=rows), made_up=False)))
    assert "statement.json" in read.attachments and "#let x = *y* $z$ @q" in read.pages[0].extract_text()
