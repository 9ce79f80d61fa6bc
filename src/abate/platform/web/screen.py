"""One way to answer with a page: the frame around it, its navigation, and refusals told in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from abate.platform.doors.errors import Problem
from abate.platform.review import rights
from abate.platform.signin import lasting
from abate.platform.web import access
from abate.platform.web.wording import english, say


@dataclass(frozen=True, slots=True)
class Tab:
    href: str
    icon: str
    title: str
    current: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A Problem in the present language."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form, with its label, its hint and what is wrong with it. All of it is shown escaped."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    error: str = ""
    type: str = "text"
    autocomplete: str = ""
    inputmode: str = ""
    maxlength: int = 0
    optional: bool = False
    css: str = ""


def told(problem: Problem) -> Told:
    language = "en" if english() else "zh"
    return Told(problem.code, problem.text(language), problem.remedy(language))


def _tabs(request: HttpRequest, section: str) -> list[Tab]:
    tabs: list[tuple[str, str, str]] = []
    if access.person_of(request):
        tabs += [
            ("home", "home", say("首页", "Home")),
            ("feed", "list", say("明细", "Activity")),
            *([("offers", "gift", say("兑换", "Offers"))] if access.may(request, "redeem") else []),
            ("codes", "ticket", say("兑换码", "Codes")),
            ("authorisations", "key", say("授权", "Partners")),
        ]
    if access.at_the_till(request):
        tabs.append(("acceptor", "scan", say("核销", "Burn")))
    if access.applicant_of(request):
        tabs.append(("joining", "list", say("入驻", "Joining")))
    if access.partner_of(request):
        tabs.append(("partner", "key", say("合作方", "Partner")))
    seen = rights.of_each(
        request.user, "view", ("overview", "alarms", "keys", "proposals", "sessions", "audit")
    )
    if "overview" in seen:
        tabs.append(("operator", "gauge", say("总览", "Overview")))
    elif "keys" in seen:
        # Who may stop a key, and has no overview to find it from.
        tabs.append(("keys", "key", say("密钥", "Keys")))
    if "alarms" in seen:
        tabs.append(("alarms", "alert", say("告警", "Alarms")))
    if "proposals" in seen:
        tabs.append(("proposals", "check", say("变更", "Changes")))
    if "sessions" in seen:
        tabs.append(("sessions", "shield", say("会话", "Sessions")))
    if "audit" in seen:
        tabs.append(("audit", "shield", say("审计", "Audit")))
    if tabs and not access.person_of(request):
        tabs.append(("security", "shield", say("安全", "Security")))
    return [Tab(reverse(name), icon, title, name == section) for name, icon, title in tabs]


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, object] | None = None,
    *,
    section: str = "",
    status: int = 200,
    problem: Problem | None = None,
    at_field: Problem | None = None,
) -> HttpResponse:
    """Render `abate/<template>.html` in the frame; `section` is the tab to mark as current.

    `problem` is told above the page; one that the template tells at a field is `at_field`, and gives the status.
    """
    signed_in = bool(getattr(request, "user", None) and request.user.is_authenticated)
    shell = {
        "lang": "en" if english() else "zh-Hans",
        "other_lang": "zh-hans" if english() else "en",
        "other_html_lang": "zh-Hans" if english() else "en",
        "other_title": "中文" if english() else "English",
        "here": request.get_full_path() if request.method == "GET" else reverse("home"),
        "signed_in": signed_in,
        "over": not signed_in and _told_of_a_session(request),
        "ends_in": lasting.ends_in(request.session, request.user) if signed_in else 0,  # type: ignore[arg-type]
        "tabs": _tabs(request, section) if signed_in else [],
        "child": child[1] if signed_in and (child := access.child_of(request)) else None,
        "may_redeem": not signed_in or access.may(request, "redeem"),
        "may_give": signed_in and access.may(request, "transfer"),
        "demo": settings.ABATE_DEMO,
        "sandbox": settings.ABATE_SANDBOX,
        "operator": (settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT),
    }
    values = {"shell": shell, "problem": told(problem) if problem else None, **(context or {})}
    page = render(request, f"abate/{template}.html", values, status=at_field.status if at_field else status)
    refused = problem or at_field
    return marked(page, refused.code, refused.status) if refused else page


def _told_of_a_session(request: HttpRequest) -> bool:
    """Whether the browser would have said here that somebody is signed in: it keeps that from what another site posts."""
    return hasattr(request, "user") and (
        request.method == "GET" or settings.SESSION_COOKIE_NAME in request.COOKIES
    )


def marked(answer: HttpResponse, code: str, status: int) -> HttpResponse:
    """The answer, saying to the doors around it what it refused (turning_away.py)."""
    answer.abate_refused = (code, status)
    return answer


def refuse(request: HttpRequest, problem: Problem, *, section: str = "") -> HttpResponse:
    """A page that says only what was refused and what to do; to whoever may not come here, where else they may."""
    context = {"open_to": problem.status == HTTPStatus.FORBIDDEN}
    return show(request, "refused", context, section=section, status=problem.status, problem=problem)
