"""The alarms of the roles that the reader holds, the open ones first; the audit administrator sees those of every role."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from abate.platform.alarms import queries
from abate.platform.alarms.queries import AlarmRow
from abate.platform.review import queries as review
from abate.platform.review import rights
from abate.platform.review.models import User
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.wording import english, pick, say

STATES = {"fault": ("故障", "Fault", "bad"), "warning": ("警告", "Warning", "wait")}
_ENDED = 50


def own(user: User) -> list[str] | None:
    """Whose alarms this reader sees: those of their roles; None for all of them."""
    roles = review.roles(user)
    return None if "audit_admin" in roles else roles


@require_safe
@operator_page
def alarms(request: HttpRequest, role: bool) -> HttpResponse:
    roles = own(request.user)
    told = {
        "rows": [_told(row) for row in queries.alarms(roles)],
        "ended": [_told(row) for row in queries.alarms(roles, ended=True, limit=_ENDED)],
    }
    return screen.show(request, "alarms", rights.shown(request.user, "alarms", told), section="alarms")


def _told(row: AlarmRow) -> dict[str, object]:
    zh, en, tone = STATES[row.state]
    name, what, remedy = row.words["en" if english() else "zh"]
    role = rights.rights().roles.get(row.role)
    return {
        "row": row,
        "name": name,
        "what": what,
        "remedy": remedy,
        "state": pick((zh, en)) if row.ended_at is None else say("已解除", "Over"),
        "tone": tone if row.ended_at is None else "good",
        "role": pick((role.zh, role.en)) if role else row.role,
    }
