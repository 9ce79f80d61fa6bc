"""Open sessions: each is listed for its owner, ends when nobody uses it, and ends at once when it is killed."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from abate.platform.review.models import User
from abate.platform.signin import ending, lasting
from abate.platform.web.wording import say


class Sessions:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not used(request, request.user):
            logout(request)
            text = say(
                "因长时间未操作，已自动退出。", "You were signed out: nobody had used the page for a while."
            )
            messages.info(request, text)
        elif not request.user.is_authenticated:
            _tell(request)
        return self.get_response(request)


def used(request: HttpRequest, user: User) -> bool:
    """lasting.use() of this request's session by `user`. Called at once where a session gets another key: one that its owner
    does not come back with is listed, counted and ended like any other."""
    return lasting.use(request.session, user, request.headers.get("User-Agent", ""))


def _tell(request: HttpRequest) -> None:
    """Whoever comes with the key of a session that was ended for them reads why, once, and how to come in again."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    found = ending.told(key) if key and key != request.session.session_key else None
    if found is None:
        return
    cause, why = found
    if cause == ending.TOO_MANY:
        text = say(
            "您的账户在更多设备上登录，这里的会话已结束。请重新登录；如非本人操作，请在“登录与安全”结束其他会话。",
            "Your account was signed in on more devices than it may be at a time, and this session was ended. Sign in again; "
            "if that was not you, end the others under Sign-in and security.",
        )
    else:
        text = say(
            "运营方的安全管理员结束了您的会话，理由：{why}。账户没有停用，请照常重新登录。",
            "A security administrator of the operator's ended your session: {why}. Your account is not closed: sign in again "
            "as always.",
            why=why,
        )
    messages.info(request, text)
