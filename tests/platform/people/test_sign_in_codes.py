"""One-time codes: one use, five tries, ten minutes; a known and an unknown contact look the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.platform.people.townspeople import at_once, code_in, made_up_person

from abate.platform.doors import clock
from abate.platform.people import actions, policy, queries
from abate.platform.people.errors import CodeNotSent, CodeRefused, NoAccount, TooManyCodes
from abate.platform.people.models import Code, Person
from abate.platform.people.policy import Step

pytestmark = pytest.mark.platform
Sent = Callable[[], list[dict[str, str]]]
PHONE, STRANGER = "13800000001", "13700000000"


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.django_db
def test_a_person_signs_in_with_the_code_that_was_sent(person: Person, sent: Sent) -> None:
    until = actions.request_code("+86 138 0000 0001")
    (message,) = sent()
    assert (message["kind"], message["to"]) == ("phone", "+8613800000001")
    assert timedelta(minutes=9) < until - clock.now() <= timedelta(minutes=10)
    found = actions.confirm_code(PHONE, f" {code_in(message)} ")
    assert found.pk == person.pk and queries.by_user(found.user) == person
    with pytest.raises(CodeRefused):
        actions.confirm_code(PHONE, code_in(message))


@pytest.mark.django_db
def test_only_digests_are_stored(person: Person, sent: Sent) -> None:
    actions.request_code(PHONE, "203.0.113.9")
    row = Code.objects.get()
    stored = b"".join(bytes(part) for part in (row.contact_hmac, row.code_hmac, row.address_hmac))
    for plain in (code_in(sent()[0]), PHONE, "203.0.113.9"):
        assert plain.encode() not in stored


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_enter_the_right_code_at_once_one_gets_in(sent: Sent) -> None:
    made_up_person()
    actions.request_code(PHONE)
    code = code_in(sent()[0])
    results = at_once(16, lambda _: actions.confirm_code(PHONE, code))
    assert sum(isinstance(r, Person) for r in results) == 1
    assert sum(isinstance(r, CodeRefused) for r in results) == 15


@pytest.mark.django_db(transaction=True)
def test_sixteen_guesses_at_once_are_five_tries(sent: Sent) -> None:
    made_up_person()
    actions.request_code(PHONE)
    code = code_in(sent()[0])
    guesses = [other(code)] * 16
    results = at_once(16, lambda index: actions.confirm_code(PHONE, guesses[index]))
    assert all(isinstance(r, CodeRefused) for r in results)
    assert Code.objects.get().attempts == 5
    with pytest.raises(CodeRefused):
        actions.confirm_code(PHONE, code)


@pytest.mark.django_db
def test_four_wrong_tries_leave_one(person: Person, sent: Sent) -> None:
    actions.request_code(PHONE)
    code = code_in(sent()[0])
    for _ in range(4):
        with pytest.raises(CodeRefused):
            actions.confirm_code(PHONE, other(code))
    assert actions.confirm_code(PHONE, code) == person


@pytest.mark.django_db
@pytest.mark.parametrize("asked", Step)
def test_a_code_is_good_for_the_step_it_was_asked_for_and_no_other(
    asked: Step, person: Person, sent: Sent
) -> None:
    """And once: what signed in, or confirmed, does nothing more."""
    actions.request_code(PHONE, step=asked)
    (message,) = sent()
    assert f"用于{asked.words[0]}" in message["body"] and f"to {asked.words[1]} is" in message["body"]
    code = code_in(message)
    for other_step in set(Step) - {asked}:
        with pytest.raises(CodeRefused):
            actions.prove_contact(PHONE, code, other_step)
    assert actions.prove_contact(PHONE, code, asked)
    for step in Step:
        with pytest.raises(CodeRefused):
            actions.prove_contact(PHONE, code, step)


@pytest.mark.django_db
def test_a_code_for_signing_in_confirms_no_step_and_the_other_way_round(person: Person, sent: Sent) -> None:
    actions.request_code(PHONE)
    with pytest.raises(CodeRefused):
        actions.confirm_own_code(person, 0, code_in(sent()[-1]))
    actions.request_own_code(person, 0)
    with pytest.raises(CodeRefused):
        actions.confirm_code(PHONE, code_in(sent()[-1]))
    actions.confirm_own_code(person, 0, code_in(sent()[-1]))


@pytest.mark.django_db
@pytest.mark.parametrize("step", Step)
def test_of_the_codes_sent_to_a_contact_for_one_step_only_the_latest_is_good(
    step: Step, person: Person, sent: Sent
) -> None:
    """And no try is won by it: the tries of the latest are its own, and guessed out it brings no earlier one back."""
    actions.request_code(PHONE, step=step)
    actions.request_code(STRANGER, step=step)
    actions.request_code(PHONE, step=step)
    first, elsewhere, latest = (code_in(message) for message in sent())
    if first != latest:
        with pytest.raises(CodeRefused):
            actions.prove_contact(PHONE, first, step)
    assert actions.prove_contact(PHONE, latest, step)
    assert actions.prove_contact(STRANGER, elsewhere, step), "another contact's is not touched"
    actions.request_code(STRANGER, step=step)
    actions.request_code(STRANGER, step=step)
    earlier, last = (code_in(message) for message in sent()[-2:])
    for _ in range(5):
        with pytest.raises(CodeRefused):
            actions.prove_contact(STRANGER, other(last), step)
    for code in (earlier, last):
        with pytest.raises(CodeRefused):
            actions.prove_contact(STRANGER, code, step)


@pytest.mark.django_db
@pytest.mark.parametrize("step", [Step.CONFIRM, Step.CONTACT])
def test_a_stranger_who_asks_to_sign_in_ends_no_code_of_the_owner_s(
    step: Step, person: Person, sent: Sent
) -> None:
    """Neither by asking for codes to sign in with, nor by guessing at them."""
    actions.request_code(PHONE, step=step)
    own = code_in(sent()[-1])
    actions.request_code(PHONE)
    actions.request_code(PHONE)
    theirs = code_in(sent()[-1])
    for _ in range(6):
        with pytest.raises(CodeRefused):
            actions.confirm_code(PHONE, other(theirs))
    assert actions.prove_contact(PHONE, own, step)


@pytest.mark.django_db
@pytest.mark.parametrize("step", Step)
def test_a_code_that_could_not_be_sent_ends_none(
    step: Step, person: Person, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted, and good for nothing itself: a wire that breaks may have carried it."""
    actions.request_code(PHONE, step=step)
    (message,) = sent()
    lost: list[str] = []

    def broken(**told: str) -> None:
        lost.append(code_in(told))
        raise ConnectionError("the network is down")

    with monkeypatch.context() as network:
        network.setattr("abate.platform.doors.messages.send", broken)
        with pytest.raises(CodeNotSent):
            actions.request_code(PHONE, step=step)
    assert Code.objects.filter(used_at=None).count() == 1 and Code.objects.count() == 2
    if lost[0] != code_in(message):
        with pytest.raises(CodeRefused):
            actions.prove_contact(PHONE, lost[0], step)
    assert actions.prove_contact(PHONE, code_in(message), step)


@pytest.mark.django_db
def test_a_code_dies_after_ten_minutes_and_is_no_code_for_another_contact(person: Person, sent: Sent) -> None:
    made_up_person(2)
    actions.request_code(PHONE)
    actions.request_code("13800000002")
    first, second = (code_in(message) for message in sent())
    if first != second:
        with pytest.raises(CodeRefused):
            actions.confirm_code("13800000002", first)
    with clock.frozen(clock.now() + timedelta(minutes=10, seconds=1)), pytest.raises(CodeRefused):
        actions.confirm_code(PHONE, first)


@pytest.mark.django_db
def test_a_stranger_is_asked_the_same_and_told_the_same(person: Person, sent: Sent) -> None:
    shapes, answers = [], []
    with clock.frozen(clock.now()):
        for contact in (PHONE, STRANGER):
            with CaptureQueriesContext(connection) as ran:
                answers.append(actions.request_code(contact))
            shapes.append([re.sub(r"'[^']*'|\s?-?[0-9]+|s[0-9_x]+", "?", query["sql"]) for query in ran])
    assert answers[0] == answers[1] and shapes[0] == shapes[1]
    known, unknown = sent()
    assert known["body"].replace(code_in(known), "") == unknown["body"].replace(code_in(unknown), "")
    refusals = []
    for contact, message in ((PHONE, known), (STRANGER, unknown)):
        with pytest.raises(CodeRefused) as refused:
            actions.confirm_code(contact, other(code_in(message)))
        refusals.append(str(refused.value))
    assert refusals[0] == refusals[1]
    # Only the holder of the contact learns that it has no account, and may register with it.
    with pytest.raises(NoAccount) as learned:
        actions.confirm_code(STRANGER, code_in(unknown))
    number = "11010519491231002X"
    new = actions.register("测试乙", number, [STRANGER], "notice-1", proofs=[learned.value.proof])
    assert queries.by_user(new.user) == new


@pytest.mark.django_db
def test_a_fourth_code_in_ten_minutes_is_refused_for_known_and_unknown_alike(
    person: Person, sent: Sent
) -> None:
    start = clock.now()
    with clock.frozen(start):
        for contact in (PHONE, STRANGER):
            for _ in range(3):
                actions.request_code(contact)
            with pytest.raises(TooManyCodes) as refused:
                actions.request_code(contact)
            assert 0 < refused.value.retry_after <= 601
    with clock.frozen(start + timedelta(minutes=10)):
        actions.request_code(PHONE)
    assert len(sent()) == 7


@pytest.mark.django_db
@pytest.mark.parametrize("day", [False, True], ids=["ten minutes", "a day"])
def test_codes_that_a_stranger_asks_for_shut_no_step_of_the_owner_s_session(
    settings: pytest.FixtureRequest, person: Person, sent: Sent, day: bool
) -> None:
    """Whoever knew a phone number kept its owner from redeeming, for ten minutes at a time and for a day."""
    settings.ABATE_CODE_POLICY = {"per_contact": 20, "per_contact_day": 3} if day else {}
    for _ in range(3):
        actions.request_code(PHONE, "198.51.100.7")
    with pytest.raises(TooManyCodes):
        actions.request_code(PHONE, "198.51.100.7")
    # What the session of another asks for a contact that is not theirs shuts as little.
    for _ in range(3):
        actions.request_code(PHONE, "198.51.100.8", Step.CONTACT)
    assert len(sent()) == 6, "strangers make twice so many arrive, as the policy says"
    actions.request_own_code(person, 0, "203.0.113.9")
    actions.confirm_own_code(person, 0, code_in(sent()[-1]))
    # Each is bounded all the same.
    for _ in range(2):
        actions.request_own_code(person, 0, "203.0.113.9")
    for step in (Step.CONFIRM, Step.CONTACT, Step.SIGN_IN):
        with pytest.raises(TooManyCodes):
            actions.request_code(PHONE, "203.0.113.9", step)
    assert len(sent()) == 9


@pytest.mark.django_db(transaction=True)
def test_sixteen_requests_at_once_send_three_codes(sent: Sent) -> None:
    results = at_once(16, lambda _: actions.request_code(PHONE))
    assert sum(isinstance(r, TooManyCodes) for r in results) == 13
    assert len(sent()) == 3


@pytest.mark.django_db
def test_limits_per_address_and_per_day_are_the_operators(
    settings: pytest.FixtureRequest, person: Person, sent: Sent
) -> None:
    settings.ABATE_CODE_POLICY = {"per_address": 2, "per_contact_day": 4}
    assert policy.code_policy().attempts == 5
    actions.request_code(PHONE, "203.0.113.9")
    actions.request_code(STRANGER, "203.0.113.9")
    with pytest.raises(TooManyCodes):
        actions.request_code("13700000001", "203.0.113.9")
    actions.request_code("13700000001", "203.0.113.10")
    start = clock.now()
    for hour in (1, 2, 3):
        with clock.frozen(start + timedelta(hours=hour)):
            actions.request_code(PHONE)
    with clock.frozen(start + timedelta(hours=4)), pytest.raises(TooManyCodes):
        actions.request_code(PHONE)


class Broken:
    kinds = frozenset({"phone"})

    def send(self, **message: str) -> None:
        raise OSError("no route to +8613800000001")


@pytest.mark.django_db
def test_a_message_that_cannot_leave_is_said_without_the_contact(
    settings: pytest.FixtureRequest, person: Person
) -> None:
    settings.ABATE_MESSAGES = f"{__name__}.Broken"
    with pytest.raises(CodeNotSent) as refused:
        actions.request_code(PHONE)
    assert "0001" not in str(refused.value) and refused.value.__suppress_context__


@pytest.mark.django_db
def test_an_erased_person_does_not_sign_in(person: Person, sent: Sent) -> None:
    actions.request_code(PHONE)
    actions.destroy(person)
    with pytest.raises(CodeRefused):
        actions.confirm_code(PHONE, code_in(sent()[0]))
    actions.request_code(PHONE)
    with pytest.raises(NoAccount):
        actions.confirm_code(PHONE, code_in(sent()[1]))
