"""Burning a code: by its acceptor, once, in time; guessing leads nowhere."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from abate.platform.config import grants
from abate.platform.doors import clock
from abate.platform.incentives import actions, errors, queries, reconciling
from abate.platform.incentives.models import WrongCodes
from abate.platform.ledger import holds, standing
from abate.platform.log import actions as log
from abate.platform.parties import actions as parties
from abate.platform.review import actions as review
from abate.platform.review import audit, sealing

pytestmark = pytest.mark.platform
WORKERS = 16


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-2")
def test_the_acceptor_burns_a_code_as_typed_or_scanned(make_person, make_acceptor, make_offer) -> None:
    person, (party, user) = make_person(30), make_acceptor("shop")
    offer = make_offer(party)
    codes = [actions.redeem(person, offer, uuid4()).text for _ in range(3)]
    typed = [
        codes[0].lower().replace("-", " "),
        f" {codes[1]} \n",
        f"https://abate.example/acceptor?code={codes[2]}",
    ]
    for text in typed:
        assert actions.burn(user, text).offer.id == offer
    assert [row.state for row in queries.my_codes(person)] == ["burnt"] * 3
    assert len(queries.burnt_today(party.pk)) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-2", "P-7.5.3-3")
def test_of_sixteen_who_burn_at_once_one_succeeds(make_person, make_acceptor, make_offer, at_once) -> None:
    person, (party, user) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4()).text
    others = [review.create_user("staff") for _ in range(WORKERS - 1)]
    for other in others:
        parties.add_member(other, party, "acceptor")
    found = at_once([lambda u=u: actions.burn(u, code) for u in [user, *others]])
    assert Counter(found) == {"done": 1, "code-burnt": WORKERS - 1}


# What whoever runs SQL as the server would need for a second use of a code, or of held credits.
FORBIDDEN = (
    "delete from incentives_code",
    "update incentives_code set expires_at = expires_at + interval '1 y'",
    "update incentives_code set code_hmac = sha256('x')",
    "delete from ledger_hold",
    "update ledger_hold set credits = credits + 1",
)


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-3")
def test_the_applications_own_role_gives_codes_and_holds_their_end_and_nothing_else(
    make_person, make_acceptor, make_offer
) -> None:
    grants.apply_grants(connection)
    person, (party, user) = make_person(40), make_acceptor("shop")
    offer = make_offer(party)
    with connection.cursor() as cursor:
        cursor.execute(f"set local role {grants.ROLE}")
        used, given_back = (actions.redeem(person, offer, uuid4()).text for _ in range(2))
        actions.burn(user, used)
        actions.give_back(user, given_back, "sold out")
        over = clock.now() + timedelta(days=1)
        first, second = (holds.hold(person.pk, 5, name, over) for name in "ab")
        holds.settle(person.pk, first.id, "paid")
        holds.release(person.pk, second.id, "not wanted")
        for statement in FORBIDDEN:
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(statement)
        cursor.execute("reset role")
    assert standing.standing(person.pk).free == 40 - 10 - 5


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-2")
def test_unknown_and_foreign_codes_get_one_answer(make_person, make_acceptor, make_offer) -> None:
    person, (party, own), (_, foreign) = make_person(10), make_acceptor("shop"), make_acceptor("other")
    code = actions.redeem(person, make_offer(party), uuid4()).text
    answers = []
    for text in (code, "ABCD-EFGH-JKMN", "", "x" * 5000):
        with pytest.raises(errors.CodeUnknown) as refused:
            actions.burn(foreign, text)
        answers.append(str(refused.value))
    assert len(set(answers)) == 1
    assert actions.burn(own, code)


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-2")
def test_an_expired_code_is_worth_nothing(make_person, make_acceptor, make_offer) -> None:
    person, (party, user) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party, valid_days=1), uuid4())
    with clock.frozen(code.expires_at), pytest.raises(errors.CodeExpired):
        actions.burn(user, code.text)
    with clock.frozen(code.expires_at):
        assert queries.my_codes(person)[0].state == "expired"
    with clock.frozen(code.expires_at - timedelta(microseconds=1)):
        assert actions.burn(user, code.text)
    with clock.frozen(code.expires_at + timedelta(days=1)), pytest.raises(errors.CodeBurnt):
        actions.burn(user, code.text)


@pytest.mark.django_db
def test_who_acts_for_no_acceptor_burns_nothing(make_person, make_acceptor, make_offer) -> None:
    person, (party, _) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4()).text
    for user in (person.user, review.create_user("staff")):
        with pytest.raises(errors.NotAcceptor):
            actions.burn(user, code)


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("P-7.5.3-2")
def test_guessing_stops_after_ten_wrong_codes(make_person, make_acceptor, make_offer, at_once) -> None:
    person, (party, user) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4()).text
    now = clock.now()
    with clock.frozen(now):
        found = at_once([lambda: actions.burn(user, "ABCD-EFGH-JKMN")] * WORKERS)
        allowed = actions.WRONG_CODES_ALLOWED
        assert Counter(found) == {"code-unknown": allowed, "too-many-wrong-codes": WORKERS - allowed}
        with pytest.raises(errors.TooManyWrongCodes):
            actions.burn(user, code)
    assert WrongCodes.objects.get().count == allowed
    with clock.frozen(now + actions.WRONG_CODES_WINDOW):
        assert actions.burn(user, code)


@pytest.mark.django_db
def test_todays_list_ends_at_midnight_of_the_platforms_zone(make_person, make_acceptor, make_offer) -> None:
    person, (party, user) = make_person(10), make_acceptor("shop")
    code = actions.redeem(person, make_offer(party), uuid4()).text
    late = clock.now().astimezone(clock.zone()).replace(hour=23, minute=59)
    with clock.frozen(late):
        actions.burn(user, code)
        assert len(queries.burnt_today(party.pk)) == 1
    with clock.frozen(late + timedelta(minutes=2)):
        assert queries.burnt_today(party.pk) == []


@pytest.mark.django_db
@pytest.mark.clause("P-7.5.3-3")
def test_what_was_burnt_before_the_trail_was_emptied_is_no_difference(
    make_person, make_acceptor, make_offer
) -> None:
    """The row of another deed was begun before the burning and written after the seal: it is kept, the burning's is not."""
    person, (party, user) = make_person(30), make_acceptor("shop")
    offer, then = make_offer(party), clock.now()
    codes = [actions.redeem(person, offer, uuid4()).text for _ in range(2)]
    with clock.frozen(then + timedelta(milliseconds=5)):
        actions.burn(user, codes[0])
        assert sealing.seal() > 0
    with clock.frozen(then):
        audit.note("offer.read", "begun before")
    log.sequence()
    with clock.frozen(then + timedelta(days=1)):
        assert sealing.prune(then + timedelta(hours=1)) > 0
        actions.burn(user, codes[1])
        assert reconciling.differences()["burnt"] == 0
    # Of what was burnt since, the trail has to tell.
    with connection.cursor() as cursor:
        cursor.execute("delete from review_audit where what = 'code.burn'")
        assert cursor.rowcount == 1
    assert reconciling.differences()["burnt"] == 1
