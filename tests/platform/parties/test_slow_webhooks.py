"""An address that takes long, or never answers, holds up its own party's messages alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.platform.parties.test_webhooks import Receiver, party, receiver, world  # noqa: F401
from tests.platform.pipeline.world import NOW, World

from abate.platform.doors import clock, outbound
from abate.platform.parties import actions as parties
from abate.platform.parties import webhooks
from abate.platform.parties.models import Message

pytestmark = [pytest.mark.platform]


@pytest.mark.clause("P-8.5-d")
def test_nobody_waits_for_another_s_address_that_never_answers(
    world: World,  # noqa: F811
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One party has a day's events for an address that swallows them, another one event for an address that answers."""
    hanging, _ = webhooks.add_endpoint(party(world), "https://hangs.example.org/", webhooks.KINDS)
    answers, _ = webhooks.add_endpoint(party(world), receiver.url, webhooks.KINDS)
    told = {"kind": "event.credited", "body": "{}", "made_at": NOW, "next_at": NOW, "tries": 0}
    Message.objects.bulk_create(Message(endpoint_id=one, **told) for one in [hanging] * 1_000 + [answers])
    real, now = outbound.post_public, NOW
    monkeypatch.setattr(clock, "now", lambda: now)

    def call(url: str, *given: Any, **more: Any) -> tuple[int, bytes]:
        nonlocal now
        if url.startswith("https://hangs"):
            now += timedelta(seconds=webhooks.ANSWER_SECONDS)
            raise outbound.Unanswered("no whole answer in time")
        return real(url, *given, **more)

    monkeypatch.setattr(outbound, "post_public", call)
    assert webhooks.send_due(slow=False) == 2 and len(receiver.got) == 1
    assert now - NOW == timedelta(seconds=webhooks.ANSWER_SECONDS)
    # What waits there goes on, and after an hour it is asked among the others again.
    assert webhooks.send_due(10, slow=True) == 10
    now += webhooks.SLOW
    assert webhooks.send_due(1, slow=True) == 0 and webhooks.send_due(1, slow=False) == 1


@pytest.mark.clause("P-8.5-d")
def test_parties_take_turns_whoever_has_the_longer_or_older_backlog(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of one party is told of by 1,000 messages, and two others have one each that is younger: theirs are the second and
    third that leave, not those after a thousand."""
    places = {}
    for code in ("files", "later", "latest"):
        one = parties.create_party(code, "data_provider", "合作方", "Partner", made_up=True)
        places[code] = webhooks.add_endpoint(one, f"https://{code}.example.org/", webhooks.KINDS)[0]
    told = {"kind": "event.credited", "body": "{}", "made_at": NOW, "tries": 0}
    old = [
        Message(endpoint_id=places["files"], next_at=NOW - timedelta(days=1), **told) for _ in range(1_000)
    ]
    new = [Message(endpoint_id=places[code], next_at=NOW, **told) for code in ("later", "latest")]
    Message.objects.bulk_create(old + new)
    carried: list[str] = []

    def call(url: str, *_: Any, **__: Any) -> tuple[int, bytes]:
        carried.append(url.removeprefix("https://").partition(".")[0])
        return 200, b""

    monkeypatch.setattr(outbound, "post_public", call)
    assert webhooks.send_due() == 50
    assert carried[:3] == ["files", "later", "latest"] and set(carried[3:]) == {"files"}
