"""Advisory locks: one number has one purpose, or who does the one waits for who does the other."""

from __future__ import annotations

import re
from collections import defaultdict

from tests.house.test_imports import ROOT

PURPOSES = {
    1: {"log/sql/sequence.sql"},
    2: {
        "events/sql/claim.sql",
        "together.sql",
        "ledger/sql/post.sql",
        "ledger/sql/erase.sql",
        "credits/sql/caps.sql",
    },
    3: {"ledger/migrations/0002_lots_holds_closes.py", "ledger/sql/close.sql", "credits/sql/caps.sql"},
    4: {"doors/months.py"},
    5: {"log/sql/sequence.sql"},
    7: {"sharing/sql/edition.sql"},
    20: {"review/proposing.py"},
    21: {"review/sql/audit.sql"},
    22: {"config/exchanging.py"},
}
"""Number beside 4912026 -> who takes it: sequencing, batches and erasing, booking days, months, anchors, editions, proposals,
the trail, the master key."""


def test_a_number_has_one_purpose() -> None:
    found = defaultdict(set)
    platform = ROOT / "src" / "abate" / "platform"
    for file in [*platform.rglob("*.py"), *platform.rglob("*.sql")]:
        for number in re.findall(r"\b4912026, (\d+)", file.read_text(encoding="utf-8")):
            found[int(number)].add(file.relative_to(platform).as_posix())
    assert dict(found) == PURPOSES
