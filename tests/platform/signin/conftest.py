from __future__ import annotations

import pytest
from tests.platform.web import city as stage


@pytest.fixture
def city(db: None) -> stage.City:
    return stage.build()
