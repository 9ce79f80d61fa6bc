"""The one act of a person's interface: collecting what waits. It changes something, so it needs the page's CSRF token."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query
from ninja.utils import check_csrf

from abate.platform.doors.errors import Problem
from abate.platform.ledger import collecting
from abate.platform.web.api import Entry, PersonSession, ProblemDocument, entry_of
from abate.platform.web.api_statement import api

__all__ = ["api"]
_Day = Annotated[date | None, Query(description="only what was booked on this day")]


class TokenMissing(Problem):
    code = "csrf-token"
    status = 403
    zh = "请求没有带上防跨站令牌。"
    en = "The request has no token against cross-site requests."
    why_zh = "没有令牌时，其他网站可冒用您的登录。"
    why_en = "Without it another site could act with your session."
    remedy_zh = "请在 X-CSRFToken 头中带上 csrftoken Cookie（沙箱中名为 sandbox_csrftoken；HTTPS 下再加前缀 __Host-）的值。"
    remedy_en = (
        "Send the value of the csrftoken cookie (of the sandbox: sandbox_csrftoken; over HTTPS with __Host- before it) in the "
        "header X-CSRFToken."
    )


class PersonActs(PersonSession):
    """The session of a signed-in person, and the token that shows that a page of ours asked."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        person = super().authenticate(request, key)
        if person and check_csrf(request):
            raise TokenMissing
        return person


@api.post(
    "/me/collect",
    auth=PersonActs(),
    response={
        200: Entry,
        401: ProblemDocument,
        403: ProblemDocument,
        409: ProblemDocument,
        422: ProblemDocument,
    },
    summary="Collect the credits that wait, all or those booked on one day",
)
def collect(request: HttpRequest, came_on: _Day = None) -> Entry:
    return entry_of(collecting.collect(request.auth.pk, came_on))
