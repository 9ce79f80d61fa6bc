"""Which partner may send what: giving it, seeing it, taking it back (P-4.3)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.parties import telling
from abate.platform.parties.errors import PartySuspended
from abate.platform.parties.models import Party
from abate.platform.people import actions, consents, queries
from abate.platform.people.models import Person
from abate.platform.sharing import people as sharing
from abate.platform.web import access, screen, story
from abate.platform.web.access import person_page
from abate.platform.web.pages import disclosures
from abate.platform.web.pages.privacy import was_shown
from abate.platform.web.wording import say


@require_safe
@person_page
def authorisations(request: HttpRequest, person: Person) -> HttpResponse:
    rows = queries.authorisations(person.pk)
    given = {row.party_code for row in rows if row.live}
    context = {
        "live": [(row, story.title_of(row.behaviour)) for row in rows if row.live],
        "ended": [(row, story.title_of(row.behaviour)) for row in rows if not row.live],
        "others": [
            row
            for row in parties.parties()
            if row.behaviours and row.status == "active" and row.code not in given
        ],
        "asked": [disclosures.shown(row) for row in sharing.asked_of(person.pk)],
        "tokens": telling.held(person.user),
        "contacts": queries.own_contacts(person),
    }
    return screen.show(request, "authorisations", context, section="authorisations")


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def authorise(request: HttpRequest, person: Person, party_code: str) -> HttpResponse:
    """Choose behaviours, read what is sent, agree. The partner knows the person by a name of its own."""
    party = parties.party(party_code)
    if party.status != Party.Status.ACTIVE:
        raise PartySuspended(party.code)
    offered = parties.behaviours(party.pk)
    live = {a.behaviour for a in queries.authorisations(person.pk) if a.live and a.party_code == party_code}
    # Nothing is ticked for anybody: each behaviour is a consent of its own (PIPL article 14; GB/T 35273, 5.4).
    chosen = set(request.POST.getlist("behaviour"))
    told = consents.current(access.notice_about(request))
    context = {
        "party": party,
        "behaviours": [(name, story.title_of(name), name in live, name in chosen) for name in offered],
        "all_given": live >= set(offered),
        "subject": queries.subject_for(person.pk, party.pk),
        "notice": told,
    }
    if request.method != "POST":
        return screen.show(request, "authorise", context, section="authorisations")
    if not was_shown(request, told):
        return screen.show(request, "authorise", context, section="authorisations", status=422)
    if not chosen:
        context["choice_error"] = say("请至少选择一项行为。", "Choose at least one behaviour.")
        return screen.show(request, "authorise", context, section="authorisations", status=422)
    try:
        actions.authorise(person, party, chosen - live, told.version)
    except Problem as problem:
        return screen.show(
            request, "authorise", context, section="authorisations", status=problem.status, problem=problem
        )
    messages.success(request, say("授权已生效。", "The authorisation is in force."), extra_tags="good")
    return redirect("authorisations")


@require_POST
@person_page
def withdraw(request: HttpRequest, person: Person, authorisation_id: int) -> HttpResponse:
    actions.withdraw(person, authorisation_id)
    text = say("授权已撤回，即刻起不再接收该数据。", "Withdrawn: from now on this data is refused.")
    messages.success(request, text, extra_tags="good")
    return redirect("authorisations")


@require_POST
@person_page
def tokens(request: HttpRequest, person: Person, party_code: str) -> HttpResponse:
    """End every token about the person that this party's apps hold; what it may send stays as it is."""
    telling.end(person.user, parties.party(party_code).pk)
    text = say(
        "已结束：该应用即刻起不能再查询您是谁。", "Ended: from now on the app cannot ask who you are to it."
    )
    messages.success(request, text, extra_tags="good")
    return redirect("authorisations")
