"""The evaluator of draws against exact evaluation on every methodology, and its derivatives against exact ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engines.test_equal_rows import SHAPES, as_json, records
from tests.quantify.uncertainty_files import CATALOGUE, SOURCE, lines, stated

from abate.quantify import uncertainty, uncertainty_model
from abate.quantify.cases import Case, read_cases
from abate.quantify.distributions_law import Law
from abate.quantify.evaluation import Evaluation
from abate.quantify.factors import Setting, resolve
from abate.quantify.method import Method
from abate.quantify.one import score
from abate.quantify.outcome import Outcome
from abate.quantify.record import Record, read_record
from abate.quantify.uncertainty_model import quantities

COMPUTED = (Outcome.COUNTED, Outcome.NOT_BELOW_BASELINE)
SOME = {"distribution": "uniform", "as": "relative", "low": "-1", "high": "1"}
QUICK = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def tiers(quick: set[str]) -> list[Any]:
    """All methodologies, those not in `quick` in the larger tier."""
    return [m if m in quick else pytest.param(m, marks=pytest.mark.slow) for m in sorted(CATALOGUE.methods)]


class NoWidth:
    """A law whose every draw is 1: what a statement would be without any width."""

    def ppf(self, u: Any) -> Any:
        return np.ones_like(u)

    def rvs(self, size: Any, random_state: Any) -> Any:
        return np.ones(size)

    def std(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def no_width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "derivatives" not in request.node.name:
        monkeypatch.setattr(uncertainty_model, "law", lambda stated: Law("ratio", NoWidth()))


def exact(record: Mapping[str, object], method_id: str, setting: Setting) -> tuple[Method, Record, Fraction]:
    newest = CATALOGUE.newest(method_id)
    day = read_record(newest, record, setting.zone).day  # type: ignore[union-attr]
    method = CATALOGUE.in_force(method_id, day)
    assert method is not None
    read = read_record(method, record, setting.zone)
    assert isinstance(read, Record)
    resolution = resolve(method, CATALOGUE.registry, setting, read.day)
    evaluation = Evaluation(method, read, resolution.walked_with)
    rule = evaluation.rule()
    return method, read, evaluation.formula(rule.formula if rule else "ER")


def everything(method_id: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """Every input and every parameter that is not fixed, with the same distribution."""
    versions = CATALOGUE.methods[method_id]
    one = {**shape, "source": SOURCE}
    inputs = {n for m in versions for n in quantities(m)}
    free = {p.name for m in versions for p in m.parameters.values()}
    free -= {p.name for m in versions for p in m.parameters.values() if p.low == p.high}
    return {"method": method_id, "inputs": dict.fromkeys(sorted(inputs), one),
            "parameters": dict.fromkeys(sorted(free), one)}  # fmt: skip


def check(folder: Path, method_id: str, setting: Setting, given_: list[Mapping[str, object]]) -> int:
    """Every draw of every record is the exact ER; the number of records that were compared."""
    tables: list[pa.Table] = []
    uncertainty.assess(
        method_id, [lines(folder / "r.jsonl", given_)], CATALOGUE, setting,
        stated(folder, **everything(method_id, SOME)), uncertainty.Request(400, 5), write=tables.append,
    )  # fmt: skip
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    compared = 0
    for record, row in zip(given_, rows, strict=True):
        quantity = score(record, method_id, CATALOGUE, setting)
        assert (row["outcome"], row["er_mg"]) == (quantity.outcome, quantity.er_mg)
        if quantity.outcome not in COMPUTED:
            assert row["mean_mg"] is None
            continue
        compared += 1
        er = float(exact(record, method_id, setting)[2] * 10**6)
        scale = max(abs(x) for x in (er, quantity.be_mg, quantity.pe_mg, quantity.le_mg, 1) if x is not None)
        for name in ("mean_mg", "low_mg", "high_mg"):
            assert row[name] == pytest.approx(er, abs=1e-10 * scale), (name, record)
        assert row["sd_mg"] <= 1e-10 * scale
    return compared


@pytest.mark.clause("M-2.4", "S-7")
@pytest.mark.parametrize("method_id", tiers(SHAPES))
def test_without_uncertainty_every_draw_is_the_exact_value(method_id: str, tmp_path: Path) -> None:
    """All worked cases of all methodologies, the largest group of one setting."""
    groups: dict[Any, list[Case]] = {}
    for case in read_cases(method_id, CATALOGUE):
        if case.expect["outcome"] in COMPUTED:
            key = (
                case.setting.region,
                case.setting.floor,
                case.setting.pack and case.setting.pack.hash,
                case.setting.on,
            )
            groups.setdefault(key, []).append(case)
    best = max(groups.values(), key=len)
    assert check(tmp_path, method_id, best[0].setting, [c.record for c in best]) == len(best)


@pytest.mark.parametrize("method_id", tiers({"online-meeting"}))
@QUICK
@given(data=st.data())
def test_generated_records(method_id: str, tmp_path: Path, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(records(CATALOGUE.newest(method_id)), min_size=10, max_size=20))
    given_ = [json.loads(as_json(r)) for r in drawn]
    check(tmp_path, method_id, Setting(pack=CATALOGUE.pack("demo")), given_)


@pytest.mark.parametrize("method_id", ["carpool", pytest.param("online-meeting", marks=pytest.mark.slow)])
def test_derivatives_are_exact(method_id: str, tmp_path: Path) -> None:
    """Each input moved by an exact millionth of itself: the difference, in fractions, gives the derivative."""
    case = next(c for c in read_cases(method_id, CATALOGUE) if c.expect["outcome"] == Outcome.COUNTED)
    method, read, er = exact(case.record, method_id, case.setting)
    moved = 0
    for name in read.numbers:
        one = {"distribution": "normal", "as": "relative", "sd": "0.0001", "source": SOURCE}
        tables: list[pa.Table] = []
        uncertainty.assess(
            method_id, [lines(tmp_path / "r.jsonl", [case.record])], CATALOGUE, case.setting,
            stated(tmp_path, method=method_id, inputs={name: one}), uncertainty.Request(400), write=tables.append,
        )  # fmt: skip
        resolution = resolve(method, CATALOGUE.registry, case.setting, read.day)
        ends = []
        for step in (Fraction(-1, 10**6), Fraction(1, 10**6)):
            numbers = {**read.numbers, name: read.numbers[name] * (1 + step)}
            evaluation = Evaluation(method, Record(numbers, read.texts, read.times, read.days, read.lists,
                                                   read.derived, read.day), resolution.walked_with)  # fmt: skip
            rule = evaluation.rule()
            ends.append(evaluation.formula(rule.formula if rule else "ER"))
        slope = float((ends[1] - ends[0]) / 2)  # per millionth of the value, which is the standard deviation
        scale = max(abs(float(er)), 1e-6) * 1e-6
        assert tables[0]["first_order_sd_mg"][0].as_py() == pytest.approx(
            abs(slope) * 1e6, rel=1e-6, abs=scale * 1e-3
        )
        moved += slope != 0
    assert moved, "no input of the case has an effect, so nothing was shown"
