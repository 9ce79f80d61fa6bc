"""A partner's events over HTTP: what it sent and what became of each, by its access token; of its own alone. (P-6.2)"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import path
from django.views.decorators.http import require_safe

from abate.platform.carbon import sent
from abate.platform.carbon.sent import Asked, Page, Place, Sent
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.events import sources
from abate.platform.events.outcomes import Outcome, Result
from abate.platform.web import caller
from abate.platform.web.intake import SCOPE, answer_of
from abate.platform.web.wording import english

FILTERS = ("from", "to", "behaviour", "outcome", "subject")
_LONGEST = 200
LIMIT = 100


class ParameterUnknown(Problem):
    code = "parameter-unknown"
    status = 400
    zh = "请求带有未定义的查询参数。"
    en = "The address has a query parameter that is not defined."
    why_zh = "忽略拼错的筛选条件，会让人把全部结果当作筛选后的结果。"
    why_en = "A filter that was mistyped and passed over would show more than was asked for."
    remedy_zh = "detail 列出了这些参数；可用的参数见 /v1/openapi.json。"
    remedy_en = "The detail names them; /v1/openapi.json has those that are defined."


class FilterInvalid(Problem):
    code = "filter-invalid"
    status = 422
    zh = "筛选条件的取值不合规定。"
    en = "The value of a filter is not as described."
    why_zh = "取值不明时不猜测。"
    why_en = "Nothing is guessed about a value."
    remedy_zh = "detail 指出了参数：日期形如 2026-11-20，时刻须带时区；每个参数只给一次。"
    remedy_en = (
        "The detail names the parameter: a day is 2026-11-20, a moment has its offset; each is given once."
    )


class CursorInvalid(Problem):
    code = "cursor-invalid"
    status = 422
    zh = "翻页标记不是本平台为这次查询给出的。"
    en = "The cursor is none that was given for this query."
    why_zh = "翻页标记只对同一机构、同一组筛选条件有效。"
    why_en = "A cursor is good for the same party and the same filters only."
    remedy_zh = "原样使用 next_cursor，筛选条件不变；否则从第一页重新开始。"
    remedy_en = "Use next_cursor as it was given with the same filters, or begin again at the first page."


class EventUnknown(Problem):
    code = "event-unknown"
    status = 404
    zh = "没有贵方的这个事件。"
    en = "There is no such event of yours."
    why_zh = "未发送、他方的事件，均如此回答。"
    why_en = "One that was not sent, and one of another party, are answered in the same way."
    remedy_zh = "检查事件编号；确认已发送并得到逐条结果。"
    remedy_en = "Check the id, and that it was sent and answered."


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The party's events, the newest arrival first; `cursor` goes on, `limit` says how many."""
    try:
        who, left = caller.admitted(caller.from_request(request), SCOPE)
        given = parameters(request.GET, (*FILTERS, "cursor", "limit"))
        found = found_by(who.party_id, given, limit_of(given))
    except Problem as problem:
        return caller.refused(problem)
    language = "en" if english() else "zh"
    told = {
        "events": shown(who.party_id, found.events, language),
        "next_cursor": cursor_of(who.party_id, given, found.after),
    }
    return JsonResponse(told, headers=left, json_dumps_params={"ensure_ascii": False})


@require_safe
def one(request: HttpRequest, event_id: str) -> HttpResponse:
    """One event of the party's own by its id: as it was accepted, or as it was last refused."""
    try:
        who, left = caller.admitted(caller.from_request(request), SCOPE)
        parameters(request.GET, ())
        found = None if "\0" in event_id else sent.event_of_party(who.party_id, event_id)
        if found is None:
            raise EventUnknown(event_id[:_LONGEST].replace("\0", ""))
    except Problem as problem:
        return caller.refused(problem)
    (told,) = shown(who.party_id, [found], "en" if english() else "zh")
    return JsonResponse(told, headers=left, json_dumps_params={"ensure_ascii": False})


def parameters(query: QueryDict, known: tuple[str, ...]) -> dict[str, str]:
    """The query, each parameter once. Raises ParameterUnknown, FilterInvalid; the detail names them."""
    unknown = sorted(name[:_LONGEST] for name in query if name not in known)
    if unknown:
        raise ParameterUnknown(", ".join(unknown)[:_LONGEST])
    for name, values in query.lists():
        if len(values) > 1 or len(values[0]) > 4 * _LONGEST:
            raise FilterInvalid(name)
    return {name: str(query[name]) for name in query}


def found_by(party_id: int, given: Mapping[str, str], limit: int = LIMIT) -> Page:
    """The page that these parameters ask for. Raises FilterInvalid, CursorInvalid."""
    asked = asked_by(given)
    return sent.page(party_id, asked, _place(party_id, given), limit)


def asked_by(given: Mapping[str, str]) -> Asked:
    """What the filters ask for; an empty one asks nothing. Raises FilterInvalid."""
    text = {name: given.get(name) or None for name in ("behaviour", "outcome", "subject")}
    if text["outcome"] is not None and text["outcome"] not in sent.STATES:
        raise FilterInvalid("outcome")
    asked = Asked(behaviour=text["behaviour"], state=text["outcome"], subject=text["subject"])
    return replace(asked, first=_moment(given, "from"), until=_moment(given, "to", later=timedelta(days=1)))


def _moment(given: Mapping[str, str], name: str, later: timedelta = timedelta()) -> datetime | None:
    """A moment with its offset, or a day in the platform's zone: its beginning, or `later`."""
    text = given.get(name) or ""
    if not text:
        return None
    try:
        if len(text) <= 10:
            return datetime.combine(date.fromisoformat(text) + later, time(), clock.zone())
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except (ValueError, OverflowError):
        raise FilterInvalid(name) from None
    if moment.tzinfo is None or not 1970 <= moment.year < 9999:
        raise FilterInvalid(name)
    # Its own offset may be one that PostgreSQL does not know.
    return moment.astimezone(UTC)


def limit_of(given: Mapping[str, str], most: int = sent.MOST) -> int:
    """How long the page is. Raises FilterInvalid."""
    text = given.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
        raise FilterInvalid(f"limit: 1 to {most}")
    return int(text)


def _signer(party_id: int, given: Mapping[str, str]) -> signing.Signer:
    """What signs cursors of this party and these filters, and knows no others."""
    asked = "\0".join(f"{name}={given.get(name, '')}" for name in FILTERS)
    return signing.Signer(salt=f"abate.sent.{party_id}.{hashlib.sha256(asked.encode()).hexdigest()}")


def cursor_of(party_id: int, given: Mapping[str, str], after: Place | None) -> str | None:
    """A place as text that nobody else can make, good for the same party and filters."""
    if after is None:
        return None
    return _signer(party_id, given).sign_object([after[0].isoformat(), *after[1:]])


def _place(party_id: int, given: Mapping[str, str]) -> Place | None:
    text = given.get("cursor")
    if not text:
        return None
    try:
        at, batch, kind, number = _signer(party_id, given).unsign_object(text)
    except (signing.BadSignature, ValueError):
        raise CursorInvalid from None
    return datetime.fromisoformat(at), batch, kind, number


def marks_of(party_id: int, events: Sequence[Sent]) -> list[dict[str, object] | None]:
    """The mark of the declared source beside each event; of what was refused nothing is kept."""
    marks = sources.marks(
        (party_id, one.event_id) for one in events if one.event_id and one.outcome != Outcome.REFUSED
    )
    return [
        None if one.outcome == Outcome.REFUSED else marks.get((party_id, one.event_id or ""))
        for one in events
    ]


def shown(party_id: int, events: Sequence[Sent], language: str) -> list[dict[str, object]]:
    """A page of events as JSON, each with the mark of its source."""
    return [show(one, language, mark) for one, mark in zip(events, marks_of(party_id, events), strict=True)]


def show(one: Sent, language: str, source: dict[str, object] | None = None) -> dict[str, object]:
    """An event as JSON: the members of the answer to its sending, and when it came. Nobody is named."""
    result = Result(
        0, one.event_id, one.outcome, one.reason, one.er_mg, one.credits, one.entry_id, one.capped, one.stored,
        withdrawn_by=one.withdrawn_by, source=source,
    )  # fmt: skip
    told = answer_of(result, language) | {"outcome": one.state}
    for name in ("cause", "takes_back", "corrects"):
        if (value := getattr(one, name)) is not None:
            told[name] = value
    return told | {
        "behaviour": one.behaviour,
        "time": one.occurred_at.isoformat() if one.occurred_at else None,
        "received_at": one.received_at.isoformat(),
    }


urlpatterns = [
    path("v1/events", listed, name="events"),
    path("v1/events/<path:event_id>", one, name="event"),
]
