"""The worked cases of every methodology, on the exact engine and on columns: equal outcomes and integers."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import pytest
from tests.engines.engines import as_json, by_columns, by_one

from abate.quantify import catalogue as shipped
from abate.quantify.cases import Case, read_cases
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting


@pytest.mark.parametrize("method", sorted(shipped.load().methods))
def test_cases(method: str, catalogue: Catalogue, con: duckdb.DuckDBPyConnection) -> None:
    by_setting: dict[Setting, list[Case]] = defaultdict(list)
    for case in read_cases(method, catalogue):
        by_setting[case.setting].append(case)
    for setting, cases in by_setting.items():
        texts = [as_json(case.record) for case in cases]
        found, _ = by_columns(con, texts, method, catalogue, setting)
        for case, text, row in zip(cases, texts, found, strict=True):
            assert row == by_one(text, method, catalogue, setting), case.name
            assert row[0] == case.expect["outcome"], case.name
            assert row[2:6] == tuple(case.expect[a] for a in ("be_mg", "pe_mg", "le_mg", "er_mg")), case.name
