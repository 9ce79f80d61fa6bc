"""What a session has shown, and how long ago: the answers to "two factors?" and "only minutes ago?"."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from datetime import datetime
from typing import Any

from abate.platform.doors import clock
from abate.platform.signin.policy import policy

Session = MutableMapping[str, Any]
LINK, PASSWORD, CODE, PASSKEY, TOTP, RECOVERY = "link", "password", "code", "passkey", "totp", "recovery"
# A passkey is only taken with its holder verified on the device, so it is two factors by itself.
SECOND = frozenset({PASSKEY, TOTP, RECOVERY})
# A link may lie in somebody's mailbox and a password on a slip: neither shows who is there now.
FRESHENING = SECOND | {CODE}
# Opened minutes ago, though, a link was in its holder's hands then: enough where there is nothing else to show yet.
_CAME = FRESHENING | {LINK}
_KEY = "proofs"


def note(session: Session, how: str) -> None:
    """Write into the session that its user was shown by `how`, now."""
    session[_KEY] = {**session.get(_KEY, {}), how: clock.now().isoformat()}


def two_factors(session: Session) -> bool:
    """Whether a second factor was shown in this session."""
    return bool(SECOND & session.get(_KEY, {}).keys())


def by_link(session: Session) -> bool:
    """Whether a single-use link opened this session, as for somebody who forgot their password."""
    return LINK in session.get(_KEY, {})


def fresh(session: Session) -> bool:
    """Whether a passkey or one-time code was shown within the last minutes (policy.fresh_minutes)."""
    return _just_now(session, FRESHENING)


def just_came(session: Session) -> bool:
    """Whether something that came to its holder from outside this session was shown in it as lately: one of these, or a
    single-use link."""
    return _just_now(session, _CAME)


def _just_now(session: Session, ways: Collection[str]) -> bool:
    shown = [datetime.fromisoformat(at) for how, at in session.get(_KEY, {}).items() if how in ways]
    now = clock.now()
    # Not in the future either: a clock set back makes nothing fresh.
    return any(at <= now < at + policy().fresh for at in shown)
