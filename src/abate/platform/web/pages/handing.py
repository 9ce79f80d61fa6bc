"""A party's contact asks that another one looks after it, sees what became of that, and takes it back. (P-8.4-c)"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from abate.platform.doors.errors import Problem
from abate.platform.joining import handing, queries
from abate.platform.joining.errors import ContactUnchanged
from abate.platform.joining.models import Application, ContactRequest
from abate.platform.people.errors import ContactMalformed
from abate.platform.web import screen
from abate.platform.web.access import applicant_page
from abate.platform.web.screen import Field
from abate.platform.web.wording import pick, say

REQUESTS = {
    ContactRequest.State.WAITING: ("等待办理", "Waiting", "wait"),
    ContactRequest.State.DONE: ("已更换", "Done", "good"),
    ContactRequest.State.REFUSED: ("未同意", "Refused", "bad"),
    ContactRequest.State.WITHDRAWN: ("已撤回", "Taken back", "none"),
    ContactRequest.State.VOID: ("不再需要", "Needed no more", "none"),
}


def told(found: list[ContactRequest]) -> list[tuple[ContactRequest, str, str]]:
    """Requests with the words and the tone of their states."""
    return [(one, pick(REQUESTS[one.state][:2]), REQUESTS[one.state][2]) for one in found]  # type: ignore[index]


def _fields(request: HttpRequest, problem: Problem | None) -> list[Field]:
    labels = {
        "name": (("新联系人姓名", "Name of the new contact"), 120),
        "contact": (("新联系人的邮箱或手机", "The new contact's e-mail or mobile"), 254),
    }
    unfit = isinstance(problem, ContactMalformed | ContactUnchanged)
    wrong = {"name": problem is not None and problem.detail == "contact_name", "contact": unfit}
    typed = request.POST if problem else {}
    fault = say("请检查此项。", "Please check this.")
    return [
        Field(name, pick(label), str(typed.get(name, ""))[:300], error=fault if wrong[name] else "",
              autocomplete="off", maxlength=most)
        for name, (label, most) in labels.items()
    ]  # fmt: skip


def _page(request: HttpRequest, one: Application, problem: Problem | None = None) -> HttpResponse:
    rows = told(queries.contact_requests(one, one.user))
    context = {
        "rows": rows,
        "waits": any(row.state == ContactRequest.State.WAITING for row, _, _ in rows),
        "admitted": one.party is not None and one.party.status != "left",
        "fields": _fields(request, problem),
        "most": handing.A_DAY,
    }
    status = problem.status if problem else 200
    return screen.show(request, "joining_contact", context, section="joining", status=status, problem=problem)


def _done(request: HttpRequest, one: Application, work: Callable[[], object]) -> HttpResponse:
    try:
        work()
    except Problem as problem:
        return _page(request, one, problem)
    return redirect("joining-contact")


@require_http_methods(["GET", "HEAD", "POST"])
@applicant_page
def contact(request: HttpRequest, one: Application) -> HttpResponse:
    """What was asked, and a form to ask (`name`, `contact`)."""
    if request.method != "POST":
        return _page(request, one)
    name, reach = request.POST.get("name", "")[:300], request.POST.get("contact", "")[:300]
    return _done(request, one, lambda: handing.ask(one, one.user, name, reach))


@require_POST
@applicant_page
def end(request: HttpRequest, one: Application) -> HttpResponse:
    """Take back what waits. An address of its own: whoever did not ask for it is asked for nothing first."""
    return _done(request, one, lambda: handing.take_back(one, one.user))


urlpatterns = [
    path("joining/contact", contact, name="joining-contact"),
    path("joining/contact/end", end, name="joining-contact-end"),
]
