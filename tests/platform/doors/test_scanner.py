"""Files are shown to a scanner: the real clamd, and servers that answer as none should. Only its plain OK is a yes."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.platform.doors import clamd
from tests.platform.doors.clamd import HARMFUL, LARGEST, LONGEST, NAME

from abate.platform.config import doctor
from abate.platform.doors import scanner
from abate.platform.doors.errors import SetupError

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with clamd.running() as found:
        yield found


def test_what_is_clean_passes_and_what_is_not_is_named(address: str, settings: Any, tmp_path: Path) -> None:
    settings.ABATE_SCANNER = address
    scanner.require_clean(b"id,subject\nride-1,somebody\n")
    scanner.require_clean(b"")
    for data in (HARMFUL, b"a" * 66_000 + HARMFUL, b"%PDF-1.7\n" + HARMFUL):
        with pytest.raises(scanner.FileHarmful, match=NAME):
            scanner.require_clean(data)
    (tmp_path / "rides.csv").write_bytes(b"a" * 65_530 + HARMFUL)
    with (tmp_path / "rides.csv").open("rb") as file, pytest.raises(scanner.FileHarmful, match=NAME):
        # Over the border of two parts.
        scanner.require_clean(file)


@pytest.mark.parametrize(
    ("size", "named"),
    [(LONGEST + 1, "MaxFileSize"), (LARGEST + 1, "StreamMaxLength"), (20 * LARGEST, "StreamMaxLength")],
)
def test_what_it_looks_at_in_part_is_not_taken(address: str, settings: Any, size: int, named: str) -> None:
    settings.ABATE_SCANNER = address
    scanner.require_clean(b"a" * (LONGEST - 1))
    with pytest.raises(scanner.FileNotScanned, match=named):
        scanner.require_clean(b"a" * size)


def test_over_tcp_on_this_machine(settings: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with clamd.running(port=port) as address:
        settings.ABATE_SCANNER = address
        scanner.require_clean(b"clean")
        with pytest.raises(scanner.FileHarmful, match=NAME):
            scanner.require_clean(HARMFUL)
        with pytest.raises(scanner.FileNotScanned):
            scanner.require_clean(b"a" * (20 * LARGEST))


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    """A server that reads what it is sent to the end, says this and hangs up."""
    with tempfile.TemporaryDirectory(prefix="abc-") as name, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{name}/s")
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client, client.makefile("rb") as file:
                command = b""
                while not command.endswith(b"\0"):
                    command += file.read(1)
                while command == b"zINSTREAM\0" and (length := struct.unpack("!I", file.read(4))[0]):
                    file.read(length)
                client.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix://{name}/s"
        thread.join()


@pytest.mark.parametrize(
    "said",
    [b"", b"stream: OK", b"OK\0", b"stream: OK\0stream: X FOUND\0", b"stream: lstat() failed. ERROR\0", b"\xff\0",
     b"x" * 5000],
)  # fmt: skip
def test_whatever_else_it_says_is_no_yes(settings: Any, said: bytes) -> None:
    with answering(said) as settings.ABATE_SCANNER, pytest.raises(scanner.ScannerAway):
        scanner.require_clean(b"clean")


def test_a_name_that_is_no_line_is_not_shown(settings: Any) -> None:
    said = "stream: a\u202eb FOUND\0".encode()
    with answering(said) as settings.ABATE_SCANNER, pytest.raises(scanner.FileHarmful) as caught:
        scanner.require_clean(b"clean")
    assert caught.value.detail == ""


def test_one_that_is_away_or_silent_takes_nothing(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ABATE_SCANNER = f"unix://{tmp_path}/none"
    with pytest.raises(scanner.ScannerAway) as caught:
        scanner.require_clean(b"clean")
    assert caught.value.status == 503 and caught.value.retry_after > 0
    monkeypatch.setattr(scanner, "SECONDS", 0.1)
    with tempfile.TemporaryDirectory(prefix="abc-") as name, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{name}/s")
        silent.listen()
        settings.ABATE_SCANNER = f"unix://{name}/s"
        with pytest.raises(scanner.ScannerAway):
            scanner.require_clean(b"clean")


@pytest.mark.parametrize(
    "address",
    ["/run/clamav/clamd.ctl", "unix:clamd.ctl", "unix://host/clamd.ctl", "tcp://192.0.2.1:3310", "tcp://127.0.0.1",
     "tcp://scanner.example.cn:3310", "http://127.0.0.1:3310", "tcp://127.0.0.1:x", "tcp://[::1"],
)  # fmt: skip
def test_an_address_beyond_this_machine_is_refused(settings: Any, address: str) -> None:
    settings.ABATE_SCANNER = address
    with pytest.raises(SetupError, match="ABATE_SCANNER"):
        scanner.require_clean(b"clean")
    assert [one.state for one in doctor.scanners()] == ["fault"]


def test_the_doctor_says_how_files_are_looked_at(address: str, settings: Any, tmp_path: Path) -> None:
    for named, state, word in (
        ("", "warning", "not scanned"),
        (address, "ok", "ClamAV"),
        (f"unix://{tmp_path}/x", "fault", "no file is taken"),
    ):
        settings.ABATE_SCANNER = named
        (found,) = doctor.scanners()
        assert found.state == state and word in found.what
