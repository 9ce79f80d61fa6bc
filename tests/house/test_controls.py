"""Every line of docs/reference/controls.md names tests that there are, or says why there is none."""

from __future__ import annotations

import ast
import csv
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/controls.md"
_ID = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_REASON = re.compile(r"(operator|none|unfit): \S")
POINTS = (
    *("身份鉴别", "访问控制", "安全审计", "入侵防范", "恶意代码防范", "可信验证", "数据完整性", "数据保密性"),
    *("数据备份恢复", "剩余信息保护", "个人信息保护", "安全管理中心"),
)
CHAPTERS = 17
_NUMBER = re.compile(r"V\d+\.\d+\.\d+\b")


def lines(text: str) -> list[tuple[str, str]]:
    """(point, its last cell) of every line of every table."""
    found: list[tuple[str, str]] = []
    for row in text.splitlines():
        if row.startswith("|---"):
            # What stands above it is the head.
            found.pop()
        elif row.startswith("|"):
            cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
            found.append((cells[0], cells[-1]))
    return found


def requirements() -> list[tuple[str, int]]:
    """(number, level) of each requirement of OWASP ASVS 5.0.0 of levels 1 and 2."""
    with (Path(__file__).parent / "asvs.csv").open(encoding="utf-8", newline="") as file:
        return [(row["number"], int(row["level"])) for row in csv.DictReader(file)]


def numbers(text: str, chapter: int) -> list[str]:
    """The requirements of a chapter that have a row, in the order of the page."""
    found = (_NUMBER.match(point) for point, _ in lines(text))
    return [one[0] for one in found if one and one[0].startswith(f"V{chapter}.")]


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
            f"{point}: there is no {file}::{name}"
            for file, name in named
            if not functions(file) or (name and name not in functions(file))
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


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize("chapter", range(1, CHAPTERS + 1))
def test_each_requirement_of_levels_one_and_two_has_one_row_in_order_and_no_other_has(chapter: int) -> None:
    expected = [number for number, _ in requirements() if number.startswith(f"V{chapter}.")]
    assert expected and numbers(PAGE.read_text(encoding="utf-8"), chapter) == expected


def test_the_list_is_that_of_the_published_edition() -> None:
    levels = [level for _, level in requirements()]
    assert (levels.count(1), levels.count(2), len(set(requirements()))) == (70, 183, 253)


def test_a_row_that_is_missing_doubled_or_of_another_chapter_would_be_found() -> None:
    page = "| V1.1.1 words | how | none: x |\n| V1.1.2 words | how | none: x |\n| V11.1.1 words | how | none: x |"
    assert numbers(page, 1) == ["V1.1.1", "V1.1.2"] and numbers(page, 11) == ["V11.1.1"]
    assert numbers(page + "\n| V1.1.2 again | how | none: x |", 1) == ["V1.1.1", "V1.1.2", "V1.1.2"]


def test_a_test_that_is_gone_and_an_empty_line_would_be_found() -> None:
    row = "| 8.1.4.1 | how | {} |"
    assert len(faults(row.format("`tests/house/test_controls.py::test_that_was_renamed`"))) == 1
    assert len(faults(row.format("`tests/house/test_gone.py::test_any`"))) == 1
    assert len(faults(row.format(""))) == len(faults(row.format("it is done"))) == 1
    assert faults(row.format("operator: a standby")) == []
