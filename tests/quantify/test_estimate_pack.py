"""From an estimate to a result: a pack takes the lower bound, says where it comes from, and lets it lapse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from tests.engines.conftest import con
from tests.engines.engines import as_json, by_columns, by_one
from tests.quantify.test_estimate_eta import HISTORY, history
from tests.quantify.test_estimate_rate import ASKED, POLICY, SURVEY, Write, answers, write

from abate.quantify import catalogue as catalogues
from abate.quantify import estimate_run, explain
from abate.quantify.catalogue import Catalogue
from abate.quantify.estimate_document import read_document
from abate.quantify.estimate_run import Told
from abate.quantify.estimate_write import document
from abate.quantify.factors import Factor, Setting, resolve
from abate.quantify.one import quantify_one
from abate.quantify.outcome import Outcome
from abate.quantify.reading import MethodError

__all__ = ["con", "write"]
CATALOGUE = catalogues.load()
MEETING = {"meeting_id": "m", "start": "2026-12-15T09:00:00+08:00", "duration_min": "90", "participants": "4",
           "pkm_rail": "2400", "electricity_kwh": "3.2"}  # fmt: skip
READING: dict[str, object] = {
    "project_id": "p", "site_id": "s", "period_start": "2026-01-01", "period_end": "2026-12-31", "origin": "new",
    "in_operation_on": "2026-01-01", "purpose": "estimate", "book_factor_origin": "other",
    "eta_determined_on": "2026-01-01", "pages_read": "2000000", "electricity_mwh": "2", "historical_devices": "0",
}  # fmt: skip
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def written(
        estimate: Path, parameter: str = "online-meeting rate", sha256: str = "", more: str = ""
    ) -> Path:
        digest = sha256 or hashlib.sha256(estimate.read_bytes()).hexdigest()
        method, name = parameter.split()
        path = tmp_path / "pack.yaml"
        path.write_text(
            "pack: mine\nillustration: false\ntitles: {zh: 我的, en: mine}\nfigures:\n"
            f"  - {{method: {method}, parameter: {name}, estimate: {{file: {estimate.name}, sha256: '{digest}'}}}}\n{more}",
            "utf-8",
        )
        return path

    return written


def made(folder: Path, way: str, sample: Path) -> Path:
    estimate = estimate_run.make(way, sample, "survey-2026", ASKED, Told(), POLICY)
    path = folder / f"{way}.yaml"
    path.write_text(document(estimate), "utf-8")
    return path


@pytest.fixture
def rate(tmp_path: Path, write: Write) -> Path:
    return made(tmp_path, "survey", write(SURVEY, answers((40, "yes", "no"), (60, "no", "no"))))


def refusal(path: Path) -> str:
    with pytest.raises(MethodError) as caught:
        CATALOGUE.pack(str(path))
    return str(caught.value)


@pytest.mark.clause("M-2.3.6-1", "M-2.3.6-2")
def test_the_lower_bound_is_what_a_meeting_is_computed_with(rate: Path, pack: Pack) -> None:
    """40 of 100: the exact lower bound is 0.3175, and ER = (85.104 - 1.69792) * 0.3175 kg, floored."""
    setting = Setting(pack=CATALOGUE.pack(str(pack(rate))))
    quantity, explanation = quantify_one(MEETING, "online-meeting", CATALOGUE, setting)
    assert quantity.er_mg == int((Fraction("85.104") - Fraction("1.69792")) * Fraction("0.3175") * 10**6)
    text = explain.render_text(explanation, "en")
    for part in ("survey-2026", "sample of 100 (100 asked)", "one-sided 95 % lower confidence bound 0.3175",
                 "point estimate 0.400000", "review by: 2027-10-31", "M-2.3.6-2", "sha256:"):  # fmt: skip
        assert part in text, part
    assert "单侧 95 % 置信下限 0.3175" in explain.render_text(explanation, "zh")


@pytest.mark.clause("M-2.3.6-2")
def test_an_estimate_past_its_review_date_is_not_taken(
    rate: Path, pack: Pack, con: duckdb.DuckDBPyConnection
) -> None:
    setting = Setting(pack=CATALOGUE.pack(str(pack(rate))))
    texts = [as_json(MEETING | {"start": f"{day}T09:00:00+08:00"}) for day in ("2027-10-31", "2027-11-01")]
    rows, _ = by_columns(con, texts, "online-meeting", CATALOGUE, setting)
    assert rows == [by_one(text, "online-meeting", CATALOGUE, setting) for text in texts]
    _, explanation = quantify_one(
        MEETING | {"start": "2027-11-01T09:00:00+08:00"}, "online-meeting", CATALOGUE, setting
    )
    assert (explanation.outcome, explanation.reason) == ("refused", "factor_past_review:rate")
    assert "2027-10-31" in explanation.why.en and "[M-2.3.6-0, 2.3.6 (R)]" in explanation.why.en
    assert "abate estimate" in explanation.remedy.en
    known = MEETING | {"start": "2027-11-01T09:00:00+08:00", "replacement_rate": "0.3"}
    assert quantify_one(known, "online-meeting", CATALOGUE, setting)[0].outcome is Outcome.COUNTED


@pytest.mark.clause("D-6.6-2")
def test_an_eta_past_its_five_years_refuses_the_year(
    tmp_path: Path, write: Write, pack: Pack, con: duckdb.DuckDBPyConnection
) -> None:
    """History to 2025-12-31, so the review is due by 2030-12-31: the year 2030 still counts, 2031 does not."""
    eta = made(tmp_path, "eta-regression", write(HISTORY, history(0.35)))
    book = "  - {method: digital-reading, parameter: ef_book, factor: se-book-hardcover}\n"
    setting = Setting(pack=CATALOGUE.pack(str(pack(eta, "digital-reading eta", more=book))))
    years = [
        READING
        | {"period_start": f"{y}-01-01", "period_end": f"{y}-12-31", "eta_determined_on": "2025-12-31"}
        for y in (2026, 2030, 2031)
    ]
    found = [quantify_one(year, "digital-reading", CATALOGUE, setting)[0] for year in years]
    assert [q.reason for q in found] == [None, None, "factor_past_review:eta"]
    assert [q.outcome for q in found] == [Outcome.COUNTED, Outcome.COUNTED, Outcome.REFUSED]
    used = read_document(eta).value
    assert found[0].be_mg == int(10_000 * used * Fraction("1.2") * 10**6)
    texts = [as_json(year) for year in years]
    rows, _ = by_columns(con, texts, "digital-reading", CATALOGUE, setting)
    assert rows == [by_one(text, "digital-reading", CATALOGUE, setting) for text in texts]


def test_an_edited_estimate_is_refused(rate: Path, pack: Pack) -> None:
    path = pack(rate)
    rate.write_text(rate.read_text("utf-8").replace("M-2.3.6-2", "M-2.3.6-3"), "utf-8")
    assert "the pack names" in refusal(path)
    assert "do not go together" in refusal(pack(rate))
    rate.unlink()
    assert "is not beside the pack" in refusal(path)


@pytest.mark.parametrize("value", ["0.4", "0.3178", "0.31", "0.5"])
@pytest.mark.clause("M-2.3.6-2")
def test_the_point_estimate_in_the_place_of_the_bound_is_refused(rate: Path, pack: Pack, value: str) -> None:
    rate.write_text(rate.read_text("utf-8").replace('value: "0.3175"', f'value: "{value}"'), "utf-8")
    assert "is not the lower bound" in refusal(pack(rate))


def test_an_estimate_supplies_its_own_parameter_only(rate: Path, pack: Pack) -> None:
    assert "is an estimate of rate" in refusal(pack(rate, "digital-reading eta"))
    assert "is an estimate of rate" in refusal(pack(rate, "walking ef_baseline"))
    assert "exactly one of the three" in refusal(
        _with(pack(rate), "estimate:", "value: '0.9', unit: '1', estimate:")
    )
    assert "bare name" in refusal(_with(pack(rate), "file: ", "file: ../"))


def _with(path: Path, old: str, new: str) -> Path:
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    return path


def test_a_document_is_proved_from_its_sample_and_a_changed_one_is_not(tmp_path: Path, write: Write) -> None:
    sample = write(SURVEY, answers((40, "yes", "no"), (60, "no", "no")))
    path = made(tmp_path, "survey", sample)
    text = path.read_text("utf-8")
    assert estimate_run.differences(read_document(path), text, sample, None, POLICY) == []
    other = text.replace('"0.400000"', '"0.500000"')
    assert estimate_run.differences(read_document(path), other, sample, None, POLICY)
    sample.write_text(sample.read_text("utf-8").replace(",no,no", ",yes,no", 1), "utf-8")
    assert len(estimate_run.differences(read_document(path), text, sample, None, POLICY)) > 3


# -- what is asked for only where it is read, and where it must come from ---------------------------------


@pytest.mark.clause("M-2.3.5-2")
@pytest.mark.parametrize(
    ("region", "day", "factor"),
    [
        (None, date(2026, 12, 15), "cn-pue-2024-national"),
        (None, date(2024, 7, 22), None),
        ("北京", date(2026, 12, 15), "cn-pue-2024-beijing"),
        ("北京", date(2024, 11, 15), "cn-pue-2024-beijing"),
        ("北京", date(2024, 11, 14), "cn-pue-2024-national"),
        ("上海", date(2026, 12, 15), None),
    ],
)
def test_the_pue_limit_follows_region_and_day(region: str | None, day: date, factor: str | None) -> None:
    found = resolve(CATALOGUE.newest("online-meeting"), CATALOGUE.registry, Setting(region=region), day)
    chosen = found.chosen.get("pue_limit")
    assert (chosen.id if chosen else None) == factor
    assert ("pue_limit" in found.lacking) == (
        factor is None
    ) and "pue_limit" not in found.missing + found.absent


def official(catalogue: Catalogue) -> Catalogue:
    """The catalogue with a book factor of the national authority: made up, there is none yet."""
    found = catalogue.registry.factors["se-book-hardcover"]
    made_up: Factor = replace(found, id="made-up-official-book", grade="official-cn", region="CN", family="")
    factors = [*catalogue.registry.factors.values(), made_up]
    return replace(catalogue, registry=catalogue.registry.with_factors(factors, "made up"))


@pytest.mark.clause("D-6.6-3")
def test_what_is_for_issuing_takes_a_book_factor_of_the_national_authority_alone(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    issuing = READING | {"purpose": "issuing", "book_factor_origin": "national_authority"}
    figures = {
        "a factor of another country": "factor: se-book-hardcover",
        "a value typed in": "value: '0.0012', unit: tCO2e/item, source: {document: d, place: p}",
        "an official factor": "factor: made-up-official-book",
    }
    catalogue, outcomes = official(CATALOGUE), {}
    for name, figure in figures.items():
        path = tmp_path / "pack.yaml"
        path.write_text(
            "pack: mine\nillustration: false\ntitles: {zh: 我的, en: mine}\nfigures:\n"
            "  - {method: digital-reading, parameter: eta, value: '0.3', unit: '1', source: {document: d, place: p}}\n"
            f"  - {{method: digital-reading, parameter: ef_book, {figure}}}\n"
            f"  - {{method: digital-reading, parameter: ef_book_issuing, {figure}}}\n",
            "utf-8",
        )
        setting = Setting(pack=catalogue.pack(str(path)))
        texts = [as_json(issuing), as_json(READING)]
        rows, _ = by_columns(con, texts, "digital-reading", catalogue, setting)
        assert rows == [by_one(text, "digital-reading", catalogue, setting) for text in texts]
        quantity, explanation = quantify_one(issuing, "digital-reading", catalogue, setting)
        outcomes[name] = quantity.reason
        if quantity.reason:
            assert "must be official-cn or better" in explanation.why.en
        assert quantify_one(READING, "digital-reading", catalogue, setting)[0].outcome is Outcome.COUNTED
    lacks = "no_figure:ef_book_issuing"
    assert list(outcomes.values()) == [lacks, lacks, None]


@pytest.mark.clause("D-5.3")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"in_operation_on": "2026-01-02"}, "end_before_start:period_start"),
        ({"in_operation_on": None}, "start_unknown:D-5.3"),
        ({"origin": "historical", "in_operation_on": None}, "filing_unknown:D-5.3"),
        ({"origin": "historical", "standard_in_force_on": "2026-01-01", "filed_on": "2026-01-01"}, None),
        ({"origin": "historical", "standard_in_force_on": "2026-01-02", "filed_on": "2025-06-01"},
         "end_before_start:period_start"),
        ({"origin": "historical", "standard_in_force_on": "2025-06-01", "filed_on": "2026-01-02"},
         "end_before_start:period_start"),
        ({"origin": "historical", "standard_in_force_on": "2025-06-01"}, "filing_unknown:D-5.3"),
        ({"crediting_ends_on": "2026-12-31"}, None),
        ({"crediting_ends_on": "2026-12-30"}, "end_before_start:crediting_ends_on"),
    ],
)  # fmt: skip
def test_nothing_is_counted_outside_the_time_boundary(
    changes: dict[str, object], reason: str | None, con: duckdb.DuckDBPyConnection
) -> None:
    setting = Setting(pack=CATALOGUE.pack("demo"))
    record = {k: v for k, v in (READING | changes).items() if v is not None}
    text = as_json(record)
    rows, _ = by_columns(con, [text], "digital-reading", CATALOGUE, setting)
    assert rows == [by_one(text, "digital-reading", CATALOGUE, setting)]
    assert quantify_one(record, "digital-reading", CATALOGUE, setting)[0].reason == reason
