"""What a source permits to tell others: every use and every recipient is asked, and a door that does not ask is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from tests.platform.events.test_sources import AFTER, MONTH, declare, ride
from tests.platform.pipeline.test_withdrawals import withdrawal
from tests.platform.pipeline.world import GIVEN, NOW, World, make_world

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.events import sources
from abate.platform.events.models import Source
from abate.platform.ledger import closing
from abate.platform.parties import actions as parties
from abate.platform.parties.errors import PartyUnknown
from abate.platform.parties.models import Party
from abate.platform.people import groups
from abate.platform.review import changes
from abate.platform.review.errors import ArgumentsMalformed
from abate.platform.sharing import actions, editions, errors, members, queries
from abate.platform.sharing.models import Cell, Read

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-b", "P-8.5-d")]
BOOKED = ["quantify", "credit"]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(GIVEN):
        made = make_world(12)
    with clock.frozen(NOW):
        yield made


def party(code: str, kind: str = "authority") -> Party:
    return parties.create_party(code, kind, "某局", "A bureau", [], made_up=True)


def granted(who: Party, kind: str = "statistics", behaviours: tuple[str, ...] = ()) -> Any:
    asked = actions.ask(
        who.pk, purpose="评估", kind=kind, ground="授权", behaviours=behaviours, from_month=MONTH, to_month=MONTH,
        until=date(2026, 12, 31), known=["cycling", "online-meeting"],
    )  # fmt: skip
    desk.decide("sharing.answer", request=str(asked.id), granted=True)
    return asked


def read(who: Party, asked: Any) -> dict[str, Any]:
    (month,) = json.loads(actions.read(who.pk, asked.id, None, None, "key").body)["months"]
    return month


def close() -> None:
    closing.close_day(clock.today() - timedelta(days=1))
    closing.close_month(MONTH)


def test_figures_go_to_whom_and_for_what_the_source_permits(world: World) -> None:
    statistics, transport, tax = party("statistics-bureau"), party("transport-bureau"), party("tax-bureau")
    declare(world, shared_with=["statistics-bureau", "transport-bureau:research"])
    world.send(
        *(ride(world, f"m-{n}", n) for n in range(12)), *(world.meeting(f"o-{n}", n) for n in range(12))
    )
    with clock.frozen(AFTER):
        close()
        whole = read(statistics, granted(statistics))
        assert [one["behaviour"] for one in whole["groups"]] == ["cycling", "online-meeting"]
        assert whole["not_shared"] == {"groups": 0, "sources": []}
        # The mark goes with the figures that hold its data, and with no others.
        (mark,) = whole["groups"][0]["sources"]
        assert mark["source"] == f"{world.sender.code}/metro" and mark["level"] == 2 and mark["version"] == 1
        assert whole["groups"][1]["sources"] == []

        assert read(transport, granted(transport, "research"))["groups"] == whole["groups"]
        for who, asked in ((transport, granted(transport)), (tax, granted(tax))):
            part = read(who, asked)
            assert part["groups"] == whole["groups"][1:], "as the edition has it, or not at all"
            assert part["not_shared"] == {"groups": 1, "sources": [f"{world.sender.code}/metro"]}
        # What holds nothing else is refused by name, and no answer is written down.
        before = Read.objects.count()
        only = granted(tax, behaviours=("cycling",))
        with pytest.raises(errors.SourceWithheld, match=f"{world.sender.code}/metro"):
            read(tax, only)
        assert Read.objects.count() == before


def test_the_version_an_event_came_under_stays_its_terms(world: World) -> None:
    bureau = party("tax-bureau")
    declare(world, shared_with=["tax-bureau:supervision"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    declare(world)
    with clock.frozen(AFTER):
        close()
        with pytest.raises(errors.SourceWithheld):
            read(bureau, granted(bureau))
        assert len(read(bureau, granted(bureau, "supervision"))["groups"]) == 1


def test_what_is_taken_back_tells_of_its_source_too(world: World) -> None:
    party("another-bureau")
    declare(world, shared_with=["another-bureau"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    with clock.frozen(AFTER):
        close()
        gone = [withdrawal(world, f"w-{n}", f"m-{n}", n) for n in range(12)]
        world.send(*(one | {"source": f"{world.sender.code}/metro"} for one in gone))
    with clock.frozen(AFTER + timedelta(days=31)):
        closing.close_day(clock.today() - timedelta(days=1))
        closing.close_month(date(2026, 7, 1))
        editions.edition(date(2026, 7, 1))
    (cell,) = Cell.objects.filter(month=date(2026, 7, 1))
    (terms,) = sources.of_versions(cell.sources).values()
    assert (
        cell.acts == -12
        and terms.shares("another-bureau", "research")
        and not terms.shares("other", "research")
    )


def test_the_people_who_decide_see_what_a_request_will_not_get(world: World) -> None:
    bureau = party("tax-bureau")
    declare(world, shared_with=["tax-bureau:service"])
    asked = actions.ask(bureau.pk, purpose="p", ground="g", behaviours=[], from_month=MONTH, to_month=MONTH,
                        until=date(2026, 12, 31), known=[])  # fmt: skip
    look = changes.action("sharing.answer").look({"request": str(asked.id)})
    assert look["not_shared"] == [f"{world.sender.code}/metro"] and look["kind"] == "statistics"
    assert queries.request(asked.id).kind == "statistics"
    with pytest.raises(errors.RequestMalformed, match="kind"):
        actions.ask(bureau.pk, purpose="p", kind="sale", ground="g", behaviours=[], from_month=MONTH,
                    to_month=MONTH, until=date(2026, 12, 31), known=[])  # fmt: skip


def test_the_people_who_decide_see_the_terms_under_which_the_data_came(world: World) -> None:
    bureau = party("tax-bureau")
    declare(world, shared_with=["tax-bureau:supervision"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    # Opened to all afterwards: what came before stays under the terms it came under.
    declare(world, shared_with=["*"])
    given = {
        "purpose": "p",
        "ground": "g",
        "from_month": MONTH,
        "to_month": MONTH,
        "until": date(2026, 12, 31),
    }

    def look(*behaviours: str, kind: str = "statistics") -> Any:
        asked = actions.ask(bureau.pk, behaviours=behaviours, kind=kind, known=["cycling", "metro"], **given)
        return changes.action("sharing.answer").look({"request": str(asked.id)})["not_shared"]

    name = f"{world.sender.code}/metro"
    with clock.frozen(AFTER):
        close()
        for made in (False, True):
            assert editions.all_made([MONTH]) is made
            assert look() == look("cycling") == [name]
            assert look("metro") == look(kind="supervision") == []
            editions.edition(MONTH)


def test_what_may_not_be_used_is_laid_out_once_for_all_months_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau = party("tax-bureau")
    declare(world, shared_with=["tax-bureau:supervision"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    declare(world, shared_with=["*"])
    asked = actions.ask(bureau.pk, purpose="p", ground="g", behaviours=[], from_month=date(2026, 1, 1),
                        to_month=MONTH, until=date(2026, 12, 31), known=[])  # fmt: skip
    laid_out: list[str] = []
    hold_back = editions.hold_back

    def counted(use: str, first: date, party: str | None = None) -> list[str]:
        laid_out.append(use)
        return hold_back(use, first, party)

    monkeypatch.setattr(editions, "hold_back", counted)
    look = changes.action("sharing.answer").look
    with clock.frozen(AFTER):
        close()
        for made in (0, 1):
            laid_out.clear()
            assert look({"request": str(asked.id)})["not_shared"] == [f"{world.sender.code}/metro"], made
            assert laid_out == ["statistics"]
            editions.edition(MONTH)
        # What an edition of a month says is not asked of its days again.
        Cell.objects.all().delete()
        assert editions.versions([date(2026, 1, 1), MONTH, date(2026, 7, 1)], []) == set()


@pytest.fixture
def works(world: World) -> Party:
    """An organisation of all twelve."""
    with clock.frozen(GIVEN):
        made = party("works", "enterprise")
        code, _ = groups.invite_to_organisation(made, 50)
        for person in world.people:
            groups.join(person, code, "n")
    return made


def told(world: World, works: Party) -> tuple[list[str], int | None]:
    """What it is told of June: the sources that are left out, and the acts."""
    world.send(
        *(ride(world, f"m-{n}", n) for n in range(12)), *(world.meeting(f"o-{n}", n) for n in range(12))
    )
    with clock.frozen(AFTER):
        close()
        made = members.edition(works.pk, MONTH)
    return made.left_out, made.acts


@pytest.mark.parametrize(
    ("terms", "acts"),
    [
        ({"uses": [*BOOKED, "members"]}, 24),
        ({"shared_with": ["works"]}, 24),
        ({"uses": [*BOOKED, "statistics"]}, 12),
        ({"shared_with": ["bureau"]}, 12),
        ({"shared_with": ["works:research"]}, 12),
        ({"retention_days": 1}, 12),
    ],
)
def test_an_organisation_is_told_of_its_members_what_the_source_permits(
    terms: dict[str, Any], acts: int, world: World, works: Party
) -> None:
    party("bureau")
    declare(world, **terms)
    assert told(world, works) == ([] if acts == 24 else [f"{world.sender.code}/metro"], acts)


@pytest.mark.parametrize("lost", ["not source.uses @> array[%(use)s] or ", "not source.shared_with && "])
def test_planted_sums_of_members_that_ask_for_no_use_or_no_recipient_are_seen(
    lost: str, world: World, works: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    party("bureau")
    declare(world, **({"uses": [*BOOKED, "statistics"]} if "uses" in lost else {"shared_with": ["bureau"]}))
    planted = editions.SQL["hold_back"].replace(
        lost, "" if "uses" in lost else "false and source.shared_with && "
    )
    assert planted != editions.SQL["hold_back"]
    monkeypatch.setitem(editions.SQL, "hold_back", planted)
    assert told(world, works) == ([], 24)


def test_planted_grants_that_do_not_ask_are_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bureau = party("bureau")
    party("another-bureau")
    declare(world, shared_with=["another-bureau"])
    world.send(*(ride(world, f"m-{n}", n) for n in range(12)))
    monkeypatch.setattr(sources.SourceRow, "shares", lambda *_: True)
    with clock.frozen(AFTER):
        close()
        assert len(read(bureau, granted(bureau))["groups"]) == 1


@pytest.mark.parametrize(
    "terms",
    [
        {"shared_with": []},
        {"uses": BOOKED, "shared_with": ["*"]},
        {"shared_with": ["*:sale"]},
        {"shared_with": [7]},
        {"shared_with": ["*:"]},
    ],
)
def test_terms_that_say_nothing_of_whom_are_refused(terms: dict[str, Any], world: World) -> None:
    with pytest.raises(ArgumentsMalformed, match="shared_with"):
        declare(world, **terms)
    with pytest.raises(PartyUnknown):
        declare(world, shared_with=["nobody-knows"])
    assert not Source.objects.exists()
