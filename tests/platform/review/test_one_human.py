"""One human at a shell is one human: no link for somebody else's account, no session of one factor, none for ever."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.platform.joining import applicants
from tests.platform.review import shell
from tests.platform.signin.test_second_factor import code_of
from tests.platform.web import city as stage

from abate.cli import anomalies, party, proposals, quarantine, staff
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining.models import Application
from abate.platform.notices.models import Notice
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.review import actions, audit, proposing, queries
from abate.platform.review.errors import NothingChanges
from abate.platform.review.models import Audit, Proposal, SignInLink, User
from abate.platform.signin import actions as signing
from abate.platform.signin import queries as signin
from abate.platform.signin.policy import policy

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-a", "P-8.4-c")]
CREATE = ("create", "city-bikes", "--title-zh", "城市单车", "--title-en", "City Bikes", "--why", "contract 7")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))
    return tmp_path


def run(module: Any, *arguments: object, given: str = "") -> Result:
    # Each command is a process of its own: who acted in the one before acts in this one no more.
    with audit.acting(lambda: audit.NOBODY):
        return CliRunner().invoke(module.command, [str(one) for one in arguments], input=given)


def refused(made: Result, code: str) -> None:
    assert made.exit_code == 1 and made.stderr.startswith(f"{code}:"), made.output + made.stderr


def settled() -> dict[str, User]:
    """The people of the system, each of whom signed in once and has a second factor."""
    people = desk.staffed()
    for user in people.values():
        shell.sign_in(user)
    run(staff, "sign-out")
    return desk.staffed()


def test_links_of_others_do_not_make_three_people_of_one() -> None:
    """The whole attack: a link for each of entry, check and approve, by whoever sits at the machine."""
    people = settled()
    before = SignInLink.objects.count()
    for role in ("entry", "check", "approve", "security_admin"):
        refused(run(staff, "link", people[role].handle), "link-needs-administrator")
    shell.sign_in(people["entry"])
    refused(run(staff, "link", people["check"].handle), "no-right")
    # One link for entry's own sign-in, none that a command made.
    assert SignInLink.objects.count() == before + 1


def test_no_command_makes_a_link_for_a_party_or_an_applicant() -> None:
    people = settled()
    keeper, applicant = actions.create_user("staff"), applicants.draft().user
    parties.add_member(
        keeper, desk.create_party("metro-app", "data_provider", "地铁", "Metro", []), "partner"
    )
    before = SignInLink.objects.count()
    for user in (keeper, applicant):
        refused(run(staff, "link", user.handle), "link-for-staff-only")
    shell.sign_in(people["security_admin"])
    for user in (keeper, applicant):
        refused(run(staff, "link", user.handle), "link-for-staff-only")
    assert SignInLink.objects.count() == before + 1


def test_a_link_alone_signs_nothing() -> None:
    people = settled()
    token = actions.issue_link(people["entry"])
    refused(run(staff, "sign-in", token, given="000000\n"), "second-factor-refused")
    refused(run(party, *CREATE), "second-factor-missing")
    refused(run(proposals, "check", 1), "second-factor-missing")
    assert not Proposal.objects.filter(action="party.create").exists()
    # Without a link it goes on where it stopped; a recovery code is good once.
    one = shell.code(people["entry"])
    assert run(staff, "sign-in", given=f"{one}\n").exit_code == 0
    assert run(party, *CREATE).exit_code == 0
    refused(
        run(staff, "sign-in", actions.issue_link(people["entry"]), given=f"{one}\n"), "second-factor-refused"
    )
    assert not Party.objects.filter(code="city-bikes").exists()


def test_guessing_at_the_prompt_ends_too() -> None:
    people = settled()
    run(staff, "sign-in", actions.issue_link(people["check"]), given="000000\n")
    for _ in range(policy().tries_per_account - 1):
        refused(run(staff, "sign-in", given="000000\n"), "second-factor-refused")
    refused(run(staff, "sign-in", given=f"{shell.code(people['check'])}\n"), "too-many-tries")


def test_a_shell_left_open_takes_no_step_collects_no_key_and_makes_no_link(tmp_path: Path) -> None:
    people = settled()
    desk.create_party("metro-app", "data_provider", "地铁", "Metro", ["walking"])
    first, second = (
        proposing.propose(people["entry"], "party.suspend", {"code": "metro-app"}, why).pk
        for why in ("late", "late again")
    )
    key = desk.decide("party.client", code="metro-app")["client_id"]
    stale, file = clock.now() + policy().fresh + timedelta(minutes=1), tmp_path / "key.json"
    steps = {
        "check": [(proposals, "check", first), (proposals, "reject", second, "--reason", "no")],
        "system_admin": [(party, "key", "collect", key, file)],
        "security_admin": [(staff, "link", people["approve"].handle)],
    }
    for role, commands in steps.items():
        shell.sign_in(people[role])
        with clock.frozen(stale):
            for command in commands:
                refused(run(*command), "fresh-proof-needed")
            refused(run(staff, "sign-in", given="000000\n"), "second-factor-refused")
            refused(run(*commands[0]), "fresh-proof-needed")
            assert run(staff, "sign-in", given=f"{shell.code(people[role])}\n").exit_code == 0
            for command in commands:
                assert run(*command).exit_code == 0, command
    assert file.exists() and [queries.proposal(one).state for one in (first, second)] == [
        "checked",
        "rejected",
    ]


def test_the_first_sign_in_sets_up_an_app() -> None:
    user = desk.staffed()["check"]
    made = run(staff, "link", user.handle)
    token = json.loads(made.stdout)["link"]
    shown = run(staff, "sign-in", token)
    refused_at = shown.stderr.splitlines()
    secret = refused_at[0].rsplit(" ", 1)[1]
    assert shown.exit_code == 1 and "second-factor-refused" in shown.stderr
    refused(run(party, *CREATE), "second-factor-missing")
    told = run(staff, "sign-in", given=f"{code_of(secret)}\n")
    assert told.exit_code == 0, told.output + told.stderr
    assert secret in told.stderr and len(json.loads(told.stdout)["recovery_codes"]) == 10
    refused(run(staff, "link", user.handle), "no-right")


def test_an_account_that_was_used_gets_its_link_from_a_security_administrator_and_is_told() -> None:
    people = settled()
    owner = people["approve"]
    shell.sign_in(people["security_admin"])
    made = run(staff, "link", owner.handle)
    assert made.exit_code == 0 and json.loads(made.stdout)["account"] == owner.handle
    assert Notice.objects.filter(user=owner, kind="sign-in.link").count() == 1
    row = Audit.objects.get(what="signin.link", subject=owner.handle)
    assert row.account == people["security_admin"].handle and row.via == "command"
    # It opens nothing without the owner's second factor.
    refused(run(staff, "sign-in", json.loads(made.stdout)["link"], given="\n"), "second-factor-refused")


def test_while_nobody_keeps_the_door_a_lost_link_is_made_again() -> None:
    """A set-up that was killed: signed in with, no second factor anywhere."""
    people = desk.staffed()
    for role in ("security_admin", "entry"):
        run(staff, "sign-in", actions.issue_link(people[role]))
        assert run(staff, "link", people[role].handle).exit_code == 0
    shell.code(people["security_admin"])
    for role in ("security_admin", "entry"):
        run(staff, "sign-out")
        refused(run(staff, "link", people[role].handle), "link-needs-administrator")
    # Nor for one that was enrolled and never used: one shell would be three people.
    refused(run(staff, "link", people["check"].handle), "link-needs-administrator")


def test_the_set_up_stays_over_when_its_administrator_is_gone() -> None:
    people = desk.staffed()
    chief = people["security_admin"]
    secret = run(staff, "sign-in", actions.issue_link(chief)).stderr.splitlines()[0].rsplit(" ", 1)[1]
    assert run(staff, "sign-in", given=f"{code_of(secret)}\n").exit_code == 0
    run(staff, "sign-out")
    signing.forget(chief)
    actions.withdraw(chief, "security_admin")
    actions.deactivate(chief)
    refused(run(staff, "link", people["check"].handle), "link-needs-administrator")


def test_account_and_password_are_a_first_factor_too() -> None:
    user = settled()["entry"]
    signing.set_password(user, "seven otters crossing")
    words = ("sign-in", "--account", user.handle)
    refused(run(staff, *words, given="seven otters sleeping\n"), "sign-in-refused")
    made = run(staff, *words, given=f"seven otters crossing\n{shell.code(user)}\n")
    assert made.exit_code == 0 and json.loads(made.stdout)["account"] == user.handle
    assert run(party, *CREATE).exit_code == 0


def test_a_session_of_the_command_line_is_listed_ends_when_unused_and_is_killed() -> None:
    user = settled()["entry"]
    earlier = {one.key for one in signin.sessions(user)}
    shell.sign_in(user)
    (row,) = [one for one in signin.sessions(user) if one.key not in earlier]
    assert "command line" in row.device
    now, idle = clock.now(), policy().idle(staff=True)
    with clock.frozen(now + idle - timedelta(minutes=1)):
        assert run(party, *CREATE).exit_code == 0
    with clock.frozen(now + 2 * idle - timedelta(minutes=2)):
        assert run(proposals, "list").exit_code == 0 and run(staff, "link", user.handle).exit_code == 1
    with clock.frozen(now + 4 * idle):
        refused(run(party, *CREATE), "not-signed-in")
    shell.sign_in(user)
    assert run(staff, "sign-in").exit_code == 0
    assert signing.end_sessions(user, [one.key for one in signin.sessions(user)]) > 0
    refused(run(party, *CREATE), "not-signed-in")


def test_a_person_s_link_is_none_of_the_staff_s(db: None) -> None:
    person = stage.build().person.user
    refused(run(staff, "sign-in", actions.issue_link(person)), "no-right")


@pytest.mark.parametrize(
    ("module", "named"), [(quarantine, ("decide", "accept", 1)), (anomalies, ("decide", "confirmed", "1:x"))]
)
def test_a_shell_left_open_decides_nothing_about_records(module: Any, named: tuple[Any, ...]) -> None:
    shell.sign_in(settled()["check"])
    with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
        refused(run(module, *named, "--reason", "x"), "fresh-proof-needed")


def test_an_applicant_s_account_never_becomes_one_of_the_staff_s() -> None:
    """The organisation's mailbox signs in to it: whoever reads that would hold the operator's roles."""
    user = Application.objects.get(party=applicants.admitted()).user
    with pytest.raises(Problem, match=user.handle) as refusal:
        desk.decide("staff.enrol", holder="0" * 64, account=user.handle, made_up=True)
    assert refusal.value.code == "staff-account-of-another"
    assert queries.human_of(user) is None
    # An account of the staff's own is known as such, and a new one is made where none is named.
    clerk = desk.hire("made-up clerk", "query")
    human = queries.human_of(clerk)
    assert human is not None
    with pytest.raises(NothingChanges):
        desk.decide("staff.enrol", holder=human.hex(), account=clerk.handle, made_up=True)


def test_who_signed_in_at_a_shell_alone_comes_back_once_the_session_is_over() -> None:
    """An app without a password opened nothing, and no command set one: after a quarter of an hour the only security
    administrator was locked out for good, and everybody with them."""
    user = desk.staffed()["security_admin"]
    entered = run(staff, "sign-in", actions.issue_link(user), given=shell.code(user))
    assert (
        entered.exit_code == 0 and "abate staff password" in entered.stderr and "没有密码" in entered.stderr
    )
    weak = run(staff, "password", given="12345678\n")
    refused_so = weak.exit_code == 1 and "password-refused" in weak.stderr
    assert refused_so and "It is too short." in weak.stderr and "密码太短" in weak.stderr
    made = run(staff, "password", given="green hills and quiet rivers\n")
    assert made.exit_code == 0, made.stderr
    assert run(staff, "sign-in").exit_code == 0, "the session goes on"
    run(staff, "sign-out")
    again = run(
        staff,
        "sign-in",
        "--account",
        user.handle,
        given=f"green hills and quiet rivers\n{shell.code(user)}\n",
    )
    assert again.exit_code == 0 and "abate staff password" not in again.stderr
    other = desk.staffed()["entry"]
    assert run(staff, "link", other.handle).exit_code == 0
    # Whoever sits down at the open session does not know the present one.
    refused(run(staff, "password", given="guessed\nwide meadows and long winters\n"), "sign-in-refused")


def test_a_password_that_is_too_old_is_changed_at_the_shell(settings: Any) -> None:
    settings.ABATE_SIGN_IN_PROFILE = "dengbao3"
    user = desk.staffed()["security_admin"]
    signing.set_password(user, "Green hills, quiet rivers 1")
    with clock.frozen(clock.now() + timedelta(days=100)):
        given = f"Green hills, quiet rivers 1\n{shell.code(user)}\n"
        assert run(staff, "sign-in", "--account", user.handle, given=given).exit_code == 0
        refused(run(staff, "sessions"), "password-too-old")
        words = "Green hills, quiet rivers 1\nWide meadows, long winters 2\n"
        made = run(staff, "password", given=words)
        assert made.exit_code == 0, made.stderr
        assert run(staff, "sessions").exit_code == 0
