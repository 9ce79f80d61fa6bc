"""The start page: a person's account at a glance, or the way in for who is not signed in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from abate.platform.announcements import queries as announcements
from abate.platform.announcements.models import Announcement
from abate.platform.carbon import queries as carbon
from abate.platform.credits import queries as rules
from abate.platform.doors import clock
from abate.platform.ledger import queries as ledger
from abate.platform.ledger import standing
from abate.platform.people import consents, groups
from abate.platform.review import rights
from abate.platform.web import access, fresh, picture, receipts, screen, story


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Balance, this week, what is pending and what happened last (P-4.2, P-7.5.1)."""
    person = access.person_of(request)
    if person is None:
        if access.at_the_till(request):
            return redirect("acceptor")
        if rights.may(request.user, "view", "overview"):
            return redirect("operator")
        if rights.may(request.user, "view", "keys"):
            # The security administrator, who has no overview; as the tabs have it.
            return redirect("keys")
        if access.applicant_of(request):
            return redirect("joining")
        if access.partner_of(request):
            return redirect("partner")
        if fresh.is_fresh():
            found = fresh.done()
            return screen.show(
                request, "fresh", {"steps": [((zh, en), found[name]) for name, zh, en in fresh.STEPS]}
            )
        return screen.show(request, "welcome")
    newest = ledger.entries(person.pk, limit=50)
    context = {
        # What people are told is told to them where they are: who never opens the privacy centre meets it too.
        "notice_changed": not consents.agreed_to_current(person.pk, access.notice_about(request)),
        "group_notice_changed": groups.to_agree(person.pk),
        "announcements": announcements.shown(Announcement.PEOPLE),
        "balance": ledger.balance(person.pk),
        "standing": standing.standing(person.pk),
        "rate": rules.rule_of(clock.today()),
        "week": picture.week(carbon.week(person.pk, clock.today())),
        "pending": receipts.pending(newest),
        "latest": story.tell(carbon.feed(person.pk, limit=5)),
    }
    return screen.show(request, "home", context, section="home")
