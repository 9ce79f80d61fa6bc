"""A returned application is mended by its applicant: the form it was applied with, filled in with what it says. (P-6.1-d)"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods

from abate.platform.carbon import basis
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, mending
from abate.platform.joining.errors import ApplicationClosed
from abate.platform.joining.models import Application
from abate.platform.web import screen, sessions
from abate.platform.web.access import applicant_page
from abate.platform.web.pages.join import KEPT, TEXTS, form, given_in
from abate.platform.web.wording import say


@require_http_methods(["GET", "HEAD", "POST"])
@applicant_page
def mend(request: HttpRequest, one: Application) -> HttpResponse:
    """Say anew what the application says. Its contact is not shown: what is left empty stays."""
    if one.state != Application.State.RETURNED:
        return screen.refuse(request, ApplicationClosed(one.state), section="joining")
    problem, given = None, {name: getattr(one, name) for name in (*TEXTS, "kind") if name not in KEPT}
    given |= {"grants": one.grants, "behaviours": one.behaviours}
    if request.method == "POST":
        given = given_in(request)
        try:
            said, session = actions.particulars(given), request.session.session_key or ""
            mended = mending.mend(one, said, basis.catalogue().methods, session=session)
        except Problem as refused:
            problem = refused
        else:
            # With another contact its password ended, on which a session rests: this one goes on.
            update_session_auth_hash(request, mended.user)
            sessions.used(request, mended.user)
            messages.success(
                request,
                say("已修改。请核对文件后再提交。", "Mended. Look at the documents, then hand it in."),
            )
            return redirect("joining")
    context = form(given, problem, mending=True) | {"note": one.note}
    status = problem.status if problem else 200
    return screen.show(request, "mend", context, section="joining", status=status, problem=problem)


urlpatterns = [path("joining/mend", mend, name="joining-mend")]
