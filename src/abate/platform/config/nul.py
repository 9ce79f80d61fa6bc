"""Refuses a NUL sign before it reaches a statement: PostgreSQL holds none in text, and answers with an error.

Our own forms refuse it by themselves; the identity endpoints (`/identity/`) hand what they are given to the
database, where it would be an error 500 that anyone can cause.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from abate.platform.web import screen, shielding


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 `invalid_request` (RFC 6749, 5.2) for a NUL in a query, a form or Basic credentials."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/identity/") and _has_nul(request):
            body = {"error": "invalid_request", "error_description": "A value holds a NUL sign."}
            made = shielding.as_a_page(JsonResponse(body, status=400))
            return screen.marked(made, body["error"], made.status_code)
        return get_response(request)

    return answer


def _has_nul(request: HttpRequest) -> bool:
    fields = [*request.GET.lists(), *request.POST.lists()]
    texts = [text for name, values in fields for text in (name, *values)]
    credentials = _basic(request.headers.get("authorization", ""))
    return b"\x00" in credentials or any("\x00" in text for text in texts)


def _basic(header: str) -> bytes:
    scheme, _, credentials = header.partition(" ")
    try:
        return base64.b64decode(credentials) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""
