"""For machines that watch: alive, ready, and figures in Prometheus' text form. No personal data in any."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from abate.platform.doors import rotation, schema
from abate.platform.log import queries as log_queries
from abate.platform.web import overview

log = logging.getLogger("abate.web")


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of the database: a restart would not mend that."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 where requests can be served: database there, schema up to date, room to write; else 503 naming what is not."""
    checks = {"database": "ok", "migrations": "ok", "writing": "ok"}
    try:
        found = schema.look()
        if not found.fits:
            older = "older than the program: stop it and run `abate upgrade`"
            checks["migrations"] = "newer than the program: run the newer one" if found.unknown else older
    except DatabaseError:
        log.exception("not ready: the database does not answer")
        checks = {"database": "does not answer", "migrations": "unknown", "writing": "unknown"}
    else:
        try:
            _write()
        except DatabaseError:
            log.exception("not ready: the database does not write")
            checks["writing"] = "refused by the database: a full disk and a standby are the usual causes"
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _write() -> None:
    """Have the database take one more page of its disk, and give it back. Raises DatabaseError where it cannot."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("create temp table if not exists web_probe (word text) on commit delete rows")
        cursor.execute("insert into pg_temp.web_probe values ('ready')")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus exposition, text format 0.0.4."""
    lines = ["# HELP abate_up 1 where the database answers.", "# TYPE abate_up gauge"]
    try:
        figures = overview.figures()
    except DatabaseError:
        log.exception("metrics: the database does not answer")
        lines.append("abate_up 0")
    else:
        lines += [
            "abate_up 1",
            "# HELP abate_events Stored events by outcome, and refusals.",
            "# TYPE abate_events gauge",
        ]
        lines += [f'abate_events{{outcome="{name}"}} {number}' for name, number in figures.events.items()]
        lines += [
            "# HELP abate_log_pending Entries not yet numbered in the log.",
            "# TYPE abate_log_pending gauge",
            f"abate_log_pending {figures.pending}",
            "# HELP abate_months_ahead Months after this one that have partitions, in the table with fewest.",
            "# TYPE abate_months_ahead gauge",
            f"abate_months_ahead {rotation.least_ahead()}",
            "# HELP abate_month_turned 1 where new rows go to this month's partitions.",
            "# TYPE abate_month_turned gauge",
            f"abate_month_turned {int(rotation.turned())}",
        ]
        if settings.ABATE_ANCHOR:
            lines += [
                "# HELP abate_anchor_late_seconds How long the log's next anchor is overdue; small values are the way.",
                "# TYPE abate_anchor_late_seconds gauge",
                f"abate_anchor_late_seconds {log_queries.anchor_late(settings.ABATE_ANCHOR_SECONDS):.0f}",
            ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")
