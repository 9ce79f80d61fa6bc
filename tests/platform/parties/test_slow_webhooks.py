"""An address that takes long, or never answers, holds up its own party's messages alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.platform.parties.test_webhooks import Receiver, party, receiver, world  # noqa: F401
from tests.platform.pipeline.world import NOW, World

from abate.platform.doors import clock, outbound
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
