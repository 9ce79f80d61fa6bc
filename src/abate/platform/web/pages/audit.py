"""The audit trail: searching it, and giving it out as CSV or JSON Lines. Looking is itself in the trail."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from abate.platform.doors import clock
from abate.platform.review import changes, rights, trail
from abate.platform.review.errors import NoRight
from abate.platform.review.models import Audit
from abate.platform.review.trail import Search
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.wording import say

_PAGE = 25
"""Four screens of a phone; what looks further goes on, or takes the file."""
MOST = 50_000
"""Our policy: rows of one file taken from a page, some 20 MB; the command has no such bound."""
ACTS = {"write": ("写入", "written"), "read": ("读取", "read"), "refused": ("拒绝", "refused")}
WAYS = {
    "page": ("页面", "page"),
    "interface": ("接口", "interface"),
    "command": ("命令行", "command"),
    "system": ("系统", "system"),
}
_STEPS = {
    "change.propose": ("提出", "Proposed"),
    "change.check": ("复核", "Checked"),
    "change.approve": ("审批", "Approved"),
    "change.reject": ("驳回", "Rejected"),
}
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


def _asked(request: HttpRequest) -> Search:
    text = {name: request.GET.get(name, "").strip()[:200] for name in ("account", "what", "subject", "act")}
    if text["act"] not in Audit.ACTS:
        text["act"] = ""
    since, until = _day(request, "since"), _day(request, "until", later=timedelta(days=1))
    return Search(**text, since=since, until=until)


def _day(request: HttpRequest, name: str, later: timedelta = timedelta()) -> datetime | None:
    """The beginning of a day in the platform's zone, or `later`; None for what is no day."""
    try:
        return datetime.combine(date.fromisoformat(request.GET.get(name, "")) + later, time(), clock.zone())
    except (ValueError, OverflowError):
        return None


def _role(name: str) -> str:
    """A role as the reader's language calls it; one that is known no longer as the row has it."""
    role = rights.rights().roles.get(name)
    return say(role.zh, role.en) if role else name


def _words(row: Audit) -> str:
    """Which change a row is of, and which step of it, as the pages of changes call them; empty for what is none."""
    step = _STEPS.get(row.what)
    detail = json.loads(row.detail) if step else {}
    change = changes.actions().get(str(detail.get("change", "")) if step else row.what)
    return " · ".join(filter(None, (step and say(*step), change and say(change.zh, change.en))))


@require_safe
@operator_page
def audit(request: HttpRequest, role: bool) -> HttpResponse:
    """The newest rows that match, with a link to go on."""
    asked, place = _asked(request), request.GET.get("before", "")
    before = int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None
    rows = trail.search(asked, before=before, limit=_PAGE + 1)
    given = request.GET.copy()
    given.pop("before", None)
    told = {
        "rows": [
            (row, say(*ACTS[row.act]), say(*WAYS[row.via]), _role(row.role), _words(row))
            for row in rows[:_PAGE]
        ]
    }
    context = {
        "asked": request.GET,
        "acts": [(name, say(*words)) for name, words in ACTS.items()],
        "query": given.urlencode(),
        "older": rows[_PAGE - 1].id if len(rows) > _PAGE else None,
    }
    context |= rights.shown(request.user, "audit", told)
    return screen.show(request, "audit", context, section="audit")


@require_safe
@operator_page
def file(request: HttpRequest, role: bool, form: str) -> HttpResponse:
    """All rows that match, as a file. Raises NoRight where the page would withhold them, ExportTooLarge."""
    # An empty file would say that nothing matches.
    if not rights.sees(request.user, "audit", "rows"):  # type: ignore[arg-type]
        raise NoRight("view audit.rows")
    answer = HttpResponse("".join(trail.lines(_asked(request), form, MOST)), content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    return answer
