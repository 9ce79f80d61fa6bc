"""The mark of a declared source is seen wherever its data goes, and nowhere else: to the sender, the person, the verifier."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.platform.events.test_bulk_files import KINDS, flat, made, read, write
from tests.platform.events.test_sources import declare, entries, ride, world
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World
from tests.platform.reconciliation.test_addresses import token
from tests.platform.web.conftest import enter

from abate.bookkeeping import checkpoint, receipt, verify_entries
from abate.bookkeeping import openings as lines
from abate.bookkeeping.receipt import FORMAT, MARKED, ReceiptError
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.recompute_all import RecomputingAll
from abate.bookkeeping.verify import verify_receipt
from abate.bookkeeping.verify_log import verify_log
from abate.bookkeeping.verify_statement import verify_statement
from abate.cli.load import load
from abate.platform.doors import clock
from abate.platform.events import notices, sources
from abate.platform.events.tables import ERROR, MARK
from abate.platform.ledger import queries as ledger
from abate.platform.log import actions, export, queries
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions as review
from abate.platform.web import intake, openings, own_data, receipts, statement, statement_pdf

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-d")]
__all__ = ["enter", "world"]


@pytest.fixture
def lent(world: World) -> World:
    """One ride of a declared source and one of none, of the same person; numbered in the log."""
    declare(world)
    world.send(ride(world, "a"), world.ride("b", start="2026-05-21T10:30:00+08:00"))
    actions.sequence()
    return world


def mark(world: World, **changes: object) -> dict[str, object]:
    """What travels: who lent it, as what, for what, to whom, and until when."""
    told = {"source": f"{world.sender.code}/metro", "version": 1, "mark": "municipal transport, shared conditionally",
            "level": 2, "uses": ["credit", "members", "people", "quantify", "statistics", "verification"], "shared_with": ["*"],
            "retention_days": 365, "valid_from": "2026-01-01", "valid_until": "2026-12-31",
            "use_until": (clock.today() + timedelta(days=365)).isoformat()}  # fmt: skip
    return told | changes


def by_event(world: World) -> dict[str, Any]:
    return {row.cause: row for row in ledger.entries(world.people[0].pk)}


def key() -> Any:
    return checkpoint.read_key(queries.public_key())


def test_the_sender_is_told_with_the_answer_and_with_the_message(world: World) -> None:
    declare(world)
    first = world.send(ride(world, "a"), world.ride("b", 1), ride(world, "c", 2) | {"data": {}})
    assert [one.source for one in first] == [mark(world), None, None]
    assert intake.answer_of(first[0], "en")["source"] == mark(world) and "source" not in intake.answer_of(
        first[1], "en"
    )
    # Again, and under a later version: that under which it came.
    declare(world, level=4)
    (again,) = world.send(ride(world, "a"))
    assert again.outcome.text == "exists" and again.source == mark(world)
    # Twice in one batch: with each answer.
    twice = world.send(ride(world, "d", 3), ride(world, "d", 3))
    assert [one.outcome.text for one in twice] == ["credited", "exists"]
    assert all(one.source == mark(world, level=4, version=2) for one in twice)
    # What is told later of it (computed again, given way, decided about) has no mark of its own, and is told with it.
    again.outcome, again.source = first[0].outcome, None
    (told,) = [json.loads(text) for _, text in notices._messages(world.sender.party_id, [again], NOW, False)]
    assert told["data"]["source"] == mark(world)


def test_a_receipt_hands_the_terms_on_and_verifies(lent: World) -> None:
    rows, person = by_event(lent), lent.people[0]
    marked, plain = (receipts.receipt(person, rows[event]) for event in "ab")
    assert marked and plain and (marked["format"], plain["format"]) == (MARKED, FORMAT)
    assert marked["source"] == mark(lent) and "source" not in plain
    verdict = verify_receipt(json.dumps(marked), key(), Recomputing())
    word = verdict.checks[1]
    assert verdict.ok and (word.name, word.status.value) == ("source", "not checked")
    assert "lent by" in word.detail and "until" in word.detail and "lent by" not in verdict.checks[0].detail
    for wrong in (
        {**plain, "source": mark(lent)},
        {name: value for name, value in marked.items() if name != "source"},
        {**marked, "source": mark(lent, level="2")},
        {**marked, "source": mark(lent, uses=[1])},
        {**marked, "source": {"mark": "short"}},
        {**marked, "format": "abate-receipt/4"},
    ):
        with pytest.raises(ReceiptError, match=r"source|format"):
            receipt.read(json.dumps(wrong))
    # What takes it back is as much of the data as what it takes back.
    (gone,) = lent.send(withdrawal(lent, "w", "a") | {"source": f"{lent.sender.code}/metro"})
    actions.sequence()
    row = ledger.entry(person.pk, gone.entry or 0)
    assert row and (receipts.receipt(person, row) or {})["source"] == mark(lent)


def test_a_statement_carries_it_as_data_and_on_paper(lent: World) -> None:
    made = statement.make(lent.people[0], clock.today(), clock.today())
    told = {
        row.receipt["source"]["source"] if "source" in row.receipt else None
        for row in made.rows
        if row.receipt
    }
    assert told == {f"{lent.sender.code}/metro", None}
    assert verify_statement(made.text(), key(), lambda *_: "recomputed").ok
    about = {str(row["about"]) for row in statement_pdf._rows(made)}
    assert len(about) == 2 and any("municipal transport" in one and "2027-06-01" in one for one in about)


def test_a_verifier_is_handed_the_terms_line_by_line(lent: World, tmp_path: Path) -> None:
    found = list(openings.openings(0, 99))
    assert [one.source for one in found] == [mark(lent), None]
    for one in found:
        assert lines.read(one.line()) == one
    # The quick reader leaves such a line to the careful one, which reads the same of it and of any other.
    assert (
        verify_entries._quick(found[0].line()) is None and verify_entries._quick(found[1].line()) is not None
    )
    with pytest.raises(ReceiptError, match="source"):
        lines.read(found[0].line().replace('"level":2', '"level":"2"'))
    export.write_files(tmp_path, entries=True)
    verdict = verify_log(
        lambda path: (tmp_path / path).read_bytes() if (tmp_path / path).is_file() else None, key(),
        openings=[one.line() + "\n" for one in found], recompute=RecomputingAll(),
    )  # fmt: skip
    assert {check.status.value for check in verdict.checks} == {"passed"}, verdict.document()


def test_the_person_sees_it_beside_entry_explanation_and_copy(
    lent: World, enter: Callable[..., Client]
) -> None:
    person, rows = lent.people[0], by_event(lent)
    browser = enter(person.user, "en")
    told = {one["cause"]: one["source"] for one in browser.get("/v1/me/entries").json()["entries"]}
    assert told == {"a": mark(lent), "b": None}
    for event, source in told.items():
        assert browser.get(f"/v1/me/entries/{rows[event].id}/explanation").json()["source"] == source
        page = browser.get(f"/entries/{rows[event].id}").content.decode()
        assert ("municipal transport" in page and "quantifying" in page) == (event == "a")
    held = own_data.gather(person)
    for table, name in (("behaviours", "event_id"), ("entries", "cause")):
        assert {one[name]: one["source"] for one in held[table]} == told  # type: ignore[attr-defined]
    cells = own_data.table(held["entries"]).splitlines()  # type: ignore[arg-type]
    assert sum("municipal transport" in one for one in cells) == 1
    assert entries(lent, 0) == [rows["b"].id, rows["a"].id]


def test_the_partner_finds_it_with_each_of_its_events(
    lent: World, enter: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    lent.send(ride(lent, "bad", 2) | {"data": {}})
    party = Party.objects.get(pk=lent.sender.party_id)
    api, headers = Client(), token(party)
    asked: list[int] = []
    marks = sources.marks

    def counted(events: Iterable[tuple[int, str]]) -> dict[tuple[int, str], dict[str, object]]:
        asked.append(1)
        return marks(events)

    monkeypatch.setattr(sources, "marks", counted)
    listed = {one["id"]: one.get("source") for one in api.get("/v1/events", headers=headers).json()["events"]}
    assert listed == {"a": mark(lent), "b": None, "bad": None} and asked == [1]
    for event, source in listed.items():
        assert api.get(f"/v1/events/{event}", headers=headers).json().get("source") == source
    user = review.create_user("staff", made_up=True)
    parties.add_member(user, party, "partner")
    page = enter(user, "en").get("/partner/events").content.decode()
    assert page.count("municipal transport") == 1


def test_the_partner_sees_it_on_its_own_page(lent: World, enter: Callable[..., Client]) -> None:
    user = review.create_user("staff", made_up=True)
    parties.add_member(user, Party.objects.get(pk=lent.sender.party_id), "partner")
    page = enter(user, "en")
    seen = {event: page.get(f"/partner?event={event}").content.decode() for event in "ab"}
    assert all('id="found"' in text for text in seen.values())
    assert "municipal transport" in seen["a"] and "municipal transport" not in seen["b"]


def test_the_last_day_of_its_use_is_in_the_language_of_the_page(
    lent: World, enter: Callable[..., Client]
) -> None:
    until = clock.today() + timedelta(days=365)
    why = f"/why?party={lent.sender.party_id}&event=a"
    for language, written in (
        ("zh", f"{until.year}年{until.month}月{until.day}日"),
        ("en", f"{until:%-d %b %Y}"),
    ):
        told = enter(lent.people[0].user, language).get(why).content.decode()
        assert "municipal transport" in told and f"<dd>{written}</dd>" in told
        assert until.isoformat() not in told


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_comes_back_with_the_marks_of_its_rows(world: World, tmp_path: Path, kind: str) -> None:
    declare(world)
    name, path, back = f"{world.sender.code}/metro", tmp_path / f"rides.{kind}", tmp_path / f"back.{kind}"
    rows = [row | {"source": name if n % 2 else world.sender.code} for n, row in enumerate(flat(world))]
    write(rows, path)
    if kind == "jsonl":
        texts = [json.loads(line) for line in path.read_text().splitlines()]
        for text in texts:
            text["source"] = text["data"].pop("source")
        path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert load(path, world.sender.code, 6, back=back) == {"credited": 18, "refused": 2}
    told = [row.get(MARK) or "" for row in read(back)]
    until = mark(world)["use_until"]
    assert told[0] == "" and told[1].startswith("municipal transport") and f"until {until}" in told[1]
    assert [bool(text) for text in told] == [n % 2 == 1 for n in range(20)]
    assert sum(bool(row.get(ERROR)) for row in read(back)) == 2
    # Sent again as it is, the column counts for nothing.
    assert load(back, world.sender.code, 6) == {"exists": 18, "refused": 2}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_comes_back_with_the_terms_under_which_each_event_came(
    world: World, tmp_path: Path, kind: str
) -> None:
    declare(world)
    name, path, back = f"{world.sender.code}/metro", tmp_path / f"rides.{kind}", tmp_path / f"back.{kind}"
    write([row | {"source": name} for row in flat(world)], path)
    if kind == "jsonl":
        texts = [json.loads(line) for line in path.read_text().splitlines()]
        for text in texts:
            text["source"] = text["data"].pop("source")
        path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert load(path, world.sender.code, 6) == {"credited": 18, "refused": 2}
    until = mark(world)["use_until"]
    declare(world, mark="another wording")
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert load(path, world.sender.code, 6, back=back) == {"exists": 18, "refused": 2}
    found = read(back)
    own = [row[MARK] for row in found if not row.get(ERROR)]
    assert len(own) == 18 and all(
        text.startswith("municipal transport") and f"until {until}" in text for text in own
    )
    # Of what was not taken nothing is kept: it has the terms in force of the source that it names.
    assert [row[MARK].startswith("another wording") for row in found if row.get(ERROR)] == [True, True]


@pytest.mark.parametrize("bad", ['"a\\ud800"', '"a\\u0000b"'])
@pytest.mark.parametrize("member", [b"", b', "abate_error": "x"'])
def test_lines_with_ids_that_no_table_holds_come_back(
    world: World, tmp_path: Path, bad: str, member: bytes
) -> None:
    declare(world)
    path, back = made(world, tmp_path / "rides.jsonl", number=3, wrong=()), tmp_path / "back.jsonl"
    first, second, third = path.read_bytes().splitlines()
    second = second.replace(b'"r1"', bad.encode())[:-1] + member + b"}"
    path.write_bytes(b"\n".join([first, second, third]) + b"\n")
    assert load(path, world.sender.code, 6, back=back) == {"credited": 2, "refused": 1}
    assert ["malformed" in row.get(ERROR, "") for row in read(back)] == [False, True, False]


def test_a_table_with_an_id_that_is_no_text_comes_back(world: World, tmp_path: Path) -> None:
    declare(world)
    path, back = tmp_path / "rides.csv", tmp_path / "back.csv"
    write(flat(world, 3, ()), path)
    path.write_bytes(path.read_bytes().replace(b"r1,", b"r1\xff,"))
    assert load(path, world.sender.code, 6, back=back) == {"credited": 2, "refused": 1}
    lines = back.read_bytes().splitlines()
    assert b"malformed" in lines[2] and lines[2].startswith(b"r1\xff,")
