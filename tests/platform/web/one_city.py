"""One city for all tests of a module, where none of them commits: building it takes as long as most tests of it.

Where every call is made to fail (tests/faults/every_call_plugin.py) each test commits, and has a city of its own: what a
fault takes back must be the request's own transaction. Which it is stands in the fixtures' names, by which pytest-django
puts the tests that commit behind the others.
"""

from __future__ import annotations

import copy
import sys

import pytest
from tests.platform.web.city import City, build

EACH_COMMITS = "tests.faults.every_call_plugin" in sys.modules


@pytest.fixture(scope="module")
def built(module_db: None) -> City:
    return build()


if EACH_COMMITS:

    @pytest.fixture
    def city(transactional_db: None) -> City:
        return build()

else:

    @pytest.fixture
    def city(built: City, db: None) -> City:
        """As it was built: what a test does to its rows is taken back with them, and what it does to these is done to copies."""
        return copy.deepcopy(built)
