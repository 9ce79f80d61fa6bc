"""docs/explain/costly.md: every figure that keeps something costly in bounds is the program's."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

pytestmark = [pytest.mark.platform]
PAGE = Path(__file__).resolve().parents[3] / "docs/explain/costly.md"


def told() -> dict[str, int]:
    rows = re.findall(r"^\|[^|]+\| `([\w.]+:\w+)` \| ([\d,]+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {name: int(value.replace(",", "")) for name, value in rows}


def real(name: str) -> object:
    module, _, figure = name.partition(":")
    return getattr(import_module(f"abate.platform.{module}"), figure)


def test_every_figure_of_what_is_costly_is_the_programs() -> None:
    found = told()
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(found) == len(lines) - 1 > 20
    assert found == {name: real(name) for name in found}
