"""Reading by site and year from the raw log of a digital reading platform (6.6.1 of the draft).

One row of the log is one visit: `visit_id`, `site_id`, `at` (RFC 3339 with its offset) and how much was read, in one
of `pages`, `characters` and `seconds`. The sums become `pages_read`, `characters_read` or `hours_read` of a record;
what a book is, stands in the methodology. A row counts once, whole, or the log is refused with its line.

Days without a visit, visits on days without a valid calibration, and days on which a meter of the site's electricity had
none are told beside the sums (7.3.1, 7.3.3). The draft fixes no figure for any of them, so nothing is taken off.
Calibrations are what the operator declares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb

from abate.quantify.columns import connect
from abate.quantify.columns_input import identifier, quoted
from abate.quantify.columns_source import InputError, csv_batches, parquet_relation

MEASURES = ("pages", "characters", "seconds")
MOST = 10_000_000
"""A single visit of more than this is no visit; keeps every sum whole in 128 bits."""


class LogError(ValueError):
    """A log from which nothing is summed: `code`, the row, and what to do."""

    def __init__(self, code: str, where: str, why: str, remedy: str) -> None:
        clause = "D-7.3, 7.3.3" if code == "calibration" else "D-6.6-1, 6.6.1"
        super().__init__(f"{code}: {where}: {why} [{clause}]\n  {remedy}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Gap:
    """Days in a row, both ends counted, on which a site logged no visit."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of a site's electricity and the days in a year, as stretches, on which no calibration of it was valid."""

    meter_id: str
    uncalibrated: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """What was read at a site in a year. `amount` as the field `field` of a record wants it."""

    site_id: str
    year: int
    visits: int
    field: str
    amount: str
    repeated: int
    """Rows that stood in the log again, word for word, and were not counted again."""
    gaps: tuple[Gap, ...]
    """After a visit of this year and before the next of the site; of what is before its first and after its last visit
    a log says nothing (7.3.1)."""
    uncalibrated: tuple[date, ...] | None
    """Days with visits on which no calibration of the site was valid; None where none were declared (7.3.3)."""
    meters: tuple[Meter, ...] | None
    """The site's meters of electricity, which run also on days without a visit: looked at from the site's first to its last
    day of the log, as far as they lie in this year. None where no meters were declared (7.2, 7.3.3)."""


def volumes(
    inputs: Sequence[Path], zone: str, calibrations: Path | None = None, meters: Path | None = None
) -> tuple[Volume, ...]:
    """By site and year of `zone`. Files of one kind: Parquet, CSV; `calibrations` a CSV of `site_id`, `calibrated_on` and
    `valid_until`, the last day; `meters` the same of each meter of electricity, with `meter_id`. Raises InputError and
    LogError.
    """
    con = connect("512MB")
    try:
        _read(con, inputs, zone)
        for code, test, why, remedy in _RULES:
            _refuse(con, "visits", code, test, why, remedy)
        rows = con.execute(_SUMS).fetchall()
        con.execute(_DAYS, [zone])
        gaps = {(site, year): found for site, year, found in con.execute(_GAPS).fetchall()}
        uncalibrated = _uncalibrated(con, calibrations) if calibrations else None
        metered = _metered(con, meters) if meters else None
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise InputError(str(error).splitlines()[0]) from error
    finally:
        con.close()
    return tuple(
        _volume(
            row,
            tuple(Gap(**gap) for gap in gaps.get(row[:2], ())),
            None if uncalibrated is None else tuple(uncalibrated.get(row[:2], ())),
            None if metered is None else tuple(metered.get(row[:2], ())),
        )
        for row in rows
    )


def _read(con: duckdb.DuckDBPyConnection, inputs: Sequence[Path], zone: str) -> None:
    for path in inputs:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
    kinds = {path.suffix.lower() for path in inputs}
    if kinds == {".parquet"}:
        relation = parquet_relation(inputs)
    elif kinds == {".csv"}:
        con.register("abate_visits", csv_batches(inputs))
        relation = "abate_visits"
    else:
        raise InputError("give .csv or .parquet, files of one kind at a time")
    found = [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    absent = [name for name in ("visit_id", "site_id", "at") if name not in found]
    measures = [name for name in MEASURES if name in found]
    if absent or not measures:
        raise InputError(
            f"there is no column {absent[0] if absent else ' or '.join(MEASURES)}; columns: {', '.join(found)}"
        )
    known = {"visit_id", "site_id", "at", *measures, "_bad"}
    strange = [name for name in found if name not in known]
    if strange:
        raise InputError(
            f"column {strange[0]} is not of a log of visits: take it out, readers stay anonymous"
        )
    bad = "_bad" if "_bad" in found else "false"
    given = " + ".join(f"CAST({_text(name)} IS NOT NULL AS INTEGER)" for name in measures)
    parts = ", ".join(f"{_text(name)} AS {name}" for name in measures)
    measure = "CASE " + " ".join(f"WHEN {name} IS NOT NULL THEN {quoted(name)}" for name in measures) + " END"
    amount = "coalesce(" + ", ".join(measures) + ")"
    con.execute(
        f"CREATE TEMP TABLE visits AS WITH texts AS (SELECT {_text('visit_id')} AS visit_id, {_text('site_id')} AS "
        f"site_id, {_text('at')} AS stated, {parts}, {given} AS given, coalesce({bad}, false) AS bad FROM {relation}) "
        f"SELECT *, row_number() OVER () AS line, {measure} AS measure, {amount} AS written, "
        f"TRY_CAST({amount} AS DECIMAL(18, 3)) AS amount, "
        f"TRY_CAST(CASE WHEN regexp_full_match(stated, {quoted(_MOMENT)}) THEN stated END AS TIMESTAMPTZ) AS moment, "
        f"year(timezone({quoted(zone)}, moment)) AS year FROM texts"
    )


_MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)"


def _text(name: str) -> str:
    """As text, empty where nothing stands; a Parquet timestamp prints with its offset."""
    return f"nullif(trim(CAST({identifier(name)} AS VARCHAR)), '')"


_RULES = (
    ("unreadable", "bad", "the row cannot be read", "mend the row"),
    ("missing", "visit_id IS NULL OR site_id IS NULL OR stated IS NULL", "visit, site or moment is empty",
     "a visit is counted with all three"),
    ("moment", "moment IS NULL", "`at` is no moment with its offset", "write it like 2026-03-02T09:30:00+08:00"),
    ("one_measure", "given <> 1", "not exactly one of pages, characters and seconds is given",
     "say how much was read in one way"),
    ("amount", f"amount IS NULL OR amount < 0 OR amount > {MOST} OR TRY_CAST(written AS DECIMAL(38, 9)) <> amount "
               "OR (measure = 'characters' AND amount <> floor(amount))",
     "the amount is no number from 0 to 10,000,000 with at most 3 decimals (characters: whole)", "correct it"),
    ("visit_twice", "visit_id IN (SELECT visit_id FROM (SELECT DISTINCT visit_id, site_id, moment, measure, amount "
                    "FROM visits) GROUP BY visit_id HAVING count(*) > 1)",
     "this visit stands there again with other figures", "one visit is one row; correct or remove the other"),
    ("mixed_measures", "(site_id, year) IN (SELECT (site_id, year) FROM visits GROUP BY site_id, year "
                       "HAVING count(DISTINCT measure) > 1)",
     "pages, characters and seconds of one site and year are mixed",
     "a record is computed from one measure: log the site in one, or split it into two sites"),
)  # fmt: skip
_SUMS = """
SELECT site_id, year, count(*) AS visits, min(measure) AS measure, sum(amount) AS amount, sum(copies - 1) AS repeated
FROM (SELECT visit_id, site_id, year, measure, amount, count(*) AS copies FROM visits GROUP BY ALL)
GROUP BY site_id, year ORDER BY ALL
"""
_DAYS = """
CREATE TEMP TABLE days AS
SELECT DISTINCT site_id, year, CAST(timezone(?, moment) AS DATE) AS day FROM visits
"""
_GAPS = """
SELECT site_id, year, list({'first': day + 1, 'last': next - 1} ORDER BY day)
FROM (SELECT *, lead(day) OVER (PARTITION BY site_id ORDER BY day) AS next FROM days)
WHERE next - day > 1 GROUP BY site_id, year
"""
_UNCALIBRATED = """
SELECT site_id, year, list(day ORDER BY day) FROM days ANTI JOIN calibrations
ON days.site_id = calibrations.site_id AND day BETWEEN calibrated_on AND valid_until GROUP BY site_id, year
"""


_UNMETERED = """
WITH site AS (
    SELECT site_id, year, greatest(min(min(day)) OVER one, make_date(year, 1, 1)) AS first,
        least(max(max(day)) OVER one, make_date(year, 12, 31)) AS last
    FROM days GROUP BY site_id, year WINDOW one AS (PARTITION BY site_id)
), meter AS (SELECT DISTINCT site_id, meter_id FROM meters),
bare AS (
    SELECT *, day - CAST(row_number() OVER (PARTITION BY site_id, year, meter_id ORDER BY day) AS INTEGER) AS run
    FROM (SELECT site_id, year, meter_id, CAST(unnest(generate_series(first, last, INTERVAL 1 DAY)) AS DATE) AS day
          FROM site JOIN meter USING (site_id)) wanted
    ANTI JOIN meters ON wanted.site_id = meters.site_id AND wanted.meter_id = meters.meter_id
        AND day BETWEEN calibrated_on AND valid_until
)
SELECT site_id, year, meter_id, min(day), max(day)
FROM site JOIN meter USING (site_id) LEFT JOIN bare USING (site_id, year, meter_id)
GROUP BY site_id, year, meter_id, run ORDER BY ALL
"""


def _uncalibrated(con: duckdb.DuckDBPyConnection, path: Path) -> dict[tuple[str, int], list[date]]:
    """The days of `days` that no line of `path` covers, by site and year."""
    _declare(con, "calibrations", path, "site_id")
    return {(site, year): days for site, year, days in con.execute(_UNCALIBRATED).fetchall()}


def _metered(con: duckdb.DuckDBPyConnection, path: Path) -> dict[tuple[str, int], list[Meter]]:
    """Each meter of `path`, with the stretches of days that no line of it covers, by site and year."""
    _declare(con, "meters", path, "site_id", "meter_id")
    found: dict[tuple[str, int], list[Meter]] = {}
    for (site, year, meter), rows in groupby(con.execute(_UNMETERED).fetchall(), key=itemgetter(0, 1, 2)):
        gaps = tuple(Gap(first, last) for *_, first, last in rows if first is not None)
        found.setdefault((site, year), []).append(Meter(meter, gaps))
    return found


def _declare(con: duckdb.DuckDBPyConnection, table: str, path: Path, *names: str) -> None:
    """What the operator declares, as `table`: `names`, the day of a calibration and the last day it holds, a line each."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    con.register("declared", csv_batches([path]))
    found = {str(row[0]) for row in con.execute("DESCRIBE SELECT * FROM declared").fetchall()}
    if absent := [name for name in (*names, "calibrated_on", "valid_until") if name not in found]:
        raise InputError(f"{path}: there is no column {absent[0]}")
    texts = ", ".join(f"{_text(name)} AS {name}" for name in names)
    con.execute(
        f"CREATE TEMP TABLE {table} AS SELECT row_number() OVER () AS line, _bad AS bad, {texts}, "
        "TRY_CAST(calibrated_on AS DATE) AS calibrated_on, TRY_CAST(valid_until AS DATE) AS valid_until FROM declared"
    )
    con.unregister("declared")
    empty = " OR ".join(f"{name} IS NULL" for name in names)
    _refuse(
        con,
        table,
        "calibration",
        f"bad OR {empty} OR NOT valid_until >= calibrated_on",
        f"not {' and '.join(names)}, the day of its calibration and the last day it holds",
        "write the days like 2026-03-02, the last not before the first",
    )


def _refuse(con: duckdb.DuckDBPyConnection, table: str, code: str, test: str, why: str, remedy: str) -> None:
    name = "visit_id" if table == "visits" else "site_id"
    row = con.execute(
        f"SELECT line, coalesce({name}, '?') FROM {table} WHERE coalesce({test}, true) ORDER BY line LIMIT 1"
    ).fetchone()
    if row:
        raise LogError(code, f"row {row[0]}, {name.removesuffix('_id')} {row[1]}", why, remedy)


def _volume(
    row: tuple[object, ...],
    gaps: tuple[Gap, ...],
    uncalibrated: tuple[date, ...] | None,
    meters: tuple[Meter, ...] | None,
) -> Volume:
    site, year, visits, measure, amount, repeated = row
    thousandths = int(amount * 1000)  # type: ignore[operator]
    if measure == "pages":
        field, written = "pages_read", _decimal(thousandths // 100, 1)
    elif measure == "characters":
        field, written = "characters_read", str(thousandths // 1000)
    else:
        field, written = "hours_read", _decimal(thousandths // 36_000, 2)
    sums = str(site), int(str(year)), int(str(visits)), field, written, int(str(repeated))
    return Volume(*sums, gaps, uncalibrated, meters)


def _decimal(units: int, decimals: int) -> str:
    """Rounded down to what the record's field takes: never more reading than was logged."""
    return f"{units // 10**decimals}.{units % 10**decimals:0{decimals}d}"
