"""Statements and records for the tests of uncertainty. Every number here is made up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from abate.quantify import catalogue as shipped
from abate.quantify.distributions import Uncertainties
from abate.quantify.distributions_file import read_file

CATALOGUE = shipped.load()
TITLES = {key: document.title for key, document in CATALOGUE.registry.documents.items()}
SOURCE = {"document": "made up for a test", "place": "none"}
RAIL, METRO, BUS = "uk-2023-rail-national", "uk-2023-rail-underground", "uk-2023-bus-average"
EF_RAIL, EF_METRO = (float(CATALOGUE.registry.factors[i].value) for i in (RAIL, METRO))


def normal(sd: float, **more: Any) -> dict[str, Any]:
    return {"distribution": "normal", "as": "relative", "sd": f"{sd}", "source": SOURCE, **more}


def lognormal(gsd: float, centre: str = "median") -> dict[str, Any]:
    return {
        "distribution": "lognormal",
        "as": "relative",
        "gsd": f"{gsd}",
        "centre": centre,
        "source": SOURCE,
    }


def stated(folder: Path, **parts: Any) -> list[Uncertainties]:
    """`factors`, `inputs`, `parameters`, `conservative` (of online-meeting unless `method`), `correlations`."""
    method = {k: parts[k] for k in ("inputs", "parameters", "conservative") if k in parts}
    content = {
        "uncertainties": "test",
        "titles": {"zh": "试", "en": "test"},
        "illustration": True,
        "factors": parts.get("factors", {}),
        "methods": {parts.get("method", "online-meeting"): method} if method else {},
        "correlations": parts.get("correlations", []),
    }
    path = folder / "uncertainties.yaml"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")  # JSON is YAML
    return [read_file(path, TITLES)]


def meeting(number: int = 0, **more: Any) -> dict[str, Any]:
    """A meeting without platform emissions: ER = R * sum of travel times factor."""
    record = {
        "meeting_id": f"m-{number}",
        "start": "2026-03-02T10:00:00+08:00",
        "duration_min": "90",
        "participants": "4",
        "replacement_rate": "0.4",
        "electricity_kwh": "0",
    }
    return record | {name: str(value) for name, value in more.items()}


def lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")
    return path
