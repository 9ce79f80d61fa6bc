"""Commands of the platform as processes that a test may kill, forked by one that has imported it already (mother.py)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

PROGRAM = Path(__file__).with_name("mother.py")
DEADLINE = 180.0
"""Where a wait is a hang. Not a measure of speed: other work on the machine must not turn a test red."""
NOT_SETTINGS = ("ABATE_TEST_", "ABATE_STAFF_SESSION", "ABATE_BROKER", "ABATE_BIND", "ABATE_OWNER_URL")
"""Names that the settings do not read: whoever differs in these alone, or in the database that is named, has the same mother."""


class Child:
    """A process that is not this one's own; what is known of it is told as `subprocess.Popen` tells it."""

    def __init__(self, line: socket.socket, texts: tuple[IO[str], IO[str]] | None) -> None:
        self._line, self._texts, self._told = line, texts, b""
        self.returncode: int | None = None
        while b"\n" not in self._told:
            self._hear(DEADLINE)
        pid, _, self._told = self._told.partition(b"\n")
        self.pid = int(pid)

    def _hear(self, seconds: float | None) -> None:
        self._line.settimeout(seconds)
        heard = self._line.recv(64)
        assert heard, "who attends the child has ended before it"
        self._told += heard

    def poll(self) -> int | None:
        """How it ended, or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired after so many seconds."""
        while self.returncode is None:
            try:
                self._hear(timeout)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(["abate"], timeout or 0) from None
            if self._told.endswith(b"\n"):
                self.returncode = int(self._told)
                self._line.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed and what it complained of, once it has ended."""
        self.wait(timeout)
        assert self._texts is not None, "it wrote to a file of its own"
        for text in self._texts:
            text.seek(0)
        out, wrong = self._texts
        return out.read(), wrong.read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _kept() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


class Mother:
    """The process that forks, in one environment. `folder` has to be short: it holds a Unix socket."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._at = folder / f"mother-{time.monotonic_ns():x}"
        self._log = self._at.with_suffix(".log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self._at)], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )  # fmt: skip

    def begin(
        self, arguments: list[str], environment: Mapping[str, str], log: IO[Any] | None = None
    ) -> Child:
        """`python ARGUMENTS` in this environment; what it says goes to `log`, or is kept for `communicate`."""
        line = self._line()
        texts = (_kept(), _kept()) if log is None else None
        out, wrong = texts or (log, log)
        asked = {"arguments": arguments, "environment": dict(environment), "folder": os.getcwd()}
        text = (json.dumps(asked) + "\n").encode()
        with open(os.devnull, "rb") as nothing:
            sent = socket.send_fds(line, [text], [nothing.fileno(), out.fileno(), wrong.fileno()])  # type: ignore[union-attr]
            line.sendall(text[sent:])
            return Child(line, texts)

    def _line(self) -> socket.socket:
        end = time.monotonic() + DEADLINE
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(str(self._at))
            except (FileNotFoundError, ConnectionRefusedError):
                line.close()
                assert self._process.poll() is None and time.monotonic() < end, self._log.read_text()
                time.sleep(0.01)
            else:
                return line

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


class Mothers:
    """One for each environment that a stack's commands have, begun when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._of: dict[frozenset[tuple[str, str]], Mother] = {}

    def of(self, environment: Mapping[str, str]) -> Mother:
        kept = {name: value for name, value in environment.items() if not name.startswith(NOT_SETTINGS)}
        if kept.get("DATABASE_URL", "") not in ("", "embedded"):
            kept["DATABASE_URL"] = "named"
        key = frozenset(kept.items())
        if key not in self._of:
            self._of[key] = Mother(self._folder, environment)
        return self._of[key]

    def end(self) -> None:
        for one in self._of.values():
            one.end()
        self._of.clear()
