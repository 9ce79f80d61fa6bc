"""A party's notices over HTTP: what the operator asks about its data, and its answers, by key. (P-6.1-e)"""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.joining import noticing, queries
from abate.platform.joining.errors import NoticeMalformed, NoticeUnknown
from abate.platform.joining.queries import NoticeRow
from abate.platform.parties import answers
from abate.platform.parties.answers import Keep, Reply
from abate.platform.parties.conditions import EVENTS
from abate.platform.review.changes import kept
from abate.platform.web import bodies, caller
from abate.platform.web.sent import CursorInvalid

LARGEST = 16 * 1024
"""Bytes of an answer's body: our policy."""
_PAGE = 100


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The party's notices, the newest first, a hundred a page; `before` goes on, `open=1` leaves out those that are closed."""
    try:
        who, left = caller.admitted(caller.from_request(request), EVENTS)
        place = _place(who.party_id, request.GET.get("before", ""))
    except Problem as problem:
        return caller.refused(problem)
    found = queries.notices(who.party_id, closed=request.GET.get("open") != "1", limit=_PAGE, before=place)
    more = found[-1].id if len(found) == _PAGE else None
    told = {"notices": [show(one) for one in found], "next_before": more}
    return JsonResponse(told, headers=left, json_dumps_params={"ensure_ascii": False})


def _place(party_id: int, text: str) -> int | None:
    """Where the list goes on. Raises CursorInvalid: begun anew it would be read as the rest."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise CursorInvalid
    try:
        return queries.notice(int(text[:20]), party_id).id
    except NoticeUnknown:
        raise CursorInvalid from None


@csrf_exempt  # By token, without a cookie: no other site can send one.
@require_POST
def answer(request: HttpRequest, notice_id: int) -> HttpResponse:
    """The party's answer, as `text`; 200 with the notice as it stands. Another party's notice is not there."""
    try:
        call = caller.from_request(request)
        who, left = caller.admitted(call, EVENTS)
        body = request.read(LARGEST + 1)
        caller.sender(call, EVENTS, body=body)
        text = _text(body)

        def work(keep: Keep | None) -> Reply:
            with transaction.atomic():
                made = show(noticing.answer(notice_id, who.party_id, text, who.client_id))
                reply = Reply(json.dumps(made, ensure_ascii=False).encode())
                if keep is not None:
                    keep(reply)
            return reply

        reply, repeated = answers.once(caller.asked(call, who, body), work)
    except Problem as problem:
        return caller.refused(problem)
    told = HttpResponse(reply.body, content_type=reply.media, status=reply.status, headers=left)
    if repeated:
        told["Idempotent-Replayed"] = "true"
    return told


def show(one: NoticeRow) -> dict[str, Any]:
    """A notice as JSON. `late`: open past the day to answer by."""
    return {
        "id": one.id,
        "subject": one.subject,
        "text": one.text,
        "answer_by": one.answer_by.isoformat(),
        "at": one.at.isoformat(),
        "state": one.state,
        "late": one.late,
        "steps": [{"kind": step.kind, "text": step.text, "at": step.at.isoformat()} for step in one.steps],
    }


def _text(body: bytes) -> str:
    """Raises NoticeMalformed."""
    given = bodies.json_object(body, LARGEST)
    if (
        given is None
        or set(given) != {"text"}
        or not isinstance(given["text"], str)
        or not kept(given["text"])
    ):
        raise NoticeMalformed('{"text": ...}')
    return given["text"]


urlpatterns = [
    path("v1/notices", listed, name="notices"),
    path("v1/notices/<int:notice_id>/answer", answer, name="notice-answer"),
]
