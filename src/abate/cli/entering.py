"""`abate staff sign-in`, `password`, `sign-out` and `link`: two factors on the command line, by the rules of the pages.

A link or a password is the first factor; a code of an app or a recovery code the second (a passkey needs a browser). What
is asked for is prompted on the error stream and read from standard input, so that a script can answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from abate.cli.deciding import DEVICE, data_dir_option, entitled, run, session_file, signed_in

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_NO_WAY_BACK = (
    "该账号没有密码和通行密钥：会话结束后，只有安全管理员另发链接才能再登录。请现在运行 abate staff password 设置密码。",
    "This account has no password and no passkey: once its session ends, only another link by a security administrator opens it "
    "again. Set a password now: abate staff password",
)


# A link may begin with a dash.
@click.command("sign-in", context_settings={"ignore_unknown_options": True})
@click.argument("link", default="")
@click.option("--account", default="", help="Sign in with this account's password in place of a LINK.")
@data_dir_option
def sign_in(link: str, account: str, data_dir: Path) -> None:
    """Sign in with your own single-use LINK (the address or its last part) and your second factor.

    The code of your app or a recovery code is asked for, or read from standard input. An account without a second factor
    sets up an app first, within minutes of its LINK. Without LINK and --account it goes on where an earlier sign-in
    stopped, or shows the second factor again: deciding, collecting a key and making a link ask for one that is only
    minutes old. A session ends after a quarter of an hour without use: set a password (`abate staff password`), or a passkey
    in a browser, to come back without another link.
    """

    def work() -> dict[str, object]:
        from abate.platform.review import queries  # lazy: Django has started by now
        from abate.platform.signin import factors, proofs  # lazy: as above

        request = _begun(link.rstrip("/").rsplit("/", 1)[-1], account) if link or account else signed_in()
        told: dict[str, object] = {"account": request.user.handle, "roles": queries.roles(request.user)}
        if not proofs.fresh(request.session):
            told |= _second(request)
        if not factors.comes_back(request.user):
            click.echo("\n".join(_NO_WAY_BACK), err=True)
        return told

    run(data_dir, work)


def _begun(token: str, account: str) -> Any:
    """A new session that has shown one factor, the link of this token or the account's password."""
    from django.contrib.auth import login  # lazy: Django has started by now
    from django.contrib.sessions.backends.db import SessionStore  # lazy: as above
    from django.http import HttpRequest  # lazy: as above

    from abate.platform.review import actions as review  # lazy: as above
    from abate.platform.review.errors import NoRight  # lazy: as above
    from abate.platform.review.models import User  # lazy: as above
    from abate.platform.signin import actions, proofs  # lazy: as above

    if token:
        user, how = review.use_link(token), proofs.LINK
    else:
        user, how = actions.check_password(account, _answer("Password", hidden=True), None), proofs.PASSWORD
    if user.kind != User.Kind.STAFF:
        raise NoRight("staff sign-in")
    request = HttpRequest()
    request.session, request.user = SessionStore(), user
    login(request, user, backend=_BACKEND)
    actions.entered(user)
    _keep(request, how)
    return request


def _second(request: Any) -> dict[str, object]:
    """Show the second factor in this session, or set up the first app; what the command tells of it."""
    from allauth.core import context  # lazy: Django has started by now

    from abate.platform.signin import factors, proofs  # lazy: as above

    user, told = request.user, dict[str, object]()
    with context.request_context(request):
        if factors.has_factor(user):
            how = factors.use_code(user, _answer("Code of your app, or a recovery code"), None)
        else:
            factors.require_change(request.session, user)
            secret, _ = factors.new_app_secret(user)
            # It waits in the session: who stops here is shown the same one again.
            request.session.save()
            click.echo(f"Put this secret into an app for one-time codes (RFC 6238): {secret}", err=True)
            factors.add_app(user, _answer("The 6 digits that the app shows"))
            # The code that made it proves it: there is a factor now, and what follows asks for one.
            proofs.note(request.session, proofs.TOTP)
            told["recovery_codes"] = factors.new_recovery_codes(user)
            how = proofs.TOTP
    # Another key for the session: what it may do has grown.
    request.session.cycle_key()
    _keep(request, how)
    return told


def _answer(text: str, *, hidden: bool = False) -> str:
    """What is typed at the prompt, or the next line of standard input where that is no terminal."""
    if sys.stdin.isatty():
        return str(click.prompt(text, hide_input=hidden, err=True))
    return sys.stdin.readline().strip()


def _keep(request: Any, how: str) -> None:
    """Note what was shown, list the session with the others, and write its key where only its owner reads it."""
    from abate.platform.signin import lasting, proofs  # lazy: Django has started by now

    proofs.note(request.session, how)
    lasting.use(request.session, request.user, DEVICE)
    _write(request)


def _write(request: Any) -> None:
    """Save the session, and its key where only its owner reads it."""
    request.session.save()
    file = session_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{request.session.session_key}\n")


@click.command()
@data_dir_option
def password(data_dir: Path) -> None:
    """Set your own password, with which `abate staff sign-in --account ACCOUNT` and the pages let you in without a link.

    The present one is asked for first, where there is one and no link opened this session; then the new one. Both are read from
    standard input where that is no terminal. Your second factor has to be only minutes old. Your other sessions end.
    """

    def work() -> dict[str, object]:
        from django.contrib.auth import update_session_auth_hash  # lazy: Django has started by now

        from abate.platform.review import audit  # lazy: as above
        from abate.platform.signin import actions, lasting, passwords, proofs, queries  # lazy: as above
        from abate.platform.signin.errors import PasswordRefused  # lazy: as above

        request = signed_in()
        user = request.user
        # Not acting(): a password that is too old keeps from everything but being changed.
        lasting.require_fresh(request.session)
        audit.as_command(user)
        if queries.password_set_at(user) is not None and not proofs.by_link(request.session):
            actions.check_present(user, _answer("Present password", hidden=True), None)
        try:
            actions.set_password(user, _answer("New password", hidden=True))
        except PasswordRefused as refused:
            for reason in refused.reasons:
                click.echo(" ".join(passwords.REASONS[reason]), err=True)
            raise
        # The session goes on under another key; all that knew the former password end.
        update_session_auth_hash(request, user)
        lasting.use(request.session, user, DEVICE)
        _write(request)
        return {"account": user.handle, "password": "set"}

    run(data_dir, work)


@click.command("sign-out")
@data_dir_option
def sign_out(data_dir: Path) -> None:
    """End the session of this command line."""

    def work() -> dict[str, object]:
        from abate.platform.signin import actions  # lazy: Django has started by now

        request = signed_in()
        actions.end_sessions(request.user, [request.session.session_key])
        session_file().unlink(missing_ok=True)
        return {"account": request.user.handle, "signed_out": True}

    run(data_dir, work)


@click.command()
@click.argument("account")
@data_dir_option
def link(account: str, data_dir: Path) -> None:
    """Make a single-use sign-in link, good for a day, for the holder of ACCOUNT. It is shown this once.

    Its holder finds a notice of it on their page of notices, and in a browser that they named. Without a session only
    during the set-up, until the first security administrator has a second factor, and for an account that has none.
    From then on a security administrator has to be signed in here, for every account.
    """

    def work() -> dict[str, object]:
        from abate.platform.review import queries  # lazy: models exist once Django has started
        from abate.platform.review.errors import AccountUnknown, NotSignedIn  # lazy: as above
        from abate.platform.signin import actions  # lazy: as above
        from abate.platform.signin import queries as signin  # lazy: as above

        user = queries.staff(account)
        if user is None:
            raise AccountUnknown(account[:40])
        by = None
        if not signin.nobodys_yet(user):
            try:
                by = entitled("add", "links", fresh=True)
            except NotSignedIn:
                by = None  # what is missing is said by new_link
        return {"account": account, "link": actions.new_link(user, by)}

    run(data_dir, work)
