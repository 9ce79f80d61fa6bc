"""Roots kept elsewhere: found wrong by them is a history set back or lived again; an adapter that fails stops nothing."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection, transaction
from django.test import Client

from abate.bookkeeping import anchors
from abate.bookkeeping.anchors import Anchor
from abate.bookkeeping.verify import Unlike
from abate.cli import log as module
from abate.cli import verify
from abate.platform.config import doctor
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.log import actions, anchoring, export, queries
from abate.platform.log.anchoring import Anchorer, AnchorRefused, File

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True)]
HOUR = 3600


@pytest.fixture(autouse=True)
def hourly(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ABATE_ANCHOR = "abate.platform.log.anchoring.File"
    settings.ABATE_ANCHOR_SECONDS = HOUR
    monkeypatch.setattr(module, "_start", lambda _: None)


def until(anchorer: Anchorer, true: Callable[[], bool]) -> None:
    """Rounds until something holds; the adapter runs beside them."""
    for _ in range(500):
        anchorer.round()
        if true():
            return
        time.sleep(0.01)
    raise AssertionError(f"never came: {anchorer.failure}")


def kept() -> list[int]:
    return [one.size for one in queries.anchors() if one.kept_at]


def run(command: Any, *arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(command, [str(one) for one in arguments])
    return done.exit_code, done.stdout


def live(fill: Callable[..., None], path: Path, hours: int = 3) -> None:
    """Forty entries an hour, an anchor an hour."""
    anchorer, start = Anchorer(File(path)), clock.now()
    for hour in range(hours):
        with clock.frozen(start + timedelta(hours=hour)):
            fill(40 * hour + 1, 40 * hour + 40)
            actions.sequence()
            until(anchorer, lambda hour=hour: len(kept()) == hour + 1)


def forget(size: int) -> None:
    """The owner of the database sets it back to the first `size` entries, as an old backup would."""
    with connection.cursor() as cursor:
        cursor.execute("delete from log_leaf where idx >= %s", [size])
        cursor.execute("delete from log_checkpoint where size > %s", [size])
        cursor.execute("delete from log_anchor where size > %s", [size])
        cursor.execute("delete from log_tile where level > 0 or n > 0")
        cursor.execute("update log_tile set hashes = substring(hashes for %s)", [32 * size])
        cursor.execute("delete from log_tile where hashes = ''")


def test_an_anchor_an_hour_each_a_line_and_the_log_agrees(fill: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    live(fill, path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert [one.size for one in anchors.read(lines)] == [40, 80, 120] == kept()
    anchorer = Anchorer(File(path))
    fill(121, 130)
    actions.sequence()
    with clock.frozen(queries.anchors()[-1].at + timedelta(minutes=59)):
        anchorer.round()
        assert kept() == [40, 80, 120], "not before its time"
    code, told = run(module.command, "anchors", "--check", path)
    assert (code, told.startswith("passed: 3 anchors, the last over 120 of 130")) == (0, True), told
    listed = json.loads(run(module.command, "anchors", "--json")[1])
    assert [one["root"] for one in listed] == [one.root.hex() for one in anchors.read(lines)]


def test_who_books_and_who_anchors_do_not_wait_for_each_other(fill: Callable[..., None]) -> None:
    """A batch on its way holds its booking day; the anchorer comes by every second, and whoever waits behind it waits too."""
    fill(1, 3)
    actions.sequence()
    booking, chosen = threading.Event(), threading.Event()

    def book() -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("select ledger_booking_day(current_date)")
                booking.set()
                return chosen.wait(5)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(book)
        assert booking.wait(30)
        assert actions.next_anchor(3600) is not None
        chosen.set()
        assert held.result(), "the anchor was chosen while the batch was on its way"


def test_a_restart_neither_repeats_nor_skips(fill: Callable[..., None], tmp_path: Path) -> None:
    """Killed between the file and the database, the anchor comes again; killed before the file, it still comes."""
    path = tmp_path / "anchors"
    fill(1, 3)
    actions.sequence()
    first = actions.next_anchor(HOUR)
    assert first is not None
    File(path).put(first)
    fill(4, 9)
    actions.sequence()
    assert actions.next_anchor(HOUR) == first, "one waits: none is chosen in its place"
    until(Anchorer(File(path)), lambda: kept() == [3])
    assert path.read_text() == first.line()
    with path.open("a") as file:
        file.write("9 4f")
    with clock.frozen(clock.now() + timedelta(hours=1)):
        until(Anchorer(File(path)), lambda: kept() == [3, 9])
    assert [one.size for one in anchors.read(path.read_bytes().splitlines(keepends=True))] == [3, 9]


def test_a_log_that_was_set_back_is_named_by_its_anchors(fill: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    live(fill, path)
    forget(80)
    code, told = run(module.command, "anchors", "--check", path)
    assert code == 1 and "line 3" in told and "120 entries were anchored, the log has 80" in told


def test_a_history_lived_again_is_named_by_its_first_anchor(
    fill: Callable[..., None], tmp_path: Path
) -> None:
    path, folder = tmp_path / "anchors", tmp_path / "log"
    live(fill, path)
    forget(0)
    fill(1, 60)
    fill(1061, 1160, person=8)
    actions.sequence()
    code, told = run(module.command, "anchors", "--check", path)
    assert code == 1 and "line 2" in told and "the first 80 entries" in told and "after entry 39" in told
    # The same from outside, with the exported files and the log's own good signature on the new head.
    export.write_files(folder)
    (tmp_path / "log.pub").write_text(queries.public_key())
    by = (folder, "--key", tmp_path / "log.pub", "--json")
    assert run(verify.command, *by)[0] == 0
    code, told = run(verify.command, *by, "--anchors", path)
    assert (code, json.loads(told)["first_failure"]) == (1, "anchors")


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "large"])
def test_a_file_of_anchors_that_does_not_end_is_refused(
    fill: Callable[..., None], tmp_path: Path, name: str
) -> None:
    fill(1, 3)
    actions.sequence()
    path = tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    elif name == "large":
        with path.open("wb") as file:
            file.truncate(64 * 1024**2 + 1)
    done = CliRunner().invoke(module.command, ["anchors", "--check", str(path)])
    assert done.exit_code == 2
    assert "no plain file" in done.output or "larger than any such file" in done.output


class Raising:
    def __init__(self) -> None:
        self.calls = 0

    def put(self, anchor: Anchor) -> None:
        self.calls += 1
        raise OSError("no route to the archive")


class Hanging:
    def __init__(self) -> None:
        self.go = threading.Event()

    def put(self, anchor: Anchor) -> None:
        self.go.wait(60)


def test_an_adapter_that_raises_stops_nothing_and_shows(fill: Callable[..., None], settings: Any) -> None:
    adapter = Raising()
    anchorer = Anchorer(adapter)
    fill(1, 3)
    actions.sequence()
    until(anchorer, lambda: "no route to the archive" in str(anchorer.failure))
    fill(4, 6)
    assert actions.sequence() == 3 and queries.size() == 6
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert queries.anchor_late(HOUR) >= 600
        assert [one.state for one in doctor_with_file(settings)] == ["fault"]
    calls = adapter.calls
    until(anchorer, lambda: adapter.calls > calls)
    assert kept() == []


def doctor_with_file(settings: Any) -> list[doctor.Finding]:
    settings.ABATE_ANCHOR_FILE = "anchors"
    return list(doctor.anchors())


def test_an_adapter_that_hangs_stops_nothing_and_is_asked_once(fill: Callable[..., None]) -> None:
    adapter = Hanging()
    anchorer = Anchorer(adapter)
    fill(1, 3)
    actions.sequence()
    for _ in range(5):
        anchorer.round()
    assert sum(one.name == "anchor" for one in threading.enumerate()) == 1
    fill(4, 6)
    assert actions.sequence() == 3
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert queries.anchor_late(HOUR) >= 600
    adapter.go.set()
    until(anchorer, lambda: kept() == [3])
    assert queries.anchor_late(HOUR) == 0


def test_where_nobody_anchors_that_shows_too(
    fill: Callable[..., None], client: Client, settings: Any
) -> None:
    fill(1, 3)
    actions.sequence()
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert queries.anchor_late(HOUR) >= 599
        told = client.get("/metrics").content.decode().splitlines()
        late = [line.split() for line in told if line.startswith("abate_anchor_late_seconds")]
        assert len(late) == 1 and int(late[0][1]) >= 599
        settings.ABATE_ANCHOR = None
        assert "abate_anchor" not in client.get("/metrics").content.decode()


def test_the_file_refuses_another_history(tmp_path: Path) -> None:
    path, now = tmp_path / "anchors", clock.now()
    File(path).put(Anchor(7, b"a" * 32, now))
    for other in (Anchor(7, b"b" * 32, now), Anchor(6, b"a" * 32, now)):
        with pytest.raises(AnchorRefused):
            File(path).put(other)
    assert path.read_text() == Anchor(7, b"a" * 32, now).line()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"1 aa 2026-11-21T01:00:00Z\n", "line 1"),
        (b"1 " + b"a" * 64 + b" 2026-11-21T01:00:00Z", "line 1"),
        (b"1 " + b"a" * 64 + b" 2026-99-21T01:00:00Z\n", "line 1"),
        ((b"5 " + b"a" * 64 + b" 2026-11-21T01:00:00Z\n") * 2, "line 2"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_line(text: bytes, what: str) -> None:
    with pytest.raises(Unlike, match=what):
        list(anchors.read(text.splitlines(keepends=True)))
    with pytest.raises(Unlike, match="no anchor"):
        anchors.see_anchors([], queries.nodes(), 0)


def test_an_adapter_that_is_not_there_is_named_at_the_start(settings: Any) -> None:
    settings.ABATE_ANCHOR = "no.such.Adapter"
    with pytest.raises(SetupError, match=r"no\.such\.Adapter"):
        anchoring.configured()
    settings.ABATE_ANCHOR, settings.ABATE_ANCHOR_FILE = "abate.platform.log.anchoring.File", None
    with pytest.raises(SetupError, match="ABATE_ANCHOR_FILE names no file"):
        anchoring.configured()
    settings.ABATE_ANCHOR = None
    assert anchoring.configured() is None and [found.state for found in doctor.anchors()] == ["ok"]
