"""Passwords by profile, and the limit on tries, also for tries at once."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from tests.platform.people.townspeople import at_once

from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.review import actions as review
from abate.platform.review.models import User
from abate.platform.signin import actions, passwords, queries
from abate.platform.signin.errors import PasswordRefused, SignInRefused, TooManyTries
from abate.platform.signin.policy import SignInPolicy

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
ASVS, DENGBAO = SignInPolicy(profile="asvs"), SignInPolicy(profile="dengbao3")
GOOD = "seven otters crossing"


@pytest.mark.parametrize(
    ("text", "policy", "expected"),
    [
        (GOOD, ASVS, []),
        ("eleven sign", ASVS, ["short"]),
        ("password1234", ASVS, ["known", "words"]),
        ("x" * 129, ASVS, ["long"]),
        ("seven otters " * 9 + "sea bridge", ASVS, []),
        ("my clerk-01 pass", ASVS, ["handle", "words"]),
        ("Abate-Operator-2026", ASVS, ["words"]),
        ("碳普惠-Carbon-2026", ASVS, ["words"]),
        ("my operator feeds otters", ASVS, []),
        # No rule on kinds of signs there: ASVS 5, 6.2.5 forbids one.
        ("allsmallletters", ASVS, []),
        ("allsmallletters", DENGBAO, ["kinds"]),
        ("Small4nd+Big", DENGBAO, []),
        ("密码密码密码密码密码密1", DENGBAO, ["kinds"]),
    ],
)
def test_what_each_profile_takes(text: str, policy: SignInPolicy, expected: list[str]) -> None:
    assert passwords.faults(text, "clerk-01", [], policy) == expected


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="asvs, dengbao3"):
        SignInPolicy(profile="none")


def test_the_operators_own_list_of_leaked_passwords_counts(tmp_path: Path) -> None:
    path = tmp_path / "leaked.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("seven otters crossing\n")
    with override_settings(ABATE_LEAKED_PASSWORDS=str(path)):
        assert passwords.faults(GOOD, "", [], ASVS) == ["known"]
    assert passwords.faults(GOOD, "", [], ASVS) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_list_with_capitals_and_other_encodings_counts_and_its_change_too(
    packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "leaked"
    listed = b"caf\xe9 in latin-1\r\nSeven Otters Crossing\r\n\xe7\xa2\xb3 and twelve more\n"
    path.write_bytes(gzip.compress(listed) if packed else listed)
    with override_settings(ABATE_LEAKED_PASSWORDS=str(path)):
        for text in ("Seven Otters Crossing", GOOD, "碳 and twelve more"):
            assert passwords.faults(text, "", [], ASVS) == ["known"]
        path.write_bytes(b"")
        assert passwords.faults(GOOD, "", [], ASVS) == []
        path.unlink()
        # Not taken for an empty one.
        with pytest.raises(SetupError, match="cannot be read"):
            passwords.faults(GOOD, "", [], ASVS)
        with pytest.raises(SetupError, match="ABATE_LEAKED_PASSWORDS"):
            passwords.check_list()


def test_a_list_that_breaks_off_is_named_and_not_read_for_what_is_refused_anyway(tmp_path: Path) -> None:
    path = tmp_path / "leaked"
    path.write_bytes(gzip.compress(b"seven otters crossing\n" * 1000)[:-20])
    with override_settings(ABATE_LEAKED_PASSWORDS=str(path)):
        assert passwords.faults("short", "", [], ASVS) == ["short"]
        with pytest.raises(SetupError, match="cannot be read"):
            passwords.faults("eight otters crossing", "", [], ASVS)


def test_one_that_is_longer_than_any_can_be_is_not_cut_to_fit(db: None) -> None:
    user, longest = clerk(), ("seven otters crossing " * 6)[:128]
    actions.set_password(user, longest)
    assert actions.check_password(user.handle, longest, None) == user
    for other in (longest + "x", longest[:-1], longest.upper(), f" {longest}"):
        with pytest.raises(SignInRefused):
            actions.check_password(user.handle, other, None)


def clerk() -> User:
    return review.create_user("staff", made_up=True)


def test_a_new_account_has_no_password_at_all(db: None) -> None:
    user = clerk()
    assert queries.password_set_at(user) is None
    for guess in ("", user.handle, "admin", user.password):
        with pytest.raises(SignInRefused):
            actions.check_password(user.handle, guess, None)


@override_settings(ABATE_SIGN_IN_PROFILE="dengbao3")
@pytest.mark.clause("P-8.4-a")
def test_by_age_and_not_the_same_again(db: None) -> None:
    user = clerk()
    actions.set_password(user, "Small4nd+Big")
    assert not queries.password_too_old(user)
    with pytest.raises(PasswordRefused, match="again"):
        actions.set_password(user, "Small4nd+Big")
    with clock.frozen(clock.now() + timedelta(days=90)):
        assert queries.password_too_old(user)
        actions.set_password(user, "Other4nd+Big")
        assert not queries.password_too_old(user)
    with override_settings(ABATE_SIGN_IN_PROFILE="asvs"), clock.frozen(clock.now() + timedelta(days=900)):
        assert not queries.password_too_old(user)


@pytest.mark.clause("P-8.4-a")
def test_five_wrong_passwords_close_an_account_for_a_while_and_no_other(db: None) -> None:
    user, other = clerk(), clerk()
    for one in (user, other):
        actions.set_password(one, GOOD)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            actions.check_password(user.handle, "wrong", "192.0.2.1")
    with pytest.raises(TooManyTries) as refused:
        actions.check_password(user.handle, GOOD, "192.0.2.2")
    assert 0 < refused.value.retry_after <= 901
    # However the name is written, and for a name that nobody has.
    with pytest.raises(TooManyTries):
        actions.check_password(f" {user.handle.upper()} ", GOOD, None)
    assert actions.check_password(other.handle, GOOD, "192.0.2.1") == other
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        assert actions.check_password(user.handle, GOOD, "192.0.2.1") == user


@pytest.mark.clause("P-8.4-a")
@pytest.mark.parametrize(
    "written", ["{0}a", "{0}{1}", " {0}\u3000", "{2}"], ids=["longer", "twice", "spaced", "upper"]
)
def test_no_way_of_writing_a_name_gives_more_tries(db: None, written: str) -> None:
    user = clerk()
    actions.set_password(user, GOOD)
    name = written.format(user.handle, clerk().handle, user.handle.upper())
    for _ in range(5):
        with pytest.raises(SignInRefused):
            actions.check_password(user.handle, "wrong", None)
    # What is nobody's name is refused by that; what is this one's has no try left.
    longer = len(name.strip()) > len(user.handle)
    with pytest.raises(SignInRefused if longer else TooManyTries):
        actions.check_password(name, GOOD, None)


def test_one_address_gets_thirty_tries_over_all_accounts(db: None) -> None:
    for place in range(30):
        with pytest.raises(SignInRefused):
            actions.check_password(f"nobody-{place}", "", "192.0.2.9")
        actions.count_try(f"nobody-{place}", "192.0.2.9")
    with pytest.raises(TooManyTries):
        actions.count_try("somebody", "192.0.2.9")
    actions.count_try("somebody", "192.0.2.10")


def test_the_addresses_of_one_network_of_ipv6_are_one(db: None) -> None:
    for place in range(30):
        actions.count_try(f"nobody-{place}", f"2001:db8::{place:x}")
    with pytest.raises(TooManyTries):
        actions.count_try("somebody", "2001:db8::ffff")
    actions.count_try("somebody", "2001:db8:0:1::1")


@pytest.mark.django_db(transaction=True)
def test_tries_at_once_count_one_by_one() -> None:
    results = at_once(16, lambda place: actions.count_try("same", f"192.0.2.{place}"))
    assert sum(isinstance(one, TooManyTries) for one in results) == 11, results


def test_a_closed_account_is_answered_like_a_wrong_password(db: None) -> None:
    user = clerk()
    actions.set_password(user, GOOD)
    review.deactivate(user)
    with pytest.raises(SignInRefused):
        actions.check_password(user.handle, GOOD, None)


def test_a_guess_at_a_stolen_password_costs_its_price() -> None:
    """In a process of its own: the tests of this one hash quickly."""
    told = subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; settings.configure();"
         "from django.contrib.auth.hashers import make_password; print(make_password('planted'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, iterations, salt, _ = told.stdout.strip().split("$")
    assert settings.PASSWORD_HASHERS[0].endswith(".PBKDF2PasswordHasher")
    assert name == "pbkdf2_sha256" and int(iterations) >= 600_000 and len(salt) >= 22
