"""One city for all tests of a module, where none of them commits: building it takes as long as most tests of it."""

from __future__ import annotations

import copy

import pytest
from tests.platform.web.city import City, build


@pytest.fixture(scope="module")
def built(module_db: None) -> City:
    return build()


@pytest.fixture
def city(built: City, db: None) -> City:
    """As it was built: what a test does to its rows is taken back with them, and what it does to these is done to copies."""
    return copy.deepcopy(built)
