"""How long a session lasts and what it must have shown: one rule for the pages and for the command line."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase

from abate.platform.doors import clock
from abate.platform.review.models import User
from abate.platform.signin import actions, proofs, queries
from abate.platform.signin.errors import PasswordTooOld, ProofNeeded, SecondFactorMissing
from abate.platform.signin.policy import policy

_BEGAN, _SEEN, _NOTED = "session_began", "session_seen", "session_noted"
# Written no more often: a page that loads ten things is one use.
_STEP = timedelta(minutes=1)
_FOR_A_PARTY = frozenset({"acceptor", "applicant", "partner"})


def use(session: SessionBase, user: User, device: str) -> bool:
    """Note that `user` uses this session; False where it is over, unused for too long or older than any may be.

    `device` is what the program calls itself; it stands in the list of open sessions. The caller ends what is over.
    """
    now = clock.now()
    began, seen, end = _times(session, user, now)
    if now >= end:
        return False
    # A session gets another key when what it may do has grown.
    if now >= seen + _STEP or not session.session_key or session.get(_NOTED) != session.session_key:
        session[_BEGAN], session[_SEEN] = began.isoformat(), now.isoformat()
        if not session.session_key:
            session.save()
        session[_NOTED] = session.session_key
        actions.seen(str(session.session_key), user, began, device)
    return True


def ends_in(session: SessionBase, user: User) -> int:
    """The seconds after which this session is over unless it is used again, rounded up; 0 where it is over."""
    now = clock.now()
    *_, end = _times(session, user, now)
    return max(0, math.ceil((end - now).total_seconds()))


def _times(session: SessionBase, user: User, now: datetime) -> tuple[datetime, datetime, datetime]:
    """(when the session began, when it was last noted as used, when it is over unless it is used)."""
    began, seen = (datetime.fromisoformat(session.get(key) or now.isoformat()) for key in (_BEGAN, _SEEN))
    limits = policy()
    return began, seen, min(seen + limits.idle(user.kind == User.Kind.STAFF), began + limits.longest)


def require_two_factors(session: SessionBase, user: User) -> None:
    """Raises SecondFactorMissing where this session has shown one only, and PasswordTooOld."""
    if not proofs.two_factors(session):
        raise SecondFactorMissing
    if queries.password_too_old(user):
        raise PasswordTooOld


def require_chosen_second(session: SessionBase, user: User, who: str) -> None:
    """Raises SecondFactorMissing where this session has shown one factor and its holder chose two, or the operator did for
    those who act for a party (`who`: whose the address is, in the words of endpoints.csv). Raises PasswordTooOld of these.
    """
    for_a_party = who in _FOR_A_PARTY
    asked = user.always_second or (for_a_party and policy().members_two_factors)
    if asked and not proofs.two_factors(session):
        raise SecondFactorMissing
    if for_a_party and queries.password_too_old(user):
        raise PasswordTooOld


def require_fresh(session: SessionBase) -> None:
    """Raises ProofNeeded where no passkey or one-time code was shown within the last minutes."""
    if not proofs.fresh(session):
        raise ProofNeeded
