"""What a party asks to be told of a person: seen whole, agreed to by itself, taken back by one press (P-8.5-b, P-4.3)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from abate.platform.people import consents
from abate.platform.people.models import Person
from abate.platform.sharing import people
from abate.platform.sharing.people import AskRow
from abate.platform.web import access, screen
from abate.platform.web.access import person_page
from abate.platform.web.marks import PURPOSES
from abate.platform.web.pages.privacy import was_shown
from abate.platform.web.pages.shared import listed
from abate.platform.web.wording import pick, say


def shown(row: AskRow) -> dict[str, object]:
    """A request in words, as its person sees it in lists and on its own page."""
    return {
        "row": row,
        "asked": row.request,
        "party": pick(row.titles),
        "kind": pick(PURPOSES[row.request.kind]),
        "fields": pick(listed(row.request.fields)),
    }


@require_safe
@person_page
def disclosure(request: HttpRequest, person: Person, request_id: UUID) -> HttpResponse:
    """One request with all that the person needs to decide: who, what for, what, of when, until when, how to reach them."""
    (notice,) = consents.current("sharing").purposes
    told = shown(people.one_asked(person.pk, request_id))
    words = {"notice": pick(notice.text), "kept": pick(notice.kept)}
    context = told | words | {"notice_version": consents.current("sharing").version}
    return screen.show(request, "disclosure", context, section="authorisations")


@require_POST
@person_page
def agree(request: HttpRequest, person: Person, request_id: UUID) -> HttpResponse:
    """The person agrees, to the notice that the page showed; for a child its guardian does."""
    people.one_asked(person.pk, request_id)
    if not was_shown(request, consents.current("sharing")):
        return redirect("disclosure", request_id=request_id)
    by = access.signed_in_person(request) if access.child_of(request) else None
    people.agree(person, request_id, by)
    text = say("已记录您的同意。", "Your consent is noted.")
    messages.success(request, text, extra_tags="good")
    return redirect("authorisations")


@require_POST
@person_page
def withdraw(request: HttpRequest, person: Person, request_id: UUID) -> HttpResponse:
    people.withdraw(person, request_id)
    text = say("同意已撤回，即刻起不再提供。", "Withdrawn: from now on nothing of you is given.")
    messages.success(request, text, extra_tags="good")
    return redirect("authorisations")


urlpatterns = [
    path("authorisations/asked/<uuid:request_id>", disclosure, name="disclosure"),
    path("authorisations/asked/<uuid:request_id>/agree", agree, name="disclosure-agree"),
    path("authorisations/asked/<uuid:request_id>/withdraw", withdraw, name="disclosure-withdraw"),
]
