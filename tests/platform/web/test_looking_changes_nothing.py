"""Nothing changes by looking: what a GET writes is that somebody looked, and nothing of the trade. (ASVS 3.5.3)"""

from __future__ import annotations

import re
from collections import defaultdict
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.review import callers
from tests.platform.review import test_matrix as matrix
from tests.platform.review.test_matrix import CALLERS, COMMON, OFFERED, Stage, whole
from tests.platform.web import city as stage

from abate.platform.parties.models import Party
from abate.platform.web import gate, screen

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
__all__ = ["whole"]
TRAIL = {"review_audit"}
"""Reads of what is personal, and looks that were refused, are told in the trail."""
BESIDE = {
    # Whether the database takes a row is seen by writing one.
    "readyz": {"web_probe"},
    # A challenge that the passkey or the app answers; a word for the page one is sent to.
    **{
        name: {"django_session"}
        for name in ("confirm", "security-app", "security-passkey", "sign-in-passkey")
    },
}
"""What else looking may write to, by address."""
_WRITES = re.compile(
    r"^\s*(?:with\b.*?\b)?(insert into|update|delete from|truncate)\s+(?:only\s+)?\"?(?:pg_temp\.)?(\w+)",
    re.I | re.S,
)


def written(statements: list[dict[str, str]]) -> set[str]:
    found = (_WRITES.match(one["sql"]) for one in statements)
    return {one[2] for one in found if one}


def by_looking(whole: Stage, who: str, only: str = "") -> dict[str, set[str]]:
    """Address -> the tables that a GET or HEAD of it wrote to, by somebody who may, and their own things."""
    made, user, found = whole.made, whole.users[who], defaultdict[str, set[str]](set)
    browser = Client(raise_request_exception=False)
    if user is not None:
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        stage.prove(browser)
        browser.get("/livez")
    common = COMMON | {name: {"offer_id": made.city.offer} for name in OFFERED}
    for name, method in sorted(gate.lines()):
        if method != "GET" or (only and name != only) or not matrix.expected(name, method, who, "live"):
            continue
        for how in ("GET", "HEAD"):
            with transaction.atomic(), CaptureQueriesContext(connection) as ran:
                matrix.ask(browser, name, how, common.get(name, {}) | made.own.get(name, {}))
                transaction.set_rollback(True)
            if tables := written(ran.captured_queries):
                found[name] |= tables
    return dict(found)


@pytest.mark.parametrize("who", CALLERS)
def test_a_look_writes_that_somebody_looked_and_nothing_else(whole: Stage, db: None, who: str) -> None:
    with callers.tabs_drawn_once():
        found = by_looking(whole, who)
    assert {
        name: more for name, tables in found.items() if (more := tables - TRAIL - BESIDE.get(name, set()))
    } == {}


def test_a_page_that_changes_something_is_found(whole: Stage, db: None) -> None:
    real = screen.show

    def show(*given: object, **more: object) -> object:
        Party.objects.update(made_up=True)
        return real(*given, **more)  # type: ignore[arg-type]

    with patch.object(screen, "show", show):
        assert "parties_party" in by_looking(whole, matrix.PERSON, "offers")["offers"]
    assert by_looking(whole, matrix.PERSON, "offers").get("offers", set()) <= TRAIL


def test_a_statement_that_writes_is_seen() -> None:
    texts = [
        'UPDATE "parties_party" SET x = 1',
        "with a as (select 1) insert into ledger_entry select 1",
        "delete from x",
        "select 1",
    ]
    assert written([{"sql": text} for text in texts]) == {"parties_party", "ledger_entry", "x"}
