"""What people write is taken as their keyboards write it, and nothing that hides or turns what follows."""

from __future__ import annotations

import pytest

from abate.platform.doors.words import on_one_line


@pytest.mark.parametrize("words", ["地铁　数据", "绿色 出行", "Metro data", "é", "", "🚲"])
def test_words_of_every_script_stand_on_a_line(words: str) -> None:
    assert on_one_line(words)


@pytest.mark.parametrize(
    "sign", ["\n", "\r", "\t", "\x00", "\x1b", "\u2028", "\u202e", "\u2066", "\ufeff", "\ud800"]
)
def test_what_ends_hides_or_turns_a_line_is_not_taken(sign: str) -> None:
    assert not on_one_line(f"地铁{sign}数据")
