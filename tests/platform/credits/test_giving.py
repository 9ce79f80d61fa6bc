"""One person gives credits to another: by the receiver's code, once, all or nothing, where the operator lets people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from abate.demo import desk
from abate.platform.credits import giving
from abate.platform.credits.errors import ReceivingCodeUnknown, TooManyReceivingCodes
from abate.platform.credits.models import Receiving
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.ledger import erasing, queries, standing
from abate.platform.ledger.errors import InsufficientCredits, NotAnAmount, OrderTaken, SamePerson
from abate.platform.notices.models import Notice
from abate.platform.people import actions as people
from abate.platform.people import consents, guardians
from abate.platform.people.family_errors import ChildMayNot, ClosedByPolicy
from abate.platform.people.identity import made_up_number
from abate.platform.people.models import Person

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-6.5")]
_order = count()
WORKERS = 16


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.ABATE_PEOPLE_MAY = ["redeem", "transfer"]


def somebody(credits: int = 0) -> Person:
    order = next(_order)
    number = made_up_number(date(1991, 1, 1) + timedelta(days=order), order % 1000)
    person = people.register("某乙", number, [f"g{order}@example.org"], "1", made_up=True)
    if credits:
        desk.adjust(person.pk, credits, "opening")
    return person


def held(*persons: Person) -> list[int]:
    return [queries.balance(one.pk).credits for one in persons]


def told(person: Person) -> list[str]:
    kinds = Notice.objects.filter(user_id=person.user_id).values_list("kind", flat=True)
    return sorted(one for one in kinds if one.startswith("credits."))


def outcome(work: Callable[[], object]) -> str:
    try:
        work()
    except Problem as problem:
        return problem.code
    finally:
        connection.close()
    return "done"


def at_once(works: list[Callable[[], object]]) -> Counter[str]:
    with ThreadPoolExecutor(len(works)) as pool:
        return Counter(pool.map(outcome, works))


@pytest.mark.django_db
def test_credits_move_once_and_both_are_told() -> None:
    payer, receiver = somebody(25), somebody()
    code, until = giving.receive(receiver)
    assert until - clock.now() <= giving.VALID
    giving.look(payer, code)
    assert held(payer, receiver) == [25, 0], "looking moves nothing"
    order = uuid4()
    made = giving.give(payer, code.lower().replace("-", " "), 10, order)
    assert (made.credits, made.credits_after, held(payer, receiver)) == (-10, 15, [15, 10])
    assert (told(payer), told(receiver)) == (["credits.given"], ["credits.received"])
    # The answer was lost: the same order again, also after the code's end, is the same gift.
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert giving.give(payer, code, 10, order).id == made.id
    with pytest.raises(OrderTaken):
        giving.give(payer, code, 11, order)
    assert held(payer, receiver) == [15, 10]
    assert (told(payer), told(receiver)) == (["credits.given"], ["credits.received"])


@pytest.mark.django_db
def test_a_code_is_good_once_for_one_payer_and_until_its_end() -> None:
    payer, other, receiver = somebody(25), somebody(25), somebody()
    code, until = giving.receive(receiver)
    with clock.frozen(until), pytest.raises(ReceivingCodeUnknown):
        giving.give(payer, code, 1, uuid4())
    order = uuid4()
    giving.give(payer, code, 1, order)
    for who, again in ((payer, uuid4()), (other, uuid4()), (other, order)):
        with pytest.raises(ReceivingCodeUnknown):
            giving.give(who, code, 1, again)
        with pytest.raises(ReceivingCodeUnknown):
            giving.look(who, code)
    with pytest.raises(ReceivingCodeUnknown):
        giving.give(payer, "WRONG", 1, uuid4())
    assert held(payer, other, receiver) == [24, 25, 1]


@pytest.mark.django_db
def test_what_cannot_be_given_leaves_the_code_open() -> None:
    payer, receiver = somebody(25), somebody()
    code, _ = giving.receive(receiver)
    for credits, refused in ((26, InsufficientCredits), (0, NotAnAmount), (-5, NotAnAmount)):
        with pytest.raises(refused):
            giving.give(payer, code, credits, uuid4())
    with pytest.raises(SamePerson):
        giving.give(receiver, code, 1, uuid4())
    assert held(payer, receiver) == [25, 0] and told(payer) == told(receiver) == []
    giving.give(payer, code, 25, uuid4())
    assert held(payer, receiver) == [0, 25]


@pytest.mark.django_db
def test_credits_keep_their_expiry() -> None:
    payer, receiver = somebody(), somebody()
    now = clock.now()
    desk.add_rule(clock.today() + timedelta(days=1), ("一年", "a year"), expiry_days=365)
    with clock.frozen(now + timedelta(days=1)):
        desk.adjust(payer.pk, 25, "lot")
        (before,) = {lot.expires_on for lot in standing.standing(payer.pk).lots}
        assert before is not None
    with clock.frozen(now + timedelta(days=100)):
        giving.give(payer, giving.receive(receiver)[0], 10, uuid4())
        assert {lot.expires_on for lot in standing.standing(receiver.pk).lots} == {before}


@pytest.mark.django_db
def test_where_the_policy_is_closed_nobody_gives_or_redeems(settings: Any) -> None:
    payer, receiver = somebody(25), somebody()
    code, _ = giving.receive(receiver)
    settings.ABATE_PEOPLE_MAY = ["redeem"]
    for work in (
        lambda: giving.give(payer, code, 1, uuid4()),
        lambda: giving.receive(receiver),
        lambda: giving.look(payer, code),
    ):
        with pytest.raises(ClosedByPolicy):
            work()
    assert held(payer, receiver) == [25, 0]


@pytest.mark.django_db
@pytest.mark.parametrize(("may", "refused"), [([], True), (["transfer"], False)])
def test_a_child_gives_and_receives_where_its_policy_lets_it(
    settings: Any, may: list[str], refused: bool
) -> None:
    guardian = somebody(25)
    number = made_up_number(clock.today() - timedelta(days=4000), 7)
    version = consents.current("children").version
    child = guardians.open_for_child(guardian, "parent", "试用童", number, {"account", "identity"}, version)
    settings.ABATE_CHILDREN_MAY = ["transfer"]
    code, _ = giving.receive(child)
    settings.ABATE_CHILDREN_MAY = may
    if refused:
        with pytest.raises(ChildMayNot):
            giving.give(guardian, code, 1, uuid4())
        with pytest.raises(ChildMayNot):
            giving.receive(child)
    else:
        giving.give(guardian, code, 1, uuid4())
    assert held(guardian, child) == ([25, 0] if refused else [24, 1])


@pytest.mark.django_db
def test_the_code_of_who_left_is_unknown_and_nobody_keeps_heaps_of_them() -> None:
    payer, receiver = somebody(25), somebody()
    code, _ = giving.receive(receiver)
    for _ in range(giving.MOST_OPEN - 1):
        giving.receive(receiver)
    with pytest.raises(TooManyReceivingCodes):
        giving.receive(receiver)
    with clock.frozen(clock.now() + giving.VALID):
        giving.receive(receiver)
    erasing.erase(receiver)
    with pytest.raises(ReceivingCodeUnknown):
        giving.look(payer, code)
    with pytest.raises(ReceivingCodeUnknown):
        giving.give(payer, code, 1, uuid4())
    assert held(payer) == [25]


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_payers_with_one_code_one_gives() -> None:
    payers, receiver = [somebody(5) for _ in range(WORKERS)], somebody()
    code, _ = giving.receive(receiver)
    found = at_once([lambda one=one: giving.give(one, code, 5, uuid4()) for one in payers])
    assert found == {"done": 1, "receiving-code-unknown": WORKERS - 1}
    assert held(receiver) == [5] and sum(held(*payers)) == 5 * (WORKERS - 1)


@pytest.mark.django_db(transaction=True)
def test_sixteen_gifts_at_once_cannot_overspend_and_one_order_is_one_gift() -> None:
    payer, receivers = somebody(35), [somebody() for _ in range(WORKERS)]
    codes = [giving.receive(one)[0] for one in receivers]
    found = at_once([lambda code=code: giving.give(payer, code, 10, uuid4()) for code in codes])
    assert found == {"done": 3, "insufficient-credits": WORKERS - 3}
    assert held(payer) == [5] and sum(held(*receivers)) == 30
    order, code = uuid4(), giving.receive(receivers[0])[0]
    assert at_once([lambda: giving.give(payer, code, 5, order)] * WORKERS) == {"done": WORKERS}
    assert held(payer) == [0] and sum(held(*receivers)) == 35
    assert Receiving.objects.exclude(order_id=None).count() == 4


@pytest.mark.django_db(transaction=True)
def test_who_give_to_each_other_at_once_wait_and_never_in_a_circle() -> None:
    one, two = somebody(100), somebody(100)
    to_one, to_two = ([giving.receive(who)[0] for _ in range(8)] for who in (one, two))
    works = [lambda code=code: giving.give(two, code, 1, uuid4()) for code in to_one]
    works += [lambda code=code: giving.give(one, code, 1, uuid4()) for code in to_two]
    assert at_once(works) == {"done": WORKERS}
    assert held(one, two) == [100, 100]
