"""Made-up events to try a platform with: right ones, and one wrong in each way that a partner meets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]


def meeting(party: str, subject: str, name: str, at: datetime, **changes: object) -> Event:
    """An online meeting of an hour that ended before `at`; its reduction is above nothing."""
    start = f"{at - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    record = {
        "meeting_id": name,
        "start": start,
        "duration_min": 60,
        "participants": 3,
        "replacement_rate": "0.5",
        "pkm_rail": "30",
        "electricity_kwh": "0.2",
    }
    return {
        "specversion": "1.0",
        "id": name,
        "source": party,
        "type": "org.abate.behaviour.online-meeting",
        "subject": subject,
        "time": start,
        "data": record | changes,
    }
