"""Which figure is taken on which day, and why; files that cannot be used are refused."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from abate.quantify import catalogue
from abate.quantify.factors import FactorError, Registry, Setting, admits, resolve, timeline
from abate.quantify.factors_files import COLUMNS, read_factors, read_pack
from abate.quantify.method import Method
from abate.quantify.reading import MethodError

CATALOGUE = catalogue.load()
REGISTRY = CATALOGUE.registry


def meeting() -> Method:
    return CATALOGUE.newest("online-meeting")


def grid(day: date, setting: Setting | None = None) -> str | None:
    chosen = resolve(meeting(), REGISTRY, setting or Setting(), day).chosen
    return chosen["ef_electricity"].id if "ef_electricity" in chosen else None


@pytest.mark.clause("M-2.3.5-3")
@pytest.mark.parametrize(
    ("day", "factor"),
    [
        (date(2023, 1, 1), "cn-guide-electricity-0.5703"),
        (date(2024, 4, 11), "cn-guide-electricity-0.5703"),
        (date(2024, 4, 12), "cn-grid-2021-national"),
        (date(2024, 12, 19), "cn-grid-2021-national"),
        (date(2024, 12, 20), "cn-grid-2022-national"),
        (date(2025, 12, 30), "cn-grid-2022-national"),
        (date(2025, 12, 31), "cn-grid-2023-national"),
        (date(2030, 1, 1), "cn-grid-2023-national"),
    ],
)
def test_the_newest_published_by_the_day(day: date, factor: str) -> None:
    assert grid(day) == factor


@pytest.mark.clause("P-7.3.3.2")
@pytest.mark.parametrize(
    ("region", "day", "factor"),
    [
        ("CN-北京", date(2025, 3, 1), "cn-grid-2022-prov-beijing"),
        ("北京", date(2026, 3, 1), "cn-grid-2023-prov-beijing"),
        ("beijing", date(2024, 6, 1), "cn-grid-2021-national"),
        ("华北", date(2025, 3, 1), "cn-grid-2022-region-north"),
        ("CN", date(2025, 3, 1), "cn-grid-2022-national"),
        (None, date(2025, 3, 1), "cn-grid-2022-national"),
        ("Atlantis", date(2025, 3, 1), None),
    ],
)
def test_a_region_has_its_own_figure_once_one_is_published(
    region: str | None, day: date, factor: str | None
) -> None:
    assert grid(day, Setting(region=region)) == factor


def test_an_unknown_region_is_named_in_the_reason() -> None:
    resolution = resolve(meeting(), REGISTRY, Setting(region="Atlantis"), date(2025, 3, 1))
    assert resolution.absent == ("ef_electricity",)
    assert "Atlantis" in resolution.notes["ef_electricity"].en


def test_a_fallback_to_the_nation_says_so() -> None:
    chosen = resolve(meeting(), REGISTRY, Setting(region="北京"), date(2024, 6, 1)).chosen["ef_electricity"]
    assert "none published yet" in chosen.reason.en


def test_a_fixed_day_of_factors_overrides_the_day_of_the_record() -> None:
    assert grid(date(2026, 3, 1), Setting(on=date(2024, 6, 1))) == "cn-grid-2021-national"


@pytest.mark.parametrize("method_id", list(CATALOGUE.methods))
@pytest.mark.parametrize("region", [None, "北京", "Atlantis"])
def test_the_timeline_is_the_resolution_of_every_day(method_id: str, region: str | None) -> None:
    method, setting = CATALOGUE.newest(method_id), Setting(region=region, pack=CATALOGUE.pack("demo"))
    periods = timeline(method, REGISTRY, setting)
    assert periods[0].start is None
    starts = [p.start for p in periods[1:] if p.start]
    assert starts == sorted(set(starts))
    for start in starts:
        for day in (start - timedelta(1), start, start + timedelta(1)):
            fresh = Registry(REGISTRY.factors.values(), REGISTRY.documents.values(), {"北京": "CN-北京"})
            assert resolve(method, fresh, setting, day) == resolve(method, REGISTRY, setting, day)


@pytest.mark.clause("P-7.3.3.1")
def test_below_the_floor_a_figure_is_needed_and_what_was_found_is_named() -> None:
    walking, day = CATALOGUE.newest("walking"), date(2025, 3, 1)
    resolution = resolve(walking, REGISTRY, Setting(), day)
    assert resolution.missing == ("ef_baseline",)
    assert "uk-2023-bus-average" in resolution.notes["ef_baseline"].en


@pytest.mark.clause("P-7.3.3.1")
def test_of_admitted_candidates_the_conservative_one_is_taken() -> None:
    """Low in the baseline, high in the project."""
    setting, day = Setting(floor="foreign-official"), date(2025, 3, 1)
    chosen = resolve(CATALOGUE.newest("metro"), REGISTRY, setting, day).chosen
    assert chosen["ef_baseline"].id == "uk-2023-bus-average"
    assert chosen["ef_project"].id == "uk-2023-rail-light"
    assert "conservative" in chosen["ef_project"].reason.en


def test_the_guide_s_documents_have_the_grade_of_the_standard_there() -> None:
    chosen = resolve(meeting(), REGISTRY, Setting(), date(2025, 3, 1)).chosen["ef_rail"]
    assert (chosen.grade, chosen.factor and chosen.factor.grade) == ("standard", "foreign-official")


def test_an_illustration_is_marked_and_has_its_own_id() -> None:
    setting = Setting(pack=CATALOGUE.pack("demo"))
    chosen = resolve(CATALOGUE.newest("bus"), REGISTRY, setting, date(2025, 3, 1)).chosen["ef_project"]
    assert chosen.illustration
    assert (chosen.id, chosen.value) == ("pack:demo/bus.ef_project", Fraction("0.10215"))


def test_grades_are_a_ladder() -> None:
    assert admits("standard", "official-cn") and not admits("standard", "literature")


def test_every_factor_says_where_it_is_from_and_how_it_was_seen() -> None:
    assert len(REGISTRY.factors) > 450
    for factor in REGISTRY.factors.values():
        assert factor.source and factor.where_seen and factor.confidence, factor.id
        assert Fraction(factor.value_text) == factor.value


@pytest.mark.parametrize("part", ["co2", "ch4", "n2o"])
def test_the_gas_split_is_kept(part: str) -> None:
    assert REGISTRY.factors[f"uk-2023-bus-average-{part}"].gas == part.upper()


ROW = {
    "id": "x",
    "name_zh": "甲",
    "name_en": "x",
    "value": "0.10",
    "unit": "kgCO2e/km",
    "region": "CN",
    "kind": "emission-factor",
    "grade": "literature",
    "gas": "CO2e",
    "source": "s",
    "where_seen": "w",
    "confidence": "c",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": ""}, "has no source"),
        ({"where_seen": ""}, "has no where_seen"),
        ({"value": "0,1"}, "not a plain decimal"),
        ({"value": "1e-3"}, "not a plain decimal"),
        ({"kind": "guess"}, "kind 'guess' of x is not known"),
        ({"grade": "gold"}, "grade 'gold' of x is not known"),
        ({"unit": "furlong"}, "'furlong' is not in the vocabulary"),
        ({"published": "soon"}, "published 'soon' is not a date"),
    ],
)
def test_a_factor_file_is_read_strictly(change: dict[str, str], words: str) -> None:
    row = {column: (ROW | change).get(column, "") for column in COLUMNS}
    lines = [",".join(COLUMNS), ",".join(f'"{row[c]}"' for c in COLUMNS)]
    with pytest.raises(MethodError, match=words) as refusal:
        list(read_factors("x.csv", lines))
    assert refusal.value.line == 2


def test_other_columns_are_refused() -> None:
    with pytest.raises(MethodError, match="the columns are not those of a factor file"):
        list(read_factors("x.csv", ["id,value", "x,1"]))


SOURCE = "source: {document: a report, place: Table 1}"
PACK = """
pack: mine
titles: {zh: 我的, en: mine}
illustration: false
figures:
  - {method: METHOD, parameter: PARAMETER, VALUE}
"""


@pytest.mark.parametrize(
    ("method", "parameter", "value", "words"),
    [
        ("walking", "ef_baseline", 'value: "0.1", unit: kgCO2e/pkm, SOURCE', None),
        ("walking", "ef_baseline", "factor: uk-2023-coach", None),
        ("walking", "ef_baseline", 'value: "0.1", unit: kgCO2e/pkm', "`source` is missing"),
        ("walking", "ef_baseline", 'value: "0.1", unit: kgCO2e/vkm, SOURCE', "measure different things"),
        ("walking", "ef_baseline", 'value: "2", unit: kgCO2e/pkm, SOURCE', "the figure does not fit"),
        ("walking", "ef_baseline", 'value: "0.1234567", unit: kgCO2e/pkm, SOURCE', "the figure does not fit"),
        ("walking", "ef_baseline", "value: 0.1, unit: kgCO2e/pkm, SOURCE", "not written as text"),
        ("walking", "ef_baseline", "factor: no-such", "is not in the registry"),
        ("walking", "ef_baseline", "factor: cn-efp-2024-national", "measure different things"),
        ("walking", "ef_none", 'value: "0.1", unit: kgCO2e/pkm, SOURCE', "is no parameter"),
        ("walking", "fastest", 'value: "9", unit: km/h, SOURCE', "is not the operator's to set"),
        ("flying", "ef_baseline", 'value: "0.1", unit: kgCO2e/pkm, SOURCE', "is no parameter"),
        ("walking", "ef_baseline", "region: null", "exactly one of the three"),
    ],
)
def test_a_pack_is_read_strictly(
    tmp_path: Path, method: str, parameter: str, value: str, words: str | None
) -> None:
    text = (
        PACK.replace("METHOD", method)
        .replace("PARAMETER", parameter)
        .replace("VALUE", value)
        .replace("SOURCE", SOURCE)
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    if words is None:
        assert not CATALOGUE.pack(str(path)).illustration
        return
    with pytest.raises(MethodError, match=words):
        CATALOGUE.pack(str(path))


def test_a_pack_for_a_region_and_a_time_goes_before_the_one_for_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    figures = "".join(
        f'  - {{method: walking, parameter: ef_baseline, value: "{value}", unit: kgCO2e/pkm, {where}, '
        f"{SOURCE}, note: {{zh: 注, en: note}}}}\n"
        for value, where in (
            ("0.1", "region: null"),
            ("0.2", "region: 上海, from: 2025-01-01, to: 2025-12-31"),
        )
    )
    path.write_text(PACK.partition("  - ")[0] + figures, "utf-8")
    pack = read_pack(path, REGISTRY)
    walking = CATALOGUE.newest("walking")

    def value(region: str | None, day: date) -> Fraction:
        return resolve(walking, REGISTRY, Setting(region=region, pack=pack), day).chosen["ef_baseline"].value

    assert value("上海", date(2025, 1, 1)) == value("shanghai", date(2025, 12, 31)) == Fraction("0.2")
    assert value("上海", date(2026, 1, 1)) == value("北京", date(2025, 6, 1)) == Fraction("0.1")
    assert value(None, date(2025, 6, 1)) == Fraction("0.1")


@pytest.mark.parametrize("wrong", [{"floor": "best"}, {"zone": "Mars/Olympus"}, {"zone": "../../etc/passwd"}])
def test_a_setting_that_does_not_exist_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(FactorError, match="is not known"):
        Setting(**wrong)


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        ("from: 2025-01-01, to: 2025-12-31", "from: 2026-01-01", None),
        ("from: 2025-01-01, to: 2025-12-31", "from: 2025-12-31", "overlap"),
        ("from: 2025-01-01, to: 2025-12-31", "from: 2026-01-02", "leave a gap"),
        ("from: 2025-01-01", "from: 2026-01-01", "overlap"),
        ("region: 上海", "region: 北京", None),
        ("region: 上海", "region: shanghai", "overlap"),
    ],
)
def test_the_dates_of_a_figure_follow_each_other(
    tmp_path: Path, first: str, second: str, fault: str | None
) -> None:
    start = "  - {method: walking, parameter: ef_baseline, factor: uk-2023-coach, "
    rows = "".join(f"{start}{when}}}\n" for when in (first, second))
    path = tmp_path / "mine.yaml"
    path.write_text(PACK.partition("  - ")[0] + rows, "utf-8")
    if fault is None:
        CATALOGUE.pack(str(path))
        return
    with pytest.raises(MethodError, match=f"the dates of walking.ef_baseline.* {fault}"):
        CATALOGUE.pack(str(path))
