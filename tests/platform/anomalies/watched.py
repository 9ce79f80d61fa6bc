"""An operator's rules of every kind with figures of its own, and cases as tests look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.platform.pipeline.acts import BEHAVIOURS, later
from tests.platform.pipeline.world import World, make_world

from abate.platform.anomalies import queries
from abate.platform.anomalies.queries import CaseRow, Filter

SOURCE = "source: {zh: 测试, en: for tests}"
TRIPS = "cycling: {from: start, to: end}\n      metro: {from: start, to: end}"
RULES = f"""
appeal: {{days: 60, why: {{zh: 测试, en: for tests}}}}
rules:
  - id: fast
    kind: speed
    grade: note
    says: {{zh: 太快, en: too fast}}
    behaviours:
      electric-two-wheeler: {{distance: distance_km, from: start, to: end}}
    limit: {{value: "25", unit: km/h, {SOURCE}}}
  - id: far
    kind: distance
    grade: suspicious
    says: {{zh: 太远, en: too far}}
    behaviours:
      cycling: {{distance: distance_km}}
    limit: {{value: "10", unit: km, {SOURCE}}}
  - id: close
    kind: cadence
    grade: suspicious
    says: {{zh: 太近, en: too close}}
    behaviours:
      {TRIPS}
    limit: {{value: "5", unit: min, {SOURCE}}}
  - id: long-day
    kind: day
    grade: strong
    says: {{zh: 一天太长, en: too long a day}}
    behaviours:
      {TRIPS}
    limit: {{value: "24", unit: h, {SOURCE}}}
  - id: many-payments
    kind: month
    grade: note
    says: {{zh: 太多, en: too many}}
    behaviours:
      e-payment: {{at: paid_at}}
    limit: {{value: "3", unit: act, {SOURCE}}}
  - id: alike
    kind: identical
    among: everyone
    grade: strong
    says: {{zh: 相同, en: the same}}
    behaviours:
      electric-two-wheeler: {{fields: [start, end, distance_km]}}
    limit: {{value: "1", unit: act, {SOURCE}}}
  - id: many-cars
    kind: device
    per: month
    grade: note
    says: {{zh: 车辆太多, en: too many cars}}
    behaviours:
      car-left-parked: {{at: day, device: car_ref}}
    limit: {{value: "2", unit: item, {SOURCE}}}
"""


def write(folder: Path, text: str = RULES) -> str:
    path = folder / "anomalies.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def people(size: int = 2) -> World:
    return make_world(size, BEHAVIOURS)


def way(world: World, id: str, start: str, minutes: float, km: object = 3, who: int = 0, *,
        by: str = "electric-two-wheeler") -> dict[str, Any]:  # fmt: skip
    data = {"trip_id": id, "start": start, "end": later(minutes, start), "distance_km": km}
    return world.event(id, by, who, start, data)


def parked(world: World, id: str, day: str, car: str, who: int = 0) -> dict[str, Any]:
    data = {"car_ref": car, "day": day, "restricted": "no", "odometer_km": "0", "pkm_metro": "16"}
    return world.event(id, "car-left-parked", who, f"{day}T23:00:00+08:00", data)


def cases(*states: str) -> list[CaseRow]:
    return queries.cases(Filter(states=states or ("open",)))


def told() -> list[tuple[object, ...]]:
    """What every case says, apart from its number and the moment it was opened."""
    return sorted(
        (
            one.rule, one.person_id, one.group, one.part, one.shown, one.state,
            tuple((record.party_id, record.event_id, record.measured, record.beside)
                  for record in queries.records(one, opened=False)),
        )
        for one in queries.cases(Filter(states=()))
    )  # fmt: skip


def found(rule: str) -> list[tuple[str, list[str]]]:
    """(measured, accused events) of each open case of a rule."""
    return [
        (one.shown, [record.event_id for record in queries.records(one, opened=False) if not record.beside])
        for one in reversed(cases())
        if one.rule == rule
    ]
