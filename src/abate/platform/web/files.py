"""A partner's files of events over HTTP: how far each is, what was wrong in it, and the file given back."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.http import require_safe

from abate.platform import loading, spool
from abate.platform.doors.errors import Problem
from abate.platform.events import queries_files as queries
from abate.platform.events.files_errors import FileUnknown
from abate.platform.events.models import File
from abate.platform.events.outcomes import Outcome
from abate.platform.events.reasons import REASONS
from abate.platform.web import caller
from abate.platform.web.intake import SCOPE
from abate.platform.web.sent import CursorInvalid
from abate.platform.web.wording import english

_STATES = {File.OPEN: "open", File.DONE: "done", File.REFUSED: "refused"}
_PAGE = 100
_MEDIA = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet",
          ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}  # fmt: skip


def address(file: File) -> str:
    return f"{settings.ABATE_ORIGIN}/v1/files/{file.pk}"


def told(file: File) -> dict[str, object]:
    """A file as JSON. `counts` are of the rows so far; `refusal` where the rest was not read."""
    refusal = loading.refusal_of(file) if file.refusal else None
    return {
        "id": str(file.pk),
        "address": address(file),
        "name": file.name,
        "sha256": bytes(file.sha256).hex(),
        "size": file.size,
        "dry_run": file.rehearsal,
        "at": file.at.isoformat(),
        "state": _STATES[file.state],
        "rows": file.rows,
        "counts": file.counts,
        "refusal": {"code": refusal.code, "detail": refusal.detail} if refusal else None,
        "ended_at": file.ended_at.isoformat() if file.ended_at else None,
    }


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The party's files, the newest first, a hundred a page; `before` goes on after the file of that id, its own."""
    try:
        found, left = caller.admitted(caller.from_request(request), SCOPE)
        before = _place(found.party_id, request.GET.get("before", ""))
    except Problem as problem:
        return caller.refused(problem)
    files = queries.files_of(found.party_id, _PAGE, before=before)
    more = str(files[-1].pk) if len(files) == _PAGE else None
    return JsonResponse({"files": [told(file) for file in files], "next_before": more}, headers=left)


def _place(party_id: int, text: str) -> UUID | None:
    """Where the list goes on. Raises CursorInvalid: begun anew it would be read as the rest."""
    if not text:
        return None
    try:
        place = UUID(text)
    except ValueError:
        raise CursorInvalid from None
    if queries.file_of(party_id, place) is None:
        raise CursorInvalid
    return place


@require_safe
def one(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """How far a file is."""
    try:
        file, left = _own(request, file_id)
    except Problem as problem:
        return caller.refused(problem)
    return JsonResponse(told(file), headers=left)


@require_safe
def errors(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Its rows that were not accepted, a hundred a page in the order of lines; `after` goes on."""
    try:
        file, left = _own(request, file_id)
        after = request.GET.get("after") or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise CursorInvalid
    except Problem as problem:
        return caller.refused(problem)
    found = queries.wrong_rows(file, int(after), _PAGE)
    answer = {
        "errors": [_wrong(*row) for row in found],
        "next_after": found[-1][0] if len(found) == _PAGE else None,
    }
    return JsonResponse(answer, headers=left, json_dumps_params={"ensure_ascii": False})


@require_safe
def back(request: HttpRequest, file_id: UUID) -> HttpResponseBase:
    """The file with its error column; 404 while it is at work, and where no row of it was wrong."""
    try:
        file, left = _own(request, file_id)
        answer = given_back(file)
    except Problem as problem:
        return caller.refused(problem)
    for name, value in left.items():
        answer[name] = value
    return answer


def given_back(file: File) -> FileResponse:
    """The file with its error column as a download. Raises FileUnknown."""
    made = spool.back(file)
    if not made.exists():
        raise FileUnknown
    kind = _MEDIA.get(made.suffix, "application/x-ndjson")
    answer = FileResponse(
        made.open("rb"), as_attachment=True, filename=f"errors-{file.name}", content_type=kind
    )
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _wrong(line: int, event_id: str | None, outcome: int, reason: str) -> dict[str, object]:
    shown: dict[str, object] = {
        "line": line,
        "id": event_id,
        "outcome": Outcome(outcome).text,
        "reason": reason,
    }
    if known := REASONS.get(reason.partition(":")[0]):
        language = "en" if english() else "zh"
        shown |= {"detail": known.text(language), "remedy": known.remedy_text(language)}
    return shown


def _own(request: HttpRequest, file_id: UUID) -> tuple[File, dict[str, str]]:
    """The party's own file, by its token or signature, and what is left of its limits. Raises TokenRefused, ScopeMissing,
    LimitReached, FileUnknown."""
    found, left = caller.admitted(caller.from_request(request), SCOPE)
    file = queries.file_of(found.party_id, file_id)
    if file is None:
        raise FileUnknown
    return file, left


urlpatterns = [
    path("v1/files", listed, name="files"),
    path("v1/files/<uuid:file_id>", one, name="file"),
    path("v1/files/<uuid:file_id>/errors", errors, name="file-errors"),
    path("v1/files/<uuid:file_id>/back", back, name="file-back"),
]
