"""docs/explain/grades.md says of each grade of data who is shown it and how long it is kept as the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abate.platform.config import fields
from abate.platform.review.rights import rights

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.4-b")]
PAGE = Path(__file__).resolve().parents[3] / "docs/explain/grades.md"


def told() -> dict[str, tuple[set[str], set[str]]]:
    """Grade -> (roles, ways of keeping) as the page has them."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {grade: (set(re.findall(r"`(\w+)`", a)), set(re.findall(r"`(\w+)`", b))) for grade, a, b in rows}


def test_each_grade_is_told_with_who_is_shown_it_and_how_long_it_is_kept() -> None:
    held = rights()
    kept: dict[str, set[str]] = {label: set() for label in held.labels}
    for table in fields.tables().values():
        for label in table.labels.values():
            kept[label].add(table.keep)
    shown = {
        label: {name for name, role in held.roles.items() if label in role.labels} for label in held.labels
    }
    assert told() == {label: (shown[label], kept[label]) for label in held.labels}
