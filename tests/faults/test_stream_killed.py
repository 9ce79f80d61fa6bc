"""kill -9 of `abate consume` under load: what a device published is booked once, whatever was in hand."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import psycopg
import pytest
from tests.faults.children import Child
from tests.faults.load import Partner
from tests.faults.stack import PROGRAM, Stack, until
from tests.faults.test_kill import reconciled
from tests.platform.streams import brokers

pytestmark = pytest.mark.platform
EVENTS = 300


def consuming(stack: Stack, running: brokers.Mosquitto, *options: str) -> Child:
    words = ["consume", "--party", "faults", "--topic", running.topic, "--batch", "20", *options]
    return stack.begin(*PROGRAM, *words, ABATE_BROKER=running.address)


def booked(stack: Stack) -> int:
    with psycopg.connect(stack.url()) as connection:
        row = connection.execute("select count(*) from carbon_quantity").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.clause("P-7.3.3.3-a")
def test_a_killed_consumer_loses_and_doubles_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="abq-") as name, brokers.mosquitto(Path(name)) as running:
        stack = Stack(Path(name))
        try:
            stack.create()
            stack.begin_server()
            keys = stack.city(5)
            stack.await_server()
            partner = Partner(stack.origin, "", "", list(keys["subjects"]))  # type: ignore[call-overload]
            # From its first visit on the broker keeps what comes while nobody takes it.
            assert consuming(stack, running, "--until-empty").wait(120) == 0
            running.publish([(json.dumps(event).encode(), {}) for event in partner.batch(EVENTS)])
            first = consuming(stack, running)
            for least in (1, EVENTS // 3):
                until(f"{least} booked", lambda least=least: booked(stack) >= least)  # type: ignore[misc]
                first.kill()
                first.wait()
                assert booked(stack) < EVENTS
                first = consuming(stack, running)
            until("all of them", lambda: booked(stack) == EVENTS)
            first.terminate()
            told, _ = first.communicate(timeout=60)
            assert first.returncode == 0 and "credited" in told
            last = consuming(stack, running, "--until-empty", "--json")
            told, _ = last.communicate(timeout=120)
            assert json.loads(told)["events"] == 0
            check = reconciled(stack)
            assert check.returncode == 0, check.stdout + check.stderr
        finally:
            stack.stop()
