"""A partner's reconciliation on its page: bring the file of a day, see what differs and how each break stands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.parties.models import Party
from abate.platform.reconciliation import actions, queries
from abate.platform.reconciliation.models import Side
from abate.platform.web import screen
from abate.platform.web.access import partner_page
from abate.platform.web.reconciliation import COUNTS, DayNeeded, FormUnknown
from abate.platform.web.wording import pick

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
KINDS = {
    "missing_here": ("平台没有", "Missing here"),
    "missing_there": ("贵方没有", "Missing on your side"),
    "different": ("内容不同", "Different"),
}
NAMES = {
    "rows": ("行数", "Rows"),
    "matched": ("一致", "Matched"),
    **KINDS,
}


SIDES = {Side.EVENTS: ("事件", "Events"), Side.CODES: ("已核销的兑换码", "Codes that were burnt")}


@require_http_methods(["GET", "HEAD", "POST"])
@partner_page
def breaks(request: HttpRequest, party: Party) -> HttpResponse:
    """The party's open breaks, the oldest first; POST compares a file: `day`, `file`, `side`."""
    problem, compared = None, None
    try:
        if request.method == "POST":
            compared = _compared(request, party)
    except Problem as refused:
        problem = refused
    found = queries.breaks(party.pk)
    context = {
        "breaks": [(one, pick(KINDS[one.kind])) for one in found],
        "more": queries.open_breaks(party.pk)[0] - len(found),
        "compared": compared,
        "sides": [(one.value, pick(SIDES[one])) for one in actions.sides_of(party)],
        "side": request.POST.get("side", "")[:20],
        "day": request.POST.get("day", "")[:20],
    }
    status = problem.status if problem else 200
    return screen.show(request, "partner_breaks", context, section="partner", status=status, problem=problem)


def _compared(request: HttpRequest, party: Party) -> list[tuple[str, int]]:
    """What the comparison counted. Raises DayNeeded, FormUnknown, and what a file is refused for."""
    given, asked = request.FILES.get("file"), request.POST.get("day", "")[:20]
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        raise DayNeeded(asked) from None
    if (
        not isinstance(given, UploadedFile)
        or (form := FORMS.get(Path(given.name or "").suffix.lower())) is None
    ):
        raise FormUnknown
    side = request.POST.get("side", "")[:20]
    file = actions.compare(party, day, given.read(), form, via="http", client_id="page", side=side).file
    return [(pick(NAMES[name]), getattr(file, name)) for name in COUNTS]


urlpatterns = [path("partner/reconciliation", breaks, name="partner-breaks")]
