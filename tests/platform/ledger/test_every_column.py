"""Every column that says what somebody has or rests on: changed in one row behind the program, a check names it.

What no check names stands in not_named.csv with its reason, so that a new column is one or the other. A change that a
constraint of the table itself refuses is named there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import override_settings
from tests.platform.ledger.test_reconcile import MONTH, found, plant, write_books
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import NOW, World
from tests.platform.revaluing.decided import BUS, MAY, adopt, book, write

from abate.demo import desk
from abate.platform import revaluing
from abate.platform.credits import actions as credits
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.incentives.models import Code
from abate.platform.ledger import actions, holds, queries
from abate.platform.log import actions as log
from abate.platform.parties.models import Party
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review import audit
from abate.platform.review.audit import Actor

pytestmark = [pytest.mark.platform, pytest.mark.slow]
ROOMS = ("log", "events", "carbon", "ledger", "credits", "incentives", "reconciliation")
LIST = Path(__file__).with_name("not_named.csv")
# Rows of one table that say different things are changed one by one.
TEA = "offer_id in (select id from incentives_offer where title_en = 'Tea voucher')"
KINDS = {
    "carbon_act": ("event_id = 'waits for its number'",),
    "carbon_revaluation": ("header like '%left_alone%'",),
    "credits_cap": ("behaviour = 'walking'",),
    "credits_rule": ("title_en = 'New'",),
    "credits_short": ("short_mg > 0",),
    "events_batch": ("id = (select min(batch_id) from ledger_entry)",),
    "incentives_code": (f"burnt_at is not null and {TEA}", f"cancelled_at is not null and {TEA}"),
    "incentives_offer": ("title_en = 'Tea voucher'",),
    "ledger_entry": ("kind = 1", "kind = 10", "kind = 12", "kind = 21", "kind not in (1, 10, 12, 21)"),
    "log_checkpoint": ("size = (select max(size) from log_checkpoint)",),
}
# What a value becomes, the first that the table takes; and what an empty one does.
CHANGES = {
    "bigint": ("{} + 1", "{} - 1", "{} + 1000003"),
    "integer": ("{} + 1", "{} - 1", "{} + 1000003"),
    "smallint": ("{} + 1", "{} - 1"),
    "numeric": ("{} + 1", "{} - 1"),
    "boolean": ("not {}",),
    "text": ("{} || 'x'",),
    "character varying": ("{} || 'x'",),
    "bytea": ("set_byte({0}, 0, get_byte({0}, 0) # 1)", "{} || '\\x00'"),
    "timestamp with time zone": ("{} + interval '1 day'", "{} - interval '1 day'"),
    "date": ("{} + 1", "{} - 1"),
    "uuid": ("gen_random_uuid()",),
    "jsonb": ("'{{\"x\": 1}}'",),
    "ARRAY": ("array_append({}, null)",),
}
EMPTY = {
    "bigint": "1",
    "integer": "1",
    "smallint": "1",
    "text": "'x'",
    "character varying": "'x'",
    "bytea": "sha256('x')",
    "timestamp with time zone": "now()",
    "date": "current_date",
    "jsonb": "'{\"x\": 1}'",
}


def listed() -> dict[tuple[str, str], str]:
    """Why no check names a change, by table and column; `*` of a table that is listed whole."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["column"]): row["why"] for row in csv.DictReader(file)}


def tables() -> list[str]:
    """Those that are not listed whole, and so looked at."""
    of = {model._meta.db_table for room in ROOMS for model in apps.get_app_config(room).get_models()}
    return sorted(of - {table for table, column in listed() if column == "*"})


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's figures of later: another baseline of cycling."""
    return write(tmp_path_factory.mktemp("packs"), BUS, "city-2")


@pytest.fixture(scope="module")
def books(module_db: None, pack: Path) -> World:
    """The books of test_reconcile.py, and beside them what three people decided, a revaluation, a partner's file, an end."""
    with override_settings(ABATE_OPERATOR_PACK="demo"):
        world = write_books()
    one = world.people[0]
    with clock.frozen(NOW + MONTH), override_settings(ABATE_OPERATOR_PACK=str(pack)):
        adopt()
        book(MAY, revaluing.propose(MAY).digest)
        desk.add_cap("walking", clock.today(), 5_000, ("每日上限", "A day's cap"))
        desk.add_rule(
            clock.today() + timedelta(days=9), ("新规则", "New"), credits_per_kg=1000, expiry_days=9
        )
        duty = {"first_day": "2026-06-01", "last_day": "2026-06-30", "keep_until": "2030-01-01"}
        desk.decide("duty.add", behaviour="cycling", ground_zh="核证", ground_en="to be verified", **duty)
        actions.adjust(one.pk, 100, "more")
        shop = Party.objects.get(code="a-shop")
        texts = {"title": ("茶券", "Tea voucher"), "detail": ("一杯", "One cup")}
        span = {"from_at": NOW, "to_at": NOW + 3 * MONTH}
        tea = desk.create_offer(
            party_id=shop.pk, price_credits=3, stock=5, valid_days=30, made_up=True, **texts, **span
        )
        till = Code.objects.exclude(burnt_by=None).get().burnt_by
        assert till is not None
        with audit.acting(lambda: Actor(till.handle, "page", "", till.pk)):
            incentives.burn(till, incentives.redeem(one, tea, uuid4()).text)
        back = incentives.redeem(one, tea, uuid4())
        incentives.reverse(one.pk, back.entry_id, "not wanted")
        holds.hold(one.pk, 2, "open", NOW + MONTH + timedelta(days=2))
        city = Party.objects.get(code=world.sender.code)
        file = b"event\nmade-up-1\n"
        reconciliation.compare(city, date(2026, 6, 1), file, "csv", via="file", side="events")
        log.sequence()
        log.give_access(city.pk, 0, 5, "case 1", 3)
        world.send(world.ride("waits for its number"), withdrawal(world, "w", "m"))
        expired = next(row for row in queries.entries(one.pk, limit=100) if row.cause == "n")
        credits.reverse(one.pk, expired.id, "its credits had expired")
        actions.adjust(one.pk, 1, "waits for its number")
    return world


@pytest.fixture
def booked(books: World, pack: Path, db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_FORMER_PACKS = str(pack), ["demo"]
    with clock.frozen(NOW + MONTH):
        yield books


def columns(table: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = current_schema() and table_name = %s order by ordinal_position",
            [table],
        )
        return cursor.fetchall()


def one_row(table: str, where: str) -> tuple[str, str] | None:
    with connection.cursor() as cursor:
        cursor.execute(f"select tableoid, ctid::text from {table} where {where} order by 1, ctid limit 1")
        return cursor.fetchone()


def outcome(table: str, column: str, form: str, rows: str) -> str:
    """`named`, `refused` by the table, `no row`, or `not named`; nothing of the change stays."""
    row = one_row(table, f"({rows}) and {column} is not null")
    texts = [change.format(column) for change in CHANGES[form]] if row else [EMPTY.get(form, "")]
    row = row or one_row(table, rows)
    if row is None or not texts[0]:
        return "no row"
    for text in texts:
        try:
            with transaction.atomic():
                return changed(
                    f"update {table} set {column} = {text} where (tableoid, ctid) = (%s, %s::tid)", row
                )
        except Undone as told:
            return told.args[0]
        except (IntegrityError, DatabaseError) as fault:
            told_ = str(fault)
    assert "constraint" in told_ or "no partition" in told_ or "out of range" in told_, told_
    return "refused"


class Undone(Exception):
    """Carries the outcome out of the transaction that it takes back."""


def changed(statement: str, row: tuple[str, str]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(statement, row)
        assert cursor.rowcount == 1
        cursor.execute("set local session_replication_role = origin")
    raise Undone("named" if said() else "not named")


def said() -> bool:
    """Whether a check names anything; what ends reconciliation names no row."""
    try:
        return bool(found()) or bool(found(recompute=True))
    except DatabaseError:
        return False


def test_the_books_are_even_and_the_list_is_whole(booked: World) -> None:
    assert found(recompute=True) == {}
    known = {(table, column) for table in tables() for column, _ in columns(table)}
    assert {of for of in listed() if of[1] != "*"} <= known
    assert all(len(why.split()) > 3 for why in listed().values())


@pytest.mark.parametrize("table", tables())
def test_a_changed_value_is_named_or_listed(booked: World, table: str) -> None:
    assert found(recompute=True) == {}
    wrong, why = {}, listed()
    for column, form in columns(table):
        for rows in KINDS.get(table, ("true",)):
            got = outcome(table, column, form, rows)
            if (got in ("named", "refused")) == ((table, column) in why):
                wrong[column, rows] = got
    assert wrong == {}


TEA_OFFER = "update incentives_offer set {} where title_en = 'Tea voucher'"
DECIDED = {
    TEA_OFFER.format("stock = stock + 1"): {"stock"},
    TEA_OFFER.format("title_zh = '咖啡券'"): {"decided"},
    TEA_OFFER.format("to_at = to_at + interval '1 day'"): {"decided"},
    TEA_OFFER.format("valid_days = 31"): {"decided", "terms"},
    "update credits_rule set title_en = 'Old' where title_en = 'New'": {"decided"},
    "delete from credits_cap where behaviour = 'walking'": {"decided"},
    "update carbon_revaluation set header = replace(header, '\"events\": ', '\"events\": 1')": {"decided"},
    "update carbon_revaluation set reason_en = 'made up'": {"decided"},
    "update carbon_adoption set document = replace(document, 'Shanghai', 'Tokyo')": {"bases"},
    "update carbon_basis set region = 'CN' where region is null": {"bases"},
    "update ledger_duty set keep_until = keep_until + 1": {"decided"},
    "update review_proposal set arguments = replace(arguments, 'Tea', 'Coffee')": {"decisions"},
    "update review_step set at = at + interval '1 s' where kind = 'approve'": {"decisions"},
    "update incentives_code set burnt_by_id = (select min(id) from review_user) where burnt_by_id is not null": {
        "burnt"
    },
    "update incentives_code set burnt_at = burnt_at + interval '1 day' where burnt_at is not null": {"burnt"},
}


@pytest.mark.parametrize("statement", DECIDED)
def test_what_three_people_decided_is_held_against_the_row_it_made(booked: World, statement: str) -> None:
    plant(statement)
    assert DECIDED[statement] <= found().keys()
