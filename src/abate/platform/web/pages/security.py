"""Sign-in and security: the own passkeys, app, recovery codes, password, and every open session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.people import queries as people
from abate.platform.people import recovering
from abate.platform.review import queries as review
from abate.platform.review.models import User
from abate.platform.signin import actions, factors, passwords, proofs, queries
from abate.platform.signin.errors import (
    FirstFactorNeedsLink,
    PasswordRefused,
    ProofNeeded,
    SignInRefused,
    TooManyTries,
)
from abate.platform.signin.policy import policy
from abate.platform.signin.recovery_codes import Drawn
from abate.platform.web import proving, qr, screen, sessions
from abate.platform.web.access import user_page
from abate.platform.web.pages.signin import own_address
from abate.platform.web.pages.staff_signin import address_of, passkey_hint
from abate.platform.web.screen import Field
from abate.platform.web.wording import pick, say

_GREW_OLD = (FirstFactorNeedsLink, ProofNeeded)
"""The proof that the door still took is too old for the writer: drawing recovery codes takes seconds."""


def _changing(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only with a proof that is minutes old (factors.may_change)."""

    @wraps(view)
    def guarded(request: HttpRequest, user: User, **kwargs: object) -> HttpResponse:
        try:
            factors.require_change(request.session, user)
            return view(request, user, **kwargs)
        except _GREW_OLD:
            return _proved_first()

    return user_page(guarded)


def _proved_first() -> HttpResponse:
    return redirect(f"{reverse('confirm')}?{urlencode({'next': reverse('security')})}")


@require_safe
@user_page
def security(request: HttpRequest, user: User) -> HttpResponse:
    own, person = factors.factors(user), people.by_user(user)
    context = {
        "factors": own,
        "has_app": any(one.kind == "totp" for one in own),
        "person": user.kind == User.Kind.PERSON,
        "staff": user.kind == User.Kind.STAFF,
        "stranded": _stranded(user),
        "account": user.handle,
        "must": bool(review.roles(user)) and not factors.has_factor(user),
        "may_choose": not review.roles(user) and (user.always_second or factors.has_factor(user)),
        "always": user.always_second,
        "asked": proving.GO_ON in request.session and not factors.has_factor(user),
        "password_at": queries.password_set_at(user),
        "password_old": queries.password_too_old(user),
        "sessions": [(row, row.key == request.session.session_key) for row in queries.sessions(user)],
        "recoveries": recovering.going_on(person.pk) if person else [],
        "idle": int(policy().idle(user.kind == User.Kind.STAFF).total_seconds()) // 60,
        "longest": policy().longest_hours,
        "minutes": policy().fresh_minutes,
        **passkey_hint(request),
    }
    return screen.show(request, "security", context, section="security")


def _stranded(user: User) -> bool:
    """One of the staff whose second factor asks for a first that there is not."""
    return user.kind == User.Kind.STAFF and factors.has_factor(user) and not factors.comes_back(user)


@require_http_methods(["GET", "HEAD", "POST"])
@_changing
def passkey(request: HttpRequest, user: User) -> HttpResponse:
    """Make a passkey. The browser does it: the one page that cannot work without a script."""
    problem = None
    if request.method == "POST":
        try:
            drawn = _first_codes(user)
            with transaction.atomic():
                factors.add_passkey(user, request.POST.get("name", ""), request.POST.get("credential", ""))
                return _added(request, user, proofs.PASSKEY, drawn)
        except _GREW_OLD:
            return _proved_first()
        except Problem as refused:
            problem = refused
    name = Field(
        "name",
        say("给它起个名字", "A name for it"),
        say("这台设备", "This device"),
        hint=say("例如：工作电脑", "Such as: laptop at work"),
        maxlength=60,
    )
    context = {"field": name, "options": factors.new_passkey_options(user), **passkey_hint(request)}
    status = problem.status if problem else 200
    return screen.show(
        request, "security_passkey", context, section="security", status=status, problem=problem
    )


def _first_codes(user: User) -> Drawn | None:
    """Recovery codes for one of the staff who has none, made before the transaction that adds a factor: they come with it."""
    if user.kind != User.Kind.STAFF or _has_codes(user):
        return None
    return factors.draw_recovery_codes(user)


def _has_codes(user: User) -> bool:
    return any(one.kind == "recovery_codes" for one in factors.factors(user))


def _added(request: HttpRequest, user: User, how: str, drawn: Drawn | None) -> HttpResponse:
    request.session.cycle_key()
    proofs.note(request.session, how)
    sessions.used(request, user)
    messages.success(request, say("已添加。", "Added."), extra_tags="good")
    return _codes(request, user, drawn) if drawn else redirect("security")


def _codes(request: HttpRequest, user: User, drawn: Drawn) -> HttpResponse:
    codes = [f"{code[:4]} {code[4:]}" for code in factors.new_recovery_codes(user, drawn)]
    there = request.session.pop(proving.GO_ON, "") or reverse("home")
    stranded = _stranded(user)
    if stranded:
        # A password first, and from there on to the same place.
        request.session[proving.GO_ON], there = there, reverse("security-password")
    context = {"codes": codes, "there": own_address(request, there), "stranded": stranded}
    return screen.show(request, "security_codes", context, section="security")


@require_http_methods(["GET", "HEAD", "POST"])
@_changing
def app(request: HttpRequest, user: User) -> HttpResponse:
    """Set up an app that makes time-based codes (RFC 6238)."""
    problem: Problem | None = None
    if request.method == "POST":
        try:
            factors.check_app(request.POST.get("code", ""))
            drawn = _first_codes(user)
            with transaction.atomic():
                factors.add_app(user, request.POST.get("code", ""))
                return _added(request, user, proofs.TOTP, drawn)
        except _GREW_OLD:
            return _proved_first()
        except Problem as refused:
            problem = refused
    secret, address = factors.new_app_secret(user)
    field = Field(
        "code",
        say("应用显示的 6 位口令", "The 6 digits that the app shows"),
        error=screen.told(problem).text if problem else "",
        autocomplete="one-time-code",
        inputmode="numeric",
        maxlength=12,
        css="code",
    )
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    context = {"field": field, "secret": spaced, "qr": qr.svg(address)}
    return screen.show(request, "security_app", context, section="security", at_field=problem)


@require_POST
@_changing
def recovery(request: HttpRequest, user: User) -> HttpResponse:
    """New recovery codes in place of the earlier ones, shown once."""
    if user.kind == User.Kind.TILL or (user.kind == User.Kind.STAFF and not factors.has_factor(user)):
        return redirect("security")
    return _codes(request, user, factors.draw_recovery_codes(user))


@require_POST
@_changing
def remove(request: HttpRequest, user: User, factor_id: int) -> HttpResponse:
    factors.remove(user, factor_id, keep_one=user.kind == User.Kind.STAFF)
    messages.success(request, say("已移除。", "Removed."), extra_tags="good")
    return redirect("security")


@require_POST
@_changing
def always(request: HttpRequest, user: User) -> HttpResponse:
    """Be asked for a second factor at every sign-in (`on` is `yes`), or not any more. Who has no recovery codes gets some
    with it, or neither; a till gets none, its party lets it in again by a new link."""
    wanted = request.POST.get("on") == "yes"
    drawn = None
    if wanted and user.kind != User.Kind.TILL and factors.has_factor(user) and not _has_codes(user):
        drawn = factors.draw_recovery_codes(user)
    if wanted:
        text = say("今后每次登录都要求第二个因素。", "From now on every sign-in asks for the second factor.")
    else:
        text = say("今后登录不再要求第二个因素。", "From now on no sign-in asks for the second factor.")
    with transaction.atomic():
        factors.ask_always(user, wanted)
        messages.success(request, text, extra_tags="good")
        return _codes(request, user, drawn) if drawn else redirect("security")


@require_http_methods(["GET", "HEAD", "POST"])
@user_page
def password(request: HttpRequest, user: User) -> HttpResponse:
    """Set a password, for the staff only: a person signs in with a code or a passkey, a till with a passkey or a link."""
    # Who forgot it comes by a single-use link, and shows the second factor like everybody.
    known = queries.password_set_at(user) is not None and not proofs.by_link(request.session)
    # Who has no factor shows the present password, which a session that somebody came by does not tell.
    if not factors.may_change(request.session, user) and (not known or factors.has_factor(user)):
        return _proved_first()
    if user.kind != User.Kind.STAFF:
        return redirect("security")
    error, problem = "", None
    if request.method == "POST":
        try:
            if known:
                actions.check_present(user, request.POST.get("present", ""), address_of(request))
            actions.set_password(user, request.POST.get("password", ""))
        except (SignInRefused, TooManyTries) as refused:
            problem = refused
        except PasswordRefused as refused:
            error = say("", " ").join(pick(passwords.REASONS[reason]) for reason in refused.reasons)
        else:
            update_session_auth_hash(request, user)
            sessions.used(request, user)
            messages.success(request, say("密码已设置。", "The password is set."), extra_tags="good")
            return redirect(own_address(request, request.session.pop(proving.GO_ON, reverse("security"))))
    rules = policy()
    least = passwords.shortest(rules)
    hint = say(
        "至少 {n} 个字符；常见和已泄露的密码不被接受。",
        "At least {n} signs; common and leaked ones are refused.",
        n=least,
    )
    if rules.profile == "dengbao3":
        hint += say(
            "须含大写、小写、数字、符号中的三种，{d} 天更换一次。",
            " Three of capitals, small letters, digits, signs; changed every {d} days.",
            d=rules.password_days,
        )
    field = Field(
        "password",
        say("新密码", "New password"),
        type="password",
        hint=hint,
        error=error,
        autocomplete="new-password",
        maxlength=passwords.MOST,
    )
    present = Field(
        "present",
        say("现在的密码", "Present password"),
        type="password",
        error=screen.told(problem).text if problem else "",
        autocomplete="current-password",
        maxlength=passwords.MOST,
    )
    context = {"fields": [present, field] if known else [field], "account": user.handle}
    return screen.show(
        request,
        "security_password",
        context,
        section="security",
        status=422 if error else 200,
        at_field=problem,
    )


@require_POST
@user_page
def session(request: HttpRequest, user: User) -> HttpResponse:
    """End one session, by its number on the page and the moment it began, so that a list grown old ends no other."""
    wanted = (request.POST.get("number", ""), request.POST.get("began", ""))
    keys = [
        row.key for row in queries.sessions(user) if (str(row.number), row.began_at.isoformat()) == wanted
    ]
    actions.end_sessions(user, keys)
    return redirect("security")


@require_POST
@user_page
def others(request: HttpRequest, user: User) -> HttpResponse:
    """End every session but this one."""
    keys = [row.key for row in queries.sessions(user) if row.key != request.session.session_key]
    ended = actions.end_sessions(user, keys)
    messages.success(request, say("已结束 {n} 个会话。", "{n} ended.", n=ended), extra_tags="good")
    return redirect("security")


urlpatterns = [
    path("security", security, name="security"),
    path("security/passkey", passkey, name="security-passkey"),
    path("security/app", app, name="security-app"),
    path("security/recovery", recovery, name="security-recovery"),
    path("security/factors/<int:factor_id>/remove", remove, name="security-remove"),
    path("security/password", password, name="security-password"),
    path("security/always", always, name="security-always"),
    path("security/session", session, name="security-session"),
    path("security/others", others, name="security-others"),
]
