"""Around the token endpoint: a token leaves only for a key that may be used now, from there, in this area.

The endpoint itself is allauth's and knows secrets and scopes. What a key's conditions are is said in one place
(parties/queries.py); here they are asked for once the key has proved its secret, and the token that was just made is
taken back where they fail: whoever has no secret learns nothing of a key.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from abate.platform.doors.errors import Problem
from abate.platform.parties import actions, queries
from abate.platform.parties.errors import OtherArea
from abate.platform.web import caller, refusals

ADDRESS = "/identity/o/api/token"


def token_door(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 401 or 403 with a problem document where a key may not be used."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path != ADDRESS or request.method != "POST":
            return get_response(request)
        if caller.of_other_area(client_id(request)):
            return refusals.problem_json(OtherArea())
        made = get_response(request)
        if made.status_code != 200:
            return made
        try:
            queries.may_use(client_id(request), request.META.get("REMOTE_ADDR", ""))
        except Problem as problem:
            actions.drop_token(str(json.loads(made.content)["access_token"]))
            return refusals.problem_json(problem)
        return made

    return answer


def client_id(request: HttpRequest) -> str:
    """The id of the key that asks for a token, as it says itself; it has proved nothing yet."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            return ""
    return str(request.POST.get("client_id", ""))
