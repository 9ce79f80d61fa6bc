"""What a change does to recorded data: the same records computed twice, compared row by row.

Both runs go through the columns engine and keep the order of the input, so row k of one belongs to row k
of the
other. ER counts where the outcome is `counted`; every other outcome is zero for the sums of gains and losses.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import connect, quantify_file
from abate.quantify.columns_input import quoted
from abate.quantify.factors import Setting


@dataclass(frozen=True, slots=True)
class Side:
    """One way to compute the records."""

    method: str
    catalogue: Catalogue
    setting: Setting


@dataclass(frozen=True, slots=True)
class Example:
    """One record that changed: its key, and ER and outcome on both sides."""

    key: tuple[str, ...]
    before_mg: int | None
    after_mg: int | None
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Totals in milligrams over counted rows; `transitions` are (outcome before, after, rows, change)."""

    rows: int
    before_mg: int
    after_mg: int
    gaining: int
    gained_mg: int
    losing: int
    lost_mg: int
    transitions: tuple[tuple[str, str, int, int], ...]
    factors_before: tuple[str, ...]
    factors_after: tuple[str, ...]
    most_gained: tuple[Example, ...]
    most_lost: tuple[Example, ...]

    @property
    def change_mg(self) -> int:
        return self.after_mg - self.before_mg


def compare(data: Sequence[Path], before: Side, after: Side, examples: int = 5) -> Effect:
    """Compute `data` on both sides and compare. Raises InputError, NotColumnar and KeyError."""
    with tempfile.TemporaryDirectory(prefix="abate-compare-") as folder:
        files = (Path(folder) / "before.parquet", Path(folder) / "after.parquet")
        for side, file in zip((before, after), files, strict=True):
            quantify_file(side.method, data, file, side.catalogue, side.setting)
        keys = before.catalogue.newest(before.method).activity.key
        return _effect(files, keys, examples)


def _effect(files: tuple[Path, Path], keys: Sequence[str], examples: int) -> Effect:
    con = connect()
    try:
        shown = ", ".join(f'b."{key}" AS "k_{key}"' for key in keys)
        columns = ", ".join(
            f"{side}.outcome AS {side}_outcome, {side}.er_mg AS {side}_er, {side}.factors AS {side}_factors, "
            f"CASE WHEN {side}.outcome = 'counted' THEN CAST({side}.er_mg AS HUGEINT) ELSE 0 END AS {side}_mg"
            for side in ("b", "a")
        )
        con.execute(
            f"CREATE VIEW both_sides AS SELECT {shown}, {columns} "
            f"FROM read_parquet({quoted(str(files[0]))}) b "
            f"POSITIONAL JOIN read_parquet({quoted(str(files[1]))}) a"
        )
        totals = con.execute(
            "SELECT count(*), sum(b_mg), sum(a_mg), count(*) FILTER (a_mg > b_mg), "
            "sum(a_mg - b_mg) FILTER (a_mg > b_mg), count(*) FILTER (a_mg < b_mg), "
            "sum(b_mg - a_mg) FILTER (a_mg < b_mg) FROM both_sides"
        ).fetchone()
        transitions = con.execute(
            "SELECT b_outcome, a_outcome, count(*), sum(a_mg - b_mg) FROM both_sides "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        names = ", ".join(f'"k_{key}"' for key in keys)
        found = {}
        for order in ("DESC", "ASC"):
            where = "a_mg > b_mg" if order == "DESC" else "a_mg < b_mg"
            found[order] = con.execute(
                f"SELECT {names}, b_er, a_er, b_outcome, a_outcome FROM both_sides WHERE {where} "
                f"ORDER BY a_mg - b_mg {order}, {names} LIMIT {int(examples)}"
            ).fetchall()
        used = [_factors(con, f"{side}_factors") for side in ("b", "a")]
    finally:
        con.close()
    rows, before, after, gaining, gained, losing, lost = (int(value or 0) for value in totals or ())
    return Effect(
        rows=rows,
        before_mg=before,
        after_mg=after,
        gaining=gaining,
        gained_mg=gained,
        losing=losing,
        lost_mg=lost,
        transitions=tuple((b, a, int(n), int(change)) for b, a, n, change in transitions),
        factors_before=used[0],
        factors_after=used[1],
        most_gained=tuple(_example(row, len(keys)) for row in found["DESC"]),
        most_lost=tuple(_example(row, len(keys)) for row in found["ASC"]),
    )


def _factors(con: object, column: str) -> tuple[str, ...]:
    rows = con.execute(f"SELECT DISTINCT {column} FROM both_sides").fetchall()  # type: ignore[attr-defined]
    return tuple(sorted({part for (text,) in rows for part in (text or "").split(";") if part}))


def _example(row: tuple[object, ...], keys: int) -> Example:
    before, after, was, now = row[keys:]
    return Example(
        tuple(str(value) for value in row[:keys]),
        None if before is None else int(str(before)),
        None if after is None else int(str(after)),
        str(was),
        str(now),
    )
