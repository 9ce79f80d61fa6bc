"""The operator's list of an acceptor's tills, and ending one at once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.incentives import queries as codes
from abate.platform.parties import queries as parties
from abate.platform.parties import tills
from abate.platform.parties.models import Party
from abate.platform.review import rights
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.pages.partner_tills import number_of
from abate.platform.web.wording import pick, say


@require_safe
@operator_page
def seats(request: HttpRequest, role: bool) -> HttpResponse:
    """Who burns codes for a party (`party`, its code) and who is invited to; of no party until one is chosen."""
    acceptors = {one.code: one for one in parties.parties() if one.kind in Party.ACCEPTORS}
    asked = request.GET.get("party", "")[:60]
    code = asked if asked in acceptors else ""
    rows = tills.of_party(parties.party(code).pk) if code else []
    last = codes.last_burnt_by([row.user_id for row in rows if row.user_id is not None])
    told = {"rows": [(row, last.get(row.user_id or 0)) for row in rows], "names": True}
    context = rights.shown(request.user, "tills", told) | {
        "code": code,
        "acceptors": sorted((pick((one.title_zh, one.title_en)), one.code) for one in acceptors.values()),
        "may_end": rights.may(request.user, "delete", "tills"),
        "may_overview": rights.may(request.user, "view", "overview"),
    }
    return screen.show(request, "tills", context, section=_section(request))


@require_POST
@operator_page
def end(request: HttpRequest, role: bool) -> HttpResponse:
    """End a seat or an invitation (`till`) at once; one person is enough to stop."""
    try:
        code = tills.end(number_of(request.POST.get("till", "")))
    except Problem as problem:
        return screen.refuse(request, problem, section=_section(request))
    done = say("已停用，即刻起不能核销。", "It has ended, and burns nothing from this moment.")
    messages.success(request, done, extra_tags="good")
    return redirect(f"{reverse('tills')}?{urlencode({'party': code})}")


def _section(request: HttpRequest) -> str:
    """Found from the overview, or from the list of keys by those who have none."""
    return "operator" if rights.may(request.user, "view", "overview") else "keys"


urlpatterns = [
    path("operator/tills", seats, name="tills"),
    path("operator/tills/end", end, name="till-end"),
]
