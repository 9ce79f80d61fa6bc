"""The plugin of pytest: `pytest -p tests.faults.every_call_plugin --every-call-report FILE ...` (every_call.py).

The report is written after each test, and gone on with where it is there: tests that it tells of are left out, doors that it
tells of are not tried again. So a long run is done in parts, each with `--every-call-minutes`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_RUN, _DONE, _END = pytest.StashKey[Any](), pytest.StashKey[dict[str, Any]](), pytest.StashKey[float]()


def of_program() -> str:
    """A digest of the program: a report is of one, from its beginning to its end."""
    made = sha256()
    for path in sorted((ROOT / "src").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            made.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return made.hexdigest()[:16]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-call-report", help="Where what was tried is written, as JSON, and gone on with."
    )
    parser.addoption(
        "--every-call-only", default="", help="The doors to try, with commas; all where not given."
    )
    parser.addoption(
        "--every-call-faults",
        default="",
        help="How to fail, with commas, or `none`; in every way where not given.",
    )
    parser.addoption(
        "--every-call-minutes", type=float, default=0.0, help="Begin no further test after so many."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    done = set(config.stash[_DONE]["tests"])
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
    items[:] = [item for item in items if item.nodeid not in done]
    for item in items:
        # What a fault takes back must be the request's own transaction, not the test's.
        item.add_marker(pytest.mark.django_db(transaction=True), append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    run, done = item.config.stash[_RUN], item.config.stash[_DONE]
    run.at = item.nodeid
    with run.doors():
        ended = yield
    if ended.excinfo is None:  # type: ignore[attr-defined]
        done["tests"].append(item.nodeid)
    if path := item.config.getoption("--every-call-report"):
        written = Path(f"{path}.new")
        written.write_text(json.dumps(done | {"doors": run.report()}, indent=1, ensure_ascii=False), "utf-8")
        written.replace(path)
    if item.config.stash[_END] and time.monotonic() > item.config.stash[_END]:
        item.session.shouldstop = "the minutes are over: the same command goes on"


def pytest_configure(config: pytest.Config) -> None:
    from tests.faults.every_call import (
        EveryCall,
    )  # lazy: the settings are named by the conftest, which is read by now

    only = {name for name in config.getoption("--every-call-only").split(",") if name}
    faults = config.getoption("--every-call-faults")
    kinds = [] if faults == "none" else faults.split(",")
    run = EveryCall(only, kinds) if faults else EveryCall(only)
    path, minutes = config.getoption("--every-call-report"), config.getoption("--every-call-minutes")
    done: dict[str, Any] = {"program": of_program(), "tests": []}
    if path and Path(path).exists():
        former = json.loads(Path(path).read_text("utf-8"))
        if former["program"] != done["program"]:
            raise pytest.UsageError(f"{path} tells of another program: begin with another report")
        run.go_on(former.pop("doors"))
        done = former
    config.stash[_RUN], config.stash[_DONE] = run, done
    config.stash[_END] = time.monotonic() + 60 * minutes if minutes else 0.0
