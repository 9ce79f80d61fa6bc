"""Which proof a page asks for, and the way there: a second factor for the staff, a fresh one for what is sensitive."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from abate.platform.doors.errors import Problem
from abate.platform.signin import factors, proofs
from abate.platform.signin.errors import PasswordTooOld, ProofNeeded, SecondFactorMissing
from abate.platform.web.wording import say

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
    else:
        return None
    return redirect(f"{reverse(name)}?{urlencode({'next': _back(request)})}")


def _back(request: HttpRequest) -> str:
    """The page that was asked for, or the one from which a form was sent."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    come = urlsplit(request.headers.get("Referer", ""))
    return (come.path or reverse("home")) if come.netloc == request.get_host() else reverse("home")


def may_change_sign_in(request: HttpRequest) -> bool:
    """Whether this session may add or remove ways of signing in: the first one by the link, further ones freshly shown.

    A person has the contact from the start, so for them a fresh code comes before the first passkey too.
    """
    if proofs.fresh(request.session):
        return True
    first = not factors.has_factor(request.user) and request.user.kind != "person"
    return first
