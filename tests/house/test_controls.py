"""Every line of docs/reference/controls.md names tests that there are, or says why there is none."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/controls.md"
_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_REASON = re.compile(r"(operator|none|unfit): \S")
POINTS = (
    *("身份鉴别", "访问控制", "安全审计", "入侵防范", "恶意代码防范", "可信验证", "数据完整性", "数据保密性"),
    *("数据备份恢复", "剩余信息保护", "个人信息保护", "安全管理中心"),
)
CHAPTERS = 17


def lines(text: str) -> list[tuple[str, str]]:
    """(point, its last cell) of every line of every table."""
    rows = [row.strip().strip("|").split("|") for row in text.splitlines() if row.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [(row[0], row[-1]) for row in cells if row[0] not in ("point", "chapter") and set(row[0]) != {"-"}]


@lru_cache
def functions(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def faults(text: str) -> list[str]:
    found = []
    for point, cell in lines(text):
        named = _ID.findall(cell)
        found += [
            f"{point}: there is no {file}::{name}" for file, name in named if name not in functions(file)
        ]
        if not named and not _REASON.match(cell):
            found.append(f"{point}: neither a test nor a reason")
    return found


@pytest.mark.clause("P-8.4-a")
def test_every_control_names_tests_that_there_are_or_a_reason() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(lines(text)) > 60
    assert faults(text) == []


@pytest.mark.clause("P-8.4-a")
def test_every_point_and_every_chapter_is_answered() -> None:
    told = " ".join(point for point, _ in lines(PAGE.read_text(encoding="utf-8")))
    assert [point for point in POINTS if point not in told] == []
    assert [n for n in range(1, CHAPTERS + 1) if not re.search(rf"\bV{n}\b", told)] == []


def test_a_test_that_is_gone_and_an_empty_line_would_be_found() -> None:
    row = "| 8.1.4.1 | how | {} |"
    assert len(faults(row.format("`tests/house/test_controls.py::test_that_was_renamed`"))) == 1
    assert len(faults(row.format("`tests/house/test_gone.py::test_any`"))) == 1
    assert len(faults(row.format(""))) == len(faults(row.format("it is done"))) == 1
    assert faults(row.format("operator: a standby")) == []
