"""What a quantity rests on follows the operator's settings, and finds its way back from what was stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abate.platform.carbon import basis
from abate.platform.carbon.measure import Measured, measure
from abate.platform.events.envelope import Event
from abate.platform.events.outcomes import Outcome
from abate.quantify.catalogue import SHIPPED

# One o'clock of the first day in Shanghai on which the cycling methodology is in force; in UTC the day before.
AT = "2022-10-31T01:00:00+08:00"
ZONE = "Asia/Shanghai"
USED = [("cycling", 1, "")]


def ride() -> Measured:
    data = {"trip_id": "t", "start": AT, "end": "2022-10-31T01:20:00+08:00", "distance_km": 1.5}
    event = Event(0, "t", "cycling", "s", datetime.fromisoformat(AT), json.dumps(data).encode())
    (found,) = measure([event], basis.setting(), datetime(2026, 1, 1, tzinfo=UTC))
    return found


@pytest.mark.parametrize(("zone", "outcome"), [("Asia/Shanghai", Outcome.CREDITED), ("UTC", Outcome.REFUSED)])
def test_the_day_of_a_record_is_counted_in_the_platforms_zone(
    settings: Any, zone: str, outcome: Outcome
) -> None:
    settings.ABATE_ZONE, settings.ABATE_OPERATOR_PACK = zone, "demo"
    assert ride().outcome == outcome


def test_a_pack_is_stored_by_its_id_and_found_again(settings: Any, tmp_path: Path) -> None:
    text = (SHIPPED / "packs" / "demo.yaml").read_text(encoding="utf-8")
    file = tmp_path / "figures-2026.yaml"
    file.write_text(text.replace("pack: demo", "pack: own"), encoding="utf-8")
    settings.ABATE_OPERATOR_PACK = str(file)
    (key,) = basis.keys_of(basis.setting(), USED)
    assert key.pack == "own"
    found = basis.stored_setting(key.region, key.grade_floor, key.pack, key.pack_hash, ZONE)
    assert found == basis.setting()
    assert basis.stored_setting(None, "standard", "own", "0" * 64, ZONE) is None, (
        "other figures under the same id"
    )
    settings.ABATE_OPERATOR_PACK = None
    assert basis.stored_setting(None, "standard", "own", key.pack_hash, ZONE) is None, (
        "it is not at hand any more"
    )


def test_a_shipped_pack_is_found_whatever_the_operator_uses_now(settings: Any) -> None:
    settings.ABATE_OPERATOR_PACK = "demo"
    (key,) = basis.keys_of(basis.setting(), USED)
    settings.ABATE_OPERATOR_PACK = None
    found = basis.stored_setting(None, "standard", key.pack, key.pack_hash, ZONE)
    assert found is not None and found.pack is not None and found.pack.id == "demo"
