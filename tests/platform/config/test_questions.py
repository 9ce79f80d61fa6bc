"""What is wrong with an answer of the set-up is said with why."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.platform.config import first_run
from abate.platform.config.errors import AnswerWrong

pytestmark = [pytest.mark.platform]


def test_a_log_s_name_that_nobody_owns_is_refused_with_why(tmp_path: Path) -> None:
    given = {"log_name": "abate.invalid/log", "backup": "/copies"}
    with pytest.raises(AnswerWrong, match="nobody's: every signed head of the log bears this name for ever"):
        first_run.complete(tmp_path / "d", given)
