"""Idempotency-Key: one effect and one answer for a key, whoever sends it however often, and whatever is killed."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from tests.platform.events.test_intake import BATCH, post, token, world  # noqa: F401 (a fixture is used by its name)
from tests.platform.pipeline.world import NOW, World, differences, state

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.parties import answers
from abate.platform.parties.models import Answer
from abate.platform.web import intake
from abate.platform.web.caller import Call

pytestmark = [pytest.mark.platform]
KEY = '"8e03978e-40d5-43dd-bc93-6994a57f9324"'


@pytest.mark.clause("P-7.3.3.3-b")
def test_the_same_call_is_answered_byte_for_byte_and_booked_once(world: World) -> None:  # noqa: F811
    bearer, sent = token(world), [world.meeting("m"), world.ride("bad", km=-1)]
    first = post(sent, bearer, idempotency_key=KEY)
    booked = state()
    again = post(sent, bearer, idempotency_key=KEY, accept_language="en")
    assert [r["outcome"] for r in first.json()["results"]] == ["credited", "refused"]
    assert again.body == first.body and state() == booked
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    # Bare text is the same key; without a key the ids speak, as they always do.
    assert post(sent, bearer, idempotency_key=KEY.strip('"')).body == first.body
    assert post(sent, bearer).json()["results"][0]["outcome"] == "exists"


def test_a_key_stands_for_one_request_of_one_party(world: World) -> None:  # noqa: F811
    bearer = token(world)
    post([world.meeting("m")], bearer, idempotency_key=KEY)
    booked = state()
    other = post([world.meeting("n")], bearer, idempotency_key=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    single = post(world.meeting("m"), bearer, "application/cloudevents+json", idempotency_key=KEY)
    assert single.json()["code"] == "idempotency-key-reused"
    assert state() == booked
    # Another key of the same party's is the same caller; another party's key has nothing to do with it.
    assert post([world.meeting("m")], token(world), idempotency_key=KEY).headers["idempotent-replayed"]
    assert answers.asked(1, KEY, b"a") != answers.asked(2, KEY, b"a")


@pytest.mark.parametrize("wrong", ['""', '"a"b"', '"a', "a b", "键", '"' + "a" * 129 + '"', "a,b", '"a\\"'])
def test_a_malformed_key_is_refused_by_name(world: World, wrong: str) -> None:  # noqa: F811
    with pytest.raises(Problem) as refused:
        answers.asked(1, wrong, b"")
    assert (refused.value.code, refused.value.status) == ("idempotency-key-malformed", 400)


def test_a_refused_request_keeps_nothing_and_may_be_sent_right(world: World) -> None:  # noqa: F811
    bearer = token(world)
    assert post(b"[", bearer, idempotency_key=KEY).status_code == 400
    assert not Answer.objects.exists()
    assert (
        post([world.meeting("m")], bearer, idempotency_key=KEY).json()["results"][0]["outcome"] == "credited"
    )


def test_a_key_is_free_again_after_a_day_and_old_answers_leave(world: World) -> None:  # noqa: F811
    bearer = token(world, minutes=60 * 48)
    for number in range(3):
        post([world.meeting(f"m{number}")], bearer, idempotency_key=f"key-{number}")
    assert Answer.objects.count() == 3
    with clock.frozen(NOW + answers.KEPT + timedelta(seconds=1)):
        late = post([world.meeting("later")], bearer, idempotency_key="key-0")
    assert late.json()["results"][0]["outcome"] == "credited"
    assert [one.key for one in Answer.objects.all()] == ["key-0"]


def calls(world: World, how_many: int, key: str) -> list[tuple[str, bytes]]:  # noqa: F811
    """The same call from so many threads at the same moment: (outcome, body)."""
    headers = {"authorization": f"Bearer {token(world)}", "content-type": BATCH, "idempotency-key": key}
    call = Call("POST", "/v1/events", headers, "192.0.2.1")
    body = json.dumps([world.meeting(f"m{n}", who=n % 2) for n in range(20)]).encode()
    together = Barrier(how_many)

    def one() -> tuple[str, bytes]:
        try:
            together.wait()
            reply, repeated = intake._take(call, body, "en")
            return "repeated" if repeated else "done", reply.body
        except Problem as problem:
            return problem.code, b""
        finally:
            connection.close()

    with ThreadPoolExecutor(how_many) as pool:
        return [found.result() for found in [pool.submit(one) for _ in range(how_many)]]


@pytest.mark.clause("P-7.3.3.3-b")
def test_sixteen_callers_at_once_have_one_effect_and_one_answer(world: World) -> None:  # noqa: F811
    found = calls(world, 16, KEY)
    kinds = Counter(kind for kind, _ in found)
    assert kinds["done"] == 1 and set(kinds) <= {"done", "repeated", "idempotency-key-in-flight"}
    bodies = {body for _, body in found if body}
    assert len(bodies) == 1
    assert {r["outcome"] for r in json.loads(bodies.pop())["results"]} == {"credited"}
    assert differences() == {}
    # Whoever was told to come again finds the answer.
    later = {kind for kind, _ in calls(world, 16, KEY)}
    assert "repeated" in later and later <= {"repeated", "idempotency-key-in-flight"}


def test_a_key_at_work_is_refused_by_name(world: World) -> None:  # noqa: F811
    """The lock is the database's: another connection holds it, as another server would."""
    bearer = token(world)
    name = {"lock": answers._LOCK, "key": f"{world.sender.party_id}:{KEY.strip(chr(34))}"}
    with connection.cursor() as cursor:
        cursor.execute(answers.SQL["lock_key"], name)
        busy = post([world.meeting("m")], bearer, idempotency_key=KEY)
        cursor.execute(answers.SQL["unlock_key"], name)
    assert (busy.status_code, busy.json()["code"]) == (409, "idempotency-key-in-flight")
    assert post([world.meeting("m")], bearer, idempotency_key=KEY).status_code == 200


@pytest.mark.parametrize("place", ["before", "after"])
def test_what_dies_on_either_side_of_the_answer_leaves_both_or_neither(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """The connection is cut in the transaction, before and after the answer is written: neither is there."""
    bearer, sound, before = token(world), answers._keep, state()

    def cut(call: answers.Asked, reply: answers.Reply) -> None:
        if place == "after":
            sound(call, reply)
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(answers, "_keep", cut)
    assert post([world.meeting("m")], bearer, idempotency_key=KEY).json()["code"] == "busy"
    assert state() == before and not Answer.objects.exists()
    monkeypatch.setattr(answers, "_keep", sound)
    answer = post([world.meeting("m")], bearer, idempotency_key=KEY)
    assert (
        answer.json()["results"][0]["outcome"] == "credited" and "idempotent-replayed" not in answer.headers
    )


def test_an_answer_that_is_not_kept_with_its_batch_would_be_found(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted fault: the answer is never written, so the repeat is done again and answered otherwise."""
    bearer, sent = token(world), [world.meeting("m")]
    monkeypatch.setattr(answers, "_keep", lambda call, reply: None)
    first = post(sent, bearer, idempotency_key=KEY)
    assert post(sent, bearer, idempotency_key=KEY).body != first.body
