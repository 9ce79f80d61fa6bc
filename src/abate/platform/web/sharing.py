"""Data sharing over HTTP: a party asks for figures of groups or data of people, sees what became of its request, and reads what
was granted."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.events import sources
from abate.platform.parties import answers
from abate.platform.parties.answers import Keep, Reply
from abate.platform.parties.conditions import EVENTS, SHARING
from abate.platform.parties.queries import TokenParty
from abate.platform.review.changes import kept
from abate.platform.sharing import actions, members, people, queries
from abate.platform.sharing.errors import RequestMalformed
from abate.platform.sharing.models import AGGREGATE
from abate.platform.sharing.queries import RequestRow
from abate.platform.web import bodies, caller, sent

LARGEST = 64 * 1024
"""Bytes of a request: our policy."""
_FIELDS = frozenset({"purpose", "kind", "ground", "about", "contact", "behaviours", "fields", "from_month", "to_month",
                     "until"})  # fmt: skip


@csrf_exempt  # By token, without a cookie: no other site can send one.
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Write a request down; 201 with its id. Nothing is given before three people agreed."""
    try:
        call = caller.from_request(request)
        who, left = caller.admitted(call, SHARING)
        body = request.read(LARGEST + 1)
        caller.sender(call, SHARING, body=body)
        given = _given(body)

        def work(keep: Keep | None) -> Reply:
            with transaction.atomic():
                reply = _ask(who, given)
                if keep is not None:
                    keep(reply)
            return reply

        reply, repeated = answers.once(caller.asked(call, who, body), work)
    except Problem as problem:
        return caller.refused(problem)
    answer = HttpResponse(reply.body, content_type=reply.media, status=reply.status, headers=left)
    if repeated:
        answer["Idempotent-Replayed"] = "true"
    return answer


def _ask(who: TokenParty, given: dict[str, Any]) -> Reply:
    made = actions.ask(
        who.party_id,
        purpose=_text(given, "purpose"),
        kind=_text({"kind": sources.PURPOSES[0]} | given, "kind"),
        ground=_text(given, "ground"),
        about=_text({"about": AGGREGATE} | given, "about"),
        contact=_text({"contact": ""} | given, "contact"),
        behaviours=_names(given, "behaviours", "their ids, or left out for all", []),
        fields=_names(given, "fields", "what is asked"),
        from_month=_month(_text(given, "from_month"), "from_month"),
        to_month=_month(_text(given, "to_month"), "to_month"),
        until=_day(_text(given, "until")),
        known=basis.catalogue().methods,
        client_id=who.client_id,
    )
    return Reply(DjangoJSONEncoder().encode(show(made)).encode(), status=201)


@require_safe
def state(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request of the party's and what became of it."""
    try:
        who, left = _party(request)
        told = show(queries.request(request_id, who.party_id))
    except Problem as problem:
        return caller.refused(problem)
    return JsonResponse(told, headers=left)


@require_safe
def figures(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The figures of closed months, `from` to `to`; the answer is told in the same transaction."""
    try:
        who, left = _party(request)
        months = [_month(request.GET[name], name) if name in request.GET else None for name in ("from", "to")]
        answer = actions.read(who.party_id, request_id, months[0], months[1], who.client_id)
    except Problem as problem:
        return caller.refused(problem)
    return _told(answer, left)


@require_safe
def of_people(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """What was granted of those who agreed, a page of people at a time; the answer is told in the same transaction."""
    try:
        who, left = _party(request)
        given = sent.parameters(request.GET, ("cursor", "limit"))
        limit = sent.limit_of(given, people.MOST)
        answer = people.read(who.party_id, request_id, given.get("cursor", ""), limit, who.client_id)
    except Problem as problem:
        return caller.refused(problem)
    return _told(answer, left)


def _told(answer: actions.Answer, left: dict[str, str]) -> HttpResponse:
    told = HttpResponse(answer.body, content_type="application/json", headers=left)
    told["ETag"] = f'"{answer.sha256.hex()}"'
    return told


@require_safe
def of_members(request: HttpRequest) -> HttpResponse:
    """Sums of an organisation's members over closed months, `from` to `to` (the same, where it is left out)."""
    try:
        who, left = caller.admitted(caller.from_request(request), EVENTS)
        first = _month(request.GET.get("from", ""), "from")
        last = _month(request.GET["to"], "to") if "to" in request.GET else first
        answer = members.read(who.party_id, first, last, who.client_id)
    except Problem as problem:
        return caller.refused(problem)
    return _told(answer, left)


def show(row: RequestRow) -> dict[str, Any]:
    """A request as JSON."""
    return {
        "id": row.id,
        "state": row.state,
        "purpose": row.purpose,
        "kind": row.kind,
        "ground": row.ground,
        "about": row.about,
        "contact": row.contact,
        "behaviours": row.behaviours,
        "fields": row.fields,
        "from_month": row.from_month.isoformat()[:7],
        "to_month": row.to_month.isoformat()[:7],
        "until": row.until,
        "asked_at": row.at,
        "decided_at": row.decided_at,
        "reason": row.reason,
        "answers": row.reads,
    }


def _given(body: bytes) -> dict[str, Any]:
    given = bodies.json_object(body, LARGEST)
    if given is None:
        raise RequestMalformed(f"a JSON object of at most {LARGEST} bytes")
    if unknown := sorted(set(given) - _FIELDS):
        raise RequestMalformed(f"{unknown[0][:60]}: no such field")
    return given


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not kept(value):
        raise RequestMalformed(f"{name}: a text is needed")
    return value


def _names(given: dict[str, Any], name: str, of: str, absent: list[str] | None = None) -> list[str]:
    value = given.get(name, absent)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RequestMalformed(f"{name}: a list of {of}")
    return value


def _month(text: str, name: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise RequestMalformed(f"{name}: a month such as 2026-10, not {text[:20]}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestMalformed(f"until: a day such as 2026-12-31, not {text[:20]}") from None


def _party(request: HttpRequest) -> tuple[TokenParty, dict[str, str]]:
    """By its token or signature, within its limits, and what is left of them. Raises LimitReached too."""
    return caller.admitted(caller.from_request(request), SHARING)


urlpatterns = [
    path("v1/sharing/requests", ask, name="sharing-ask"),
    path("v1/sharing/requests/<uuid:request_id>", state, name="sharing-request"),
    path("v1/sharing/requests/<uuid:request_id>/figures", figures, name="sharing-figures"),
    path("v1/sharing/requests/<uuid:request_id>/people", of_people, name="sharing-people"),
    path("v1/members/figures", of_members, name="members-figures"),
]
