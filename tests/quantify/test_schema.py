"""JSON Schema per behaviour: what the engine accepts is valid, what breaks the shape of a record is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from abate.quantify import catalogue
from abate.quantify.cases import Case, read_cases
from abate.quantify.outcome import Outcome
from abate.quantify.record import day_of
from abate.quantify.schema import json_schema

CATALOGUE = catalogue.load()
CASES = [case for method in CATALOGUE.methods for case in read_cases(method, CATALOGUE)]
SHAPE = ("unknown_field", "missing", "wrong_type", "too_many_decimals", "one_of")


@pytest.fixture(scope="module")
def draft() -> Any:
    from jsonschema import Draft202012Validator  # lazy: two seconds of processor time for each worker

    return Draft202012Validator


@pytest.mark.parametrize("method_id", CATALOGUE.methods)
def test_the_schema_itself_is_in_order(draft: Any, method_id: str) -> None:
    draft.check_schema(json_schema(CATALOGUE.newest(method_id)))


@pytest.mark.clause("P-7.3.3.3")
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.method}: {c.name}")
def test_a_case_is_valid_exactly_where_its_shape_is(draft: Any, case: Case) -> None:
    newest = CATALOGUE.newest(case.method)
    day = day_of(newest.activity, case.record, "Asia/Shanghai") if isinstance(case.record, dict) else None
    schema = json_schema((CATALOGUE.in_force(case.method, day) if day else None) or newest)
    errors = list(draft(schema).iter_errors(json.loads(json.dumps(case.record))))
    if case.expect["outcome"] is not Outcome.REFUSED:
        assert errors == []
    elif str(case.expect["reason"]).partition(":")[0] in SHAPE:
        assert errors
