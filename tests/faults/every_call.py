"""What tests do through the doors of the platform is first tried with a fault at every database call.

For each request that changes something, each approval of a change, each round of a job, once where it succeeds: the n-th
call to the database fails, for n = 1, 2, ... until none does, in each way that FAULTS names. After each try every table is
as it was, or the whole of it is done; then the tables are put back, and the test goes on with the same request untouched,
and asks in its own words whether it has the effect that it should have, once.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from unittest import mock

from click import Command
from click.testing import CliRunner, Result
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError, InterfaceError, connection
from django.http import QueryDict
from django.test import Client
from django.test.client import FakePayload
from django.urls import Resolver404, resolve
from psycopg.pq import TransactionStatus
from tests.faults.commands import named
from tests.faults.failing import FAULTS, LOST_AFTER, cut, failing
from tests.faults.functions import JOBS, ONCE, STEPS, functions
from tests.faults.tables import Tables

from abate.platform.doors.errors import Problem
from abate.platform.review import proposing
from abate.platform.web import intake

MOST = 400
_time = time.time
BESIDE = {
    "django_session": "a session is kept in use by each request",
    "signin_session": "when it was last used is noted",
    "parties_client": "when it was last used is noted, whatever was asked",
    "parties_use": "what was asked counts towards a limit, whether or not it was answered",
    "parties_nonce": "a signature that was seen is not taken again",
    "signin_try": "a try counts, whether or not it was answered",
}
"""Tables that are written by themselves, in a transaction before what was asked for (a session after it), and why that is
meant."""
TRAIL = {"review_audit", "log_access"}
"""The trail may tell of what then failed; what was done without being told is half of it."""
SHOWN_AFTER = {"incentives.actions.redeem"}
"""What is kept is then read and shown, in a transaction of its own with its row of the trail: kept alone is whole."""
NAMED = {"busy", "database-away"}
"""What a refusal may be called when the database failed: never what somebody could have caused."""


@dataclass(slots=True)
class Told:
    """What came of a try: `status` (of a function that returned: 200), and the code of a refusal."""

    status: int
    code: str = ""
    wrong: str = ""


@dataclass(slots=True)
class Door:
    """One door: how often each fault was tried, until no call was left; and what was found wrong, in words."""

    tries: Counter[str] = field(default_factory=Counter)
    whole: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    effect: dict[str, int] | None = None
    at: str = ""
    waits: bool = False
    shows: bool = False
    steps: set[str] = field(default_factory=set)

    def is_whole(self, found: dict[str, int]) -> bool:
        """Whether all is there that an untouched run leaves."""
        return found == self.effect or (self.shows and found == _work(self.effect or {}))

    def is_once(self, found: dict[str, int]) -> bool:
        """Whether that is so of two runs, one of them touched: the trail may tell of both, the work was done once."""
        return _work(found) == _work(self.effect or {})


class EveryCall:
    """`only` these doors, all where empty, by these `faults`. `again`: behind each fault the same is asked once more, and may
    be refused, but has no second effect.
    """

    def __init__(
        self, only: set[str], faults: Sequence[str] = (*FAULTS, LOST_AFTER), *, again: bool = False
    ) -> None:
        self.faults, self.again = faults, again
        self.doors_met: dict[str, Door] = {}
        self.only = only
        self.at = ""
        """The test that is on."""
        self._busy = False
        self._lost = 0.0
        self._stands_at: float | None = None

    def now(self) -> float:
        """Seconds as `time.time`, which stands still while something is tried: the codes of an app live half a minute."""
        return _time() - self._lost if self._stands_at is None else self._stands_at

    def doors(self) -> AbstractContextManager[None]:
        """While it lasts, whatever goes through a door is tried first."""
        return _opened(self)

    def report(self) -> dict[str, dict[str, Any]]:
        """Of each door what was tried and what was found wrong, as JSON."""
        return {
            name: {"tries": dict(one.tries), "whole": one.whole, "effect": one.effect, "wrong": dict(one.wrong), "at": one.at}
            for name, one in sorted(self.doors_met.items())
        }  # fmt: skip

    def go_on(self, told: dict[str, dict[str, Any]]) -> None:
        """Doors that a former part of this run reported are met."""
        for name, one in told.items():
            counted = {"tries": Counter(one["tries"]), "wrong": Counter(one["wrong"])}
            self.doors_met[name] = Door(**(one | counted))

    def tried(self, name: str, attempt: Callable[[], Told], *, once: bool = False) -> None:
        """Try what is about to be done. `once`: the same again has no second effect."""
        if self._busy or connection.in_atomic_block or (self.only and name not in self.only):
            return
        known = self.doors_met.get(name)
        if known is not None and known.effect:
            return
        self._busy, began = True, _time()
        # Each fault would be a trace in the log, which nobody reads.
        silent = logging.root.manager.disable
        logging.disable()
        self._stands_at = began - self._lost
        # Who counts the statements of a request counts its own.
        noted = [*connection.queries_log]
        tables = Tables(**connection.get_connection_params())
        try:
            known = known or Door(waits=name in JOBS, shows=name in SHOWN_AFTER, steps=STEPS.get(name, set()))
            self._try(self.doors_met.setdefault(name, known), tables, attempt, once)
        finally:
            tables.close()
            connection.queries_log.clear()
            connection.queries_log.extend(noted)
            logging.disable(silent)
            self._busy, self._stands_at = False, None
            self._lost += _time() - began

    def _try(self, door: Door, tables: Tables, attempt: Callable[[], Told], once: bool) -> None:
        kept = tables.keep(tables.state())
        told = attempt()
        _rest()
        changed = tables.changed()
        tables.back(kept, changed)
        effect = _part(changed)
        if told.status >= 400 or not effect:
            # Nothing to be had by halves.
            return
        door.effect, door.at = effect, self.at
        for kind in self.faults:
            after = kind == LOST_AFTER
            for number in range(1, MOST):
                with failing(number, cut if after else FAULTS[kind], tables, after=after) as seen:
                    told = attempt()
                _rest()
                changed = tables.changed()
                if not seen.at:
                    # No call is left, so it is done; else those behind were not tried.
                    if told.status >= 400 or not door.is_whole(_part(changed)):
                        door.wrong[f"{kind}: at none of {number - 1} calls, {told}, {_part(changed)}"] += 1
                    tables.back(kept, changed)
                    break
                door.tries[kind] += 1
                self._judge(door, f"{kind} at call {number}, {seen.at!r}", _part(changed), told)
                if self.again or (once and told.status >= 400):
                    again = attempt()
                    _rest()
                    changed = tables.changed()
                    found = _part(changed)
                    if (once and again.status >= 400) or not door.is_once(found):
                        door.wrong[f"{kind} at call {number}: again {again}, {found}"] += 1
                tables.back(kept, changed)
            else:
                door.wrong["it makes more calls than are tried"] += 1

    def _judge(self, door: Door, what: str, found: dict[str, int], told: Told) -> None:
        if door.is_whole(found):
            door.whole += 1
        elif not found.keys() <= TRAIL | door.steps:
            door.wrong[f"{what}: between: {found}, answered {told}"] += 1
        elif told.status < 400 and not door.waits:
            door.wrong[f"{what}: answered {told} and did nothing"] += 1
        if told.wrong:
            door.wrong[f"{what}: {told.wrong}"] += 1
        elif told.status >= 400 and told.code not in NAMED:
            door.wrong[f"{what}: refused as {told.status} {told.code!r}"] += 1


def _rest() -> None:
    """Between two requests a connection is kept where it is whole, as a server does; what was left open in it is taken back."""
    own = connection.connection
    if own is not None and own.info.transaction_status != TransactionStatus.IDLE:
        connection.close()
    connection.close_if_unusable_or_obsolete()


def _work(changed: dict[str, int]) -> dict[str, int]:
    """Of what changed, what is not the trail's telling of it."""
    return {name: rows for name, rows in changed.items() if name not in TRAIL}


def _part(changed: dict[str, int]) -> dict[str, int]:
    """Of what changed, what belongs to the effect."""
    return {name: rows for name, rows in changed.items() if name not in BESIDE}


def _told(status: int, media: str, body: bytes) -> Told:
    if b"Traceback" in body:
        return Told(status, wrong="a stack trace is shown")
    if status < 400:
        return _of_several(body) or Told(status)
    if media.partition(";")[0] == "application/problem+json":
        return Told(status, str(json.loads(body).get("code")))
    # A page tells its problem by name too.
    return Told(status, next((code for code in NAMED if f">{code}<".encode() in body), ""))


def _of_several(body: bytes) -> Told | None:
    """What is told of several decisions one by one, none of which was done: as of the one that met the fault."""
    told = json.loads(body) if body.startswith(b"{") else {}
    codes = {*told["refused"].values()} if told.get("done") == [] and told.get("refused") else set()
    return Told(503, min(codes & NAMED or codes)) if len(codes) == 1 or codes & NAMED else None


def _of_function(work: Callable[[], Any]) -> Told:
    try:
        work()
    except (DatabaseError, InterfaceError):
        return Told(503, "busy")
    except Problem as problem:
        return Told(problem.status, problem.code)
    except Exception as fault:
        return Told(500, type(fault).__name__, wrong=f"raised {fault!r}")
    return Told(200)


# --- the doors ------------------------------------------------------------------------------------------------------
def _requests(run: EveryCall) -> Any:
    plain = Client.request

    @wraps(plain)
    def request(self: Client, **given: Any) -> Any:
        method, path = given.get("REQUEST_METHOD", "GET"), given.get("PATH_INFO", "/")
        if method in ("GET", "HEAD", "OPTIONS"):
            return plain(self, **given)
        try:
            name = resolve(path).view_name
        except Resolver404:
            return plain(self, **given)
        payload = given.get("wsgi.input")
        body = payload.read() if payload is not None else b""

        def fresh() -> dict[str, Any]:
            return given if payload is None else given | {"wsgi.input": FakePayload(body)}

        def attempt() -> Told:
            cookies, raises = copy.deepcopy(self.cookies), self.raise_request_exception
            self.raise_request_exception = False
            try:
                answer = plain(self, **fresh())
                return _told(
                    answer.status_code,
                    answer.get("content-type", ""),
                    b"" if answer.streaming else answer.content,
                )
            finally:
                self.cookies, self.raise_request_exception, self.exc_info = cookies, raises, None

        named = "HTTP_IDEMPOTENCY_KEY" in given or name in ("redeem",)
        step = QueryDict(body).get("step", "") if name.endswith("decide") else ""
        run.tried(f"POST {name}" + (f" ({step})" if step else ""), attempt, once=named)
        return plain(self, **fresh())

    return mock.patch.object(Client, "request", request)


def _intake(run: EveryCall) -> Any:
    plain = intake.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            return await plain(scope, receive, send)
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())

        async def once_more(sender: Any) -> None:
            left = list(messages)

            async def again() -> Any:
                return left.pop(0)

            await plain(scope, again, sender)

        def attempt() -> Told:
            sent: list[Any] = []

            async def note(message: Any) -> None:
                sent.append(message)

            asyncio.run(once_more(note))
            head = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
            return _told(sent[0]["status"], head.get("content-type", ""), sent[-1]["body"])

        # Without a key the same again is another batch, whose events are known.
        named = any(name == b"idempotency-key" for name, _ in scope["headers"])
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: _closed(lambda: run.tried("POST /v1/events", attempt, once=named))
        )
        await once_more(send)
        return None

    return mock.patch.object(intake, "app", app)


def _closed(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connection.close()


def _function(
    run: EveryCall, holder: Any, name: str, label: Callable[..., str], *, once: bool = False
) -> Any:
    plain = getattr(holder, name)

    @wraps(plain)
    def called(*args: Any, **more: Any) -> Any:
        run.tried(label(*args), lambda: _of_function(lambda: plain(*args, **more)), once=once)
        return plain(*args, **more)

    return mock.patch.object(holder, name, called)


def _commands(run: EveryCall) -> Any:
    plain = CliRunner.invoke

    @wraps(plain)
    def invoke(self: CliRunner, cli: Command, args: Sequence[str] = (), **more: Any) -> Any:
        label = f"abate {named(cli, args)}"
        # What a command calls are doors of their own: as a whole it is tried where it is asked for.
        if label in run.only:
            run.tried(label, lambda: _of_command(plain(self, cli, args, **more)))
        return plain(self, cli, args, **more)

    return mock.patch.object(CliRunner, "invoke", invoke)


def _of_command(ended: Result) -> Told:
    if isinstance(ended.exception, (DatabaseError, InterfaceError, UpdateError)):
        return Told(503, "busy")
    if ended.exit_code:
        return Told(409, ended.stderr.partition(":")[0])
    return Told(200)


def _approval(user: Any, number: int) -> str:
    from abate.platform.review.models import Proposal

    found = Proposal.objects.filter(pk=number).first()
    return f"approve {found.action if found else 'nothing'}"


@contextmanager
def _opened(run: EveryCall) -> Iterator[None]:
    with (
        mock.patch.object(time, "time", run.now),
        _requests(run),
        _intake(run),
        _commands(run),
        _function(run, proposing, "approve", _approval),
        ExitStack() as opened,
    ):
        for label, (holder, name) in functions().items():
            opened.enter_context(
                _function(run, holder, name, lambda *_, label=label: label, once=name in ONCE)
            )
        yield
