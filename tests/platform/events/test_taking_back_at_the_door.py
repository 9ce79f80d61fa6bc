"""Withdrawals and corrections as partners send them: over HTTP, and in files of every kind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.platform.events.test_intake import post, token
from tests.platform.events.test_intake import world as world
from tests.platform.pipeline.test_withdrawals import correction, withdrawal
from tests.platform.pipeline.world import World, differences

from abate.cli.load import load

pytestmark = [pytest.mark.platform]


def test_over_http_the_answer_says_what_was_undone(world: World) -> None:
    bearer = token(world)
    sent = [
        world.meeting("m"),
        world.ride("r"),
        withdrawal(world, "w", "m"),
        correction(world.ride("c", km=1), "r"),
        withdrawal(world, "x", "never"),
    ]
    answer = post(sent, bearer, accept_language="en")
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["outcome"] for one in results] == [
        "credited", "credited", "withdrawn", "credited", "refused",
    ]  # fmt: skip
    # 3,084,219 mg of all three less 2,712,694 are 371,525: of 3084 credits 371 stay.
    assert (results[2]["er_mg"], results[2]["credits"]) == (-2_712_694, -2713) and results[2]["entry"]
    assert results[3]["undone"] and results[4]["reason"] == "event_unknown:event" and results[4]["remedy"]
    again = post(sent, bearer).json()["results"]
    assert [one["outcome"] for one in again] == ["exists"] * 4 + ["refused"]
    assert again[0]["withdrawn_by"] == "w" and again[1]["withdrawn_by"] == "c"
    assert again[2]["stored"] == "withdrawn" and again[2]["entry"] == results[2]["entry"]
    assert differences() == {}


def write(world: World, path: Path) -> None:
    """One event taken back, one corrected, and one withdrawal that is refused, on the third line of events."""
    events = [
        withdrawal(world, "w", "a"),
        correction(world.ride("c", km=1), "b"),
        withdrawal(world, "x", "never"),
    ]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
        return
    rows = [{name: one[name] for name in one if name != "data"} | one["data"] for one in events]
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, dict.fromkeys(name for row in rows for name in row))
        out.writeheader()
        out.writerows(rows)


@pytest.mark.parametrize("name", ["back.jsonl", "back.csv"])
def test_a_file_takes_back_and_corrects_once(world: World, tmp_path: Path, name: str) -> None:
    world.send(world.ride("a"), world.ride("b"))
    path = tmp_path / name
    write(world, path)
    assert load(path, world.sender.code, 2) == {"withdrawn": 1, "credited": 1, "refused": 1}
    (bad,) = [json.loads(line) for line in (tmp_path / f"{name}.errors.jsonl").read_text().splitlines()]
    assert (bad["id"], bad["reason"], bad["line"]) == ("x", "event_unknown:event", 4 if "csv" in name else 3)
    before = world.totals()
    assert load(path, world.sender.code, 50) == {"exists": 2, "refused": 1}
    assert world.totals() == before and before[0][0] > 0 and differences() == {}
