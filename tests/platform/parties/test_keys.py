"""Keys of a party: several, each with its conditions, rotated without a gap, good in one area only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.idp.oidc.models import Token
from django.test import Client as Browser
from tests.platform.parties.test_tokens import TOKEN, ask, party  # noqa: F401 (a fixture is used by its name)

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.parties import actions, queries
from abate.platform.parties.conditions import Condition
from abate.platform.parties.errors import AddressRefused, ClientUnknown, KeyExpired, PartyKeyMalformed
from abate.platform.parties.models import Client, Party
from abate.platform.review import proposing
from abate.platform.web import caller
from abate.platform.web.caller import Call

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def speaks(token: str, address: str = "203.0.113.9") -> queries.TokenParty:
    return caller.sender(Call("POST", "/v1/events", {"authorization": f"Bearer {token}"}, address), "events")


def token_of(key: tuple[str, str]) -> str:
    answer = ask(*key)
    assert answer.status_code == 200, answer.content
    # The endpoint counts by the machine's clock; the tests go on from the held one.
    Token.objects.update(expires_at=clock.now() + timedelta(hours=1))
    return str(answer.json()["access_token"])


@pytest.mark.clause("P-6.1-b")
def test_a_rotated_key_is_good_until_the_named_time_and_the_new_one_from_now(party: Party) -> None:  # noqa: F811
    start = clock.now()
    old = actions.issue_client(party, label="北京机房", addresses=["203.0.113.0/24"], requests_per_minute=50)
    until = start + timedelta(days=7)
    with clock.frozen(start):
        actions.change_client(old[0], label="机房", expires_at=None, addresses=[], requests_per_minute=50)
        new = actions.rotate_client(old[0], overlap=timedelta(days=7))
        actions.begin_overlap(new[0])
    assert token_of(old) and token_of(new) and old[1] != new[1]
    rows = {row.client_id: row for row in queries.clients(party.pk)}
    assert (rows[new[0]].label, rows[new[0]].requests_per_minute, rows[new[0]].expires_at) == (
        "机房",
        50,
        None,
    )
    assert rows[old[0]].expires_at == until
    with clock.frozen(until - timedelta(seconds=30)):
        last = token_of(old)
        assert speaks(last).client_id == old[0]
    with clock.frozen(until):
        # The token would have an hour to live; its key has not.
        with pytest.raises(KeyExpired):
            speaks(last)
        late = ask(*old)
        assert (late.status_code, late.json()["code"]) == (401, "party-key-expired")
        assert speaks(token_of(new)).client_id == new[0]
        with pytest.raises(ClientUnknown):
            actions.rotate_client(old[0], overlap=timedelta(days=1))


@pytest.mark.clause("P-6.1-b")
def test_a_rotation_does_not_lengthen_what_was_decided(party: Party) -> None:  # noqa: F811
    """A key that was approved until a day is good until then, however often it is rotated; an overlap is no such day."""
    start = clock.now()
    end = start + timedelta(days=30)
    first = actions.issue_client(party, expires_at=end)
    second = actions.rotate_client(first[0], overlap=timedelta(days=1))
    actions.begin_overlap(second[0])
    third = actions.rotate_client(second[0], overlap=timedelta(days=1))
    # The first once more, while its overlap lasts.
    beside = actions.rotate_client(first[0], overlap=timedelta(days=1))
    rows = {row.client_id: row for row in queries.clients(party.pk)}
    assert [rows[one].expires_at for one in (second[0], third[0], beside[0])] == [end] * 3
    assert rows[first[0]].expires_at < start + timedelta(days=2)
    lasting = actions.issue_client(party)
    successor = actions.rotate_client(lasting[0], overlap=timedelta(days=1))
    actions.begin_overlap(successor[0])
    again = actions.rotate_client(lasting[0], overlap=timedelta(days=1))
    rows = {row.client_id: row for row in queries.clients(party.pk)}
    assert rows[successor[0]].expires_at is None and rows[again[0]].expires_at is None
    with clock.frozen(end):
        assert ask(*third).json()["code"] == "party-key-expired"


def test_a_key_bound_to_networks_works_from_there_only(party: Party) -> None:  # noqa: F811
    key = actions.issue_client(party, addresses=["127.0.0.0/8", "2001:db8::/32"])
    token = token_of(key)
    for good in ("127.0.0.1", "127.9.9.9", "2001:db8::7", "::ffff:127.0.0.1"):
        assert speaks(token, good)
    for bad in ("203.0.113.9", "2001:db9::7", "", "unknown"):
        with pytest.raises(AddressRefused):
            speaks(token, bad)
    actions.change_client(
        key[0], label="", expires_at=None, addresses=["198.51.100.4/32"], requests_per_minute=None
    )
    refused = ask(*key)
    assert (refused.status_code, refused.json()["code"]) == (403, "party-key-address")
    # The token that was made on the way to the refusal is good for nothing.
    assert Token.objects.count() == 1


def test_networks_of_ipv4_written_as_ipv6_are_the_same(party: Party) -> None:  # noqa: F811
    token = token_of(actions.issue_client(party, addresses=["::ffff:127.0.0.0/104", "::/0"]))
    for good in ("127.9.9.9", "::ffff:127.0.0.1", "2001:db8::7"):
        assert speaks(token, good)
    with pytest.raises(AddressRefused):
        speaks(token, "203.0.113.9")


def test_a_list_that_was_kept_as_it_was_written_lets_its_party_in() -> None:
    """Lists of an earlier version were not brought to one form."""
    old = Condition(None, ("::ffff:10.0.0.0/104",))
    old.check("10.1.2.3", clock.now())
    with pytest.raises(AddressRefused):
        old.check("11.1.2.3", clock.now())


def test_a_suspended_party_gets_no_token(party: Party) -> None:  # noqa: F811
    key = actions.issue_client(party)
    actions.suspend(party)
    refused = ask(*key)
    assert (refused.status_code, refused.json()["code"]) == (403, "party-suspended")
    assert not Token.objects.exists()


def test_the_last_use_is_written_once_a_day(party: Party, django_assert_num_queries: object) -> None:  # noqa: F811
    token = token_of(actions.issue_client(party))
    start = clock.now()
    with clock.frozen(start):
        assert speaks(token).last_used_on is None
        assert queries.clients(party.pk)[0].last_used_on == clock.today()
        with django_assert_num_queries(1):  # type: ignore[operator]
            speaks(token)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["everything"]},
        {"scopes": []},
        {"label": "x" * 81},
        {"label": "a\x00b"},
        {"addresses": ["10.0.0.1/8"]},
        {"addresses": ["everywhere"]},
        {"expires_at": clock.now() - timedelta(days=400)},
    ],
    ids=["scope", "no-scope", "long", "nul", "host-bits", "no-network", "long-past"],
)
def test_conditions_that_cannot_be_are_refused(party: Party, wrong: dict) -> None:  # type: ignore[type-arg]  # noqa: F811
    with pytest.raises(PartyKeyMalformed):
        actions.issue_client(party, **wrong)
    assert not Client.objects.exists()


@pytest.mark.clause("P-8.3")
def test_a_key_of_the_sandbox_does_not_work_on_live_nor_the_other_way_round(
    party: Party,  # noqa: F811
    settings: object,
) -> None:
    live = actions.issue_client(party)
    settings.ABATE_SANDBOX = True  # type: ignore[attr-defined]
    sandbox = actions.issue_client(party)
    assert sandbox[0].startswith("sandbox-") and not live[0].startswith("sandbox-")
    assert ask(*live).json()["code"] == "party-key-other-area" and ask(*sandbox).status_code == 200
    settings.ABATE_SANDBOX = False  # type: ignore[attr-defined]
    assert ask(*live).status_code == 200
    for refused in (
        ask(*sandbox),
        Browser().post(TOKEN, {"grant_type": "client_credentials", "client_id": sandbox[0]}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (401, "party-key-other-area")


@pytest.mark.clause("P-8.4-c")
@pytest.mark.parametrize(
    "wrong", [{"scopes": ["members"]}, {"addresses": ["everywhere"]}, {"label": "x" * 81}], ids=str
)
def test_a_key_that_cannot_be_is_refused_when_it_is_proposed(party: Party, wrong: dict) -> None:  # type: ignore[type-arg]  # noqa: F811
    """Two people checked and approved it, and only then was it told that it cannot be."""
    people = desk.staffed()
    with pytest.raises(PartyKeyMalformed) as refused:
        proposing.propose(people["entry"], "party.client", {"code": party.code, **wrong}, "x")
    assert "sharing" in refused.value.remedy_en and "sharing" in refused.value.remedy_zh
    key, _ = actions.issue_client(party)
    if "scopes" not in wrong:
        with pytest.raises(PartyKeyMalformed):
            proposing.propose(people["entry"], "party.conditions", {"client_id": key, **wrong}, "x")
