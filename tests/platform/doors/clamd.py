"""The real clamd of Debian as a child process, with one signature of our own: of words that harm nobody."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HARMFUL = b"these words stand for a harmful file"
NAME = "Abate.Test.Words.UNOFFICIAL"
"""As clamd calls what somebody else than its makers signed."""
LONGEST, LARGEST = 200_000, 300_000
"""Bytes of a file that it looks at whole, and that it takes at all."""


@contextmanager
def running(*, port: int = 0) -> Iterator[str]:
    """The address of one that answers: a socket's, or of `port` on this machine. Fails by name where it is not installed."""
    program = shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "clamd is missing: scripts/system.sh scanner installs it"
    # A short path of its own: a Unix socket's address holds 107 bytes.
    with tempfile.TemporaryDirectory(prefix="abc-") as name:
        folder = Path(name)
        (folder / "own.ndb").write_text(f"Abate.Test.Words:0:*:{HARMFUL.hex()}\n")
        place = f"TCPSocket {port}\nTCPAddr 127.0.0.1" if port else f"LocalSocket {folder}/clamd.ctl"
        (folder / "clamd.conf").write_text(
            f"Foreground yes\n{place}\nDatabaseDirectory {folder}\nAlertExceedsMax yes\n"
            f"StreamMaxLength {LARGEST}\nMaxFileSize {LONGEST}\n"
        )
        said = folder / "said"
        with said.open("wb") as out:
            process = subprocess.Popen([program, "-c", folder / "clamd.conf"], stdout=out, stderr=out)
        try:
            end = time.monotonic() + 120
            while not _answers(folder, port):
                assert process.poll() is None and time.monotonic() < end, said.read_text()
                time.sleep(0.02)
            yield f"tcp://127.0.0.1:{port}" if port else f"unix://{folder}/clamd.ctl"
        finally:
            process.kill()
            process.wait()


def _answers(folder: Path, port: int) -> bool:
    with socket.socket(socket.AF_INET if port else socket.AF_UNIX) as probe:
        return probe.connect_ex(("127.0.0.1", port) if port else str(folder / "clamd.ctl")) == 0
