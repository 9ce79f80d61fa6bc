"""The totals that an operator looks at while the city moves on."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from tests.platform.pipeline.world import make_world

from abate.platform.ledger import queries

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def test_balances_and_entries_are_summed_in_one_snapshot(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        empty = queries.sums()
    assert {asset: (one.people, one.accounts, one.even) for asset, one in empty.items()} == {
        "carbon_mg": (0, {}, True),
        "credits": (0, {}, True),
    }
    world = make_world()
    world.send(world.meeting("a"), world.meeting("b", who=1))
    held = [sum(column) for column in zip(*world.totals(), strict=True)]
    with django_assert_num_queries(1):
        found = queries.sums()
    assert [one.people for one in found.values()] == held[:2] and all(one.even for one in found.values())
    assert found["carbon_mg"].accounts == {"issuance": -held[0]}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update ledger_balance set credits = credits + 1")
        assert [one.even for one in queries.sums().values()] == [True, False]
