"""The security administrator's page of open sessions: who of the staff and of parties is signed in, and ending an account's."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.people import queries as people
from abate.platform.review import rights
from abate.platform.signin import ending
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.wording import english, say


@require_safe
@operator_page
def sessions(request: HttpRequest, role: bool) -> HttpResponse:
    """Accounts that are signed in now; people are not listed, and are named one at a time."""
    context = {
        "may_end": rights.may(request.user, "delete", "sessions"),
        "longest": ending.LONGEST_REASON,
        **rights.shown(request.user, "sessions", {"rows": [_told(one) for one in ending.open_accounts()]}),
    }
    return screen.show(request, "sessions", context, section="sessions")


@require_POST
@operator_page
def end(request: HttpRequest, role: bool) -> HttpResponse:
    """End every session of `account` (a handle or a person's pseudonym) for a reason (`why`)."""
    user = people.user_of(request.POST.get("account", "").strip()[:40])
    try:
        ended = ending.end_all(request.user, user, request.POST.get("why", ""))  # type: ignore[arg-type]
    except Problem as problem:
        return screen.refuse(request, problem, section="sessions")
    text = say("已结束 {n} 个会话；账号没有停用。", "{n} ended; the account is not closed.", n=ended)
    messages.success(request, text, extra_tags="good")
    return redirect("sessions")


def _told(one: ending.OpenAccount) -> dict[str, object]:
    known = rights.rights().roles
    roles = [known[name].en if english() else known[name].zh for name in one.roles if name in known]
    return {"row": one, "roles": say("、", ", ").join(roles)}


urlpatterns = [
    path("operator/sessions", sessions, name="sessions"),
    path("operator/sessions/end", end, name="sessions-end"),
]
