"""The marks of sources of public data, beside a person's entries: they go wherever the data goes. (P-8.5-d)"""

from __future__ import annotations

from collections.abc import Iterable

from abate.bookkeeping.kinds import Kind
from abate.platform.events import sources
from abate.platform.ledger.queries import EntryRow

USES = {
    "quantify": ("核算", "quantifying"),
    "credit": ("积分", "credits"),
    "statistics": ("统计", "statistics"),
    "members": ("单位成员合计", "sums of members"),
    "people": ("经本人同意提供", "told with the person's consent"),
    "verification": ("核验", "verification"),
}
"""What a source may be used for (events/sources.py), in words."""
PURPOSES = {
    "statistics": ("统计", "statistics"),
    "supervision": ("监督管理", "supervision"),
    "research": ("研究", "research"),
    "service": ("公共服务", "public service"),
}
"""The kinds of purpose of a request for data, in words."""


def of_entries(rows: Iterable[EntryRow]) -> dict[int, dict[str, object]]:
    """By entry the mark of the data that it was awarded for; entries of other kinds name the award or hold no data."""
    awards = {
        row.id: (row.cause_party, row.cause)
        for row in rows
        if row.kind == Kind.AWARD and row.cause_party is not None
    }
    found = sources.marks(awards.values())
    return {entry: found[event] for entry, event in awards.items() if event in found}
