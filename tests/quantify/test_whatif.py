"""A what-if equals the full run on every row and computes fewer; sets and versions compared on data."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from abate.quantify import catalogue, coefficient, coefficient_document, factors_diff, methods_diff, published
from abate.quantify.columns import quantify_file
from abate.quantify.factors import FactorError, Setting, resolve
from abate.quantify.factors_where import places
from abate.quantify.one import score
from abate.quantify.polynomial import NotPolynomial
from abate.quantify.reading import MethodError, read_method
from abate.quantify.whatif import what_if
from abate.quantify.whatif_change import change

CATALOGUE = catalogue.load()
MEETING = "online-meeting"
START = date(2026, 12, 1)


@pytest.fixture(scope="module")
def meetings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "meetings.parquet"
    duckdb.connect().execute(
        f"""COPY (SELECT 'm' || i AS meeting_id,
        '2025-0' || (1 + i % 6) || '-01T09:00:00+08:00' AS start,
        20 + i % 90 AS duration_min, 1 + i % 7 AS participants, CAST(0.35 AS DECIMAL(6, 4)) AS replacement_rate,
        CAST(i % 3000 AS DECIMAL(10, 3)) AS pkm_flight_domestic,
        CASE WHEN i % 10 = 0 THEN CAST(10 + i % 50 AS DECIMAL(10, 3)) END AS pkm_taxi,
        CAST(3.2 AS DECIMAL(10, 4)) AS electricity_kwh FROM range(4000) t(i)) TO '{path}' (FORMAT parquet)"""
    )
    return path


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [
        ("uk-2023-taxi-regular", "0.2", 400),
        ("ef_taxi", "0.2", 400),
        ("ef_electricity", "0.5", 4000),
        ("small_share", "0.01", 4000),
        ("cn-grid-2023-national", "0.5", 0),
    ],
)
def test_a_what_if_is_the_full_run_on_fewer_rows(
    meetings: Path, tmp_path: Path, name: str, value: str, most: int
) -> None:
    base, quick, full = (tmp_path / f"{n}.parquet" for n in ("base", "quick", "full"))
    quantify_file(MEETING, [meetings], base, CATALOGUE, Setting())
    changed = change(MEETING, CATALOGUE, Setting(), {name: value})
    found = what_if([meetings], base, MEETING, CATALOGUE, Setting(), changed, quick)
    whole = quantify_file(MEETING, [meetings], full, changed.catalogue, changed.setting)
    rows = [duckdb.connect().execute(f"SELECT * FROM '{p}'").fetchall() for p in (quick, full)]
    assert rows[0] == rows[1]
    assert found.after_mg == whole.er_mg and found.recomputed <= most


@pytest.mark.parametrize(
    ("name", "value", "most"), [("ef_taxi", "0.2", 400), ("ef_electricity", "0.5", 4000)]
)
def test_a_what_if_reads_json_lines(meetings: Path, tmp_path: Path, name: str, value: str, most: int) -> None:
    lines, base, quick, full = (
        tmp_path / n for n in ("m.jsonl", "base.parquet", "quick.parquet", "full.parquet")
    )
    duckdb.connect().execute(f"COPY (FROM '{meetings}') TO '{lines}' (FORMAT json)")
    lines.write_text(lines.read_text() + "no record\n")
    quantify_file(MEETING, [lines], base, CATALOGUE, Setting())
    changed = change(MEETING, CATALOGUE, Setting(), {name: value})
    found = what_if([lines], base, MEETING, CATALOGUE, Setting(), changed, quick)
    whole = quantify_file(MEETING, [lines], full, changed.catalogue, changed.setting)
    rows = [duckdb.connect().execute(f"SELECT * FROM '{p}'").fetchall() for p in (quick, full)]
    assert rows[0] == rows[1] and len(rows[0]) == 4001
    assert found.after_mg == whole.er_mg and found.recomputed <= most


def test_a_what_if_outside_the_range_is_refused() -> None:
    with pytest.raises(FactorError, match="does not fit"):
        change(MEETING, CATALOGUE, Setting(), {"ef_taxi": "7"})


def test_two_sets_and_their_effect(meetings: Path) -> None:
    found = factors_diff.diff("uk-2023-air", "uk-2025-air", CATALOGUE.registry)
    changes = {p.key: p.change for p in found.pairs}
    assert min(c for c in changes.values() if c is not None) < -0.4
    assert all(p.superseded for p in found.pairs)
    effect = factors_diff.effect(found, [meetings], MEETING, CATALOGUE, Setting())
    assert effect.after_mg < effect.before_mg and effect.gaining == 0 < effect.losing
    assert effect.before_mg - effect.lost_mg == effect.after_mg
    with pytest.raises(FactorError, match="takes no factor"):
        factors_diff.effect(found, [meetings], "cycling", CATALOGUE, Setting())


def stricter(tmp_path: Path) -> Path:
    text = (CATALOGUE.folder / MEETING / "v1.yaml").read_text("utf-8")
    path = tmp_path / "v2.yaml"
    text = text.replace('value: "30", source', 'value: "60", source').replace('high: "30"', 'high: "60"')
    path.write_text(text.replace("version: 1", "version: 2"), "utf-8")
    return path


def test_two_versions_text_and_who_loses(meetings: Path, tmp_path: Path) -> None:
    one = methods_diff.read_version(f"{MEETING}@1", CATALOGUE)
    two = methods_diff.read_version(str(stricter(tmp_path)), CATALOGUE)
    assert {(c.section, c.name) for c in methods_diff.diff(one, two)} == {("parameters", "shortest")}
    effect = methods_diff.effect(one, two, [meetings], CATALOGUE, Setting())
    assert any(b == "counted" and a == "not_counted" and n for b, a, n, _ in effect.transitions)
    assert effect.gaining == 0 < effect.losing


def test_an_edit_of_a_published_version_is_refused(tmp_path: Path) -> None:
    method = CATALOGUE.newest("cycling")
    frozen = {("cycling", method.version): "0" * 64}
    error = published.edited(method, frozen)
    assert isinstance(error, MethodError) and f"v{method.version + 1}.yaml" in error.remedy
    assert published.edited(method, {("cycling", method.version): method.hash}) is None


def test_no_published_version_was_edited() -> None:
    assert published.check(CATALOGUE.folder, CATALOGUE.methods) == []


@pytest.mark.clause("P-7.3.2-4")
def test_formula_4_agrees_with_1_to_3(tmp_path: Path) -> None:
    setting = Setting(pack=CATALOGUE.pack("demo"))
    found = coefficient.derive(CATALOGUE.newest("cycling"), CATALOGUE.registry, setting, {}, START)
    path = tmp_path / "v2.yaml"
    path.write_text(
        coefficient_document.document(found, CATALOGUE.folder / "cycling" / "v1.yaml", 2), "utf-8"
    )
    derived = read_method(path, CATALOGUE.registry)
    assert coefficient.agree(found, derived) > 100
    assert found.quantity == "distance_km" and found.illustration and not found.own
    assert derived.formulas["ER"].text == "coef * distance_km"


@pytest.mark.clause("P-7.3.2-4")
def test_what_is_not_proportional_is_refused() -> None:
    with pytest.raises(NotPolynomial, match="fix"):
        coefficient.derive(CATALOGUE.newest("saving-electricity"), CATALOGUE.registry,
                           Setting(pack=CATALOGUE.pack("demo")), {}, START)  # fmt: skip


@pytest.mark.clause("M-2.3.4")
def test_the_operators_own_travel_factor_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(
        "pack: own\ntitles: {zh: 自有, en: own}\nillustration: false\nfigures:\n  - method: online-meeting\n"
        '    parameter: ef_taxi\n    value: "0.1"\n    unit: kgCO2e/pkm\n    source: {document: d, place: p}\n',
        "utf-8",
    )
    setting = Setting(pack=CATALOGUE.pack(str(path)))
    chosen = resolve(CATALOGUE.newest(MEETING), CATALOGUE.registry, setting, START).chosen["ef_taxi"]
    assert (chosen.grade, chosen.id) == ("operator", "pack:own/online-meeting.ef_taxi")


def test_a_factor_past_its_review_date_is_refused_where_the_methodology_says_so(tmp_path: Path) -> None:
    text = (CATALOGUE.folder / MEETING / "v1.yaml").read_text("utf-8")
    path = tmp_path / "v1.yaml"
    path.write_text(text.replace("own_values: true, factor", "past_review: refuse, factor"), "utf-8")
    method = read_method(path, CATALOGUE.registry)
    strict = catalogue.Catalogue({MEETING: (method,)}, CATALOGUE.registry, {}, CATALOGUE.folder)
    record = {"meeting_id": "1", "duration_min": 60, "participants": 3, "replacement_rate": "0.5",
              "pkm_rail": 10, "electricity_kwh": "0.1"}  # fmt: skip
    after = score(record | {"start": "2024-07-01T09:00:00+08:00"}, MEETING, strict, Setting())
    assert after.reason == "factor_past_review:ef_flight_domestic"
    before = score(record | {"start": "2024-06-30T09:00:00+08:00"}, MEETING, strict, Setting())
    assert before.outcome == "counted"


def test_where_a_number_comes_from() -> None:
    (found,) = places("uk-2023-air-dom-avg-norf", CATALOGUE)
    assert "DESNZ" in found.document and "Flights" in found.place
    assert f"{MEETING}.ef_flight_domestic" in found.taken_by
    assert places("0.16099", CATALOGUE)[0].id == found.id
