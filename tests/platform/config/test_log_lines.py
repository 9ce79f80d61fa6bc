"""The server's own log: one record is one line, and its moment is UTC."""

from __future__ import annotations

import io
import logging
import logging.config
import re
from typing import Any

import pytest
import uvicorn
from django.conf import settings

from abate.cli import serve

pytestmark = [pytest.mark.platform]


def test_the_record_of_whoever_listens_is_a_line_of_it_too() -> None:
    """Its handlers, where it brought some, would write what an application raised as it came."""
    own = logging.getLogger("uvicorn.error")
    before = (own.handlers[:], own.propagate, own.level)
    try:
        uvicorn.Config("abate.platform.config.asgi:application", **serve.LISTENING)
        told = written(lambda _: own.error("a\n2026-01-01T00:00:00.000Z INFO abate.web planted"))
    finally:
        own.handlers[:], own.propagate = before[0], before[1]
        own.setLevel(before[2])
    assert own.handlers == [] and told.count("\n") == 1 and "Z ERROR uvicorn.error a\\n2026" in told


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
