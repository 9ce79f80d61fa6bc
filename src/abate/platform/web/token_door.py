"""Around the token endpoint: a token leaves only for a key that may be used now, from there, in this area.

The endpoint itself is allauth's and knows secrets and scopes. What a key's conditions are is said in one place
(parties/queries.py); here they are asked for once the key has proved its secret, and the token that was just made is
taken back where they fail: whoever has no secret learns nothing of a key. For a key that is not there allauth compares no
secret: that is made up for, here and where a token is given back, or the time of an answer would tell which keys there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext

from allauth.core.internal import httpkit
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from abate.platform.doors.errors import Problem
from abate.platform.parties import actions, exchanged, limits, queries
from abate.platform.parties.errors import LimitReached, OtherArea
from abate.platform.review import audit
from abate.platform.review.audit import Actor
from abate.platform.web import caller, refusals, screen, shielding
from abate.platform.web.caller import Call

ADDRESS = "/identity/o/api/token"
_BACK = "/identity/o/api/revoke"
ERRORS = frozenset({"invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client"})
"""Of RFC 6749, 5.2, what is about who may have which token."""
PROVED = ERRORS - {"invalid_client"}
"""What the endpoint says only once the key has proved its secret: every key of ours has one, and is asked for it first."""
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
"""But for the one way in which it looks for a code before the secret; no key of ours has it."""


def token_door(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 401 or 403 with a problem document where a key may not be used."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path not in (ADDRESS, _BACK) or request.method != "POST":
            return get_response(request)
        named, secret = credentials(request)
        call = caller.from_request(request)
        call.asker.claim = named
        if request.path == ADDRESS and caller.of_other_area(named):
            return shielding.as_a_page(refusals.problem_json(_of_other_area(call.address)))
        code = str(request.POST.get("code", "")) if request.path == ADDRESS else ""
        # The endpoint locks the row of a code: who brings it a second time waits here until it is noted for which token it
        # was exchanged, and then ends that.
        with transaction.atomic() if code else nullcontext():
            made = _given(get_response(request), named, code, call)
        if made.status_code == 401 and secret:
            queries.compare_with_none(named, secret)
        refused = _error(made) if made.status_code in (400, 401) else ""
        if secret and refused in PROVED and request.POST.get("grant_type") != _DEVICE:
            call.asker.showed(*call.asker.whose())
        if refused:
            screen.marked(made, refused, made.status_code)
        # Said to nobody but the key that proved its secret.
        if code and refused == "invalid_grant":
            with audit.acting(lambda: Actor(named, "interface", "key")):
                exchanged.end(named, code)
        return made

    return answer


def _of_other_area(address: str) -> Problem:
    """What is said of such a key, before the gate could count who asks: so here."""
    try:
        limits.take([limits.of_address("token", address)])
    except LimitReached as reached:
        return reached
    return OtherArea()


def _given(made: HttpResponse, named: str, code: str, call: Call) -> HttpResponse:
    """The endpoint's answer, as far as the key may be used from where it asks; a code's without its refresh token."""
    if not call.target.startswith(ADDRESS) or made.status_code != 200:
        return made
    try:
        queries.may_use(named, call.address)
    except Problem as problem:
        call.asker.showed(*call.asker.whose())
        told = json.loads(made.content)
        for name in {"access_token", "refresh_token"} & told.keys():
            actions.drop_token(str(told[name]))
        return shielding.as_a_page(refusals.problem_json(problem))
    return _without_refresh(made, named, code) if code else made


def _error(refused: HttpResponse) -> str:
    """What the endpoint says by (RFC 6749, 5.2); empty where it says nothing that it could have been asked to repeat."""
    try:
        said = json.loads(refused.content)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    return said if said in ERRORS else ""


def _without_refresh(made: HttpResponse, named: str, code: str) -> HttpResponse:
    """What a code was exchanged for, without the refresh token that allauth adds: no key may use one."""
    told = json.loads(made.content)
    if refresh := told.pop("refresh_token", ""):
        actions.drop_token(str(refresh))
    exchanged.note(named, code, str(told["access_token"]))
    made.content = json.dumps(told).encode()
    return made


def credentials(request: HttpRequest) -> tuple[str, str]:
    """Id and secret of the key that asks, as it says itself; it has proved nothing yet. Empty where it says none.

    Read as the endpoint reads them: a header without both is no header, and then the form counts.
    """
    named, secret = httpkit.extract_basic_auth(request.headers)
    if named and secret:
        return named, secret
    return str(request.POST.get("client_id", "")), str(request.POST.get("client_secret", ""))
