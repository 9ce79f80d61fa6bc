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
    parser.addoption("--every-call-only", default="", help="The doors to try, with commas; all where not given.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # What a fault takes back must be the request's own transaction, not the test's.
        item.add_marker(pytest.mark.django_db(transaction=True), append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with item.config.stash[_RUN].doors():
        yield


def pytest_configure(config: pytest.Config) -> None:
    from tests.faults.every_call import EveryCall  # lazy: the settings are named by the conftest, which is read by now

    only = {name for name in config.getoption("--every-call-only").split(",") if name}
    config.stash[_RUN] = EveryCall(only)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is not None and (path := config.getoption("--every-call-report")):
        Path(path).write_text(json.dumps(run.report(), indent=1, ensure_ascii=False), "utf-8")
