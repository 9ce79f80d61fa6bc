"""Joining over HTTP: an organisation applies, brings its documents and hands in; the sandbox signs a conformance run.

An application is known by the token that its making gave: whoever has not got it finds no application.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, checks, mending, papers, queries
from abate.platform.joining.errors import ApplicationMalformed, DocumentRefused, ReportRefused
from abate.platform.joining.models import Application
from abate.platform.parties.conditions import EVENTS
from abate.platform.review.changes import kept
from abate.platform.web import bodies, caller
from abate.platform.web.refusals import problem_json

LARGEST = 64 * 1024
"""Bytes of an application: our policy."""
CONTACT = {"contact_name", "contact"}


@csrf_exempt  # Without a cookie: what it makes is a draft that only the contact's link or the token opens.
@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Write an application down; 201 with its id and its token, which is shown this once. (P-6.1-d)"""
    try:
        given = _object(request.read(LARGEST + 1), ApplicationMalformed)
        made, token = actions.apply(actions.particulars(given), basis.catalogue().methods)
    except Problem as problem:
        return problem_json(problem)
    return JsonResponse(show(made) | {"token": token}, status=201)


@require_safe
def state(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """An application and what is still asked for."""
    try:
        return JsonResponse(show(_own(request, application_id)))
    except Problem as problem:
        return problem_json(problem)


@csrf_exempt  # By token, without a cookie: no other site can send one.
@require_POST
def document(request: HttpRequest, application_id: UUID, kind: str) -> HttpResponse:
    """A document: the bytes are the body, `name` and `valid_until` parameters. 201 with its SHA-256."""
    try:
        one = _own(request, application_id)
        data = request.read(papers.LARGEST + 1)
        made = actions.add_document(
            one, kind, request.GET.get("name", ""), data, last_day(request.GET.get("valid_until", ""))
        )
    except Problem as problem:
        return problem_json(problem)
    return JsonResponse({"id": made.pk, "sha256": bytes(made.sha256).hex()}, status=201)


@csrf_exempt  # By token, without a cookie.
@require_POST
def submit(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Hand the application in, with the version of the agreement that is accepted: `terms`."""
    try:
        one = _own(request, application_id)
        given = _object(request.read(LARGEST + 1), ApplicationMalformed)
        actions.submit(one, str(given.get("terms", "")))
        return JsonResponse(show(one))
    except Problem as problem:
        return problem_json(problem)


@csrf_exempt  # By token, without a cookie.
@require_POST
def mend(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """Say anew what a returned application says of its organisation, whole, as it was made. Whom it is reached through is
    changed on the page alone: a token in some machine does not decide who holds the account. (P-6.1-d)"""
    try:
        one = _own(request, application_id)
        given = _object(request.read(LARGEST + 1), ApplicationMalformed)
        if named := sorted(CONTACT & set(given)):
            raise ApplicationMalformed(
                f"{named[0]}: it is changed on the page, with a fresh proof of who asks"
            )
        said = actions.particulars(given | dict.fromkeys(CONTACT, ""))
        return JsonResponse(show(mending.mend(one, said, basis.catalogue().methods)))
    except Problem as problem:
        return problem_json(problem)


@csrf_exempt  # By token, without a cookie.
@require_POST
def attest(request: HttpRequest) -> HttpResponse:
    """In the sandbox: a run of the conformance kit as a signed statement, where the sandbox saw it happen."""
    try:
        call = caller.from_request(request)
        who, left = caller.admitted(call, EVENTS)
        body = request.read(LARGEST + 1)
        caller.sender(call, EVENTS, body=body)
        told = checks.attest(who.party_id, who.code, _object(body, ReportRefused))
    except Problem as problem:
        return caller.refused(problem)
    return JsonResponse(told, headers=left)


def show(one: Application) -> dict[str, Any]:
    """An application as its applicant sees it, as JSON has it."""
    return {
        "id": str(one.pk),
        "code": one.code,
        "kind": one.kind,
        "title_zh": one.title_zh,
        "title_en": one.title_en,
        "registration": one.registration,
        "grants": list(one.grants),
        "behaviours": list(one.behaviours),
        "state": one.state,
        "note": one.note,
        "documents": [
            {
                "kind": paper.kind,
                "clause": paper.clause,
                "dated": paper.dated,
                "state": paper.state,
                "sha256": paper.sha256,
                "valid_until": paper.valid_until and paper.valid_until.isoformat(),
                "note": paper.note,
            }
            for paper in queries.papers(one)
        ],
    }


def last_day(text: str) -> date | None:
    """A day from a form or an address; None for nothing. Raises DocumentRefused."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise DocumentRefused("valid_until") from None


def _own(request: HttpRequest, application_id: UUID) -> Application:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return queries.by_token(application_id, token.strip() if kind.lower() == "bearer" else "")


def _object(body: bytes, refusal: type[Problem]) -> dict[str, Any]:
    given = bodies.json_object(body, LARGEST)
    if given is None:
        raise refusal(f"a JSON object of at most {LARGEST} bytes")
    # An escape can write a NUL and half of a sign: as JSON both are sound, and no table takes either.
    if not kept(given):
        raise refusal("a sign that no text holds")
    return given


urlpatterns = [
    path("v1/applications", apply, name="application-make"),
    path("v1/applications/<uuid:application_id>", state, name="application-state"),
    path(
        "v1/applications/<uuid:application_id>/documents/<slug:kind>", document, name="application-document"
    ),
    path("v1/applications/<uuid:application_id>/submit", submit, name="application-submit"),
    path("v1/applications/<uuid:application_id>/mend", mend, name="application-mend"),
    path("v1/conformance", attest, name="conformance"),
]
