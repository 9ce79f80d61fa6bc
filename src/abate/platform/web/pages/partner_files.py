"""A partner's files on its page: bring one (or only have it judged), see how far each is, take it back with what was wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from abate.platform import loading, spool
from abate.platform.doors import scanner
from abate.platform.doors.errors import Problem
from abate.platform.events import queries_files as queries
from abate.platform.events.files_errors import FileNamed, FileUnknown
from abate.platform.events.models import File
from abate.platform.events.outcomes import Outcome
from abate.platform.events.reasons import REASONS
from abate.platform.parties import limits
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.web import files as interface
from abate.platform.web import screen
from abate.platform.web.access import partner_page
from abate.platform.web.wording import english, say


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that was not accepted, in the present language."""

    line: int
    event_id: str
    reason: str
    text: str
    remedy: str


def _state(file: File) -> tuple[str, str]:
    if file.state == File.OPEN and file.refusal:
        return say("等待限额", "Waits for its quota"), "wait"
    if file.state == File.OPEN:
        return say("处理中", "At work"), "wait"
    if file.state == File.REFUSED:
        return say("拒绝", "Refused"), "bad"
    if queries.wrong_rows(file, limit=1):
        return say("完成，有错误行", "Done, with wrong rows"), "part"
    return say("完成", "Done"), "good"


def _wrong(line: int, event_id: str | None, outcome: int, reason: str) -> Wrong:
    known, language = REASONS.get(reason.partition(":")[0]), "en" if english() else "zh"
    words = (known.text(language), known.remedy_text(language)) if known else ("", "")
    return Wrong(line, event_id or "", reason or Outcome(outcome).text, *words)


@require_http_methods(["GET", "HEAD", "POST"])
@partner_page
def files(request: HttpRequest, party: Party) -> HttpResponse:
    """The party's newest files; POST brings one: `file`, `dry_run`, `declaration`."""
    problem = None
    try:
        if request.method == "POST":
            return redirect("partner-file", file_id=_bring(request, party).pk)
    except Problem as refused:
        problem = refused
    context = {
        "files": [(file, *_state(file)) for file in queries.files_of(party.pk)],
        "declaration": request.POST.get("declaration", "")[:20_000],
    }
    status = problem.status if problem else 200
    return screen.show(request, "files", context, section="partner", status=status, problem=problem)


def _bring(request: HttpRequest, party: Party) -> File:
    """Raises FileNamed, FileKindUnknown, FilesWaiting, FileNoRoom, DeclarationRefused, LimitReached,
    PartySuspended, DocumentsExpired, FileHarmful, FileNotScanned, ScannerAway."""
    given = request.FILES.get("file")
    if not isinstance(given, UploadedFile):
        raise FileNamed("size, or no file")
    limits.take(limits.of_party(party.pk, party.requests_per_minute))
    parties.check_standing(party.code, party.status, party.valid_until)
    name, data = spool.check_name(given.name or ""), given.read()
    declared = request.POST.get("declaration", "").strip()
    loading.declared(party, declared)
    spool.check_room(party.pk, len(data))
    with spool.incoming(party.pk) as (file_id, part, out):
        out.write(data)
        out.flush()
        scanner.require_clean(part)
        return spool.take(
            file_id, part, party=party, client_id=loading.PAGE, name=name, sha256=hashlib.sha256(data).digest(),
            declared=declared, rehearsal=request.POST.get("dry_run") == "1",
        )  # fmt: skip


@require_safe
@partner_page
def file(request: HttpRequest, party: Party, file_id: UUID) -> HttpResponse:
    """How far a file is, and the first rows that were not accepted."""
    found = _own(party, file_id)
    refusal = loading.refusal_of(found) if found.refusal else None
    context = {
        "file": found,
        "state": _state(found),
        "counts": sorted(found.counts.items()),
        "refusal": screen.told(refusal) if refusal else None,
        "wrong": [_wrong(*row) for row in queries.wrong_rows(found)],
        "back": spool.back(found).exists(),
        "owed": spool.is_owed(found),
    }
    return screen.show(request, "file", context, section="partner")


@require_safe
@partner_page
def back(request: HttpRequest, party: Party, file_id: UUID) -> HttpResponseBase:
    """The file with its error column; there is none while it is at work, and where no row was wrong."""
    return interface.given_back(_own(party, file_id))


def _own(party: Party, file_id: UUID) -> File:
    found = queries.file_of(party.pk, file_id)
    if found is None:
        raise FileUnknown
    return found


urlpatterns = [
    path("partner/files", files, name="partner-files"),
    path("partner/files/<uuid:file_id>", file, name="partner-file"),
    path("partner/files/<uuid:file_id>/back", back, name="partner-file-back"),
]
