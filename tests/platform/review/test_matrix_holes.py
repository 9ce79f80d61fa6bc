"""That the matrix of test_matrix.py has no hole: every line of endpoints.csv has its cells, and a fault in any door is seen."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.contrib.auth.backends import ModelBackend
from tests.platform.review import answers
from tests.platform.review.callers import SUSPENDED
from tests.platform.review.test_matrix import (
    CALLERS,
    PARTNER,
    PERSON,
    Stage,
    expected,
    states_of,
    undeclared_methods,
    whole,
    wrong_of,
)

from abate.platform.ledger import queries as ledger
from abate.platform.ledger.queries import EntryRow
from abate.platform.parties.models import Party
from abate.platform.people.models import Person
from abate.platform.review import rights
from abate.platform.signin import lasting
from abate.platform.web import gate
from abate.platform.web.pages import record

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["whole"]
FRESH = {
    "statement-file", "redeem", "privacy-copy", "privacy-contact", "privacy-correct", "privacy-leave", "told-browser", "family",
    "giving-confirm",
    "joining-key", "partner-key", "partner-key-collect", "partner-hook", "partner-files", "key-revoke", "anomalies-decide",
    "quarantine-decide", "v1:quarantine_decide", "proposals-decide", "v1:decide", "audit-file", "v1:statement_json",
    "v1:statement_paper", "sessions-end", "till-end", "partner-tills", "joining-mend", "joining-contact",
}  # fmt: skip
"""Addresses that ask for a proof minutes old, by a method of theirs: what spends, tells all of somebody, or cannot be undone."""


def test_the_expectation_names_every_address_that_asks_for_a_fresh_proof() -> None:
    assert {name for (name, _), line in gate.lines().items() if line.fresh} == FRESH


def test_every_line_has_its_answer_and_somebody_to_whom_it_opens() -> None:
    """No line of endpoints.csv without what is expected of it, none expected of what is not there, and none that no caller here
    (or, for a key's, of test_matrix_of_keys.py) may use."""
    lines = gate.lines()
    at = {(name, method) for name, method, _ in answers.table()}
    assert at <= set(lines), "answers.csv tells of what is no line of endpoints.csv"
    said = {(name, method) for name, method in lines if method == "GET"} | at
    sessions = {place for place, line in lines.items() if line.who not in ("key", "verifier")}
    assert sessions - said == set(), "say in tests/platform/review/answers.csv what it answers to whoever may"
    opens = {
        (name, method)
        for name, method in sessions
        for who in CALLERS
        for state in states_of(who)
        if expected(name, method, who, state)
    }
    assert opens == sessions, "an address that nobody may use"


@pytest.mark.parametrize("fault", ["right", "owner", "closed", "suspended", "factor", "fresh", "method"])
def test_a_hole_is_found(whole: Stage, db: None, fault: str) -> None:
    """Each by itself: a right that is not asked for, an owner, an account's end, a party's, a second factor, a fresh proof,
    a method that nobody declared."""
    who, state, name = {
        "right": ("query", "live", "audit"),
        "owner": (PERSON, "live", "entry"),
        "closed": (PERSON, "closed", "feed"),
        "suspended": (PARTNER, SUSPENDED, "partner"),
        "factor": ("query", "one-factor", "operator"),
        "fresh": (PERSON, "one-factor", "privacy-copy"),
        "method": (PERSON, "live", "home"),
    }[fault]
    methods = undeclared_methods if fault == "method" else lambda _: ("GET",)

    def red() -> set[str]:
        return {wrong[2] for wrong in wrong_of(whole, who, state, methods, (name, "home"))[1]}

    def anybody_s(person: Person, entry_id: int) -> EntryRow | None:
        return ledger.entry(person.pk, entry_id) or ledger.entry(whole.made.city.stranger.pk, entry_id)

    holes = {
        "right": patch.object(rights, "require"),
        "owner": patch.object(record, "_own", anybody_s),
        "closed": patch.object(ModelBackend, "user_can_authenticate", return_value=True),
        "suspended": patch.object(Party, "stands", return_value=True),
        "factor": patch.object(lasting, "require_two_factors"),
        "fresh": patch.object(lasting, "require_fresh"),
        "method": patch.object(gate, "_closed", return_value=None),
    }
    assert red() == set()
    with holes[fault]:
        assert name in red()
