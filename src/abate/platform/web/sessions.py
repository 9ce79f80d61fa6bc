"""Open sessions: each is listed for its owner, ends when nobody uses it, and ends at once when it is killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from abate.platform.doors import clock
from abate.platform.review.models import User
from abate.platform.signin import actions
from abate.platform.signin.policy import policy
from abate.platform.web.wording import say

_BEGAN, _SEEN, _NOTED = "session_began", "session_seen", "session_noted"
# Written no more often: a page that loads ten things is one use.
_STEP = timedelta(minutes=1)


class Sessions:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            self._use(request)
        return self.get_response(request)

    def _use(self, request: HttpRequest) -> None:
        now, session, limits = clock.now(), request.session, policy()
        began, seen = (datetime.fromisoformat(session.get(key) or now.isoformat()) for key in (_BEGAN, _SEEN))
        idle = limits.idle(request.user.kind == User.Kind.STAFF)
        if now >= seen + idle or now >= began + limits.longest:
            logout(request)
            text = say(
                "因长时间未操作，已自动退出。", "You were signed out: nobody had used the page for a while."
            )
            messages.info(request, text)
            return
        # A session gets another key when what it may do has grown.
        if now >= seen + _STEP or not session.session_key or session.get(_NOTED) != session.session_key:
            session[_BEGAN], session[_SEEN] = began.isoformat(), now.isoformat()
            if not session.session_key:
                session.save()
            session[_NOTED] = session.session_key
            actions.seen(session.session_key, request.user, began, request.headers.get("User-Agent", ""))
