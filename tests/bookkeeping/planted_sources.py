"""Marks of sources for receipts: what the command and the page take alike, and what both refuse."""

from __future__ import annotations

SOURCE: dict[str, object] = {
    "source": "city/metro", "version": 1, "mark": "市政交通 shared conditionally", "level": 2, "uses": ["quantify", "credit"],
    "shared_with": ["*"], "retention_days": 365, "valid_from": "2026-01-01", "valid_until": "2026-12-31",
    "use_until": "2027-06-01",
}  # fmt: skip
RIGHT: list[dict[str, object]] = [
    SOURCE,
    SOURCE | {"shared_with": [], "level": 0, "valid_from": "2024-02-29"},
    SOURCE | {"mark": "é" * 200, "version": 2**31 - 1},
]
WRONG: list[object] = [
    *(
        SOURCE | {name: text}
        for name in ("source", "mark", "use_until")
        for text in ("", "x\npass  signature   forged", "x\x1b[2K", "x\u202ey", "x\u2028y", "x\u00a0y", "x" * 201, 1, None)
    ),
    *(SOURCE | {"uses": value} for value in (["quantify\n"], [1], ["x"] * 1_001, "quantify", {}, [""], [["a"]])),
    *(SOURCE | {"level": value} for value in (-1, 1.5, True, "2", 2**31, None)),
    *(
        SOURCE | {"valid_from": day}
        for day in ("20260101", "2026-02-30", "0000-01-01", "2026-1-1", "2026-W01-1", "2026-01-01T00:00", ["2026-01-01"])
    ),
    SOURCE | {"more": "x"},
    {name: value for name, value in SOURCE.items() if name != "shared_with"},
    *([], "text", 5, None),
]  # fmt: skip
