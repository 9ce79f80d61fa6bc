"""An acceptor's list of burnt codes against the codes burnt here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.platform.web import city as stage

from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.incentives.queries import CodeRow
from abate.platform.ledger import actions as ledger
from abate.platform.parties import actions as parties
from abate.platform.reconciliation import actions, errors, queries

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.fixture
def burnt(db: None) -> Iterator[tuple[stage.City, list[CodeRow]]]:
    """Five codes of one acceptor: three burnt yesterday, one burnt today, one not burnt."""
    city = stage.build()
    ledger.adjust(city.person.pk, 2_000, "opening")
    codes = [incentives.redeem(city.person, city.offer, uuid4()) for _ in range(5)]
    for code in codes[:3]:
        incentives.burn(city.cashier, code.text)
    with clock.frozen(clock.now() + timedelta(days=1)):
        incentives.burn(city.cashier, codes[3].text)
    with clock.frozen(clock.now() + timedelta(days=2)):
        yield city, codes


def file(*codes: str) -> bytes:
    return "\n".join(["兑换码", *codes]).encode("gb18030")


@pytest.mark.clause("P-4.4")
def test_codes_burnt_there_and_here(burnt: tuple[stage.City, list[CodeRow]]) -> None:
    city, codes = burnt
    day = clock.today() - timedelta(days=2)
    agreed = actions.compare(city.cafe, day, file(*(code.text for code in codes[:3])), "csv", via="file")
    assert (agreed.file.matched, agreed.open) == (3, 0)
    signs = codes[1].text.replace("-", "").lower()
    told = file(codes[0].text, signs, codes[3].text, codes[4].text, "ABCD-EFGH-JKMN")
    result = actions.compare(city.cafe, day, told, "csv", via="file")
    assert (
        result.file.matched,
        result.file.missing_here,
        result.file.missing_there,
        result.file.different,
    ) == (2, 1, 1, 2)
    found = {(row.kind, (row.ours or {}).get("state")): row for row in queries.breaks(city.cafe.pk)}
    assert set(found) == {
        ("missing_here", None),
        ("missing_there", None),
        ("different", "burnt"),
        ("different", "not_burnt"),
    }
    assert found["missing_there", None].label == f"#{codes[2].id}"
    # A code is kept as its keyed digest and four signs: nobody can spend it from here.
    assert found["missing_here", None].label == "ABCD-…" and codes[4].text not in str(found)


def test_another_acceptors_code_is_unknown_here(burnt: tuple[stage.City, list[CodeRow]]) -> None:
    """Whether a code of somebody else's exists is not told: it is missing here as a made-up one is."""
    _, codes = burnt
    other = parties.create_party("other-shop", "merchant", "另一家店", "Another shop", made_up=True)
    result = actions.compare(
        other, clock.today() - timedelta(days=2), file(codes[0].text, "ABCD-EFGH-JKMN"), "csv", via="file"
    )
    assert (result.file.missing_here, result.file.matched, result.file.different) == (2, 0, 0)
    assert [row.ours for row in queries.breaks(other.pk)] == [None, None]


def test_one_code_written_in_two_ways_is_twice(burnt: tuple[stage.City, list[CodeRow]]) -> None:
    city, codes = burnt
    day = clock.today() - timedelta(days=2)
    with pytest.raises(errors.RowsTwice, match="lines 2 to 3"):
        actions.compare(
            city.cafe, day, file(codes[0].text, codes[0].text.replace("-", "")), "csv", via="file"
        )
    with pytest.raises(errors.RowMalformed, match="12 signs"):
        actions.compare(city.cafe, day, file("ABCD-EFGH"), "csv", via="file")
    assert queries.breaks() == [] and queries.files() == []
