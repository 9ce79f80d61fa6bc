"""What people asked about their own data, the most urgent first, with the day by which each must be answered."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from abate.platform.people import requests as asked
from abate.platform.review import rights
from abate.platform.web import screen
from abate.platform.web.access import operator_page
from abate.platform.web.own_data_words import REQUESTS
from abate.platform.web.wording import pick, say


@require_safe
@operator_page
def requests(request: HttpRequest, role: bool) -> HttpResponse:
    rows = [
        (rights.shown(request.user, "requests", asdict(row) | {"late": row.late}), pick(REQUESTS[row.kind]))
        for row in asked.waiting(texts=rights.sees(request.user, "requests", "text"))
    ]
    context = {
        "rows": rows,
        "late": asked.late(),
        "may_answer": rights.may(request.user, "change", "requests"),
    }
    return screen.show(request, "requests", context, section="operator")


@require_POST
@operator_page
def answer(request: HttpRequest, role: bool, request_id: int) -> HttpResponse:
    asked.answer(request_id, request.POST.get("answer", ""), request.user)
    messages.success(request, say("已答复。", "Answered."), extra_tags="good")
    return redirect("requests")
