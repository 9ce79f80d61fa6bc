"""`abate verify` of what is no file: named at once, with little memory. What checks a log comes from anybody."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bookkeeping.real_log import RealLog, make

from abate.bookkeeping import openings

_MEMORY = 3 * 2**30
"""Bytes of address space: several times what the verifier takes, so that what grows for ever ends here."""


@pytest.fixture(scope="module")
def log() -> RealLog:
    return make(30)


def verify(*given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "abate", "verify", *map(str, given)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )


@pytest.fixture
def folder(log: RealLog, tmp_path: Path) -> Path:
    made = tmp_path / "log"
    for path, data in log.files().items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(data)
    (tmp_path / "log.pub").write_text(str(log.key))
    os.mkfifo(tmp_path / "pipe")
    return made


@pytest.mark.parametrize(
    ("option", "what"),
    [
        *((one, "pipe") for one in ("", "--key", "--since", "--anchors", "--witnesses", "--operator-pack")),
        *((one, "/dev/zero") for one in ("", "--anchors")),
    ],
)
def test_what_is_no_plain_file_is_refused_unread(folder: Path, option: str, what: str) -> None:
    given = folder.parent / what
    key = () if option == "--key" else ("--key", folder.parent / "log.pub")
    told = verify(folder, *key, option, given) if option else verify(given, *key)
    assert (told.returncode, "is no plain file" in told.stderr) == (2, True), told.stderr[-500:]


def test_openings_that_are_a_pipe_are_not_passed_over(folder: Path) -> None:
    os.mkfifo(folder / openings.FILE)
    told = verify(folder, "--key", folder.parent / "log.pub")
    assert (told.returncode, "is no plain file" in told.stderr) == (2, True), told.stderr[-500:]


def test_a_line_of_openings_without_an_end_is_named(folder: Path) -> None:
    """Sparse: nothing of it is on the disk, and read whole it would be far above the memory that is allowed here."""
    with (folder / openings.FILE).open("wb") as file:
        file.truncate(8 * 2**30)
    told = verify(folder, "--key", folder.parent / "log.pub")
    assert told.returncode == 1 and "line 1: line: is longer than" in told.stdout, told.stderr[-500:]
