"""Back into one's account when phone, e-mail and passkeys are all gone; and the links by which its owner stops a stranger."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.people import contacts, identity, recovering, undoing
from abate.platform.people.policy import CONTACT_REST
from abate.platform.web import screen
from abate.platform.web.pages import signin
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def _fields(name: str = "", *, needs_code: bool) -> dict[str, Field]:
    return {
        "name": Field("name", say("姓名", "Name"), name, autocomplete="name", maxlength=60),
        "number": Field(
            "number",
            say("居民身份证号码", "Resident identity number"),
            hint=say("与开户时相同。页面上不再显示。", "As when the account was opened. Never shown again."),
            maxlength=40,
        ),
        "code": Field(
            "code",
            say("恢复码", "A recovery code")
            if needs_code
            else say("恢复码（如有）", "A recovery code, if you have one"),
            hint=say("每个恢复码只能用一次。", "Each is good once."),
            autocomplete="off",
            maxlength=40,
            optional=not needs_code,
        ),
    }


def _hours(which: str) -> int:
    return int(getattr(recovering.policy(), which) / timedelta(hours=1))


@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """Ask for it with a contact that was proved on the way here. The answer is the same for everybody."""
    contact = contacts.unseal(request.session.get(signin.CONTACT, ""))
    proof = request.session.get(signin.PROOF)
    needs_code = (
        settings.ABATE_DEMO
        or settings.ABATE_SANDBOX
        or isinstance(identity.provider(), identity.FormProvider)
    )
    context: dict[str, object] = {
        "fields": _fields(needs_code=needs_code),
        "contact": contacts.masked(contacts.normal(contact)) if contact and proof else "",
        "hours": _hours("identity"),
        "code_hours": _hours("code"),
        "undo_hours": CONTACT_REST // timedelta(hours=1),
        "needs_code": needs_code,
    }
    if request.method != "POST":
        return screen.show(request, "recover", context)
    if not (contact and proof):
        return redirect("sign-in")
    name, number, code = (request.POST.get(field, "")[:120] for field in ("name", "number", "code"))
    context["fields"] = _fields(name, needs_code=needs_code)
    try:
        recovering.ask(
            name,
            number,
            contact,
            proof,
            code,
            address=request.META.get("REMOTE_ADDR"),
            made_up=settings.ABATE_DEMO or settings.ABATE_SANDBOX,
        )
    except Problem as problem:
        return screen.show(request, "recover", context, status=problem.status, problem=problem)
    for key in (signin.CONTACT, signin.PROOF):
        request.session.pop(key, None)
    context["hours"] = _hours("code" if code.strip() else "identity")
    return screen.show(request, "recover_asked", context)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the notice. Opening it does nothing (link previews open links); the button does."""
    if request.method != "POST":
        return screen.show(request, "recover_stop", {"done": False})
    try:
        recovering.stop(token)
    except Problem as problem:
        return screen.refuse(request, problem)
    return screen.show(request, "recover_stop", {"done": True})


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """The link that the old contact was sent after a change. Opening it does nothing; the button takes the change back."""
    if request.method != "POST":
        return screen.show(request, "contact_undo", {"done": False})
    try:
        undoing.undo(token)
    except Problem as problem:
        return screen.refuse(request, problem)
    return screen.show(request, "contact_undo", {"done": True})


urlpatterns = [
    path("sign-in/contact/undo/<str:token>", undo, name="contact-undo"),
    path("sign-in/lost", recover, name="recover"),
    path("sign-in/lost/stop/<str:token>", stop, name="recover-stop"),
]
