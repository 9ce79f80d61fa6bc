"""Real rides as CloudEvents: dates shifted by whole days, the original start kept in the event id."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

SAMPLE = "singapore-rides-2017-09.csv"
PREFIX = "org.abate.behaviour."


@dataclass(frozen=True, slots=True)
class Ride:
    """One real ride of the sample, in Unix seconds and metres as published."""

    trip_id: str
    bike_id: str
    start: int
    end: int
    distance_m: str

    @property
    def event_id(self) -> str:
        """Names the published trip and its original start."""
        return f"sg-{self.trip_id}-{datetime.fromtimestamp(self.start, UTC):%Y%m%dT%H%M%SZ}"

    @property
    def distance_km(self) -> str:
        """Whole metres, rounded down: the methodology takes three decimals, and a shorter ride claims less."""
        metres = int(self.distance_m.split(".")[0])
        return f"{metres // 1000}.{metres % 1000:03d}"


def rides() -> list[Ride]:
    """The sample, oldest first."""
    with files("abate.demo").joinpath(SAMPLE).open(encoding="utf-8") as file:
        return [
            Ride(r["trip_id"], r["bike_id"], int(r["start"]), int(r["end"]), r["distance_m"])
            for r in csv.DictReader(file)
        ]


def shift_to(before: datetime, sample: list[Ride]) -> timedelta:
    """Whole days that bring the last ride of the sample to within a day before `before`."""
    last = datetime.fromtimestamp(max(r.end for r in sample), UTC)
    return timedelta(days=(before - last) // timedelta(days=1))


def moment(seconds: int, shift: timedelta) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC) + shift:%Y-%m-%dT%H:%M:%SZ}"


def events(
    sample: list[Ride], shift: timedelta, source: str, subjects: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Each ride as the event its partner would have sent; `subjects` maps a bike to its rider's pairwise subject."""
    for ride in sample:
        start = moment(ride.start, shift)
        yield {
            "specversion": "1.0", "id": ride.event_id, "source": source, "type": f"{PREFIX}cycling",
            "subject": subjects[ride.bike_id], "time": start,
            "data": {"trip_id": ride.trip_id, "start": start, "end": moment(ride.end, shift),
                     "distance_km": ride.distance_km, "city": "Singapore"},
        }  # fmt: skip
