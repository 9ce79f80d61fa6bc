"""Answers where no page is: not found, not allowed, an outdated form, a database that is away, a fault of ours."""

from __future__ import annotations

import logging
import sys

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from abate.platform.doors.errors import DatabaseAway, Problem
from abate.platform.web import screen
from abate.platform.web.wording import english, say

_INTERFACES = ("/v1/", "/log/", "/identity/", "/livez", "/readyz", "/metrics")
_AUTHORISING = "/identity/o/authorize"
"""The one address among them that people open: a partner's app sends their browser there."""
log = logging.getLogger("abate.web")


class PageMissing(Problem):
    code = "no-such-address"
    status = 404
    zh = "没有这个地址。"
    en = "There is no such address."
    why_zh = "未登记的地址什么也不做。"
    why_en = "An address that is not there does nothing."
    remedy_zh = "请检查地址，或回到首页。"
    remedy_en = "Check the address, or go back to the start page."


class NotAllowed(Problem):
    code = "not-allowed"
    status = 403
    zh = "没有权限。"
    en = "This is not allowed."
    why_zh = "每个页面只对有权限的账号开放。"
    why_en = "A page is open to those who have the right to it."
    remedy_zh = "请用有权限的账号登录。"
    remedy_en = "Sign in with an account that may."


class FormOutdated(Problem):
    code = "form-outdated"
    status = 403
    zh = "页面已失效，内容没有提交。"
    en = "This page is out of date; nothing was sent."
    why_zh = "防止其他网站冒用您的登录提交内容。"
    why_en = "It keeps other sites from sending forms with your session."
    remedy_zh = "请返回上一页刷新后再提交；如浏览器禁用了 Cookie，请允许本站使用。"
    remedy_en = "Go back, reload the page and send it again. Cookies of this site must be allowed."


def type_of(code: str) -> str:
    """The address that a problem's `type` names: this installation's own page about it."""
    return f"{settings.ABATE_ORIGIN}/problems/{code}"


def document(problem: Problem, language: str) -> dict[str, object]:
    """RFC 9457. `type` and `code` are stable; the texts follow the language asked for."""
    return {
        "type": type_of(problem.code),
        "title": problem.text(language),
        "status": problem.status,
        "code": problem.code,
        **({"detail": problem.detail} if problem.detail else {}),
        "remedy": problem.remedy(language),
    }


def retry_after(problem: Problem) -> int | None:
    """The seconds after which the same may be asked again, where a refusal says so."""
    return getattr(problem, "retry_after", None)


def problem_json(problem: Problem, *, language: str | None = None) -> HttpResponse:
    """RFC 9457, in the language asked for."""
    seconds = retry_after(problem)
    made = JsonResponse(
        document(problem, language or ("en" if english() else "zh")),
        status=problem.status,
        headers={"Retry-After": str(seconds)} if seconds else {},
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )
    return screen.marked(made, problem.code, problem.status)


def of_programs(path: str) -> bool:
    """Whether programs, not people, are at this address."""
    return path.startswith(_INTERFACES) and path != _AUTHORISING


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A refusal as the caller reads it: a problem document for a program, a page for a person."""
    if of_programs(request.path):
        return problem_json(problem)
    page = screen.refuse(request, problem)
    if seconds := retry_after(problem):
        page["Retry-After"] = str(seconds)
    return page


class RequestUnsafe(Problem):
    code = "request-unsafe"
    status = 400
    zh = "请求的形式不安全，未作处理。"
    en = "The request has a form that is not safe; nothing was done."
    why_zh = "过多的字段、伪造的主机名等只见于攻击。"
    why_en = "Too many fields, a forged host and the like are seen in attacks only."
    remedy_zh = "请用浏览器中的页面，或对照 /v1/openapi.json 检查请求。"
    remedy_en = "Use the page in a browser, or compare the request with /v1/openapi.json."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # A session that could not be written after the work was done looks to Django like a request that is not safe.
    away = isinstance(exception, SessionInterrupted) and _by_the_database(exception)
    if away:
        return _away(request, DatabaseAway())
    _look_again()
    return answer(request, RequestUnsafe())


def _by_the_database(fault: BaseException | None) -> bool:
    """Whether this came of a database that failed, however it was wrapped since.

    What was raised while such a failure was dealt with is a fault of its own; but Django wraps a session's without a cause.
    """
    while fault is not None and not isinstance(fault, InterfaceError | OperationalError):
        wraps = isinstance(fault, SessionInterrupted | UpdateError)
        fault = fault.__context__ if wraps else fault.__cause__
    return fault is not None


def _look_again() -> None:
    """Django calls its handlers in threads of their own, whose connections no beginning of a request looks at: one that the
    database ended since would make a 503 of it. One inside a transaction is the request's own."""
    if connection.autocommit:
        connection.close_if_unusable_or_obsolete()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    _look_again()
    return answer(request, PageMissing())


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    _look_again()
    return answer(request, NotAllowed())


def form_outdated(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.info("a form was refused: %s", reason)
    return answer(request, FormOutdated())


def fault(request: HttpRequest) -> HttpResponse:
    """What nobody expected: the database that failed, or our own fault. The page asks nothing of database or session."""
    if _by_the_database(sys.exc_info()[1]):
        return _away(request, DatabaseAway())
    title = say("系统出错了，内容没有提交。", "Something went wrong on our side; nothing was changed.")
    remedy = say("请稍后重试。问题已记录。", "Try again in a while. The fault was recorded.")
    if of_programs(request.path):
        body = {
            "type": type_of("fault"),
            "title": title,
            "status": 500,
            "code": "fault",
            "remedy": remedy,
        }
        return JsonResponse(body, status=500, content_type="application/problem+json")
    return _bare("fault", title, remedy, 500)


def _away(request: HttpRequest, problem: DatabaseAway) -> HttpResponse:
    if of_programs(request.path):
        return problem_json(problem)
    page = bare(problem)
    page["Retry-After"] = str(problem.retry_after)
    return page


def bare(problem: Problem) -> HttpResponse:
    """A refusal as a page that asks nothing of database or session: where none was looked at."""
    language = "en" if english() else "zh"
    return _bare(problem.code, problem.text(language), problem.remedy(language), problem.status)


def _bare(code: str, title: str, remedy: str, status: int) -> HttpResponse:
    values = {"title": title, "remedy": remedy, "code": code, "lang": "en" if english() else "zh-Hans"}
    return render(None, "abate/fault.html", values, status=status)
