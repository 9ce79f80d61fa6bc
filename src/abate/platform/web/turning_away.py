"""The one place that tells the trail of a refusal at a door: who may not come in, see this, or send that.

A record that is wrong in itself is no such thing: its sender reads why, and it is kept where its events are. What a room
told already (a wrong password, a right that is missing) is not told twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from abate.platform.doors.errors import Problem
from abate.platform.doors.origin import sender
from abate.platform.doors.scanner import FileHarmful
from abate.platform.events.errors import WrongHost
from abate.platform.events.files_errors import FileNamed
from abate.platform.parties.errors import EndpointMalformed
from abate.platform.review import audit, turned_away
from abate.platform.review.audit import Actor
from abate.platform.review.turned_away import Refusal, digest
from abate.platform.web import gate
from abate.platform.web.caller import Call
from abate.platform.web.middleware import NotText
from abate.platform.web.refusals import RequestUnsafe
from abate.platform.web.token_door import ERRORS

STATUSES = frozenset({401, 403, 413, 429})
CODES = (
    frozenset(
        kind.code for kind in (FileHarmful, FileNamed, EndpointMalformed, RequestUnsafe, NotText, WrongHost)
    )
    | ERRORS
    | {"invalid_request"}
)
"""What says it by another status: hostile files, names, addresses and requests, and tokens that are not given."""
_log = logging.getLogger("abate.refusals")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def is_told(code: str, status: int, *, owned: bool) -> bool:
    """Whether this refusal is about who may do what. `owned`: the door is not open to anyone, so that what is not found there
    may be another's."""
    return status in STATUSES or code in CODES or (owned and status == 404)


async def from_intake(door: str, call: Call, problem: Problem, pool: Executor) -> None:
    """Tell of a refusal by a route beside Django; `pool`: where such a route waits for the database."""
    if is_told(problem.code, problem.status, owned=True):
        first = turned_away.count(_by_key(door, call, problem.code, Actor(via="interface", role="key")))
        if first is not None:
            await asyncio.get_running_loop().run_in_executor(pool, _write, first)


async def before_a_view(path: str, call: Call, problem: Problem, pool: Executor) -> None:
    """Tell of a body that was refused before Django saw any of it: from where, and at which address."""
    if not is_told(problem.code, problem.status, owned=True):
        return
    try:
        door = resolve(path).view_name
    except Resolver404:
        door = "body"
    actor = Actor(via="interface" if path.startswith("/v1/") else "page")
    first = turned_away.count(
        Refusal(door, _method(call.method), problem.code, actor, digest("address", sender(call.address)))
    )
    if first is not None:
        await asyncio.get_running_loop().run_in_executor(pool, _write, first)


def _write(refusal: Refusal) -> None:
    connection.close_if_unusable_or_obsolete()
    turned_away.write(refusal)


def _by_key(door: str, call: Call, code: str, actor: Actor) -> Refusal:
    asker = call.asker
    who = Actor(asker.client_id, actor.via, actor.role) if asker.client_id else actor
    claim = "" if asker.client_id else digest("key", asker.claim)
    origin = digest("address", sender(call.address))
    return Refusal(door, _method(call.method), code, who, origin, claim, asker.whose)


def _method(named: str) -> str:
    return named if named in _METHODS else "other"


def tells(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, outside all that refuses: an answer says by `abate_refused` (code, status) what it refused."""

    def answer(request: HttpRequest) -> HttpResponse:
        with audit.watching() as told:
            made = get_response(request)
        code, status = getattr(made, "abate_refused", ("", 0))
        if code and not told:
            try:
                _tell(request, code, status)
            except (DatabaseError, InterfaceError) as fault:
                _log.warning("a refusal was not told (%s): %s", code, type(fault).__name__)
        return made

    return answer


def _tell(request: HttpRequest, code: str, status: int) -> None:
    door, who = _door(request)
    if is_told(code, status, owned=who not in ("", "anyone")):
        first = turned_away.count(_of_request(request, door, code))
        if first is not None:
            turned_away.write(first)


def _door(request: HttpRequest) -> tuple[str, str]:
    """(name of the address, whose it is); empty where there is none."""
    try:
        match = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return "", ""
    line = gate.lines().get((match.view_name, "GET" if request.method == "HEAD" else request.method or ""))
    return match.view_name, line.who if line else ""


def _of_request(request: HttpRequest, door: str, code: str) -> Refusal:
    # What was refused before anybody was looked at has no user yet.
    actor = gate.actor(request) if hasattr(request, "user") else Actor(via="interface")
    call = getattr(request, "abate_call", None)
    if call is not None:
        return _by_key(door, call, code, actor)
    origin = digest("address", sender(request.META.get("REMOTE_ADDR", "")))
    return Refusal(door, _method(request.method or ""), code, actor, origin)
