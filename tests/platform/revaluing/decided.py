"""Another pack in force, and a correction of past quantities, as three people decide them."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from abate.demo import desk
from abate.platform import revaluing
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.basis import catalogue
from abate.platform.carbon.revaluing import Asked
from abate.platform.review.errors import NothingChanges

MAY = Asked("cycling", date(2026, 5, 1), date(2026, 5, 31))
BUS, COACH = "uk-2023-bus-average", "uk-2023-coach"
WHY = ("基准因子已更换", "the baseline figure was replaced")


def write(folder: Path, factor: str | None, name: str) -> Path:
    """The sample pack with cycling against another baseline, or against none."""
    text = (catalogue().folder / "packs" / "demo.yaml").read_text(encoding="utf-8")
    text = text.replace("pack: demo", f"pack: {name}", 1)
    head, rest = text.split("  - method: cycling\n    parameter: ef_baseline\n", 1)
    _, after = rest.split("\n  - method:", 1)
    figure = f"  - method: cycling\n    parameter: ef_baseline\n    factor: {factor}\n" if factor else ""
    note = "    note: {zh: 替代, en: replaced}\n" if factor else ""
    path = folder / f"{name}.yaml"
    path.write_text(f"{head}{figure}{note}  - method:{after}", encoding="utf-8")
    return path


@pytest.fixture
def replace(settings: Any, tmp_path: Path) -> Any:
    """Put another pack in force: cycling against another baseline, or against none."""

    def put(factor: str | None, name: str = "city-2", *, in_force: bool = True) -> None:
        settings.ABATE_OPERATOR_PACK = str(write(tmp_path, factor, name))
        if in_force:
            adopt()

    return put


def adopt() -> None:
    """What lies there is in force."""
    with contextlib.suppress(NothingChanges):
        desk.decide("basis.adopt")


def approve(asked: Asked, digest: str) -> None:
    """Three people decide that what was shown is booked."""
    days = {"from_day": asked.first.isoformat(), "to_day": asked.last.isoformat()}
    desk.decide(
        "revalue.book",
        behaviour=asked.behaviour,
        digest=digest,
        reason_zh=WHY[0],
        reason_en=WHY[1],
        **days,
    )


def book(asked: Asked, digest: str) -> revaluing.Effect:
    if reading.approved(bytes.fromhex(digest)) is None:
        approve(asked, digest)
    return revaluing.book(asked, digest)
