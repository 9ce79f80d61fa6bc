"""What a notice is about stands in its title: two of them are never read as the same thing said twice."""

from __future__ import annotations

from collections import Counter

import pytest

from abate.platform.notices.kinds import kinds

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.5")]


def test_each_kind_has_a_title_of_its_own() -> None:
    for language in (0, 1):
        told = Counter(one.title[language] for one in kinds().values())
        assert not [title for title, times in told.items() if times > 1]
