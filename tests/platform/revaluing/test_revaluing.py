"""A replaced figure: the effect shown is what is booked, the books stay even, and each event has one present quantity."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection
from tests.platform.pipeline.world import NOW, World, differences, make_world

from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.basis import catalogue
from abate.platform.carbon.errors import StateChanged
from abate.platform.carbon.revaluing import Asked
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.events.outcomes import Outcome
from abate.platform.ledger import closing, standing
from abate.platform.ledger import queries as ledger

pytestmark = [pytest.mark.platform]
MAY = Asked("cycling", date(2026, 5, 1), date(2026, 5, 31))
WHY = ("基准因子已更换", "the baseline figure was replaced")


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world()


@pytest.fixture
def replace(settings: Any, tmp_path: Path) -> Any:
    """Put another pack in force: cycling against another baseline, or against none."""

    def put(factor: str | None, name: str = "city-2") -> None:
        text = (catalogue().folder / "packs" / "demo.yaml").read_text(encoding="utf-8")
        text = text.replace("pack: demo", f"pack: {name}", 1)
        head, rest = text.split("  - method: cycling\n    parameter: ef_baseline\n", 1)
        _, after = rest.split("\n  - method:", 1)
        figure = f"  - method: cycling\n    parameter: ef_baseline\n    factor: {factor}\n" if factor else ""
        note = "    note: {zh: 替代, en: replaced}\n" if factor else ""
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"{head}{figure}{note}  - method:{after}", encoding="utf-8")
        settings.ABATE_OPERATOR_PACK = str(path)

    return put


def test_the_effect_is_what_is_booked(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3), world.ride("b", who=1, km=7), world.meeting("m"))
    before = world.totals()
    replace("uk-2023-bus-average")
    shown = revaluing.propose(MAY)
    assert world.totals() == before and differences() == {}
    done = revaluing.book(MAY, shown.digest, WHY)
    assert shown.changed == 2
    print(shown, done)
    assert differences() == {}
    assert recomputing.recompute()[1] == 0
