"""Signing in on the command line in tests: a link, and a recovery code of the second factor on standard input."""

from __future__ import annotations

import json
from typing import Any

from allauth.mfa.totp.internal import auth as totp
from click.testing import CliRunner, Result

from abate.cli import staff
from abate.demo import desk
from abate.platform.review import actions, audit
from abate.platform.review.models import User
from abate.platform.signin import factors


def code(user: User) -> str:
    """A recovery code of the user's, who has an app from now on."""
    if not factors.has_factor(user):
        totp.TOTP.activate(user, totp.generate_totp_secret())
    return factors.new_recovery_codes(user)[0]


def sign_in(user: User) -> Any:
    words = ["sign-in", f"http://127.0.0.1/sign-in/link/{actions.issue_link(user)}"]
    made = CliRunner().invoke(staff.command, words, input=f"{code(user)}\n", catch_exceptions=False)
    assert made.exit_code == 0, made.output + made.stderr
    return json.loads(made.stdout)


def run(module: Any, *words: object) -> Result:
    """A command of this module's, a process of its own: who acted in the one before acts in this one no more."""
    with audit.acting(lambda: audit.NOBODY):
        return CliRunner().invoke(module.command, [str(one) for one in words])


def refused(made: Result, code: str) -> None:
    assert made.exit_code == 1 and made.stderr.startswith(f"{code}:"), made.output + made.stderr


def signed_in(role: str) -> User:
    user = desk.staffed()[role]
    with audit.acting(lambda: audit.NOBODY):
        sign_in(user)
    return user
