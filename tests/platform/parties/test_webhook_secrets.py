"""Secrets of webhooks: replaced with an overlap, each good until its own end, so many at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.platform.parties.test_webhooks import Receiver, hooked, receiver, world
from tests.platform.pipeline.world import NOW, World

from abate.platform.doors import clock
from abate.platform.parties import webhooks
from abate.platform.parties.errors import EndpointMalformed
from abate.platform.parties.models import Endpoint, FormerSecret

__all__ = ["receiver", "world"]
pytestmark = [pytest.mark.platform]


def test_a_secret_is_rotated_with_both_good_until_the_named_time(world: World, receiver: Receiver) -> None:
    number, old = hooked(world, receiver)
    new = webhooks.rotate_secret(number, overlap=timedelta(hours=1))
    for name, at in (("a", NOW), ("b", NOW + timedelta(hours=1))):
        with clock.frozen(at):
            world.send(world.meeting(name))
            webhooks.send_due()
    both, one = (headers["webhook-signature"].split() for headers, _ in receiver.got)
    (_, body), name = receiver.got[0], receiver.got[0][0]["webhook-id"]
    assert (
        set(both) == {Webhook(secret).sign(name, NOW, body.decode()) for secret in (old, new)}
        and len(one) == 1
    )
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, receiver.got[1][0])
    # At rest they are wrapped.
    kept = Endpoint.objects.get(pk=number)
    assert webhooks._shown(bytes(kept.secret)) not in (old, new)


@pytest.mark.parametrize(
    ("ahead", "refused"),
    [
        (timedelta(days=365), False), (timedelta(days=365, seconds=1), True),
        (timedelta(0), False), (timedelta(seconds=-1), True),
    ],
)  # fmt: skip
def test_two_secrets_are_good_together_for_a_year_at_most(
    world: World, receiver: Receiver, ahead: timedelta, refused: bool
) -> None:
    number, _ = hooked(world, receiver)
    before = Endpoint.objects.get(pk=number).secret
    if refused:
        with pytest.raises(EndpointMalformed) as told:
            webhooks.rotate_secret(number, overlap=ahead)
        assert (told.value.code, told.value.detail) == ("webhook-malformed", "overlap")
    else:
        webhooks.rotate_secret(number, overlap=ahead)
    assert (Endpoint.objects.get(pk=number).secret == before) == refused


def test_a_second_exchange_ends_no_first_one_early(world: World, receiver: Receiver) -> None:
    number, first = hooked(world, receiver)
    second = webhooks.rotate_secret(number, overlap=timedelta(hours=3))
    third = webhooks.rotate_secret(number, overlap=timedelta(hours=1))
    for name, hours in (("a", 0), ("b", 2), ("c", 3)):
        with clock.frozen(NOW + timedelta(hours=hours)):
            world.send(world.meeting(name))
            webhooks.send_due()
    for (headers, body), good in zip(
        receiver.got, [{first, second, third}, {first, third}, {third}], strict=True
    ):
        signed = set(headers["webhook-signature"].split())
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        assert signed == {Webhook(one).sign(headers["webhook-id"], at, body.decode()) for one in good}


def test_so_many_secrets_are_good_at_once_and_another_is_refused_by_name(
    world: World, receiver: Receiver
) -> None:
    number, _ = hooked(world, receiver)
    end = NOW + timedelta(hours=1)
    for _ in range(webhooks.MOST_SECRETS - 1):
        webhooks.rotate_secret(number, overlap=end - NOW)
    before = bytes(Endpoint.objects.get(pk=number).secret)
    with pytest.raises(EndpointMalformed) as told:
        webhooks.rotate_secret(number, overlap=end - NOW)
    assert told.value.detail == f"more than {webhooks.MOST_SECRETS} secrets"
    assert bytes(Endpoint.objects.get(pk=number).secret) == before
    # One that is to end now needs no place; one whose end has come gives its place up.
    webhooks.rotate_secret(number, overlap=timedelta(0))
    with clock.frozen(end):
        webhooks.rotate_secret(number, overlap=timedelta(hours=1))
    assert FormerSecret.objects.filter(endpoint=number).count() == 1


def test_one_that_leaked_is_ended_with_all_before_it(world: World, receiver: Receiver) -> None:
    """The present one ended at once, and those before it went on signing for up to a year: which leaked, nobody knows."""
    number, _ = hooked(world, receiver)
    webhooks.rotate_secret(number, overlap=timedelta(days=30))
    last = webhooks.rotate_secret(number, overlap=timedelta(0))
    world.send(world.meeting("a"))
    webhooks.send_due()
    ((headers, body),) = receiver.got
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers["webhook-signature"] == Webhook(last).sign(headers["webhook-id"], at, body.decode())
