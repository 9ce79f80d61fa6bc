"""A close names the first signed head that covers all of its entries, and is not complete without one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.platform.ledger.test_reconcile import found, plant
from tests.platform.pipeline.world import NOW, World, make_world

from abate.platform.doors import clock
from abate.platform.ledger import actions, closing, errors
from abate.platform.log import actions as log
from abate.platform.log import queries as heads

pytestmark = [pytest.mark.platform]
DAY = timedelta(days=1)


@pytest.fixture
def world(db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(1)


def test_what_waits_is_numbered_first_and_what_comes_later_does_not_move_the_head(world: World) -> None:
    world.send(world.meeting("m"))
    with clock.frozen(NOW + 40 * DAY):
        one, two = clock.day(NOW), clock.day(NOW) + DAY
        covering = {line.tree_size for line in closing.close_day(one)}
        assert covering == {heads.size()} and heads.waiting() == 0
        actions.adjust(world.people[0].pk, 1, "later")
        log.sequence()
        # Nothing was booked on the second day: the head of the first covers it too, and so it does the month.
        assert {line.tree_size for line in closing.close_day(two)} == covering
        assert heads.size() > max(covering)
        closing.close_day(closing.last_of_month(one))
        assert {line.tree_size for line in closing.close_month(one)} == covering
        assert found() == {}


def test_a_log_that_does_not_number_leaves_the_close_open(world: World) -> None:
    actions.adjust(world.people[0].pk, 1, "gift")
    day = clock.day(NOW)
    with clock.frozen(NOW + DAY):
        plant("update log_pending set leaf = set_byte(leaf, 5, get_byte(leaf, 5) # 1)")
        with pytest.raises(errors.CloseWaitsForLog, match="leaf-changed"):
            closing.close_day(day)
        assert closing.rows("day", day) == []
        plant("update log_pending set leaf = set_byte(leaf, 5, get_byte(leaf, 5) # 1)")
        assert {line.tree_size for line in closing.close_day(day)} == {heads.size()}
        assert found() == {}


def test_an_entry_whose_waiting_leaf_is_gone_is_in_no_close(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.adjust(world.people[0].pk, 1, "gift")
    monkeypatch.setattr(closing, "PATIENCE", 0.2)
    plant("delete from log_pending where person_id > 0")
    with clock.frozen(NOW + DAY):
        with pytest.raises(errors.CloseWaitsForLog):
            closing.close_day(clock.day(NOW))
        assert found() == {"leaf": 1}
