"""What the owner of the database does to leaves that wait is named, before and after they would have had their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.platform.ledger.test_reconcile import found, plant
from tests.platform.pipeline.world import NOW, World, make_world

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.ledger import actions
from abate.platform.log import actions as log
from abate.platform.review import sealing

pytestmark = [pytest.mark.platform]


@pytest.fixture
def world(db: None, settings: Any) -> Iterator[World]:
    """Leaves of every series wait: awards, an entry by hand, the opening, decisions, a seal of the trail."""
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        made = make_world(1)
        desk.staffed()
        desk.add_cap("walking", clock.day(NOW), 5_000, ("每日上限", "A day's cap"))
        made.send(made.meeting("m"))
        actions.adjust(made.people[0].pk, 1, "gift")
        assert sealing.seal()
        yield made


PLANTED = [
    ("update log_pending set leaf = set_byte(leaf, 5, 99) where person_id > 0", "leaf"),
    ("delete from log_pending where person_id > 0", "leaf"),
    ("delete from ledger_due", "leaf"),
    ("delete from log_pending where person_id = 0 and entry_id > 0", "decisions"),
    ("delete from log_pending where person_id = 0 and entry_id = 0", "decisions"),
    ("delete from log_pending where person_id = -1", "trail"),
    ("update log_pending set entry_id = entry_id + 1 where person_id = -1", "trail"),
    ("insert into log_pending select -7, entry_id, leaf, hash from log_pending where person_id = 0", "queue"),
    ("insert into log_pending select * from log_pending where person_id > 0", "queue"),
]


@pytest.mark.parametrize(("statement", "rule"), PLANTED)
def test_it_is_named(world: World, statement: str, rule: str) -> None:
    assert found() == {}
    plant(statement)
    assert rule in found()
    if "set_byte" not in statement and "select *" not in statement:
        # Where it does not halt the numbering: it is named still.
        while log.sequence():
            pass
        assert rule in found()


def test_what_is_numbered_waits_no_more(world: World) -> None:
    while log.sequence():
        pass
    assert found() == {}
    plant("insert into log_pending select person_id, entry_id, leaf, hash from log_leaf where person_id = -1")
    assert found() == {"queue": 1}
