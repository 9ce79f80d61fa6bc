"""Answers where no page is: not found, not allowed, an outdated form, a fault of ours."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from abate.platform.doors.errors import Problem
from abate.platform.web import screen
from abate.platform.web.wording import english, say

TYPE = "urn:abate:problem:"
_INTERFACES = ("/v1/", "/log/", "/identity/")
log = logging.getLogger("abate.web")


class PageMissing(Problem):
    code = "not-found"
    status = 404
    zh = "没有这个页面。"
    en = "There is no such page."
    remedy_zh = "请检查地址，或回到首页。"
    remedy_en = "Check the address, or go back to the start page."


class NotAllowed(Problem):
    code = "not-allowed"
    status = 403
    zh = "没有权限。"
    en = "This is not allowed."
    remedy_zh = "请用有权限的账号登录。"
    remedy_en = "Sign in with an account that may."


class FormOutdated(Problem):
    code = "form-outdated"
    status = 403
    zh = "页面已失效，内容没有提交。"
    en = "This page is out of date; nothing was sent."
    remedy_zh = "请返回上一页刷新后再提交；如浏览器禁用了 Cookie，请允许本站使用。"
    remedy_en = "Go back, reload the page and send it again. Cookies of this site must be allowed."


def problem_json(problem: Problem, *, language: str | None = None) -> HttpResponse:
    """RFC 9457, in the language asked for."""
    lang = language or ("en" if english() else "zh")
    body = {
        "type": f"{TYPE}{problem.code}",
        "title": problem.text(lang),
        "status": problem.status,
        "code": problem.code,
        **({"detail": problem.detail} if problem.detail else {}),
        "remedy": problem.remedy(lang),
    }
    return JsonResponse(
        body,
        status=problem.status,
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A refusal as the caller reads it: a problem document for a program, a page for a person."""
    if request.path.startswith(_INTERFACES):
        return problem_json(problem)
    return screen.refuse(request, problem)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, PageMissing())


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NotAllowed())


def form_outdated(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.info("a form was refused: %s", reason)
    return answer(request, FormOutdated())


def fault(request: HttpRequest) -> HttpResponse:
    """Our own fault. The page asks nothing of database or session, which may be what failed."""
    title = say("系统出错了，内容没有提交。", "Something went wrong on our side; nothing was changed.")
    remedy = say("请稍后重试。问题已记录。", "Try again in a while. The fault was recorded.")
    if request.path.startswith(_INTERFACES):
        body = {
            "type": f"{TYPE}fault",
            "title": title,
            "status": 500,
            "code": "fault",
            "remedy": remedy,
        }
        return JsonResponse(body, status=500, content_type="application/problem+json")
    values = {"title": title, "remedy": remedy, "lang": "en" if english() else "zh-Hans"}
    return render(None, "abate/fault.html", values, status=500)
