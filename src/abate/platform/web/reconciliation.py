"""A party's reconciliation over HTTP: it sends its file for a day and reads its breaks, by its access token."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import answers
from abate.platform.parties import queries as parties
from abate.platform.parties.answers import Keep, Reply
from abate.platform.parties.conditions import EVENTS
from abate.platform.parties.queries import TokenParty
from abate.platform.reconciliation import actions, queries
from abate.platform.reconciliation.errors import FileTooLarge
from abate.platform.reconciliation.queries import BreakRow
from abate.platform.web import caller

COUNTS = ("rows", "matched", "missing_here", "missing_there", "different")
ADDRESS = "/v1/reconciliation"
LARGEST = 32 * 1024 * 1024
"""Bytes of a file over HTTP: our policy, about half a million events."""
FORMS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl"}


class FormUnknown(Problem):
    code = "reconciliation-form"
    status = 415
    zh = "对账文件须为 text/csv 或 application/x-ndjson。"
    en = "A reconciliation file is text/csv or application/x-ndjson."
    why_zh = "无法确定文件如何读取。"
    why_en = "It cannot be told how to read the file."
    remedy_zh = "请设置 Content-Type。"
    remedy_en = "Say so in Content-Type."


class DayNeeded(Problem):
    code = "reconciliation-day-needed"
    status = 422
    zh = "需要参数 day，例如 2026-11-20。"
    en = "The parameter day is needed, such as 2026-11-20."
    why_zh = "对账按日进行。"
    why_en = "A file is held against the books of one day."
    remedy_zh = "day 是文件所属的日期，按平台时区。"
    remedy_en = "It is the day that the file is about, in the platform's zone."


@csrf_exempt  # By token, without a cookie: no other site can send one.
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Compare the party's file for a day; 200 with the counts and the first open breaks of that day."""
    try:
        call = caller.from_request(request)
        who, left = caller.admitted(call, EVENTS)
        day = _day(request, needed=True)
        form = FORMS.get(request.headers.get("Content-Type", "").partition(";")[0].strip().lower())
        if form is None:
            raise FormUnknown
        data = request.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise FileTooLarge
        caller.sender(call, EVENTS, body=data)

        def work(keep: Keep | None) -> Reply:
            with transaction.atomic():
                reply = _compare(who, day, data, form, request.GET.get("side", ""))
                if keep is not None:
                    keep(reply)
            return reply

        reply, repeated = answers.once(caller.asked(call, who, data), work)
    except Problem as problem:
        return caller.refused(problem)
    answer = HttpResponse(reply.body, content_type=reply.media, status=reply.status, headers=left)
    if repeated:
        answer["Idempotent-Replayed"] = "true"
    return answer


def _compare(who: TokenParty, day: date, data: bytes, form: str, side: str) -> Reply:
    party = parties.party(who.code)
    result = actions.compare(party, day, data, form, via="http", client_id=who.client_id, side=side)
    file = result.file
    told = {name: getattr(file, name) for name in COUNTS}
    opened = [show(one) for one in queries.breaks(who.party_id, day)]
    made = {"file": file.pk, "side": file.side, "day": day, **told, "open": result.open, "breaks": opened}
    return Reply(DjangoJSONEncoder().encode(made).encode())


@require_safe
def breaks(request: HttpRequest) -> HttpResponse:
    """The party's open breaks, a hundred a page, the oldest first; `after` goes on, `day` keeps to one day."""
    try:
        who, left = caller.admitted(caller.from_request(request), EVENTS)
        day = _day(request)
    except Problem as problem:
        return caller.refused(problem)
    after = request.GET.get("after", "0")
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    found = queries.breaks(who.party_id, day, after=place)
    return JsonResponse(
        {"breaks": [show(one) for one in found], "next_after": found[-1].id if len(found) == 100 else None},
        headers=left,
    )


def show(one: BreakRow) -> dict[str, object]:
    """A break as JSON."""
    made = asdict(one) | {"age_days": one.age_days}
    made["item"] = made.pop("label")
    del made["party_id"]
    return made


def _day(request: HttpRequest, *, needed: bool = False) -> date | None:
    text = request.GET.get("day")
    if text is None and not needed:
        return None
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise DayNeeded(str(text)[:20]) from None


urlpatterns = [
    path(ADDRESS[1:], send, name="reconciliation-send"),
    path("v1/reconciliation/breaks", breaks, name="reconciliation-breaks"),
]
