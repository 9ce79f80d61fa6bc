"""A party's reconciliation over HTTP: it sends its file for a day and reads its breaks, by its access token."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.parties.queries import TokenParty
from abate.platform.reconciliation import actions, queries
from abate.platform.reconciliation.errors import FileTooLarge
from abate.platform.reconciliation.queries import BreakRow
from abate.platform.web.refusals import problem_json

LARGEST = 32 * 1024 * 1024
"""Bytes of a file over HTTP: our policy, about half a million events."""
FORMS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl"}


class TokenNeeded(Problem):
    code = "token-needed"
    status = 401
    zh = "需要有效的访问令牌。"
    en = "A live access token is needed."
    why_zh = "须知道是哪个机构在请求。"
    why_en = "It must be known which party asks."
    remedy_zh = "用机构的密钥在 /identity/o/api/token 换取令牌。"
    remedy_en = "Get one at /identity/o/api/token with the party's key."


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
        who = _party(request)
        day = _day(request, needed=True)
        form = FORMS.get(request.headers.get("Content-Type", "").partition(";")[0].strip().lower())
        if form is None:
            raise FormUnknown
        data = request.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise FileTooLarge
        result = actions.compare(
            parties.party(who.code), day, data, form, via="http", client_id=who.client_id
        )
    except Problem as problem:
        return _refused(problem)
    file = result.file
    told = {
        name: getattr(file, name)
        for name in ("rows", "matched", "missing_here", "missing_there", "different")
    }
    opened = queries.breaks(who.party_id, day)
    return JsonResponse(
        {
            "file": file.pk,
            "side": file.side,
            "day": day,
            **told,
            "open": result.open,
            "breaks": [show(one) for one in opened],
        }
    )


@require_safe
def breaks(request: HttpRequest) -> HttpResponse:
    """The party's open breaks, a hundred a page, the oldest first; `after` goes on, `day` keeps to one day."""
    try:
        who = _party(request)
        day = _day(request)
    except Problem as problem:
        return _refused(problem)
    after = request.GET.get("after", "0")
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    found = queries.breaks(who.party_id, day, after=place)
    return JsonResponse(
        {"breaks": [show(one) for one in found], "next_after": found[-1].id if len(found) == 100 else None}
    )


def show(one: BreakRow) -> dict[str, object]:
    """A break as JSON."""
    made = asdict(one) | {"age_days": one.age_days}
    made["item"] = made.pop("label")
    del made["party_id"]
    return made


def _party(request: HttpRequest) -> TokenParty:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    found = parties.token_party(token.strip()) if kind.lower() == "bearer" else None
    if found is None:
        raise TokenNeeded
    return found


def _day(request: HttpRequest, *, needed: bool = False) -> date | None:
    text = request.GET.get("day")
    if text is None and not needed:
        return None
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise DayNeeded(str(text)[:20]) from None


def _refused(problem: Problem) -> HttpResponse:
    answer = problem_json(problem)
    if problem.status == TokenNeeded.status:
        answer["WWW-Authenticate"] = 'Bearer realm="abate", error="invalid_token"'
    return answer


urlpatterns = [
    path("v1/reconciliation", send, name="reconciliation-send"),
    path("v1/reconciliation/breaks", breaks, name="reconciliation-breaks"),
]
