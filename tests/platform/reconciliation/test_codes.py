"""An acceptor's list of burnt codes against the codes burnt here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.platform.reconciliation.test_addresses import token
from tests.platform.web import city as stage
from tests.platform.web.conftest import enter
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.incentives.queries import CodeRow
from abate.platform.ledger import actions as ledger
from abate.platform.parties import actions as parties
from abate.platform.reconciliation import actions, errors, queries
from abate.platform.review import actions as review

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
__all__ = ["enter"]


@pytest.fixture
def burnt(city: stage.City) -> Iterator[tuple[stage.City, list[CodeRow]]]:
    """Five codes of one acceptor: three burnt yesterday, one burnt today, one not burnt."""
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


@pytest.mark.clause("P-4.4", "P-6.2-types")
@pytest.mark.parametrize("kind", ["merchant", "welfare", "financial", "public_service"])
def test_every_kind_of_acceptor_holds_its_codes_against_the_books(
    burnt: tuple[stage.City, list[CodeRow]], kind: str
) -> None:
    _, codes = burnt
    grants = ["data"] if kind == "merchant" else []
    shop = parties.create_party(
        f"a-{kind.replace('_', '-')}", kind, "某方", "One", made_up=True, grants=grants
    )
    day = clock.today() - timedelta(days=2)
    made = actions.compare(shop, day, file(codes[0].text), "csv", via="file")
    assert (made.file.side, made.file.missing_here) == ("codes", 1)
    own = ["codes", "events"] if grants else ["codes"]
    assert [side.value for side in actions.sides_of(shop)] == own
    if grants:
        told = actions.compare(shop, day, b"event\nmade-up-1\n", "csv", via="file", side="events")
        assert (told.file.side, told.file.missing_here) == ("events", 1)
    for side in {"events", "codes", "all"} - {*own}:
        with pytest.raises(errors.SideRefused):
            actions.compare(shop, day, b"event\nmade-up-1\n", "csv", via="file", side=side)


@pytest.mark.parametrize("kind", ["financial", "public_service"])
def test_a_bank_s_file_of_events_needs_no_name_of_its_side(db: None, kind: str) -> None:
    bank = parties.create_party("a-bank", kind, "某行", "One", made_up=True, grants=["data"])
    day = clock.today() - timedelta(days=2)
    assert actions.compare(bank, day, b"event\nmade-up-1\n", "csv", via="file").file.side == "events"
    assert actions.compare(bank, day, file("ABCD-EFGH-JKMN"), "csv", via="file", side="codes").file.rows == 1


def test_a_party_of_which_nothing_is_booked_has_no_side(db: None) -> None:
    identity = parties.create_party("an-issuer", "identity_provider", "核验", "Identity", made_up=True)
    with pytest.raises(errors.NothingHeld):
        actions.compare(identity, clock.today() - timedelta(days=2), b"event\nx\n", "csv", via="file")


def test_the_side_is_named_over_http_and_on_the_page(
    burnt: tuple[stage.City, list[CodeRow]], client: Client, enter: Callable[..., Client]
) -> None:
    """A shop that also provides data: both of its files, by token and by page; a partner has events alone."""
    city, codes = burnt
    day = clock.today() - timedelta(days=2)
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.cafe, "partner")
    browser, headers = enter(keeper, "en"), token(city.cafe)
    for side, data in (("codes", file(*(one.text for one in codes[:3]))), ("events", b"event\nmade-up-1\n")):
        made = client.post(
            f"/v1/reconciliation?day={day}&side={side}", data, content_type="text/csv", headers=headers
        )
        assert (made.status_code, made.json()["side"]) == (200, side)
        sent = {"day": str(day), "side": side, "file": SimpleUploadedFile("a.csv", data)}
        page = browser.post("/partner/reconciliation", sent)
        assert page.status_code == 200 and 'id="compared"' in page.content.decode()
    assert 'name="side"' in browser.get("/partner/reconciliation").content.decode()
    refused = client.post(
        f"/v1/reconciliation?day={day}&side=codes",
        b"code\nx\n",
        content_type="text/csv",
        headers=token(city.partner),
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "reconciliation-side")


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


@pytest.mark.clause("P-6.2-types", "P-6.4", "P-6.6")
@pytest.mark.parametrize("kind", ["settlement", "circulation", "identity_provider"])
def test_of_whom_nothing_is_held_no_file_is_asked(
    client: Client, enter: Callable[..., Client], kind: str
) -> None:
    """Its page offered a form that always refuses, and the refusal told it to choose between two sides that it has not."""
    party = parties.create_party("no-side", kind, "某机构", "No side", made_up=True, grants=())
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, party, "partner")
    browser = enter(keeper, "en")
    assert "/partner/reconciliation" not in browser.get("/partner").content.decode()
    page = browser.get("/partner/reconciliation").content.decode()
    assert 'id="nothing-held"' in page and 'type="file"' not in page
    day = clock.today() - timedelta(days=2)
    refused = client.post(
        f"/v1/reconciliation?day={day}", b"code\nx\n", content_type="text/csv", headers=token(party)
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "reconciliation-nothing-held")
