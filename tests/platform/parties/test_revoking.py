"""The operator's list of all keys, and revoking one at once, on the page and at a shell: who may, why, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.platform.review import shell
from tests.platform.review.shell import refused, signed_in
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.cli import installation
from abate.cli import party as party_command
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.notices.models import Notice
from abate.platform.parties import actions, collecting, queries
from abate.platform.parties.models import Client as Key
from abate.platform.parties.models import Party
from abate.platform.review import actions as reviewing
from abate.platform.review import proposing
from abate.platform.review.models import Audit
from abate.platform.signin.policy import policy
from abate.platform.web.pages import keys as pages

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.1-b", "P-8.4-c")]
Enter = Callable[..., Client]
KEYS = "/operator/keys"


@pytest.fixture
def sender(db: None) -> Party:
    return desk.create_party("metro-app", "data_provider", "地铁应用", "Metro app", ["walking"])


def page(browser: Client, path: str = KEYS, status: int = 200, **given: Any) -> str:
    answer = browser.post(path, given) if given else browser.get(path)
    assert answer.status_code == status, answer.content.decode()[:400]
    return answer.content.decode()


def one_of_each(party: Party) -> dict[str, str]:
    """A key in every state, by state."""
    soon = clock.now() + timedelta(days=3)
    live, revoked, expired, expiring, replaced = (
        actions.issue_client(party, label=f"made {n}")[0] for n in range(5)
    )
    actions.revoke_client(revoked)
    Key.objects.filter(pk=expired).update(expires_at=clock.now() - timedelta(seconds=1))
    Key.objects.filter(pk=expiring).update(expires_at=soon)
    successor, _ = actions.rotate_client(replaced, overlap=timedelta(days=7))
    actions.begin_overlap(successor)
    # A successor that waits has replaced nothing yet: the key before it is live.
    waiting, lapsed = (actions.rotate_client(live, overlap=timedelta(days=7))[0] for _ in range(2))
    collecting.leave_waiting(waiting)
    collecting.leave_waiting(lapsed)
    Key.objects.filter(pk=lapsed).update(collect_by=clock.now() - timedelta(seconds=1))
    return {"live": live, "waiting": waiting, "lapsed": lapsed, "expiring": expiring, "replaced": replaced,
            "expired": expired, "revoked": revoked}  # fmt: skip


def test_every_state_is_found_by_its_name(sender: Party, enter: Enter) -> None:  # noqa: F811
    found = one_of_each(sender)
    assert set(found) == set(queries.KEY_STATES) == set(pages.STATES)
    known = {row.client_id: row.state for row in queries.keys(sender.pk)}
    browser = enter(desk.staffed()["check"], "en")
    for state, client_id in found.items():
        assert known[client_id] == state
        shown = page(browser, f"{KEYS}?state={state}")
        others = [other for other in known if known[other] != state]
        assert client_id in shown and not [one for one in others if one in shown], state
    # A word that means nothing asks for all.
    assert all(one in page(browser, f"{KEYS}?state=nonsense&party=nobody&before=") for one in known)


def test_what_a_row_says_and_to_whom(sender: Party, enter: Enter) -> None:  # noqa: F811
    people = desk.staffed()
    browser = enter(people["entry"], "en")
    assert "No party has a key yet." in page(browser)
    key, secret = actions.issue_client(
        sender, ["events"], label="<b>north</b>", addresses=["192.0.2.0/24", "198.51.100.0/24"]
    )
    Key.objects.filter(pk=key).update(last_used_on=clock.today())
    shown = page(browser)
    for text in (
        "&lt;b&gt;north",
        "Metro app",
        "metro-app",
        key,
        "events",
        "192.0.2.0/24, 198.51.100.0/24",
        "Live",
    ):
        assert text in shown, text
    assert f"{clock.today():%Y-%m-%d}" in shown.split("last used")[1] and secret not in shown
    # The networks are labelled personal: who is not shown that label is shown how many they are.
    other = page(enter(people["security_admin"], "en"))
    assert key in other and "192.0.2.0" not in other and "bound to 2" in other
    actions.suspend(sender)
    assert "Party suspended" in page(browser)
    assert "There is no such key." in page(browser, f"{KEYS}?state=lapsed")


def test_what_is_proposed_of_a_key_stands_beside_it(sender: Party, enter: Enter) -> None:  # noqa: F811
    people = desk.staffed()
    key, _ = actions.issue_client(sender, label="north", addresses=["192.0.2.0/24"], requests_per_minute=7)
    clerk, checker = enter(people["entry"], "en"), enter(people["check"], "en")
    of_key = proposing.propose(
        people["entry"], "party.rotate", {"client_id": key, "overlap_hours": 24}, "x"
    ).pk
    of_party = proposing.propose(people["entry"], "party.client", {"code": sender.code}, "x").pk
    for browser in (clerk, checker):
        shown = page(browser)
        assert all(f'href="/operator/proposals/{number}"' in shown for number in (of_key, of_party))
    assert "/operator/proposals/new" not in page(checker)
    (link,) = [
        part.split('"')[0] for part in page(clerk).split('href="') if "action=party.conditions" in part[:60]
    ]
    form = page(clerk, link.replace("&amp;", "&"))
    for name, value in (
        ("client_id", key),
        ("label", "north"),
        ("addresses", "192.0.2.0/24"),
        ("requests_per_minute", "7"),
    ):
        assert f'name="{name}" value="{value}"' in form
    other = desk.create_party("other-app", "data_provider", "他", "Other", ["walking"])
    assert f"/operator/proposals/{of_party}" not in page(clerk, f"{KEYS}?party={other.code}")


def test_thousands_of_keys_cost_as_many_statements_as_one(sender: Party, enter: Enter) -> None:  # noqa: F811
    browser = enter(desk.staffed()["entry"], "en")
    actions.issue_client(sender)

    def statements() -> int:
        page(browser)
        with CaptureQueriesContext(connection) as caught:
            page(browser)
        return len(caught)

    few = statements()
    made = [actions.issue_client(sender, label=f"key {n:03}")[0] for n in range(2 * pages._PAGE)]
    assert statements() == few
    seen, path = [], KEYS
    while path:
        shown = page(browser, path)
        seen += [one for one in made if f'value="{one}"' in shown]
        more = shown.split('href="?')[1:]
        path = f"{KEYS}?{more[0].split(chr(34))[0]}" if more else ""
    assert sorted(seen) == sorted(made), "every key stands on one page, and on one alone"


@pytest.mark.parametrize("role", ["security_admin", "entry"])
def test_one_person_revokes_at_once_and_says_why(sender: Party, role: str, enter: Enter) -> None:  # noqa: F811
    keeper = reviewing.create_user("staff")
    actions.add_member(keeper, sender, "partner")
    user = desk.staffed()[role]
    browser = enter(user, "en")
    key, _ = actions.issue_client(sender)
    for why in ("", "  ", "two\nlines", "x" * 201):
        page(browser, f"{KEYS}/revoke", 422, key=key, why=why)
    with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
        asked = browser.post(f"{KEYS}/revoke", {"key": key, "why": "stolen"})
    assert asked["Location"].startswith("/confirm") and queries.keys(sender.pk)[0].state == "live"
    page(browser, f"{KEYS}/revoke", 302, key=key, why="stolen <from> a laptop")
    (row,) = queries.keys(sender.pk)
    assert (row.state, row.revoked_why) == ("revoked", "stolen <from> a laptop")
    told = Audit.objects.get(what="party.revoke", subject=key)
    assert (told.account, told.role, told.via) == (user.handle, role, "page")
    assert Notice.objects.filter(user=keeper, kind="party.key-revoked").count() == 1
    assert "stolen &lt;from&gt; a laptop" in page(browser)
    page(browser, f"{KEYS}/revoke", 404, key=key, why="again")
    page(browser, f"{KEYS}/revoke", 404, key="nobody's", why="again")


def test_who_may_only_look_gets_no_button_and_a_refusal(sender: Party, enter: Enter) -> None:  # noqa: F811
    key, _ = actions.issue_client(sender)
    browser = enter(desk.staffed()["approve"], "en")
    assert "Revoke at once" not in page(browser)
    page(browser, f"{KEYS}/revoke", 403, key=key, why="mine")
    assert queries.keys(sender.pk)[0].state == "live"


def test_the_page_is_found_by_everybody_who_may_look(sender: Party, enter: Enter) -> None:  # noqa: F811
    people = desk.staffed()
    assert f'href="{KEYS}"' in page(
        enter(people["query"] if "query" in people else people["check"]), "/operator"
    )
    # The security administrator has no overview; the tab stands instead of the link.
    assert f'href="{KEYS}"' in page(enter(people["security_admin"]), "/operator/proposals")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setattr(installation, "start", lambda _, sandbox=False: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))


def run(*words: str) -> Result:
    return shell.run(party_command, "key", *words)


def test_at_a_shell_it_is_somebody_with_the_right_and_a_reason(here: None, sender: Party) -> None:
    key, _ = actions.issue_client(sender)
    public = "a-public-key"
    asked = ("revoke", key, "--why", "stolen")
    for words in (asked, ("unsign", public)):
        refused(run(*words), "not-signed-in")
    signed_in("approve")
    for words in (asked, ("unsign", public)):
        refused(run(*words), "no-right")
    user = signed_in("security_admin")
    with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
        for words in (asked, ("unsign", public)):
            refused(run(*words), "fresh-proof-needed")
    refused(run("revoke", key), "key-revoking-needs-reason")
    refused(run("unsign", public), "client-unknown")
    assert queries.keys(sender.pk)[0].state == "live"
    assert run(*asked).stdout == f"Revoked {key}.\n"
    assert queries.keys(sender.pk)[0].revoked_why == "stolen"
    told = Audit.objects.get(what="party.revoke", subject=key)
    assert (told.account, told.via) == (user.handle, "command")
