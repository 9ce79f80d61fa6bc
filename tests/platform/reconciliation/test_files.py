"""A partner's file against the books: every verdict, what the next file does to a break, and every refusal whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import NOW, World, make_world, state

from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events.outcomes import Outcome
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.reconciliation import actions, errors, queries
from abate.platform.reconciliation.models import File, Kind, Side

pytestmark = [pytest.mark.platform]
DAY = date(2026, 5, 20)
TABLES = ("reconciliation_file", "reconciliation_break", "reconciliation_step")


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """Ten credited events of DAY by two people, one that counts nothing, and one on the day after at midnight."""
    with clock.frozen(NOW):
        made = make_world()
        made.send(*(made.meeting(f"e-{n}", n % 2) for n in range(10)), made.meeting("short", participants=1))
        made.send(made.meeting("late", start="2026-05-21T00:00:00+08:00"))
        yield made


def party(world: World) -> Party:
    return parties.party(world.sender.code)


def rows(world: World, **changes: dict[str, object] | None) -> list[dict[str, object]]:
    """What the partner holds: as answered, but for `changes` by id (None takes a row away, a new id adds one)."""
    with connection.cursor() as cursor:
        cursor.execute("select event_id, outcome, er_mg, credits from carbon_quantity where day = %s", [DAY])
        names = {6: "not_counted", 8: "credited"}
        held = {
            event: {"event": event, "outcome": names[outcome], "er_mg": er_mg, "credits": credits}
            for event, outcome, er_mg, credits in cursor.fetchall()
        }
    for event, change in changes.items():
        name = event.replace("_", "-")
        if change is None:
            del held[name]
        else:
            held[name] = {**held.get(name, {"event": name}), **change}
    return list(held.values())


def lines(found: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in found).encode()


def send(world: World, found: list[dict[str, object]], day: date = DAY) -> actions.Result:
    return actions.compare(party(world), day, lines(found), "jsonl", via="file")


def everything() -> dict[str, list[tuple]]:
    found = state()
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"select * from {table}")
            found[table] = sorted(tuple(map(str, row)) for row in cursor.fetchall())
    return found


def counts(file: File) -> tuple[int, int, int, int]:
    return file.matched, file.missing_here, file.missing_there, file.different


@pytest.mark.clause("P-4.4", "P-8.5-e")
def test_every_verdict_one_by_one(world: World) -> None:
    assert counts(send(world, rows(world)).file) == (11, 0, 0, 0)
    found = rows(
        world,
        e_0=None,
        e_1={"er_mg": 1},
        e_2={"credits": 0},
        e_3={"outcome": "not_counted", "er_mg": None, "credits": None},
        e_4={"outcome": None, "er_mg": None, "credits": None},
        short={"outcome": "credited"},
        lost={"outcome": "credited", "er_mg": 5, "credits": 0},
        refused_there={"outcome": "refused"},
        late={"outcome": "credited"},
    )
    result = send(world, found)
    assert counts(result.file) == (7, 1, 1, 5) and result.open == 7
    by_label = {row.label: row for row in queries.breaks()}
    kinds = {label: row.kind for label, row in by_label.items()}
    assert kinds == {
        "e-0": "missing_there", "e-1": "different", "e-2": "different", "e-3": "different", "short": "different",
        "lost": "missing_here", "late": "different",
    }  # fmt: skip
    assert by_label["late"].ours["day"] == "2026-05-21" and by_label["e-1"].theirs["er_mg"] == 1
    assert by_label["e-1"].ours["outcome"] == "credited" and by_label["lost"].ours is None
    # Who acts first: the party sends again what is not here, the operator looks at the rest.
    assert by_label["lost"].owner == world.sender.code and by_label["e-0"].owner == "operator"


def test_an_event_refused_there_and_kept_here_differs(world: World) -> None:
    send(world, rows(world, e_0={"outcome": "refused", "er_mg": None, "credits": None}))
    (found,) = queries.breaks()
    assert (found.kind, found.theirs) == (Kind.DIFFERENT, {"outcome": "refused"})


@pytest.mark.clause("P-4.4")
def test_a_break_ages_is_owned_decided_cleared_and_opened_again(world: World) -> None:
    send(world, rows(world, e_0=None, lost={"outcome": "credited"}))
    with clock.frozen(NOW + timedelta(days=3)):
        missing, lost = sorted(queries.breaks(), key=lambda row: row.label)
        assert (missing.age_days, lost.age_days) == (3, 3) and queries.open_breaks() == (2, 3)
        assert actions.assign(lost.id, "city-ops", "staff-1").state == "assigned"
        done = actions.resolve(missing.id, "accepted", "a test ride of the partner's own", "staff-1")
        assert (done.state, done.by, queries.open_breaks()) == ("resolved", "staff-1", (1, 3))
        with pytest.raises(errors.BreakClosed):
            actions.resolve(missing.id, "accepted", "again", "staff-1")
    with clock.frozen(NOW + timedelta(days=4)):
        # The partner sends the event at last; the same file then clears the break, and keeps what was accepted.
        world.send(world.meeting("lost"))
        result = send(world, rows(world, e_0=None))
        assert result.open == 0 and queries.one(lost.id).state == "cleared"
        assert queries.one(missing.id).state == "resolved"
        assert [step.state for step in queries.history(lost.id)] == ["open", "assigned", "cleared"]
        # It comes back, and something that was accepted looks other than before: both are open again, as old as ever.
        send(world, rows(world, e_0={"er_mg": 7}, lost={"er_mg": 9}))
        assert {row.id for row in queries.breaks()} == {missing.id, lost.id}
        assert queries.one(lost.id).age_days == 4 and queries.one(lost.id).owner == "city-ops"
        # Decided in any other way than accepted, it must be gone from the next file.
        actions.resolve(lost.id, "corrected_there", "they mend it", "staff-1")
        before = len(queries.history(lost.id))
        send(world, rows(world, e_0={"er_mg": 7}, lost={"er_mg": 9}))
        assert queries.one(lost.id).state == "open" and len(queries.history(lost.id)) == before + 1
        send(world, rows(world, e_0={"er_mg": 7}, lost={"er_mg": 9}))
        assert len(queries.history(lost.id)) == before + 1, "the same again adds no step"


def test_the_owner_follows_the_kind_that_a_break_has_now(world: World) -> None:
    """It stayed with who had to act on the former kind: nobody who could mend it was told."""
    send(world, rows(world, lost={"outcome": "credited"}, e_0=None))
    world.send(world.meeting("lost"))
    send(world, rows(world, lost={"er_mg": 9}, e_0={"er_mg": 7}))
    assert {row.label: (row.kind, row.owner) for row in queries.breaks()} == {
        "lost": ("different", "operator"),
        "e-0": ("different", "operator"),
    }
    lost = next(row for row in queries.breaks() if row.label == "lost")
    actions.assign(lost.id, "city-ops", "staff-1")
    send(world, rows(world, lost={"er_mg": 10}))
    assert queries.one(lost.id).owner == "city-ops"


@pytest.mark.clause("P-8.5-e")
def test_refused_files_change_nothing_and_name_the_line(world: World) -> None:
    good = rows(world)
    code = world.sender.code
    for data, form, refusal, words in (
        (lines([*good, good[3]]), "jsonl", errors.RowsTwice, f"{good[3]['event']} on lines 4 to 12, 2 times"),
        (lines([*good, {"event": "x", "party": "other"}]), "jsonl", errors.RowsForeign, "line 12"),
        (lines([*good, {"event": "x", "day": "2026-05-19"}]), "jsonl", errors.RowsForeign, "line 12"),
        (lines([{"event": "x", "outcome": "exists"}]), "jsonl", errors.RowMalformed, "line 1"),
        (lines([{"event": "x", "er_mg": 1.5}]), "jsonl", errors.RowMalformed, "er_mg is no whole number"),
        (lines([{"event": "x", "er_mg": True}]), "jsonl", errors.RowMalformed, "er_mg"),
        (lines([{"event": "x", "name": "y"}]), "jsonl", errors.RowMalformed, "no member 'name'"),
        (lines([{"event": ""}]), "jsonl", errors.RowMalformed, "event"),
        (lines([{"event": "x" * 129}]), "jsonl", errors.RowMalformed, "event"),
        (b'{"event":"\\ud800"}\n', "jsonl", errors.RowMalformed, "event"),
        (b'{"event":"a\\u0000"}\n', "jsonl", errors.RowMalformed, "event"),
        (b'{"event":"x","event":"y"}\n', "jsonl", errors.RowMalformed, "line 1"),
        (b"[1]\n", "jsonl", errors.RowMalformed, "line 1"),
        (b'{"event":"\xff"}\n', "jsonl", errors.RowMalformed, "line 1"),
        (b"", "csv", errors.FileUnreadable, "empty"),
        (b"event,amount\nx,1\n", "csv", errors.FileUnreadable, "header"),
        (b"event,event\nx,1\n", "csv", errors.FileUnreadable, "header"),
        (b"outcome\ncredited\n", "csv", errors.FileUnreadable, "header"),
        (b'event,er_mg\n"x,1\n', "csv", errors.FileUnreadable, "line"),
        (b"event,er_mg\nx,1,2\n", "csv", errors.RowMalformed, "3 cells"),
        (b"event\n\xff\xff\xff\n", "csv", errors.FileUnreadable, "neither"),
        (f"event,party\nx,{code}\nx,{code}\n".encode(), "csv", errors.RowsTwice, "x on lines 2 to 3"),
        (b"code\nABCD\n", "csv", errors.FileUnreadable, "header"),
    ):  # fmt: skip
        before = everything()
        with pytest.raises(refusal, match=words):
            actions.compare(party(world), DAY, data, form, via="http")
        assert everything() == before, words
    before = everything()
    with pytest.raises(errors.DayNotOver):
        send(world, good, clock.today())
    for call in (
        lambda: actions.resolve(1, "accepted", "x", "s"),
        lambda: actions.resolve(1, "gone", "x", "s"),
        lambda: actions.assign(1, " ", "s"),
    ):
        with pytest.raises(Problem):
            call()
    assert everything() == before


def test_the_same_file_in_every_form_and_encoding(world: World) -> None:
    good = rows(world)
    names = ["事件编号", "结果", "减排量毫克", "积分", "机构", "日期"]
    body = "\r\n".join(
        [",".join(names)]
        + [
            ",".join("" if v is None else str(v) for v in (*row.values(), world.sender.code, DAY.isoformat()))
            for row in good
        ]
    )
    for data in (body.encode("gb18030"), body.encode(), b"\xef\xbb\xbf" + body.encode()):
        assert counts(actions.compare(party(world), DAY, data, "csv", via="file").file) == (11, 0, 0, 0)
    empty = actions.compare(party(world), DAY, b"event\n", "csv", via="file")
    assert counts(empty.file) == (0, 0, 11, 0) and empty.open == 11


def test_another_partys_events_and_books_are_untouched(world: World) -> None:
    other = make_world()
    other.send(other.meeting("e-0"))
    before = state()
    result = send(other, [{"event": "e-0", "outcome": "credited"}, {"event": "e-1"}])
    assert counts(result.file) == (1, 1, 0, 0)
    assert queries.breaks(party(world).pk) == [] and len(queries.breaks(party(other).pk)) == 1
    assert state() == before


def test_the_history_cannot_be_edited_by_the_application(world: World) -> None:
    send(world, rows(world, e_0=None))
    grants.apply_grants(connection)
    (found,) = queries.breaks()
    for statement in (
        "update reconciliation_step set state = 'cleared'",
        "delete from reconciliation_step",
        "update reconciliation_break set opened_at = now()",
        "update reconciliation_file set matched = 1",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"set local role {grants.ROLE}")
            cursor.execute(statement)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"set local role {grants.ROLE}")
        actions.resolve(found.id, "accepted", "as the application does it", "staff")
        actions.compare(party(world), DAY, lines(rows(world)), "jsonl", via="file", side=Side.EVENTS)


@pytest.mark.slow
@pytest.mark.clause("P-4.4")
def test_a_million_rows(transactional_db: None) -> None:
    """A million events of a day against a million rows, a thousand of each kind of break among them."""
    from benchmarks.reconciliation import day_of, file_of  # lazy: benchmarks belong to a checkout

    with clock.frozen(NOW):
        world = make_world(1)
        day_of(world.sender.party_id, world.people[0].pk, 1_000_000, DAY)
        data = file_of(1_000_000, broken=1_000)
        result = actions.compare(party(world), DAY, data, "csv", via="file")
        assert counts(result.file) == (998_000, 1_000, 1_000, 1_000)
        assert result.open == 3_000 and len(queries.breaks(limit=5_000)) == 3_000


@pytest.mark.clause("P-4.4")
def test_what_was_taken_back_agrees_as_withdrawn_or_left_out_and_differs_as_credited(world: World) -> None:
    took = world.send(
        withdrawal(world, "w-0", "e-0"),
        withdrawal(world, "w-1", "e-1", 1),
        withdrawal(world, "w-2", "e-2"),
        correction(world.meeting("c-3", 1), "e-3"),
    )
    assert [one.outcome for one in took] == [Outcome.WITHDRAWN] * 3 + [Outcome.CREDITED]
    nothing = {"outcome": "withdrawn", "er_mg": 0, "credits": 0}
    itself = {"outcome": "withdrawn", "er_mg": took[0].er_mg, "credits": took[0].credits}
    # Left out, listed as withdrawn, beside the withdrawal itself; the corrected one left out for what stands in for it.
    told = rows(world, e_0=None, e_1=nothing, e_2=nothing, e_3=None, w_0=itself)
    assert counts(send(world, told).file) == (11, 0, 0, 0) and queries.breaks() == []
    send(world, rows(world, e_0=None, e_1=nothing, e_3=None))
    (broken,) = queries.breaks()
    assert (broken.label, broken.kind, broken.ours["outcome"]) == ("e-2", "different", "withdrawn")
