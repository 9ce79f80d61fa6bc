"""Quality by month, notices, and how a party leaves: with what, and not with something open that nobody decided about."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as offers
from abate.platform.joining import noticing, quality, queries
from abate.platform.joining.errors import NoticeClosed, NoticeMalformed, NoticeUnknown, NotSettled
from abate.platform.joining.models import Settlement
from abate.platform.joining.quality import Quality
from abate.platform.ledger import queries as ledger
from abate.platform.notices.models import Notice
from abate.platform.parties import actions as parties
from abate.platform.parties import queries as party_queries
from abate.platform.parties import standing, webhooks
from abate.platform.parties.models import Message
from abate.platform.people import groups
from abate.platform.people import queries as people
from abate.platform.people.models import Authorisation, Member
from abate.platform.reconciliation import actions as reconciliation
from abate.platform.review import proposing
from abate.platform.review.models import User

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def withdraw(city: stage.City, event: str, cause: str, by: str) -> dict[str, Any]:
    made = stage.meeting(city.partner, city.person, by, clock.now())
    return made | {"type": "org.abate.withdrawal", "data": {"event": event, "reason": cause}}


@pytest.mark.clause("P-6.2")
def test_quality_is_counted_from_the_stored_rows(city: stage.City) -> None:
    noon = clock.now().replace(day=15, hour=4, minute=0, second=0, microsecond=0)
    with clock.frozen(noon):
        ago = [noon - timedelta(hours=hours) for hours in (1, 20, 40, 71, 73, 100)]
        sent = [stage.meeting(city.partner, city.person, f"q-{n}", at) for n, at in enumerate(ago)]
        wrong = [
            sent[0] | {"id": "q-x", "subject": "nobody"},
            sent[0] | {"id": "q-y", "type": "org.abate.behaviour.flying"},
        ]
        stage.send(city.partner, [*sent, *wrong])
        stage.send(
            city.partner,
            [withdraw(city, "q-1", "wrong_figure", "q-1b"), withdraw(city, "q-2", "dispute", "q-2b")],
        )
        (found,) = quality.of_month(noon.date())
    assert found == Quality("sample-app", noon.date().replace(day=1), 6, 2, 2, 1, 1)
    assert found.received == 8
    assert [found.per_mille(name) for name in ("late", "rejected", "corrected", "disputed")] == [
        250,
        250,
        125,
        125,
    ]
    # 100 - 100 x (2/4 + 2/2 + 1/2 + 1) / 8 = 62.5
    assert found.score == 62
    assert quality.of_month(noon.date(), city.cafe.pk) == []
    before = (noon.replace(day=1) - timedelta(days=1)).date()
    assert quality.of_month(before) == []


CASES = {
    "late": (73, {}, None),
    "late-not-yet": (71, {}, None),
    "rejected": (5, {"subject": "nobody"}, None),
    "rejected-again": (5, {"time": "2999-01-01T00:00:00Z"}, "same"),
    "corrected": (5, {}, "wrong_figure"),
    "corrected-replaced": (5, {}, "corrects"),
    "disputed": (5, {}, "dispute"),
    "disputed-untrue": (5, {}, "fraud"),
    "repeated": (5, {}, "same"),
}
COUNTED = {
    # accepted, late, rejected, corrected, disputed
    "late": (5, 1, 0, 0, 0),
    "late-not-yet": (5, 0, 0, 0, 0),
    "rejected": (4, 0, 1, 0, 0),
    "rejected-again": (4, 0, 2, 0, 0),
    "corrected": (5, 0, 0, 1, 0),
    "corrected-replaced": (6, 0, 0, 1, 0),
    "disputed": (5, 0, 0, 0, 1),
    "disputed-untrue": (5, 0, 0, 0, 1),
    "repeated": (5, 0, 0, 0, 0),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.clause("P-6.2")
def test_each_figure_of_the_quality_comes_from_what_happened_and_moves_alone(
    city: stage.City, case: str
) -> None:
    """Four good events and one of the case; sent again, taken back or corrected as the case has it."""
    noon = clock.now().replace(day=15, hour=4, minute=0, second=0, microsecond=0)
    hours, changes, then = CASES[case]
    with clock.frozen(noon):
        good = [
            stage.meeting(city.partner, city.person, f"g-{n}", noon - timedelta(hours=10 + 3 * n))
            for n in range(4)
        ]
        one = stage.meeting(city.partner, city.person, "one", noon - timedelta(hours=hours)) | changes
        stage.send(city.partner, [*good, one])
        if then == "same":
            stage.send(city.partner, [one])
        elif then == "corrects":
            stage.send(city.partner, [one | {"id": "two", "corrects": "one", "correctedfor": "wrong_figure"}])
        elif then is not None:
            stage.send(city.partner, [withdraw(city, "one", then, "one-back")])
        (found,) = quality.of_month(noon.date())
    counted = (found.accepted, found.late, found.rejected, found.corrected, found.disputed)
    assert counted == COUNTED[case]
    received, weights = counted[0] + counted[2], (25, 50, 50, 100)
    lost = sum(weight * number for weight, number in zip(weights, counted[1:], strict=True))
    assert found.score == (100 * received - lost) // received


def test_a_month_belongs_to_the_zone_of_the_platform(city: stage.City) -> None:
    last = clock.now().replace(
        day=1, hour=0, minute=30, second=0, microsecond=0
    )  # UTC: already the day's 08:30 there
    edge = last - timedelta(hours=8, minutes=31)  # one minute before midnight of the first, Asia/Shanghai
    for moment in (edge, edge + timedelta(minutes=2)):
        with clock.frozen(moment):
            event = stage.meeting(
                city.partner, city.person, f"z-{moment.minute}", moment - timedelta(hours=2)
            )
            stage.send(city.partner, [event | {"subject": "nobody"}])
    months = [[one.rejected for one in quality.of_month(day)] for day in (edge.date(), last.date())]
    assert months == [[1], [1]]


@pytest.mark.parametrize(
    ("given", "score"),
    [((0, 0, 0, 1, 0), None), ((10, 0, 0, 0, 0), 100), ((1, 0, 0, 5, 5), 0), ((3, 1, 0, 0, 0), 91)],
)
def test_the_score_stays_between_nothing_and_a_hundred(given: tuple[int, ...], score: int | None) -> None:
    assert Quality("x", date(2026, 1, 1), *given).score == score


@pytest.mark.clause("P-6.1-e")
def test_a_notice_is_told_answered_and_closed_and_is_nobody_else_s(city: stage.City) -> None:
    clerk, keeper = desk.staffed()["entry"], desk.hire("made-up keeper")
    webhooks.add_endpoint(city.partner, "https://partner.example/hook")
    due = clock.today() + timedelta(days=3)
    made = noticing.open_notice(city.partner, "Late events", "Half of them came after five days.", due, clerk)
    assert json.loads(Message.objects.get().body)["data"] == {
        "notice": made.pk, "subject": "Late events", "answer_by": due.isoformat(),
    }  # fmt: skip
    with pytest.raises(NoticeUnknown):
        noticing.answer(made.pk, city.cafe.pk, "not mine", keeper)
    with pytest.raises(NoticeClosed):
        noticing.close(made.pk, "nothing was said", clerk)
    with clock.frozen(clock.now() + timedelta(days=4)):
        assert queries.notice(made.pk).late
    assert noticing.answer(made.pk, city.partner.pk, "A queue was stuck.", keeper).state == "answered"
    assert noticing.reopen(made.pk, "Since when?", clerk).state == "open"
    noticing.answer(made.pk, city.partner.pk, "Since Monday.", keeper)
    closed = noticing.close(made.pk, "Thank you.", clerk)
    assert closed.state == "closed" and [step.kind for step in closed.steps] == [
        "answered", "reopened", "answered", "closed",
    ]  # fmt: skip
    with pytest.raises(NoticeClosed):
        noticing.answer(made.pk, city.partner.pk, "one more thing", keeper)
    kinds = list(Message.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["notice.opened", "notice.reopened", "notice.closed"]


@pytest.mark.parametrize(
    ("subject", "text", "days"), [("", "x", 1), ("x", " ", 1), ("x", "x" * 2001, 1), ("x", "x", -1)]
)
def test_a_notice_that_says_nothing_is_refused(city: stage.City, subject: str, text: str, days: int) -> None:
    with pytest.raises(NoticeMalformed):
        noticing.open_notice(city.partner, subject, text, clock.today() + timedelta(days=days), None)


@pytest.mark.clause("P-6.1-d")
def test_a_party_leaves_settled_and_nothing_of_it_works_any_more(city: stage.City) -> None:
    results = stage.book_every_outcome(city.partner, city.person)
    parties.issue_client(city.partner)
    webhooks.add_endpoint(city.partner, "https://partner.example/hook")
    yesterday = clock.today() - timedelta(days=1)
    reconciliation.compare(city.partner, yesterday, b"event\nnever-came\n", "csv", via="file")
    open_ = queries.unsettled(city.partner)
    assert open_["breaks"] >= 1
    with pytest.raises(NotSettled, match="breaks"):
        desk.decide("party.leave", code=city.partner.code)
    assert party_queries.party(city.partner.code).status == "active" and not Settlement.objects.exists()
    code, _ = groups.invite_to_organisation(city.partner, 1)
    groups.join(city.person, code, stage.NOTICE)
    booked = sum(1 for one in results if one.outcome.text == "credited")
    desk.decide("party.leave", code=city.partner.code, despite=True)
    party = party_queries.party(city.partner.code)
    kept = json.loads(Settlement.objects.get(party=party).body)
    assert (
        kept["open"] == open_ and kept["booked"]["events"] == booked and kept["decided"].startswith("despite")
    )
    assert kept["booked"]["carbon_mg"] == ledger.balance(city.person.pk).carbon_mg
    assert not Member.objects.filter(left_at=None).exists() and Member.objects.count() == 1
    assert party.status == "left" and [key.state for key in party_queries.keys(party.pk)] == ["revoked"]
    assert not party_queries.is_hooked(party.pk)
    assert not any(row.live for row in people.authorisations(city.person.pk) if row.party_code == party.code)
    told = Notice.objects.filter(kind="party.left").values_list("user_id", flat=True)
    whose = Authorisation.objects.filter(party=party).values_list("person__user_id", flat=True)
    assert sorted(told) == sorted(set(whose)) and len(whose) > len(told), "once, however many ended"
    with pytest.raises(Exception, match="party-suspended"):
        parties.issue_client(party)


def test_open_notices_are_counted_and_not_fetched(city: stage.City, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = User.objects.first()
    assert somebody is not None
    for number in range(3):
        made = noticing.open_notice(city.partner, f"n{number}", "text", clock.today(), None)
        noticing.answer(made.pk, city.partner.pk, "seen", somebody)
    noticing.close(made.pk, "settled", somebody)
    monkeypatch.setattr(queries, "_told", None)
    assert queries.unsettled(city.partner)["notices"] == 2


def test_an_acceptor_s_codes_keep_it_and_its_offers_go_with_it(city: stage.City) -> None:
    stage.book_every_outcome(city.partner, city.person)
    incentives.redeem(city.person, city.offer, uuid4())
    assert queries.unsettled(city.cafe)["codes"] == 1
    with pytest.raises(NotSettled, match="codes: 1"):
        desk.decide("party.leave", code=city.cafe.code)
    code = offers.my_codes(city.person)[0]
    incentives.burn(city.cashier, code.text)
    desk.decide("party.leave", code=city.cafe.code)
    kept = json.loads(Settlement.objects.get().body)
    assert (kept["booked"]["burnt"], kept["booked"]["credits_burnt"]) == (1, 300)
    assert offers.offers() == []


@pytest.mark.clause("P-6.1-d", "P-6.3")
def test_who_holds_a_code_of_an_acceptor_that_leaves_has_the_credits_again(city: stage.City) -> None:
    """Its tills end with it: the codes could be burnt by nobody, and what they cost was lost without a word."""
    stage.book_every_outcome(city.partner, city.person)
    held = ledger.balance(city.person.pk)
    for _ in range(2):
        incentives.redeem(city.person, city.offer, uuid4())
    incentives.burn(city.cashier, offers.my_codes(city.person)[0].text)
    desk.decide("party.leave", code=city.cafe.code, despite=True)
    assert [one.state for one in offers.my_codes(city.person)] == ["burnt", "cancelled"]
    price = held.credits - ledger.balance(city.person.pk).credits
    kept = json.loads(Settlement.objects.get().body)
    assert (kept["open"]["codes"], kept["booked"]["given_back"], kept["booked"]["credits_burnt"]) == (
        1,
        1,
        price,
    )


@pytest.mark.clause("P-6.1-d")
def test_what_is_redeemed_while_three_people_decide_does_not_stop_a_shop_at_work(city: stage.City) -> None:
    """The number of open codes was part of what was looked at: every sale in between was another state."""
    stage.book_every_outcome(city.partner, city.person)
    incentives.redeem(city.person, city.offer, uuid4())
    by_role = desk.staffed()
    given = {"code": city.cafe.code, "despite": True}
    proposal = proposing.propose(by_role["entry"], "party.leave", given, desk.WHY)
    proposing.check(by_role["check"], proposal.pk)
    incentives.redeem(city.person, city.offer, uuid4())
    proposing.approve(by_role["approve"], proposal.pk)
    kept = json.loads(Settlement.objects.get().body)
    assert (kept["open"]["codes"], kept["booked"]["given_back"]) == (2, 2)


@pytest.mark.parametrize("how", ["suspended", "expired"])
def test_an_acceptor_that_is_not_in_standing_offers_nothing(city: stage.City, how: str) -> None:
    assert len(offers.offers()) == 1
    if how == "suspended":
        parties.suspend(city.cafe)
    else:
        standing.set_validity(city.cafe, clock.today() - timedelta(days=1))
    assert offers.offers() == []
    with pytest.raises(Exception, match="offer-paused"):
        incentives.redeem(city.person, city.offer, uuid4())
