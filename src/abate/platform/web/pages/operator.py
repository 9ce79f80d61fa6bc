"""The operator's overview."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from abate.platform.alarms import queries as alarms
from abate.platform.announcements import queries as announcements
from abate.platform.anomalies import queries as anomalies
from abate.platform.events import queries as events
from abate.platform.events.reasons import REASONS
from abate.platform.ledger import queries as ledger
from abate.platform.log import queries as log
from abate.platform.parties import queries as parties
from abate.platform.people import requests
from abate.platform.quarantine import queries as quarantine
from abate.platform.reconciliation import queries as reconciliation
from abate.platform.review import rights
from abate.platform.web import overview, screen
from abate.platform.web.access import operator_page
from abate.platform.web.pages.alarms import own
from abate.platform.web.story import OUTCOMES
from abate.platform.web.wording import pick, say


@require_safe
@operator_page
def operator(request: HttpRequest, role: bool) -> HttpResponse:
    """Events by outcome, totals, partners, newest refusals, and whether the books agree. No personal data."""
    figures = overview.count()
    most = max(figures.events.values(), default=0) or 1
    sums = ledger.sums()
    taking_part = parties.parties()
    names = {row.code: (row.title_zh, row.title_en) for row in taking_part}
    context = {
        "outcomes": [
            (say(zh, en), tone, figures.events.get(name, 0), 100 * figures.events.get(name, 0) // most)
            for name, (zh, en, tone) in OUTCOMES.items()
        ],
        "total": sum(figures.events.values()),
        "sums": sums,
        "even": all(asset.even for asset in sums.values()),
        "pending": figures.pending,
        "announcements": announcements.standing(),
        "log_size": log.size(),
        "breaks": reconciliation.open_breaks(),
        "parties": taking_part,
        "refusals": [
            (
                row,
                pick(REASONS[row.code].what) if row.code in REASONS else row.code,
                names.get(row.party_code),
            )
            for row in events.newest_refusals(20)
        ],
    }
    allowed = rights.shown(request.user, "overview", context)
    allowed["may_requests"] = rights.may(request.user, "view", "requests")
    allowed["late"] = requests.late() if allowed["may_requests"] else 0
    may_alarms = rights.may(request.user, "view", "alarms")
    allowed["alarms"] = alarms.count(own(request.user)) if may_alarms else 0
    allowed["may_breaks"] = rights.may(request.user, "view", "breaks")
    allowed["may_anomalies"] = rights.may(request.user, "view", "anomalies")
    allowed["cases"] = sum(anomalies.counts().values()) if allowed["may_anomalies"] else 0
    allowed["may_quarantine"] = rights.may(request.user, "view", "quarantine")
    allowed["held"] = sum(quarantine.counts()) if allowed["may_quarantine"] else 0
    allowed["may_sharing"] = rights.may(request.user, "view", "sharing")
    allowed["may_applications"] = rights.may(request.user, "view", "applications")
    allowed["may_tills"] = rights.may(request.user, "view", "tills")
    allowed["may_keys"] = rights.may(request.user, "view", "keys")
    return screen.show(request, "operator", allowed, section="operator")
