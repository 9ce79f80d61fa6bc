"""Open sessions: each is listed for its owner, ends when nobody uses it, and ends at once when it is killed."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from abate.platform.signin import lasting
from abate.platform.web.wording import say


class Sessions:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        device = request.headers.get("User-Agent", "")
        if request.user.is_authenticated and not lasting.use(request.session, request.user, device):
            logout(request)
            text = say(
                "因长时间未操作，已自动退出。", "You were signed out: nobody had used the page for a while."
            )
            messages.info(request, text)
        return self.get_response(request)
