"""People with credits, acceptors with offers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from uuid import UUID

import pytest
from django.db import connection

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person
from abate.platform.review import actions as review
from abate.platform.review.models import User

_order = count()


@pytest.fixture
def make_person() -> Callable[[int], Person]:
    """A person who holds this many credits."""

    def make(credits: int) -> Person:
        order = next(_order)
        number = made_up_number(date(1990, 1, 1) + timedelta(days=order), order % 1000)
        person = people.register("某甲", number, [f"p{order}@example.org"], "1", made_up=True)
        if credits:
            desk.adjust(person.pk, credits, "opening")
        return person

    return make


@pytest.fixture
def make_acceptor() -> Callable[[str], tuple[Party, User]]:
    """A merchant and a user who burns codes for it."""

    def make(code: str) -> tuple[Party, User]:
        party = desk.create_party(code, "merchant", "某店", "A shop", made_up=True)
        user = review.create_user("staff", made_up=True)
        desk.add_member(user, party, "acceptor")
        return party, user

    return make


@pytest.fixture
def make_offer() -> Callable[..., UUID]:
    def make(party: Party, *, price: int = 10, stock: int = 5, valid_days: int = 30) -> UUID:
        now = clock.now()
        return desk.create_offer(
            party_id=party.pk,
            title=("咖啡券", "Coffee voucher"),
            detail=("一杯", "One cup"),
            price_credits=price,
            stock=stock,
            valid_days=valid_days,
            from_at=now - timedelta(days=1),
            to_at=now + timedelta(days=60),
            made_up=True,
        )

    return make


@pytest.fixture
def at_once() -> Callable[[list[Callable[[], object]]], list[str]]:
    """Runs attempts on 16 threads and connections; gives `done` or the refusal's code of each."""

    def run(attempt: Callable[[], object]) -> str:
        try:
            attempt()
        except Problem as problem:
            return problem.code
        finally:
            connection.close()
        return "done"

    def start(attempts: list[Callable[[], object]]) -> list[str]:
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(run, attempts))

    return start
