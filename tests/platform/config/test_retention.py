"""Every rule of fields.toml that clears by age: the job takes what is past its date, and nothing that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.db import connection
from psycopg import sql

from abate.cli import privacy
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.joining.models import Application
from abate.platform.log import actions as log
from abate.platform.review import actions as review
from abate.platform.review import audit, sealing
from abate.platform.review.models import Audit

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-b")]
RULES = {name: one for name, one in fields.tables().items() if one.clear}
DROPS = {name for name, one in fields.tables().items() if one.drop}
"""Whose rows stay and lose columns: tried in carbon/test_dropping.py and joining/test_contacts_go.py."""
NOW = datetime.fromisoformat("2030-06-01T12:00:00+08:00")
LITTLE = timedelta(seconds=1)


@dataclass(frozen=True)
class Case:
    """How a row of a table is made: `told` where a constraint asks for more than any value of the column's type; what can be
    called is called with the row's number. `open`: the rule's column may be empty, and such a row stays.
    `planted`: a way of its own, by the moment that the rule goes by.
    """

    told: dict[str, Any] = field(default_factory=dict)
    open: bool = False
    planted: Callable[[datetime], object] | None = None


def applied(at: datetime) -> Application:
    """An application whose contact did not open its link yet."""
    number = Application.objects.count()
    return Application.objects.create(
        id=UUID(int=number), code=f"applies-{number}", kind="data_provider", grants=[], behaviours=[], contact=b"c",
        reach=b"r", user=review.create_user("staff", made_up=True), state=Application.State.DRAFT, made_at=at,
    )  # fmt: skip


def sealed(at: datetime) -> None:
    """A row of the trail, in a seal of this moment whose leaf is numbered."""
    with clock.frozen(at):
        audit.note("retention.tried")
        sealing.seal()
        log.sequence()


EARLY = NOW - timedelta(days=5000)
CASES = {
    "alarms_alarm": Case({"state": "fault", "began_at": EARLY, "seen_at": EARLY}, open=True),
    "allauth_idp_oidc_token": Case(open=True),
    "django_session": Case(),
    "joining_application": Case(planted=applied),
    "joining_contact_request": Case(
        {
            "state": lambda number: "waiting" if number == 4 else "done",
            "contact": b"",
            "reach": b"",
            "note": "",
        },
        open=True,
    ),
    "joining_document": Case(open=True),
    "notices_delivery": Case({"channel": "email"}),
    "notices_incident": Case(),
    "notices_notice": Case(),
    "parties_answer": Case(),
    "parties_former_secret": Case(),
    "parties_nonce": Case(),
    "parties_till": Case({"user_id": int, "since": EARLY}, open=True),
    "people_code": Case(),
    "credits_receiving": Case(),
    "people_contact_undo": Case(),
    "people_invitation": Case({"most": 1, "used": 0}),
    "people_recovery": Case({"how": "code"}),
    "review_audit": Case(planted=sealed),
    "review_signin_link": Case(),
    "signin_ended": Case(),
    "signin_kept": Case(open=True),
    "signin_session": Case(),
    "signin_try": Case(),
    "signin_used_code": Case(),
}


def test_every_rule_has_its_case_and_no_case_is_without_a_rule() -> None:
    assert set(CASES) == set(RULES), "a rule of fields.toml is tried here: say how a row of its table is made"


def test_a_rule_without_a_case_would_be_found() -> None:
    assert set(CASES) != set(RULES) | {"planted_rule"} and set(CASES) != set(RULES) - {"people_code"}


def value(kind: str, number: int, longest: int | None) -> Any:
    """Any value of a type, another one for each number."""
    made = {
        "text": f"row-{number}"[:longest], "character varying": f"row-{number}"[:longest], "bytea": b"row-%d" % number,
        "timestamp with time zone": EARLY, "date": EARLY.date(), "uuid": UUID(int=number + 1000), "boolean": False,
        "jsonb": "{}", "ARRAY": "{}", "inet": "192.0.2.1",
    }  # fmt: skip
    # Below nothing, so that no number is by chance that of a row there is.
    return made.get(kind, -number)


def plant(table: str, at: datetime | None, number: int) -> None:
    """One row whose rule's column says `at`. What it refers to is not there: the job asks for dates, and nothing else."""
    case, rule = CASES[table], RULES[table].clear
    assert rule is not None
    if case.planted is not None and at is not None:
        case.planted(at)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name, data_type, character_maximum_length from information_schema.columns"
            " where table_schema = 'public' and table_name = %s and is_nullable = 'NO' and is_identity = 'NO'"
            " and column_default is null",
            [table],
        )
        row = {name: value(kind, number, longest) for name, kind, longest in cursor.fetchall()}
        row |= {name: one(number) if callable(one) else one for name, one in case.told.items()}
        row[rule[0]] = at
        into = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(into.as_string(), list(row.values()))
        cursor.execute("set local session_replication_role = origin")


def moments(table: str) -> list[datetime | None]:
    """Of the rows that are there: past its date, on it, not past it, and without one where it may have none."""
    rule = RULES[table].clear
    assert rule is not None
    date = NOW - timedelta(days=rule[1])
    return [date - LITTLE, date, date + LITTLE, *([None] if CASES[table].open else [])]


def left(table: str) -> list[datetime | None]:
    rule = RULES[table].clear
    assert rule is not None
    with connection.cursor() as cursor:
        query = sql.SQL("select {0} from {1} order by {0}").format(
            sql.Identifier(rule[0]), sql.Identifier(table)
        )
        cursor.execute(query.as_string())
        return [at for (at,) in cursor.fetchall()]


@pytest.fixture(scope="module")
def rows(module_db: None) -> None:
    """Of every rule the rows at its moments, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("delete from django_session")
    # The trail first: what the others leave in it has no seal yet.
    for table in sorted(RULES, key=lambda name: name != "review_audit"):
        for number, at in enumerate(moments(table), 1):
            plant(table, at, number)


@pytest.mark.parametrize("table", sorted(RULES))
def test_the_job_takes_what_is_past_its_date_and_nothing_else(rows: None, db: None, table: str) -> None:
    before = left(table)
    with clock.frozen(NOW):
        cleared = fields.retain()
    assert cleared[table] == 1 and set(cleared) == set(RULES) | DROPS
    gone = moments(table)[0]
    assert gone in before
    # That rows left is told in the trail, at this moment.
    assert Audit.objects.filter(what="audit.prune", at=NOW).count() == 1
    stayed = [at for at in left(table) if at != NOW or table != "review_audit"]
    assert stayed == [at for at in before if at != gone]
    with clock.frozen(NOW):
        assert set(fields.retain().values()) == {0}


def test_of_applications_only_those_whose_contact_was_never_reached_go(rows: None, db: None) -> None:
    proved, _ = applied(EARLY), applied(EARLY)
    Application.objects.filter(pk=proved.pk).update(proved_at=NOW - timedelta(days=1000))
    with clock.frozen(NOW):
        assert fields.retain()["joining_application"] == 2
    assert Application.objects.filter(pk=proved.pk).exists()


def test_of_the_trail_no_row_goes_before_the_log_tells_of_its_seal(rows: None, db: None) -> None:
    with clock.frozen(EARLY):
        audit.note("retention.waits")
        sealed_now = sealing.seal()
    with clock.frozen(NOW):
        fields.retain()
        assert Audit.objects.filter(what="retention.waits").exists()
        log.sequence()
        assert fields.retain()["review_audit"] == sealed_now


@pytest.mark.parametrize("years", [-4, 4])
def test_by_a_clock_that_differs_from_the_databases_nothing_is_deleted(
    rows: None, db: None, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """One that ran ahead would have taken everything, accounts among it, and nothing brings that back."""
    monkeypatch.setattr(privacy, "_start", lambda _: None)
    monkeypatch.setattr(clock, "of_database", lambda: NOW)
    before = {table: left(table) for table in RULES}
    with clock.frozen(NOW + timedelta(days=365 * years)):
        told = CliRunner().invoke(privacy.command, ["retain"])
    assert told.exit_code == 1 and "clocks-apart" in told.output, told.output
    assert {table: left(table) for table in RULES} == before
