"""Coming in with a passkey, or with account, password and second factor."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.review.models import User
from abate.platform.signin import actions, factors, proofs
from abate.platform.web import screen, sessions
from abate.platform.web.access import user_page
from abate.platform.web.pages.signin import enter, own_address
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def address_of(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR")


def _fields(handle: str = "", error: str = "") -> dict[str, Field]:
    return {
        "account": Field("account", say("账号", "Account"), handle, autocomplete="username", maxlength=36),
        "password": Field(
            "password",
            say("密码", "Password"),
            type="password",
            error=error,
            autocomplete="current-password",
            maxlength=128,
        ),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def staff(request: HttpRequest) -> HttpResponse:
    """Account and password; the second factor is asked for next."""
    if request.method != "POST":
        return screen.show(request, "sign_in_staff", {"fields": _fields()})
    handle = request.POST.get("account", "")[:100]
    try:
        user = actions.check_password(handle, request.POST.get("password", ""), address_of(request))
    except Problem as problem:
        text = screen.told(problem)
        context = {"fields": _fields(handle[:36], f"{text.text}{say('', ' ')}{text.remedy}")}
        return screen.show(request, "sign_in_staff", context, at_field=problem)
    if request.user.is_authenticated:
        logout(request)
    enter(request, user, proofs.PASSWORD)
    return redirect("sign-in-second" if factors.has_factor(user) else "security")


@require_http_methods(["GET", "HEAD", "POST"])
def passkey(request: HttpRequest) -> HttpResponse:
    """Any passkey made here: which account it belongs to is in its answer."""
    problem = None
    if request.method == "POST":
        try:
            user = factors.use_passkey(request.POST.get("credential", ""))
        except Problem as refused:
            problem = refused
        else:
            if request.user.is_authenticated:
                logout(request)
            actions.entered(user)
            return enter(request, user, proofs.PASSKEY)
    context = {"options": factors.passkey_options(), **passkey_hint(request)}
    status = problem.status if problem else 200
    return screen.show(request, "sign_in_passkey", context, status=status, problem=problem)


def passkey_hint(request: HttpRequest) -> dict[str, object]:
    """Passkeys belong to a name and need a secure line: neither is so under a bare number or plain HTTP elsewhere."""
    host = request.get_host().rpartition(":")[0] or request.get_host()
    numeric = host.replace(".", "").isdigit() or "[" in host
    return {"passkeys_work": not numeric and (request.is_secure() or host == "localhost")}


def code_field(error: str = "") -> Field:
    return Field(
        "code",
        say("动态口令或恢复码", "Code of your app, or a recovery code"),
        hint=say("动态口令 6 位，恢复码 8 位", "6 digits from the app, 8 of a recovery code"),
        error=error,
        autocomplete="one-time-code",
        inputmode="numeric",
        maxlength=12,
        css="code",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@user_page
def second(request: HttpRequest, user: User) -> HttpResponse:
    """The second factor after a link or a password."""
    there = own_address(request, request.GET.get("next", "") or request.POST.get("next", ""))
    if not factors.has_factor(user):
        return redirect("security")
    context: dict[str, object] = {"person": user.kind == User.Kind.PERSON}
    return shown(request, user, "sign_in_second", context, there)


def shown(
    request: HttpRequest, user: User, template: str, context: dict[str, object], there: str
) -> HttpResponse:
    """Take a passkey or a code where one was sent, and go on to `there`; else the page that asks for it.

    A code is spent with what it opens, or not at all; but for the session, which is saved after it.
    """
    problem, error = None, ""

    def opens(how: str) -> None:
        # Another key for the session: what it may do has grown.
        request.session.cycle_key()
        proofs.note(request.session, how)

    if request.method == "POST":
        try:
            if request.POST.get("credential"):
                factors.use_passkey(request.POST["credential"], user)
                opens(proofs.PASSKEY)
            else:
                factors.use_code(user, request.POST.get("code", ""), address_of(request), opens)
        except Problem as refused:
            text = screen.told(refused)
            problem, error = refused, f"{text.text}{say('', ' ')}{text.remedy}"
        else:
            # After the transaction: it locks the account, which who renews the codes locks before them.
            sessions.used(request, user)
            return redirect(there)
    kinds = {one.kind for one in factors.factors(user)}
    values = {
        "next": there,
        "field": code_field(error),
        "has_code": bool(kinds & {"totp", "recovery_codes"}),
        "has_passkey": "webauthn" in kinds,
        **passkey_hint(request),
        **context,
    }
    if values["has_passkey"]:
        values["options"] = factors.passkey_options(user)
    return screen.show(request, template, values, at_field=problem)
