"""The catalogue of refusals as pages: what a problem's `type` leads to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from abate.platform.events.reasons import REASONS
from abate.platform.web import problems, screen
from abate.platform.web.access import Missing


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every code, and every reason of a single event."""
    given = {"lines": problems.lines().values(), "reasons": REASONS.values()}
    return screen.show(request, "problems", given)


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """One code: what happened, why it matters, what to do."""
    line = problems.lines().get(code)
    if line is None:
        raise Missing
    return screen.show(request, "problem", {"line": line})
