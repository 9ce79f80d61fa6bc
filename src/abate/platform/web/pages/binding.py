"""A partner's app sends a person here: they sign in, choose what it may send, and go back with a code (OpenID Connect).

The consent screen is the authorisation page: what the code stands for is an authorisation that the person sees and takes
back like any other. (P-4.3, P-6.2-types)
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.idp.oidc.views import AuthorizationView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from abate.platform.doors.errors import Problem
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.people import actions, consents, queries
from abate.platform.people.models import Person
from abate.platform.web import access, screen, story
from abate.platform.web.access import own_page
from abate.platform.web.pages.privacy import was_shown
from abate.platform.web.shielding import CONTENT_SECURITY_POLICY
from abate.platform.web.wording import say


class BindingUnfit(Problem):
    code = "binding-unfit"
    status = 400
    zh = "合作方的绑定请求有误，没有发送任何信息。"
    en = "The partner's request to bind you is not right; nothing was sent."
    why_zh = "请求与登记的不一致时，可能有人冒充合作方。"
    why_en = "A request that differs from what is registered may come from somebody else."
    remedy_zh = "请回到合作方的应用重试；合作方请核对 docs/howto/binding.md。"
    remedy_en = "Go back to the partner's app and try again; as the partner, see docs/howto/binding.md."


class _Consent(AuthorizationView):
    """allauth's checks of the request and its code; our screen, and our authorisation with it."""

    person: Any = None
    shown = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.GET.get("code_challenge_method") != "S256" or not request.GET.get("code_challenge"):
            raise BindingUnfit("code_challenge (PKCE, S256)")
        if {"none"} & set(request.GET.get("prompt", "").split()):
            raise BindingUnfit("prompt=none")
        answer = super().get(request, *args, **kwargs)
        # Neither our screen nor the way back: a page of allauth's, with status 200, that says what is wrong.
        if not (self.shown or answer.has_header("Location")):
            raise BindingUnfit("client_id, redirect_uri, response_type, scope")
        return answer

    def _party(self) -> Party:
        found = parties.bound_party(self._request_info["client_id"])
        if found is None:
            raise BindingUnfit("client_id")
        return found

    def render_to_response(self, context: dict[str, Any], **_: Any) -> HttpResponse:
        return self._screen(str(context["form"].initial["request"]))

    def _screen(self, signed: str, *, status: int = 200, **more: object) -> HttpResponse:
        party, self.shown = self._party(), True
        offered, live = parties.behaviours(party.pk), self._live(party)
        # As on the page of authorisation, nothing is ticked for anybody.
        chosen = set(self.request.POST.getlist("behaviour"))
        context = {
            "party": party,
            "behaviours": [(name, story.title_of(name), name in live, name in chosen) for name in offered],
            "notice": consents.current(),
            "signed": signed,
            "scopes": self._scopes,
            "back_to": urlsplit(self._request_info["redirect_uri"]).netloc,
            **more,
        }
        answer = screen.show(self.request, "bind", context, section="authorisations", status=status)
        # The form's answer leads to the partner: browsers hold redirects of a form against this policy too.
        back = urlsplit(self._request_info["redirect_uri"])
        policy = CONTENT_SECURITY_POLICY.replace(
            "form-action 'self'", f"form-action 'self' {back.scheme}://{back.netloc}"
        )
        answer.headers["Content-Security-Policy"] = policy
        return answer

    def _live(self, party: Party) -> set[str]:
        rows = queries.authorisations(self.person.pk)
        return {row.behaviour for row in rows if row.live and row.party_code == party.code}

    def form_invalid(self, form: Any) -> HttpResponse:
        raise BindingUnfit("scope")

    def form_valid(self, form: Any) -> HttpResponse:
        party = self._party()
        live, chosen = self._live(party), set(self.request.POST.getlist("behaviour"))
        signed, told = form.cleaned_data["request"], consents.current()
        if not was_shown(self.request, told):
            return self._screen(signed, status=422)
        if not chosen | live:
            error = say("请至少选择一项行为。", "Choose at least one behaviour.")
            return self._screen(signed, status=422, choice_error=error)
        try:
            with transaction.atomic():
                if chosen - live:
                    actions.authorise(self.person, party, chosen - live, told.version)
                return super().form_valid(form)
        except Problem as problem:
            return self._screen(signed, status=problem.status, problem=problem)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def bind(request: HttpRequest, person: Person) -> HttpResponse:
    """The authorisation endpoint. A POST without our signed request is sent to ask by GET, as everybody else.

    The code stands for whoever holds the session: a guardian who looks at a child's account comes back to the own one here.
    """
    access.act_for(request, None)
    return _Consent.as_view(person=person)(request)
