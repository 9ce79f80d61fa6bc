"""One city for all tests of a module, where none of them commits: building it takes as long as most tests of it."""

from __future__ import annotations

import copy

import pytest
from tests.platform.web.city import City, build


@pytest.fixture(scope="module")
def built(module_db: None) -> City:
    return build()


@pytest.fixture
def city(request: pytest.FixtureRequest) -> City:
    """As it was built: what a test does to its rows is taken back with them, and what it does to these is done to copies.

    Where every call is made to fail (tests/faults/every_call_plugin.py) each test commits, and has a city of its own: what a
    fault takes back must be the request's own transaction.
    """
    if request.config.pluginmanager.has_plugin("tests.faults.every_call_plugin"):
        request.getfixturevalue("transactional_db")
        return build()
    shared = request.getfixturevalue("built")
    request.getfixturevalue("db")
    return copy.deepcopy(shared)
