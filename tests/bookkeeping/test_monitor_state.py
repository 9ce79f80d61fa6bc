"""What a monitor reads of the file that it keeps: a plain file, of lines and a length that a monitor writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from tests.bookkeeping.test_monitor import run, write

from abate.bookkeeping import checkpoint
from abate.cli import monitor as command


def never_ends(state: Path) -> None:
    state.symlink_to("/dev/zero")


def waits(state: Path) -> None:
    os.mkfifo(state)


def too_long_a_line(state: Path) -> None:
    state.write_bytes(b" " * 64 * 1024**2 + b'{"settled": "x"}\n')


def no_line_at_all(state: Path) -> None:
    state.write_bytes(b"x" * (command.MAX_LINE + 1))


def too_large(state: Path) -> None:
    with state.open("wb") as file:
        file.truncate(command.MAX_STATE + 1)


@pytest.mark.parametrize("make", [never_ends, waits, too_long_a_line, no_line_at_all, too_large])
def test_what_no_monitor_wrote_is_refused_before_it_is_read(
    make_log: Any, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    state = tmp_path / "state.jsonl"
    make(state)
    before = os.lstat(state)
    with pytest.raises(click.BadParameter, match=r"no plain file|larger than any|longer than|line 1"):
        command.State(state, make_log().key)
    assert os.lstat(state).st_size == before.st_size, "it may be evidence"


def test_of_what_is_no_head_the_beginning_is_kept(make_log: Any, tmp_path: Path) -> None:
    """A log that shows megabytes in the place of its head does not fill its monitor's disk, and every later look still reads."""
    log, key, state = make_log().add(3), tmp_path / "key", tmp_path / "state.jsonl"
    key.write_text(str(log.key))
    write(log, tmp_path / "log")
    (tmp_path / "log/checkpoint").write_bytes(b"\0" * 15 * 1024**2)
    watching = ("monitor", tmp_path / "log", "--key", key, "--state", state)
    assert run(*watching).returncode == 1
    assert checkpoint.MAX_NOTE < state.stat().st_size < command.MAX_LINE
    write(log, tmp_path / "log")
    assert run(*watching).returncode == 0
