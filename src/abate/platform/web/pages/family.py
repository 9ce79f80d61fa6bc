"""Family: the accounts of children whom a guardian opened and looks after until they are 14 (PIPL article 31)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from abate.platform.doors.errors import Problem
from abate.platform.people import children, consents, guardians
from abate.platform.people.models import Person
from abate.platform.web import access, screen
from abate.platform.web.access import Missing, own_page
from abate.platform.web.own_data_words import RELATIONS
from abate.platform.web.pages.privacy import was_shown
from abate.platform.web.screen import Field
from abate.platform.web.wording import pick, say


def _fields(name: str = "") -> list[Field]:
    """The number is not sent back into the page: it is typed again."""
    hint = say("18 位。加密保存，页面上不再显示。", "18 signs. Kept encrypted, never shown again.")
    return [
        Field("name", say("孩子的姓名", "The child's name"), name, maxlength=60, autocomplete="off"),
        Field(
            "number",
            say("孩子的居民身份证号码", "The child's identity number"),
            hint=hint,
            maxlength=40,
            autocomplete="off",
        ),
    ]


def _page(
    request: HttpRequest, person: Person, problem: Problem | None = None, status: int = 200
) -> HttpResponse:
    told = consents.current("children")
    context = {
        "children": [(row, pick(RELATIONS[row.relation])) for row in children.of(person.pk)],
        "fields": _fields(request.POST.get("name", "")[:60] if problem else ""),
        "relations": [(name, pick(words)) for name, words in RELATIONS.items()],
        "notice": told,
        "purposes": [(one.name, pick(one.text), pick(one.data), pick(one.kept)) for one in told.purposes],
        "redeems": "redeem" in children.child_policy().may,
    }
    status = problem.status if problem else status
    return screen.show(request, "family", context, section="authorisations", status=status, problem=problem)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def family(request: HttpRequest, person: Person) -> HttpResponse:
    """The children; and opening an account for one more, with the guardian's separate consent."""
    told = consents.current("children")
    if request.method != "POST":
        return _page(request, person)
    if not was_shown(request, told):
        return _page(request, person, status=422)
    given = {name: request.POST.get(name, "") for name in ("relation", "name", "number")}
    try:
        guardians.open_for_child(
            person,
            given["relation"],
            given["name"][:120],
            given["number"][:40],
            set(request.POST.getlist("purpose")),
            told.version,
        )
    except Problem as problem:
        return _page(request, person, problem)
    messages.success(request, say("孩子的账户已开立。", "The child's account is open."), extra_tags="good")
    return redirect("family")


@require_POST
@own_page
def enter(request: HttpRequest, person: Person, child_id: int) -> HttpResponse:
    """Look after this child's account: the pages are the child's until `back`."""
    if children.acted_for(person.pk, child_id) is None:
        raise Missing
    access.act_for(request, child_id)
    return redirect("home")


@require_POST
@own_page
def back(request: HttpRequest, person: Person) -> HttpResponse:
    access.act_for(request, None)
    return redirect("family")


urlpatterns = [
    path("family", family, name="family"),
    path("family/<int:child_id>/enter", enter, name="family-enter"),
    path("family/back", back, name="family-back"),
]
