"""Whose a seat at a till is: said by its party, kept as a keyed digest, and held against who decides about the party."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from tests.platform.ledger.test_erasing import waits_for_the_lock
from tests.platform.ledger.test_erasing_races import beside
from tests.platform.review.test_proposing import refusal
from tests.platform.web import city as stage
from tests.platform.web.test_tills import LINK, TILLS, Enter, keeper_of

from abate.demo import desk
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.parties import actions, tills
from abate.platform.parties.models import Party, Till
from abate.platform.people.identity import made_up_number
from abate.platform.review import actions as review
from abate.platform.review import proposing
from abate.platform.review.models import Audit, Step, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c", "P-6.2-types")]
NUMBER = next(number for n in range(999) if (number := made_up_number(date(1991, 2, 3), n)).endswith("X"))


def clerk(number: str) -> User:
    """Somebody of the staff who checks, under the identity number as it was enrolled."""
    user = review.create_user("staff", made_up=True)
    review.enrol(user, number)
    review.grant(user, "check")
    return user


def suspension(city: stage.City) -> int:
    return proposing.propose(desk.staffed()["entry"], "party.suspend", {"code": city.cafe.code}, "x").pk


def told(user: User, number: int) -> str:
    ((one,), _) = proposing.decide_all(user, Step.CHECK, [number])
    return one.code


@pytest.mark.parametrize("typed", [NUMBER, NUMBER.lower(), f" {NUMBER[:6]} {NUMBER[6:]}\u3000"])
def test_who_sits_at_a_till_decides_nothing_about_its_party(city: stage.City, typed: str) -> None:
    """A seat was a login and nobody's: whoever checks for the operator could let their own shop be, or put away its rival."""
    checker, number = clerk(NUMBER), suspension(city)
    seat, token = tills.invite(city.cafe, "1", typed)
    # Whose hands the link never reached sits nowhere.
    assert told(checker, number) == "" and not Audit.objects.filter(act="refused").exists()
    second = suspension(city)
    tills.take(token)
    # Said by the party alone: the seat is named, so that it can be disputed and ended.
    ((one,), _) = proposing.decide_all(checker, Step.CHECK, [second])
    assert one.problem and (one.code, one.problem.detail) == (
        "concerns-own-till",
        f"{city.cafe.code}: {seat.pk}",
    )
    with pytest.raises(tills.AtItsTill):
        proposing.reject(checker, second, "x")
    assert Audit.objects.filter(act="refused").exists()
    # Another of the staff is another, and the seat's end is the end of it.
    third = suspension(city)
    tills.end(seat.pk)
    assert told(checker, third) == "" and told(desk.staffed()["check"], second) == ""


def test_the_number_is_kept_nowhere_and_its_digest_as_long_as_the_seat(
    city: stage.City, enter: Enter
) -> None:
    keeper = keeper_of(city.cafe)
    shop, phone = enter(keeper, "en"), Client(headers={"accept-language": "en"})
    answer = shop.post(TILLS, {"step": "invite", "name": "1", "number": NUMBER})
    assert NUMBER not in answer.content.decode() and NUMBER not in shop.get(TILLS).content.decode()
    path = LINK.search(answer.content.decode())
    assert path and "only a keyed digest" in phone.get(path[1]).content.decode()
    phone.post(path[1])
    row = Till.objects.values().get()
    assert bytes(row["human"]) == keyring().number_hmac(NUMBER)
    assert NUMBER not in str(row) and NUMBER not in str(list(Audit.objects.values()))
    tills.end(row["id"])
    assert Till.objects.get().human is None


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "none of it", "1", "12345678901234567A", NUMBER[:-1] + "1", "9" * 40, "ABCDEFGH", "王店员"],
)
def test_nobody_is_invited_without_a_number_that_can_be_one(
    city: stage.City, enter: Enter, typed: str
) -> None:
    shop = enter(keeper_of(city.cafe), "en")
    answer = shop.post(TILLS, {"step": "invite", "name": "first", "number": typed})
    page = answer.content.decode()
    assert answer.status_code == 422 and "its right check sign" in page and 'value="first"' in page
    assert not Till.objects.exists()


@pytest.mark.parametrize("typed", ["E12345678", "h 1234567 8", "３３３１２３４５６"])
def test_a_passport_or_a_permit_is_a_document_too(city: stage.City, typed: str) -> None:
    assert tills.invite(city.cafe, "1", typed)[0].human is not None


def test_an_earlier_seat_gets_its_next_link_with_the_number_of_its_holder(
    city: stage.City, enter: Enter
) -> None:
    seat, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    tills.take(token)
    Till.objects.filter(pk=seat.pk).update(human=None)
    shop = enter(keeper_of(city.cafe), "en")
    assert "not given yet" in shop.get(TILLS).content.decode()
    assert (
        "Not said whose"
        in enter(desk.staffed()["entry"], "en")
        .get(f"/operator/tills?party={city.cafe.code}")
        .content.decode()
    )
    assert refusal(lambda: tills.link(city.cafe, seat.pk)) == "till-holder-unfit"
    assert shop.post(TILLS, {"step": "link", "till": seat.pk}).status_code == 422
    checker, number = clerk(NUMBER), suspension(city)
    assert shop.post(TILLS, {"step": "link", "till": seat.pk, "number": NUMBER}).status_code == 200
    assert told(checker, number) == "concerns-own-till"
    # Said once: afterwards a link asks for nothing, and changes nobody.
    assert (
        tills.link(city.cafe, seat.pk, stage.AT_TILL)
        and "not given yet" not in shop.get(TILLS).content.decode()
    )
    assert bytes(Till.objects.get(pk=seat.pk).human or b"") == keyring().number_hmac(NUMBER)


def test_a_shop_that_the_clerk_does_not_sit_in_is_anybody_s(city: stage.City) -> None:
    other = desk.create_party("sample-tea", Party.Kind.MERCHANT, "示例茶店", "Sample Tea", made_up=True)
    tills.take(tills.invite(other, "1", NUMBER)[1])
    assert told(clerk(NUMBER), suspension(city)) == ""
    actions.suspend(other)


def test_an_invitation_that_nobody_took_says_nobody_s_number_once_it_ran_out(city: stage.City) -> None:
    """It was kept a month longer than the page and the record of processing say."""
    waiting, taken = tills.invite(city.cafe, "1", NUMBER)[0], tills.invite(city.cafe, "2", NUMBER)
    tills.take(taken[1])
    for hours, kept in ((23, True), (25, False)):
        with clock.frozen(clock.now() + timedelta(hours=hours)):
            assert fields.retain()["parties_till"] == (0 if kept else 1)
        waiting.refresh_from_db()
        assert (waiting.human is not None) is kept
    assert Till.objects.get(pk=taken[0].pk).human is not None


@pytest.mark.django_db(transaction=True)
def test_an_end_beside_the_next_link_leaves_nobody_s_number(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link's row was read before the end and saved after it: whose it was stayed on a seat that is over."""
    seat, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    tills.take(token)
    Till.objects.filter(pk=seat.pk).update(human=None)
    really, ended, threads = tills._holder, [], []

    def end_meanwhile(number: str) -> bytes:
        threads.append(beside(lambda: tills.end(seat.pk), ended))
        waits_for_the_lock("transactionid")
        return really(number)

    monkeypatch.setattr(tills, "_holder", end_meanwhile)
    assert tills.link(city.cafe, seat.pk, NUMBER)
    threads[0].join(20)
    found = Till.objects.get(pk=seat.pk)
    assert ended == [city.cafe.code] and found.until is not None and found.human is None
