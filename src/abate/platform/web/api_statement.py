"""`/v1/me/statement`: a person's statement over the reading interface, as JSON that verifies or as PDF."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query

from abate.platform.web import statement, statement_pdf
from abate.platform.web.api import ProblemDocument, api

_First = Annotated[date, Query(description="the first day, in the platform's zone")]
_Last = Annotated[date, Query(description="the last day; 366 days at most, and none in the future")]
_REFUSALS = {401: ProblemDocument, 403: ProblemDocument, 422: ProblemDocument}


@api.get(
    "/me/statement",
    response={200: dict, **_REFUSALS},
    summary="Statement of a period: opening, every entry with its receipt, closing; verifies offline",
)
def statement_json(request: HttpRequest, first: _First, last: _Last) -> dict[str, Any]:
    return statement.make(request.auth, first, last).document()


@api.get(
    "/me/statement.pdf",
    response={200: None, 503: ProblemDocument, **_REFUSALS},
    summary="The same on paper, with the JSON attached",
    openapi_extra={
        "responses": {
            200: {
                "description": "PDF/A-3",
                "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
            }
        }
    },
)
def statement_paper(request: HttpRequest, first: _First, last: _Last) -> HttpResponse:
    told = statement.make(request.auth, first, last)
    return HttpResponse(statement_pdf.render(told, request.auth.made_up), content_type="application/pdf")
