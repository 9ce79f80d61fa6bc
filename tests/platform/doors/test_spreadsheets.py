"""No cell of a CSV of ours becomes a formula, whichever sign a spreadsheet parts cells by, and each reads back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.platform.doors.spreadsheets import as_text, unmarked

pytestmark = [pytest.mark.clause("P-8.5-a")]
STARTS = tuple("=+-@＝＋－ー＠")
HOSTILE = [
    "=1+1", "\t=1+1", "\r=1+1", "＝1+1", "a;=1+1", "a;;=1+1", "a\t@SUM(1)", "a\n=1+1", "a\r\n+1", 'a;"=1+1', "a;'=1+1",
    'a;"";-1', "x;＝1", "\t\t=1", "'=1", ";=1;=2",
]  # fmt: skip
SIGNS = st.text(alphabet="ab=+-@＝ー;,\t\r\n'\" 1", max_size=12)


def _cells(cell: str, parted_by: str) -> list[str]:
    """What a spreadsheet sees of a row of ours with this cell in its middle and at its end."""
    out = io.StringIO()
    csv.writer(out).writerow(["id", as_text(cell), as_text(cell)])
    rows = csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=parted_by)
    return [one for row in rows for one in row]


@pytest.mark.parametrize("parted_by", [",", ";", "\t"])
@pytest.mark.parametrize("cell", HOSTILE)
def test_no_cell_begins_a_formula_whatever_parts_them(cell: str, parted_by: str) -> None:
    assert not [one for one in _cells(cell, parted_by) if one.lstrip("\t\r\n").startswith(STARTS)]


@pytest.mark.parametrize("parted_by", [",", ";", "\t"])
@given(cell=SIGNS)
def test_nor_does_one_that_nobody_thought_of(parted_by: str, cell: str) -> None:
    assert not [one for one in _cells(cell, parted_by) if one.lstrip("\t\r\n").startswith(STARTS)]


@given(SIGNS)
def test_each_reads_back_as_it_was(cell: str) -> None:
    assert unmarked(as_text(cell)) == cell


@pytest.mark.parametrize("cell", ["", "a", "a;b", "2026-11-23", "x=1", "a - b; c + d", "甲；乙"])
def test_an_innocent_text_stays(cell: str) -> None:
    assert as_text(cell) == cell
