"""Run as a program in a stack's environment: it imports the platform once, and forks a child for each command asked of it.

A child is the process that `python ARGUMENTS` would be, begun without two seconds of imports. One thing differs: all children of
one mother have its seed of hashes, so the order of a set is the same in all of them. No process can change that after its
start; each stack begins its own mothers, so over a run of stacks the orders differ as those of processes do. What a child draws
differs: CPython seeds `random` anew after a fork; the product's keys, salts and ids come from the kernel (`secrets`, `uuid4`).

A child is asked for on a Unix socket, by one line of JSON {"arguments", "environment", "folder"} with the child's three files;
answered are its pid and, once it has ended, how it ended, as `subprocess.Popen` tells it (children.py). Whoever began this ends
it by closing its input.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def prepare() -> None:
    """What every command of the platform imports, and the methodologies that are shipped; nothing is connected yet."""
    # All of it stays: no look for garbage until it is there.
    gc.disable()
    from abate.platform.config import setup

    setup.environment(Path(os.environ["ABATE_DATA_DIR"]), begin=True)
    import django
    from django.db.migrations.loader import MigrationLoader

    from abate.quantify import catalogue

    django.setup()
    MigrationLoader(None)
    catalogue.load()
    gc.freeze()
    gc.enable()


def prepare_to_serve() -> None:
    gc.disable()
    import uvicorn  # noqa: F401
    from django.urls import get_resolver

    import abate.cli.serve
    import abate.platform.config.asgi  # noqa: F401

    assert get_resolver().url_patterns
    gc.freeze()
    gc.enable()


def asked(listener: socket.socket) -> list[str]:
    """Forks for whoever asks, and returns in the child alone, with its arguments. Ends the mother with her input."""
    # Whoever attends a child ends by itself, and nobody waits for it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            sys.exit()
        line, _ = listener.accept()
        text, files, _, _ = socket.recv_fds(line, 1 << 16, 3)
        while not text.endswith(b"\n"):
            text += line.recv(1 << 16)
        wanted = json.loads(text)
        if wanted["arguments"][-1] == "serve":
            prepare_to_serve()
        if os.fork() == 0:
            listener.close()
            return _attended(line, wanted, files)
        line.close()
        for file in files:
            os.close(file)


def _attended(line: socket.socket, wanted: dict[str, Any], files: list[int]) -> list[str]:
    """Forks the child, in which it returns; tells its pid, waits for its end, and tells that."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for file in (0, *files):
            os.close(file)
        line.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    line.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    _turn_to_its_database()
    os.chdir(wanted["folder"])
    return list(wanted["arguments"])


def _turn_to_its_database() -> None:
    """The settings are those that the mother read, but for the server's login and its database, where an address names them."""
    from django.conf import settings

    from abate.platform.doors import database

    named = os.environ.get("DATABASE_URL", "")
    if named not in ("", database.EMBEDDED) and not settings.ABATE_SANDBOX:
        settings.DATABASES["default"].update(database.settings(named, os.environ.get("ABATE_DB_ROLE", "")))


def become(arguments: list[str]) -> None:
    """What `python ARGUMENTS` does: a module (-m), a text (-c), or a file."""
    if arguments[0] == "-m":
        sys.argv, sys.path[0] = arguments[1:], os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *arguments[2:]], ""
        exec(arguments[1], {"__name__": "__main__"})  # noqa: S102 (the test's own text, as `python -c` would run it)
    else:
        sys.argv, sys.path[0] = arguments, os.path.dirname(arguments[0])
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    prepare()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(sys.argv[1])
        door.listen(64)
        given = asked(door)
    become(given)
