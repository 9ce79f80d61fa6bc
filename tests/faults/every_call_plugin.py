"""The plugin of pytest: `pytest -p tests.faults.every_call_plugin --every-call-report FILE ...` (every_call.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_RUN = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-call-report", help="Where to write what was tried, as JSON.")
    parser.addoption(
        "--every-call-only", default="", help="The doors to try, with commas; all where not given."
    )
    parser.addoption(
        "--every-call-faults", default="", help="How to fail, with commas; in every way where not given."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # What a fault takes back must be the request's own transaction, not the test's.
        item.add_marker(pytest.mark.django_db(transaction=True), append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    run = item.config.stash[_RUN]
    with run.doors():
        yield
    if path := item.config.getoption("--every-call-report"):
        # After each test: a long run is read while it goes on.
        Path(path).write_text(json.dumps(run.report(), indent=1, ensure_ascii=False), "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    from tests.faults.every_call import (
        EveryCall,
    )  # lazy: the settings are named by the conftest, which is read by now

    only = {name for name in config.getoption("--every-call-only").split(",") if name}
    faults = config.getoption("--every-call-faults")
    config.stash[_RUN] = EveryCall(only, faults.split(",")) if faults else EveryCall(only)
