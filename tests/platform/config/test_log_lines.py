"""The server's own log: one record is one line, and its moment is UTC."""

from __future__ import annotations

import io
import logging
import logging.config
import re
from typing import Any

import pytest
from django.conf import settings

pytestmark = [pytest.mark.platform]


def written(write: Any) -> str:
    """What a logger of ours writes with the settings' own handler and formatter."""
    told = io.StringIO()
    given = settings.LOGGING
    logging.config.dictConfigClass(
        given | {"handlers": {"stderr": given["handlers"]["stderr"] | {"stream": told}}}
    ).configure()
    try:
        write(logging.getLogger("abate.planted"))
    finally:
        logging.config.dictConfig(given)
    return told.getvalue()


def test_what_a_caller_sent_begins_no_line() -> None:
    sent = "x\n2026-01-01T00:00:00.000Z INFO abate.web somebody signed in\r\x1b[2K\u2028\u202e 步行"
    line = written(lambda log: log.warning("refused: %s", sent))
    assert line.count("\n") == 1 and line.endswith("步行\n")
    assert r"x\n2026-01-01" in line and r"\r\x1b[2K\u2028\u202e" in line


def test_its_moment_is_utc_whatever_the_zone() -> None:
    line = written(lambda log: log.warning("planted"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING abate\.planted planted\n", line)


def test_a_trace_is_kept_and_no_line_of_it_looks_like_ours() -> None:
    def write(log: logging.Logger) -> None:
        try:
            raise ValueError("a\n2026-01-01T00:00:00.000Z INFO abate.web planted")
        except ValueError:
            log.exception("it failed")

    first, *rest = written(write).splitlines()
    assert first.endswith("it failed") and any("ValueError" in line for line in rest)
    assert rest and all(line.startswith("    ") for line in rest)
