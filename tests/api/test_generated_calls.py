"""Calls generated from our own OpenAPI document: none ends in a 5xx, none stores a bad row."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from tests.faults.stack import Stack

from abate.client import Client, Key

pytestmark = pytest.mark.platform
CALLS = 500
CALLS_ALL = 100_000


@pytest.fixture
def stack() -> Iterator[Stack]:
    """An installation for each test: what one made, the other would find there."""
    with tempfile.TemporaryDirectory(prefix="aba-") as name:
        running = Stack(Path(name))
        try:
            running.create()
            running.start_server()
            yield running
        finally:
            running.stop()


def drive(stack: Stack, calls: int) -> Counter[int]:
    """Call every operation, valid and invalid alike, with a real token; returns how often each status came."""
    keys = stack.city(3)
    token = Client(stack.origin, "faults", Key(str(keys["client_id"]), str(keys["secret"]))).token()
    schema = schemathesis.openapi.from_url(f"{stack.origin}/v1/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 6
    # One call tells all there is about an operation that takes nothing.
    varied = {op.label for op in operations if list(op.iter_parameters()) or op.body}
    weight = {op.label: 4 if op.label == "POST /v1/events" else int(op.label in varied) for op in operations}
    share = calls / sum(weight.values())
    statuses: Counter[int] = Counter()
    failures: list[str] = []
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _drive_one(
                operation,
                mode,
                int(share * weight[operation.label] / 2) + 1,
                stack.origin,
                token,
                statuses,
                failures,
            )
    assert not failures, "\n".join(failures[:5])
    return statuses


def _drive_one(operation, mode, examples, origin, token, statuses, failures) -> None:  # type: ignore[no-untyped-def]
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception as fault:
        if mode is GenerationMode.NEGATIVE and not list(operation.iter_parameters()) and not operation.body:
            return  # nothing to send, so nothing can be sent wrongly
        raise AssertionError(f"{operation.label}: {fault}") from fault

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def call(case) -> None:  # type: ignore[no-untyped-def]
        answer = case.call(base_url=origin, headers={"Authorization": f"Bearer {token}"})
        statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            failures.append(f"{answer.status_code} {case.as_curl_command()}\n{answer.text[:300]}")

    try:
        call()
    except Unsatisfiable:
        # Where every text is a valid one, no wrong call can be made up; a right one always can.
        assert mode is GenerationMode.NEGATIVE, f"{operation.label}: no call could be made up"


def sound(stack: Stack) -> None:
    result = subprocess.run([sys.executable, "-m", "abate", "reconcile"], env=stack.environment(), capture_output=True,
                            text=True, check=False)  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    with psycopg.connect(stack.url()) as connection:
        bad = connection.execute(
            "select count(*) from carbon_quantity where outcome = 8 and er_mg <= 0"
        ).fetchone()
    assert bad == (0,)


def test_five_hundred_generated_calls_find_no_server_error(stack: Stack) -> None:
    statuses = drive(stack, CALLS)
    assert sum(statuses.values()) >= CALLS * 0.8
    # A run that only ever met one kind of answer would have tried nothing.
    assert {200, 400} <= set(statuses), statuses
    sound(stack)


@pytest.mark.slow
def test_a_hundred_thousand_generated_calls_find_no_server_error(stack: Stack) -> None:
    drive(stack, CALLS_ALL)
    sound(stack)
