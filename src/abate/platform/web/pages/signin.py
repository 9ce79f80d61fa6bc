"""Coming in: a contact proved by a one-time code, a single-use link, or a new account under a real name."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_http_methods, require_POST

from abate.platform.doors.errors import Problem
from abate.platform.joining import actions as joining
from abate.platform.notices import queries as notices
from abate.platform.people import actions as people
from abate.platform.people import consents, contacts, identity
from abate.platform.people.errors import IdentityRefused, IdentityTaken, NoAccount, TooYoung
from abate.platform.people.family_errors import AccountFrozen
from abate.platform.review import actions as review
from abate.platform.review.errors import LinkSpent
from abate.platform.review.models import User
from abate.platform.signin import actions as signing
from abate.platform.signin import proofs
from abate.platform.web import screen, sessions
from abate.platform.web.pages.privacy import said_of, was_shown
from abate.platform.web.screen import Field
from abate.platform.web.wording import say

_BACKEND = "django.contrib.auth.backends.ModelBackend"
# What the session keeps between the steps; the contact is encrypted there.
CONTACT, PROOF, _NEXT = "sign_in_contact", "sign_in_proof", "sign_in_next"


def own_address(request: HttpRequest, there: str) -> str:
    """`there` where it is a path of ours, else the start page."""
    safe = url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    # A path, no word: redirect() would look a word up among the names of pages and fail.
    return there if safe and there.startswith("/") else reverse("home")


def enter(request: HttpRequest, user: User, how: str) -> HttpResponse:
    """Sign `user` in, shown by `how` (signin.proofs), and go on to where they wanted to."""
    there = request.session.pop(_NEXT, "") or reverse("home")
    for key in (CONTACT, PROOF):
        request.session.pop(key, None)
    # login() gives the session a new key: one that was set before sign-in is worth nothing after it.
    login(request, user, backend=_BACKEND)
    proofs.note(request.session, how)
    sessions.used(request, user)
    return redirect(own_address(request, there))


def _contact_field(value: str = "", error: str = "") -> Field:
    return Field(
        "contact",
        say("手机号或邮箱", "Phone number or e-mail"),
        value,
        hint=say(
            "新用户也从这里开始：验证后再开户。", "New here? Start the same way; the account comes after."
        ),
        error=error,
        autocomplete="username",
        maxlength=254,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a code. The answer is the same whether or not an account exists."""
    if request.method != "POST":
        if "next" in request.GET:
            request.session[_NEXT] = own_address(request, request.GET["next"])
        if request.user.is_authenticated:
            return redirect("home")
        return screen.show(request, "sign_in", {"field": _contact_field()})
    contact = request.POST.get("contact", "")
    try:
        people.request_code(contact, address=request.META.get("REMOTE_ADDR"))
    except Problem as problem:
        text = screen.told(problem)
        field = _contact_field(contact[:254], f"{text.text}{say('', ' ')}{text.remedy}")
        return screen.show(request, "sign_in", {"field": field}, at_field=problem)
    request.session[CONTACT] = contacts.seal(contact)
    return redirect("sign-in-code")


def code_field(error: str = "") -> Field:
    """The input for a code that was sent to a contact."""
    return Field(
        "code",
        say("验证码", "Code"),
        hint=say("6 位数字，10 分钟内有效", "6 digits, good for 10 minutes"),
        error=error,
        autocomplete="one-time-code",
        inputmode="numeric",
        maxlength=12,
        css="code",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Prove the contact. With an account: in. Without one: to the registration, the contact being proved."""
    contact = contacts.unseal(request.session.get(CONTACT, ""))
    if not contact:
        return redirect("sign-in")
    context = {
        "field": code_field(),
        "contact": contacts.masked(contacts.normal(contact)),
        "adapter": settings.ABATE_MESSAGES.rpartition(".")[2],
    }
    if request.method != "POST":
        return screen.show(request, "sign_in_code", context)
    try:
        person = people.confirm_code(contact, request.POST.get("code", ""))
    except NoAccount as unknown:
        request.session[PROOF] = unknown.proof
        return redirect("register")
    except Problem as problem:
        text = screen.told(problem)
        context["field"] = code_field(f"{text.text}{say('', ' ')}{text.remedy}")
        if isinstance(problem, AccountFrozen):
            # They have no other page any more, and what is kept may be concerned as well.
            context["incidents"] = [(one, said_of(one), []) for one in notices.incidents(problem.user_id)]
        return screen.show(request, "sign_in_code", context, at_field=problem)
    signing.entered(person.user)
    return enter(request, person.user, proofs.CODE)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A single-use link. Opening it spends nothing (link previews open links); the button does, where it lets somebody in:
    with all that it does, or not at all; but for the session, which is saved after it."""
    if request.method != "POST":
        return screen.show(request, "sign_in_link")
    try:
        user = review.use_link(token)
    except LinkSpent as spent:
        return screen.refuse(request, spent)
    joining.prove(user)
    if request.user.is_authenticated:
        logout(request)
    signing.entered(user)
    return enter(request, user, proofs.LINK)


def _register_fields(name: str = "", problem: Problem | None = None) -> dict[str, Field]:
    """The number is not sent back into the page: it is typed again, as with a password."""
    told = screen.told(problem) if problem else None
    return {
        "name": Field("name", say("姓名", "Name"), name, autocomplete="name", maxlength=60),
        "number": Field(
            "number",
            say("居民身份证号码", "Resident identity number"),
            error=f"{told.text}{say('', ' ')}{told.remedy}" if told else "",
            hint=say(
                "18 位，末位可以是 X。加密保存，页面上不再显示。",
                "18 signs, the last may be X. Kept encrypted, never shown again.",
            ),
            maxlength=40,
        ),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Open an account: one real name, one account. The contact was proved on the way here."""
    contact, proof = contacts.unseal(request.session.get(CONTACT, "")), request.session.get(PROOF)
    if not (contact and proof):
        return redirect("sign-in")
    told = consents.current()
    context: dict[str, object] = {
        "notice": told,
        "fields": _register_fields(),
        "contact": contacts.masked(contacts.normal(contact)),
        "demo": settings.ABATE_DEMO,
        "form_check_only": settings.ABATE_DEMO
        or settings.ABATE_SANDBOX
        or isinstance(identity.provider(), identity.FormProvider),
    }
    if request.method != "POST":
        return screen.show(request, "register", context)
    name, number = request.POST.get("name", "")[:120], request.POST.get("number", "")[:40]
    context["fields"] = _register_fields(name)
    if not was_shown(request, told):
        return screen.show(request, "register", context, status=422)
    given = context["given"] = set(request.POST.getlist("purpose"))
    # A consent to each purpose: the identity number is sensitive and has one of its own (PIPL article 29).
    if not given >= {one.name for one in told.purposes}:
        context["consent_error"] = say("开户前需要您逐项同意。", "An account needs each of your consents.")
        return screen.show(request, "register", context, status=422)
    try:
        # In a demo and in a sandbox everybody is made up: a real number is refused, so that none gets in by mistake.
        made_up = settings.ABATE_DEMO or settings.ABATE_SANDBOX
        person = people.register(name, number, [contact], told.version, made_up=made_up, proofs=[proof])
    except (IdentityRefused, IdentityTaken, TooYoung) as problem:
        context["fields"] = _register_fields(name, problem)
        return screen.show(request, "register", context, at_field=problem)
    except Problem as problem:
        return screen.show(request, "register", context, status=problem.status, problem=problem)
    return enter(request, person.user, proofs.CODE)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("home")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language in a cookie and go back to where the person was."""
    answer = redirect(own_address(request, request.POST.get("next", "")))
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES) and check_for_language(chosen):
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=31_536_000,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite=settings.LANGUAGE_COOKIE_SAMESITE,
        )
    return answer
