"""Q of digital reading from the raw log: every visit once, sums exact and never rounded up, bad rows by name."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abate.cli.main import main
from abate.quantify import catalogue
from abate.quantify.columns_source import InputError
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one
from abate.quantify.reading_log import LogError, volumes

ZONE = Setting().zone


def log(folder: Path, *rows: str, head: str = "visit_id,site_id,at,pages,characters,seconds") -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return path


@pytest.mark.clause("D-6.6-1")
def test_visits_are_summed_by_site_and_year_of_the_zone(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        "v1,lib,2026-01-01T00:30:00+08:00,10.5,,",
        "v2,lib,2025-12-31T16:30:00Z,4.55,,",
        "v3,lib,2025-12-31T15:59:59Z,1,,",
        "v4,bus,2026-05-01T00:00:00+08:00,,700,",
        "v5,app,2026-05-01T00:00:00+08:00,,,3600.5",
        "v1,lib,2026-01-01T00:30:00+08:00,10.5,,",
    )
    assert [(v.site_id, v.year, v.visits, v.field, v.amount, v.repeated) for v in volumes([path], ZONE)] == [
        ("app", 2026, 1, "hours_read", "1.00", 0),
        ("bus", 2026, 1, "characters_read", "700", 0),
        ("lib", 2025, 1, "pages_read", "1.0", 0),
        ("lib", 2026, 2, "pages_read", "15.0", 1),
    ]


@pytest.mark.clause("D-6.6-1", "D-3.3")
def test_the_sum_of_a_log_is_what_a_record_computes_with(tmp_path: Path) -> None:
    path = log(tmp_path, *(f"v{n},s-1,2026-03-02T09:00:00+08:00,2000,," for n in range(1000)))
    done = CliRunner().invoke(main, ["reading-log", str(path), "--json"])
    told = json.loads(done.output)
    assert told["pages_read"] == "2000000.0" and told["visits"] == 1000
    shipped = catalogue.load()
    record = {"project_id": "p", "site_id": told["site_id"], "period_start": "2026-01-01", "period_end": "2026-12-31",
              "origin": "new", "in_operation_on": "2026-01-01", "purpose": "estimate", "book_factor_origin": "other",
              "eta_determined_on": "2026-01-01", "electricity_mwh": "2", "historical_devices": "0",
              "pages_read": told["pages_read"]}  # fmt: skip
    quantity, _ = quantify_one(record, "digital-reading", shipped, Setting(pack=shipped.pack("demo")))
    assert quantity.be_mg == 3_600_000_000  # 10,000 books


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(0, 10**10), min_size=1, max_size=30))
def test_hours_are_exact_and_never_rounded_up(tmp_path: Path, amounts: list[int]) -> None:
    rows = [f"v{n},s,2026-03-02T09:00:00Z,,,{a // 1000}.{a % 1000:03d}" for n, a in enumerate(amounts)]
    (found,) = volumes([log(tmp_path, *rows)], ZONE)
    exact = Fraction(sum(amounts), 3_600_000)
    assert Fraction(found.amount) <= exact < Fraction(found.amount) + Fraction(1, 100)


@pytest.mark.clause("D-6.6-1")
@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("v2,s,2026-03-02T09:00:00,1,,", "moment"),
        ("v2,s,yesterday,1,,", "moment"),
        ("v2,s,2026-13-02T09:00:00Z,1,,", "moment"),
        ("v2,,2026-03-02T09:00:00Z,1,,", "missing"),
        ("v2,s,2026-03-02T09:00:00Z,,,", "one_measure"),
        ("v2,s,2026-03-02T09:00:00Z,1,2,", "one_measure"),
        ("v2,s,2026-03-02T09:00:00Z,-1,,", "amount"),
        ("v2,s,2026-03-02T09:00:00Z,many,,", "amount"),
        ("v2,s,2026-03-02T09:00:00Z,1.0005,,", "amount"),
        ("v2,s,2026-03-02T09:00:00Z,10000001,,", "amount"),
        ("v2,t,2026-03-02T09:00:00Z,,1.5,", "amount"),
        ("v1,s,2026-03-02T09:00:00Z,2,,", "visit_twice"),
        ("v2,s,2026-03-02T09:00:00Z,,7,", "mixed_measures"),
        ("v2,s", "unreadable"),
    ],
)
def test_a_bad_row_refuses_the_log_by_name(tmp_path: Path, row: str, code: str) -> None:
    with pytest.raises(LogError, match=r"D-6\.6-1") as caught:
        volumes([log(tmp_path, "v1,s,2026-03-02T09:00:00Z,1,,", row)], ZONE)
    assert caught.value.code == code


def test_a_name_in_the_log_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="anonymous"):
        volumes([log(tmp_path, "v,s,2026-03-02T09:00:00Z,1,x", head="visit_id,site_id,at,pages,phone")], ZONE)
    with pytest.raises(InputError, match="no column site_id"):
        volumes([log(tmp_path, "v,2026-03-02T09:00:00Z,1", head="visit_id,at,pages")], ZONE)
    assert CliRunner().invoke(main, ["reading-log", str(tmp_path / "none.csv")]).exit_code == 1


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    path = log(tmp_path, "v1,s,2026-03-02T09:00:00Z,1.5,,", "v2,s,2026-03-02T10:00:00Z,2,,")
    parquet = tmp_path / "log.parquet"
    duckdb.sql(
        f'copy (select visit_id, site_id, "at"::timestamptz as "at", pages::decimal(9,1) as pages '
        f"from read_csv('{path}')) to '{parquet}'"
    )
    assert volumes([parquet], ZONE) == volumes([path], ZONE)


@pytest.mark.clause("D-7.3")
def test_days_without_a_visit_are_told_with_the_year_before_them(tmp_path: Path) -> None:
    """Days of the zone: the second visit is of the 2nd there; the last gap goes on beyond a year without any."""
    path = log(
        tmp_path,
        "v1,lib,2024-03-01T09:00:00+08:00,1,,",
        "v2,lib,2024-03-01T16:30:00Z,1,,",
        "v3,lib,2024-03-05T09:00:00+08:00,1,,",
        "v4,lib,2026-01-01T09:00:00+08:00,1,,",
        "v5,bus,2024-03-03T09:00:00+08:00,1,,",
    )
    found = {(v.site_id, v.year): [(g.first.isoformat(), g.last.isoformat()) for g in v.gaps]
             for v in volumes([path], ZONE)}  # fmt: skip
    assert found == {
        ("bus", 2024): [],
        ("lib", 2024): [("2024-03-03", "2024-03-04"), ("2024-03-06", "2025-12-31")],
        ("lib", 2026): [],
    }
    told = CliRunner().invoke(main, ["reading-log", str(path)]).output
    assert "无访问 no visit: 2024-03-03 ... 2024-03-04 (2 d)" in told
    assert told.count("no calibration dates declared") == 3


@pytest.mark.clause("D-7.3")
def test_visits_outside_of_every_calibration_are_named_by_their_day(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        *(f"v{day},lib,2026-03-0{day}T23:30:00+08:00,1,," for day in range(1, 6)),
        "w1,bus,2026-03-02T09:00:00+08:00,1,,",
    )
    dates = tmp_path / "calibrations.csv"
    dates.write_text(
        "site_id,calibrated_on,valid_until\nlib,2026-03-02,2026-03-03\nlib,2026-03-05,2027-03-04\n", "utf-8"
    )
    found = {v.site_id: [*map(str, v.uncalibrated or ())] for v in volumes([path], ZONE, dates)}
    assert found == {"bus": ["2026-03-02"], "lib": ["2026-03-01", "2026-03-04"]}
    done = CliRunner().invoke(main, ["reading-log", str(path), "--calibrations", str(dates), "--json"])
    told = [json.loads(line) for line in done.output.splitlines()]
    assert [one["uncalibrated"] for one in told] == [found["bus"], found["lib"]]


@pytest.mark.clause("D-7.3")
@pytest.mark.parametrize(
    "row", ["lib,2026-03-02,2026-03-01", "lib,soon,2026-03-01", "lib,2026-03-01,", ",2026-03-01,2026-03-02"]
)
def test_a_calibration_without_its_days_is_refused(tmp_path: Path, row: str) -> None:
    dates = tmp_path / "calibrations.csv"
    dates.write_text(f"site_id,calibrated_on,valid_until\n{row}\n", "utf-8")
    with pytest.raises(LogError, match=r"7\.3\.3") as refused:
        volumes([log(tmp_path, "v1,lib,2026-03-02T09:00:00Z,1,,")], ZONE, dates)
    assert refused.value.code == "calibration"


METERS = "site_id,meter_id,calibrated_on,valid_until\n"


@pytest.mark.clause("D-7.3")
def test_days_on_which_a_meter_of_electricity_was_not_calibrated_are_told_by_meter(tmp_path: Path) -> None:
    """A meter runs on days without a visit too: all days from the first to the last of the log are looked at, by year."""
    path = log(
        tmp_path,
        "v1,lib,2025-12-30T09:00:00+08:00,1,,",
        "v2,lib,2026-01-10T09:00:00+08:00,1,,",
        "v3,bus,2026-01-02T09:00:00+08:00,1,,",
        "v4,app,2026-01-02T09:00:00+08:00,1,,",
    )
    meters = tmp_path / "meters.csv"
    meters.write_text(
        METERS
        + "lib,east,2025-12-01,2026-01-03\nlib,east,2026-01-06,2026-01-08\nlib,west,2024-01-01,2026-12-31\n"
        + "bus,one,2026-01-03,2027-01-01\n",
        "utf-8",
    )
    found = {
        (v.site_id, v.year): [
            (m.meter_id, [(g.first.isoformat(), g.last.isoformat()) for g in m.uncalibrated])
            for m in v.meters or ()
        ]
        for v in volumes([path], ZONE, meters=meters)
    }
    assert found == {
        ("app", 2026): [],
        ("bus", 2026): [("one", [("2026-01-02", "2026-01-02")])],
        ("lib", 2025): [("east", []), ("west", [])],
        ("lib", 2026): [
            ("east", [("2026-01-04", "2026-01-05"), ("2026-01-09", "2026-01-10")]),
            ("west", []),
        ],
    }
    told = CliRunner().invoke(main, ["reading-log", str(path), "--meters", str(meters)]).output
    assert "电表无有效校准 meter without calibration: east: 2026-01-04 ... 2026-01-05 (2 d)" in told
    assert told.count("no meter of electricity declared") == 1, "of app; the others have theirs"
    done = CliRunner().invoke(main, ["reading-log", str(path), "--meters", str(meters), "--json"])
    last = json.loads(done.output.splitlines()[-1])
    assert last["meters"][0]["uncalibrated"][0] == {"first": "2026-01-04", "last": "2026-01-05"}
    assert {v.meters for v in volumes([path], ZONE)} == {None}


@pytest.mark.clause("D-7.3")
@pytest.mark.parametrize(
    "row",
    [
        "lib,,2026-03-01,2026-03-02",
        "lib,m,2026-03-02,2026-03-01",
        "lib,m,,2026-03-01",
        ",m,2026-03-01,2026-03-02",
    ],
)
def test_a_meter_without_its_site_name_or_days_is_refused(tmp_path: Path, row: str) -> None:
    meters = tmp_path / "meters.csv"
    meters.write_text(f"{METERS}{row}\n", "utf-8")
    with pytest.raises(LogError, match=r"7\.3\.3") as refused:
        volumes([log(tmp_path, "v1,lib,2026-03-02T09:00:00Z,1,,")], ZONE, meters=meters)
    assert refused.value.code == "calibration"
    meters.write_text("site_id,calibrated_on,valid_until\n", "utf-8")
    with pytest.raises(InputError, match="no column meter_id"):
        volumes([log(tmp_path, "v1,lib,2026-03-02T09:00:00Z,1,,")], ZONE, meters=meters)
