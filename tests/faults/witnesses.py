"""Real witness processes, spoken to over real HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from abate.bookkeeping import cosignature
from abate.bookkeeping.cosignature import Witness


@dataclass
class Running:
    """One process of a witness; two may share a folder."""

    folder: Path
    process: subprocess.Popen[str]
    address: str

    @property
    def witness(self) -> Witness:
        return cosignature.read_witness((self.folder / "witness.pub").read_text())

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
        """(status, content type, body) of an answer."""
        request = urllib.request.Request(self.address + path, body)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["Content-Type"], refused.read().decode()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "abate", "witness", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def make(folder: Path, name: str, *log_keys: str) -> None:
    made = run("init", folder, "--name", name)
    assert made.returncode == 0, made.stderr
    for number, key in enumerate(log_keys):
        file = folder / f"given-{number}.pub"
        file.write_text(key)
        assert run("trust", folder, file).returncode == 0


def start(folder: Path, bind: str = "127.0.0.1:0") -> Running:
    command = [sys.executable, "-m", "abate", "witness", "serve", str(folder), "--bind", bind, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    # One line comes when it listens; nothing to wait for beyond it.
    return Running(folder, process, json.loads(process.stdout.readline())["address"])
