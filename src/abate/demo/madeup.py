"""Made-up meetings and household bills, drawn from a fixed seed and marked as made up in every id."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from abate.demo.rides import PREFIX

SEED = "abate-demo-1"
# Distances in kilometres that one participant would have travelled, both ways. Made up.
JOURNEYS = (("pkm_metro", 12, 40), ("pkm_taxi", 5, 25), ("pkm_bus", 6, 30), ("pkm_rail", 60, 240))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def meetings(last_day: date, source: str, subjects: list[str], count: int) -> Iterator[dict[str, Any]]:
    """Meetings of the two weeks before `last_day`; some are too short or have one participant, as in life."""
    dice = random.Random(f"{SEED}-meetings")
    for number in range(count):
        day = last_day - timedelta(days=dice.randrange(1, 15))
        start = _stamp(datetime.combine(day, time(dice.randrange(1, 9), dice.choice((0, 15, 30))), UTC))
        people = dice.choice((1, 2, 3, 4, 5, 6, 8, 10))
        data: dict[str, Any] = {
            "meeting_id": f"madeup-meeting-{number:04d}", "start": start, "participants": people,
            "duration_min": dice.choice((25, 30, 31, 45, 60, 90, 120)),
            "replacement_rate": str(dice.choice(("0.2", "0.35", "0.5"))),
            "electricity_kwh": f"{dice.randrange(100, 9000) / 10000:.4f}",
        }  # fmt: skip
        for field, low, high in dice.sample(JOURNEYS, dice.randrange(1, 3)):
            data[field] = f"{people * dice.randrange(low * 10, high * 10) / 10:.1f}"
        yield {"specversion": "1.0", "id": data["meeting_id"], "source": source, "type": f"{PREFIX}online-meeting",
               "subject": dice.choice(subjects), "time": start, "data": data}  # fmt: skip


def bills(last_day: date, source: str, subjects: list[str]) -> Iterator[dict[str, Any]]:
    """Last month's electricity of each household."""
    dice = random.Random(f"{SEED}-bills")
    end = last_day.replace(day=1) - timedelta(days=1)
    start = end.replace(day=1)
    for number, subject in enumerate(subjects):
        yield {
            "specversion": "1.0", "id": f"madeup-bill-{number:04d}-{start:%Y%m}", "source": source,
            "type": f"{PREFIX}saving-electricity", "subject": subject, "time": f"{start}T00:00:00+08:00",
            "data": {"household_id": f"madeup-household-{number:04d}", "period_start": str(start), "period_end": str(end),
                     "actual_kwh": f"{dice.randrange(60_000, 330_000) / 1000:.3f}", "tier": dice.choice((1, 1, 2, 3))},
        }  # fmt: skip
