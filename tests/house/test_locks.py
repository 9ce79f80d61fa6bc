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
    23: {"config/setup.py"},
}
"""Number beside 4912026 -> who takes it: sequencing, batches and erasing, booking days, months, anchors, editions, proposals,
the trail, the master key, preparing."""


def test_a_number_has_one_purpose() -> None:
    found = defaultdict(set)
    platform = ROOT / "src" / "abate" / "platform"
    for file in [*platform.rglob("*.py"), *platform.rglob("*.sql")]:
        for number in re.findall(r"\b4912026, (\d+)", file.read_text(encoding="utf-8")):
            found[int(number)].add(file.relative_to(platform).as_posix())
    assert dict(found) == PURPOSES


_BESIDE = re.compile(r"advisory\w*\((\d{7})\b|\b_LOCK = (\d[\d_]{6,})$", re.MULTILINE)
_BY_DIGEST = re.compile(r"advisory\w*\(%s\)\"?, \[int\.from_bytes\(")
_ROW = re.compile(r"^\| (?:`([\d, ]+)`|(a digest)) \| .+ \| (.+) \|$", re.MULTILINE)


def test_the_page_lists_every_lock_and_who_takes_it() -> None:
    found = defaultdict(set)
    platform = ROOT / "src" / "abate" / "platform"
    for file in [*platform.rglob("*.py"), *platform.rglob("*.sql")]:
        text, room = file.read_text(encoding="utf-8"), file.relative_to(platform).parts[0]
        numbers = {"4912026, " + one for one in re.findall(r"\b4912026, (\d+)", text)}
        numbers |= {(a or b).replace("_", "") for a, b in _BESIDE.findall(text)} - {"4912026"}
        numbers |= {"a digest"} if _BY_DIGEST.search(" ".join(text.split())) else set()
        unknown = "advisory" in text and "_lock" in text and not numbers
        assert not unknown or "%(lock)s" in text, f"{room}/{file.name} takes a lock of no number"
        for number in numbers:
            found[number].add(room)
    page = (ROOT / "docs" / "explain" / "locking.md").read_text(encoding="utf-8")
    told = [
        (number or digest, set(re.findall("`([^`]+)`", rooms)))
        for number, digest, rooms in _ROW.findall(page)
    ]
    assert dict(told) == dict(found) and len(told) == len(found)
