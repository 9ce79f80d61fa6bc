"""The conformance run on the partner's page of the sandbox: start one, see each check, take the signed report. (P-6.1-d)"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from abate.client import Key, Signer
from abate.client.conformance import Kit
from abate.platform.carbon import basis
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import checks, trying
from abate.platform.joining.errors import RunUnknown
from abate.platform.joining.models import Run
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.parties.errors import NotASandbox
from abate.platform.parties.models import Party
from abate.platform.review.proposing import in_sandbox
from abate.platform.web import screen, story
from abate.platform.web.access import partner_page
from abate.platform.web.inside import Inside
from abate.platform.web.wording import english, pick
from abate.quantify.sample import sample

LASTS = timedelta(hours=1)
"""How long the key of a run is good at most."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line in the present language."""

    name: str
    what: str
    passed: bool
    expected: str
    found: str
    todo: str
    sent: str
    answered: str


def _shown(line: dict[str, Any]) -> Shown:
    todo = line.get("todo")
    return Shown(
        name=line["name"],
        what=pick((line["what"][0], line["what"][1])),
        passed=line["passed"],
        expected=line["expected"],
        found=line["found"],
        todo=pick((todo[0], todo[1])) if todo else "",
        sent=line.get("sent", ""),
        answered=line.get("answered", ""),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@partner_page
def runs(request: HttpRequest, party: Party) -> HttpResponse:
    """The runs so far; POST makes one, with a key of its own that ends with it."""
    problem, known = None, basis.catalogue().methods
    try:
        if not settings.ABATE_SANDBOX:
            raise NotASandbox
        if request.method == "POST":
            more = [name for name in request.POST.getlist("behaviours")[:100] if name in known]
            return redirect("partner-check", run_id=_run(party, more).pk)
    except Problem as refused:
        problem = refused
    sent = queries.behaviours(party.pk)
    context = {
        "party": party,
        "runs": checks.runs(party.pk),
        "here": settings.ABATE_SANDBOX,
        "sent": sent,
        "behaviours": [(name, story.title_of(name)) for name in sorted(set(known) - set(sent))],
    }
    status = problem.status if problem else 200
    return screen.show(request, "checks", context, section="partner", status=status, problem=problem)


def _run(party: Party, more: Sequence[str] = ()) -> Run:
    """Every check of the kit, by token and by signature, on the party as it is set up, and let send these `more` too.

    Raises LimitReached.
    """
    checks.may_run(party.pk)
    _, people = trying.with_people(party.code, {*trying.BEHAVIOURS, *more})
    # A run that is cut off ends its key by no other hand.
    until = (clock.now() + LASTS).isoformat()
    made = in_sandbox("party.client", {"code": party.code, "label": "checks", "expires_at": until})
    try:
        private = Ed25519PrivateKey.generate()
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        signing = in_sandbox("party.sign", {"client_id": made["client_id"], "pem": pem, "must_sign": False})
        signer = Signer(
            signing["keyid"], private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        key = Key(made["client_id"], made["client_secret"])
        language = "en" if english() else "zh"
        client = Inside(settings.ABATE_ORIGIN, party.code, key, signer=signer, tries=1, language=language)
        known = basis.catalogue()
        own = {name: sample(name, known) for name in queries.behaviours(party.pk) if name in known.methods}
        kit = Kit(client, people, own=own)
        lines = list(kit.lines())
    finally:
        parties.revoke_client(made["client_id"])
    return checks.keep(party.pk, party.code, kit.run, lines)


@require_safe
@partner_page
def run(request: HttpRequest, party: Party, run_id: int) -> HttpResponse:
    """One run of the party's own: what failed first."""
    found = checks.run_of(party.pk, run_id)
    lines = sorted((_shown(line) for line in found.lines), key=lambda line: line.passed)
    context = {"run": found, "lines": lines, "passed": len(lines) - found.failed}
    return screen.show(request, "check", context, section="partner")


@require_safe
@partner_page
def report(request: HttpRequest, party: Party, run_id: int) -> HttpResponse:
    """The signed report of a run that passed, as the live platform takes it; of another run there is none."""
    found = checks.run_of(party.pk, run_id)
    if not found.signature:
        raise RunUnknown
    body = json.dumps({"statement": found.statement, "signature": found.signature})
    answer = HttpResponse(body, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="report-{found.run}.json"'
    return answer


urlpatterns = [
    path("partner/checks", runs, name="partner-checks"),
    path("partner/checks/<int:run_id>", run, name="partner-check"),
    path("partner/checks/<int:run_id>/report.json", report, name="partner-report"),
]
