"""Which proof a page asks for, and the way there: a second factor for the staff, a fresh one for what is sensitive."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from abate.platform.doors.errors import Problem
from abate.platform.signin import factors
from abate.platform.signin.errors import PasswordTooOld, ProofNeeded, SecondFactorMissing
from abate.platform.web.wording import say

FILES = frozenset({"privacy-copy", "statement-file", "audit-file"})
"""Addresses that answer with a file: a browser that is led there stays on the page where it proved itself, and looks stuck."""
GO_ON = "go_on"
"""In the session: the page to go on to once a first factor is made."""


def way(request: HttpRequest, problem: Problem) -> HttpResponse | None:
    """For somebody at a page: to where what is missing can be shown, and back. None where the refusal is the answer."""
    if request.path.startswith("/v1/"):
        return None
    if isinstance(problem, SecondFactorMissing):
        name = "sign-in-second" if factors.has_factor(request.user) else "security"
    elif isinstance(problem, PasswordTooOld):
        name = "security-password"
    elif isinstance(problem, ProofNeeded):
        name = "confirm"
        if request.method == "POST":
            text = say(
                "尚未办理：请先确认，再按一次。", "Nothing was done yet: confirm first, then press again."
            )
            messages.info(request, text)
        elif _came_for_a_file(request):
            text = say(
                "尚未下载：请先确认，再点一次。",
                "Nothing was downloaded yet: confirm first, then press again.",
            )
            messages.info(request, text)
    else:
        return None
    return redirect(f"{reverse(name)}?{urlencode({'next': _back(request)})}")


def _back(request: HttpRequest) -> str:
    """The page that was asked for, or the one from which a form was sent or a file asked for."""
    come = urlsplit(request.headers.get("Referer", ""))
    if _came_for_a_file(request):
        return come._replace(scheme="", netloc="", fragment="").geturl()
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    return (come.path or reverse("home")) if come.netloc == request.get_host() else reverse("home")


def _came_for_a_file(request: HttpRequest) -> bool:
    """Whether a link on a page of ours leads to a file. Who typed the file's address is led to it."""
    come = urlsplit(request.headers.get("Referer", ""))
    found = request.resolver_match
    return bool(found and found.url_name in FILES and come.netloc == request.get_host() and come.path)
