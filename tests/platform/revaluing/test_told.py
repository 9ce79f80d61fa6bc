"""What a person is told of a correction: the old award says that it gave way, each reason in the reader's language."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from tests.platform.pipeline.world import World
from tests.platform.revaluing.decided import BUS, COACH, MAY, WHY, book
from tests.platform.revaluing.decided import replace as replace
from tests.platform.revaluing.test_revaluing import world as world

from abate.bookkeeping.kinds import Kind
from abate.platform import revaluing
from abate.platform.carbon import queries as carbon
from abate.platform.carbon import recomputing
from abate.platform.carbon import revaluing as reading
from abate.platform.carbon.errors import NotReproducible
from abate.platform.config import doctor
from abate.platform.ledger import queries as ledger
from abate.platform.web import amounts, story

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-7.2-a")]
FIRST = date(2026, 6, 1)
"""The day on which the world of these tests stands."""


def test_the_page_of_an_old_award_says_that_it_gave_way(world: World, replace: Any) -> None:
    (sent,) = world.send(world.ride("a", km=3))
    person = world.people[0].pk
    replace(BUS)
    book(MAY, revaluing.propose(MAY).digest)
    now = carbon.behaviour(person, world.sender.party_id, "a")
    old = carbon.behaviour_of_entry(person, sent.entry or 0)
    assert now is not None and old is not None and now.superseded is None
    with translation.override("zh-hans"):
        (told,) = story.tell([old])
        assert "取代" in told.state and WHY[0] in told.why and amounts.day(FIRST) in told.why
    with translation.override("en"):
        (told,) = story.tell([old])
        assert told.state == "Superseded" and WHY[1] in told.why and amounts.day(FIRST) in told.why
        (present,) = story.tell([now])
        assert told.present and not present.present and WHY[1] in present.why


def test_the_statement_shows_the_reason_in_one_language(world: World, replace: Any) -> None:
    world.send(world.ride("a", km=3))
    replace(BUS)
    book(MAY, revaluing.propose(MAY).digest)
    (row,) = [one for one in ledger.entries(world.people[0].pk) if one.kind == Kind.REVERSE]
    for language, mine, other in (("zh-hans", *WHY), ("en", *reversed(WHY))):
        with translation.override(language):
            shown = story.reason_of(row.kind, row.cause)
        assert mine in shown and other not in shown and "revalue" not in shown


@pytest.mark.parametrize(
    "text",
    ["withdrawn", "a / b", "a / b / c (revalue 7)", "(revalue 7)", "a (revalue 7)", "a / b (revalue x)"],
)
def test_any_other_text_is_shown_as_it_is(text: str) -> None:
    assert reading.read_entry_cause(text) is None
    assert story.reason_of(Kind.REVERSE, f"{'0' * 64} {text}") == text
    assert reading.read_entry_cause(reading.entry_cause(("甲", "b"), 7)) == ("甲", "b")


def test_a_former_pack_that_is_gone_is_named_and_nothing_else_stops(
    world: World, replace: Any, settings: Any, tmp_path: Path
) -> None:
    replace(BUS, "city-1")
    old = settings.ABATE_OPERATOR_PACK
    (sent,) = world.send(world.ride("a", km=3))
    person = world.people[0].pk
    replace(COACH, "city-2")
    found = carbon.behaviour(person, world.sender.party_id, "a")
    assert found is not None
    for former, missing in (([], 1), ([str(tmp_path / "nowhere.yaml")], 1), ([old], 0)):
        settings.ABATE_FORMER_PACKS = former
        names = {one.name: one for one in doctor.schema()}
        assert ("former packs" in names) == bool(missing) and recomputing.recompute() == (1, missing)
        if missing:
            assert "city-1" in names["former packs"].what
            with pytest.raises(NotReproducible):
                carbon.explain(found)
        else:
            carbon.explain(found)
        assert story.tell([found])[0].er_mg == sent.er_mg and world.send(world.ride("a", km=3))[0].entry
    assert revaluing.propose(MAY).changed == 1
