"""The server's own log: one record is one line, and its moment is UTC."""

from __future__ import annotations

import io
import logging
import logging.config
import re
import warnings
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.test import Client
from tests.platform.web import city as stage

from abate.cli import serve
from abate.platform.parties import actions as parties
from abate.platform.review.models import Audit

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


@pytest.mark.django_db
def test_what_a_stranger_sends_fills_no_log() -> None:
    """A form of too many fields is a row of the trail; as a trace, anybody could fill the disk with it."""
    fields = "&".join(f"f{n}=1" for n in range(2_000))
    form = "application/x-www-form-urlencoded"

    def write(_: logging.Logger) -> None:
        assert Client().post("/sign-in", fields, content_type=form).status_code == 400

    assert written(write) == ""
    assert Audit.objects.filter(what="door.sign-in", detail__contains="request-unsafe").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["c" * 5_000, "a code with spaces"])
def test_a_code_at_the_token_endpoint_stands_in_no_warning(code: str) -> None:
    """Django warns of names that another cache would not take, and its warnings say the whole name."""
    client_id, secret = parties.issue_binding(stage.build().partner, ["https://partner.example/back"])
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://partner.example/back",
             "client_id": client_id, "client_secret": secret}  # fmt: skip
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answer = Client().post("/identity/o/api/token", given)
    assert answer.json()["error"] == "invalid_grant"
    assert not [
        str(one.message)[:200] for one in told if "a code" in str(one.message) or "ccc" in str(one.message)
    ]
