"""The acceptor's page: burn a code or give its credits back, see today's."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.incentives import actions, queries
from abate.platform.parties.models import Party
from abate.platform.signin import factors
from abate.platform.web import screen
from abate.platform.web.access import acceptor_page
from abate.platform.web.screen import Field
from abate.platform.web.wording import say


def _field(value: str, error: str = "") -> Field:
    return Field(
        "code",
        say("兑换码", "Code"),
        value,
        hint=say(
            "输入 12 位兑换码，或用扫码枪扫描二维码", "Type the 12 signs, or scan the QR code into this field"
        ),
        error=error,
        autocomplete="off",
        maxlength=500,
        css="code",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@acceptor_page
def acceptor(request: HttpRequest, party: Party) -> HttpResponse:
    """GET fills in a scanned code; only the button burns it, or with `step` back gives it back for a `reason`."""
    context: dict[str, object] = {"party": party, "field": _field(request.GET.get("code", "")[:40])}
    context["reason"] = reason = request.POST.get("reason", "")[:400]
    status = 200
    if request.method == "POST":
        typed, context["giving"] = request.POST.get("code", "")[:500], request.POST.get("step") == "back"
        try:
            if context["giving"]:
                context["given_back"] = actions.give_back(request.user, typed, reason)
            else:
                context["burnt"] = actions.burn(request.user, typed)
            context |= {"field": _field(""), "reason": "", "giving": False}
        except Problem as problem:
            words, status = screen.told(problem), problem.status
            context["field"] = _field(typed[:40], f"{words.text}{say('', ' ')}{words.remedy}")
    # Who came by a link has nothing yet to come back with.
    context["passkey_missing"] = not factors.has_factor(request.user)  # type: ignore[arg-type]
    context["today"] = queries.burnt_today(party.pk)
    return screen.show(request, "acceptor", context, section="acceptor", status=status)
