"""Calls generated from our own OpenAPI document by Schemathesis, sent one by one or several at once, and what is asked of
each answer.

The calls are cut into slices, each made from its own number alone, so a long run can be gone on with anywhere. A part of
every call is replaced by what exists (tests/api/known.py): ids that are there, tokens that are good, events that are true;
a call that is generated from end to end meets the first check and nothing behind it.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.errors import SerializationNotPossible
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance
from tests.api.known import Known
from tests.api.signing import Session
from tests.faults.stack import Stack

SLICE = 5_000
LOT = 25
"""Calls of each thread between which what was answered is learnt from."""
CITY = str(Path(__file__).with_name("city.py"))
TOKEN = "POST /identity/o/api/token"
WEIGHTS = {"POST /v1/events": 12, "POST /v1/files": 2, "GET /v1/me/statement.pdf": 0.2, TOKEN: 0.2}
"""How often an operation is called beside the others, where not once. Paper, and the proof of a secret, take as long as a
hundred other answers."""
TWICE = 2
"""How often what was made up is sent, each time with other true parts in it: to make it up costs as much as to answer it."""
NEVER = {"POST /v1/conformance": "only a sandbox signs a run"}
"""Operations that cannot be answered with 2xx here, and why."""
_FITS = response_schema_conformance
_RENEW = 270.0
"""Seconds for which sessions and tokens are used: a proof is fresh for five minutes, and a token lives an hour."""


class Calls:
    """A run of calls against one installation, and what it has seen: `statuses` by operation, `failures` in words."""

    def __init__(self, stack: Stack, *, drafts: int = 30, signed: float = 0.0, threads: int = 1) -> None:
        """`signed`: the share of partners' calls with a signature. With `threads` calls are sent so many at once: what is
        sent follows from the numbers of a slice and what earlier lots of it were answered, as with one."""
        self.stack, self.threads = stack, threads
        self.known = Known(stack.origin, stack.script(CITY, "make", str(drafts)), signed=signed)
        document = requests.get(f"{stack.origin}/v1/openapi.json", timeout=30).json()
        self.operations = [
            found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()
        ]
        self.statuses: dict[str, Counter[int]] = {one.label: Counter() for one in self.operations}
        self.unsendable = 0
        self.failures: list[str] = []
        self.seen: Counter[tuple[str, str]] = Counter()
        self.signatures: dict[str, Counter[int]] = defaultdict(Counter)
        self.renewed = time.monotonic()
        self._threads = threading.local()
        self._strategies: dict[tuple[str, GenerationMode], Any] = {}

    @property
    def answered(self) -> int:
        return sum(one.total() for one in self.statuses.values())

    def unmet(self) -> set[str]:
        """The operations that were never answered with 2xx."""
        return {
            label
            for label, found in self.statuses.items()
            if not any(200 <= status < 300 for status in found)
        }

    def run(self, count: int, first: int = 0) -> None:
        """Send the calls `first` to `first + count`, slice by slice. Raises ValueError where `first` begins no slice: the
        calls before it in its own would be sent as well, and others than in a run from there."""
        if first % SLICE:
            raise ValueError(f"a part begins at a multiple of {SLICE}, not at {first}")
        begun = time.monotonic()
        for number in range(first // SLICE, (first + count + SLICE - 1) // SLICE):
            wanted = min(SLICE, first + count - number * SLICE)
            self.known.begin()
            dice = random.Random(number)
            plan = [
                (operation, mode, case)
                for operation, mode, many in self._shares(wanted)
                for case in self._made(operation, mode, many, dice.getrandbits(64))
            ]
            dice.shuffle(plan)
            with ThreadPoolExecutor(self.threads) as pool:
                for lot in _lots(plan, LOT * self.threads if self.threads > 1 else 1):
                    self._lot(lot, dice, number, pool)
            self._tell(number, begun)

    def _tell(self, number: int, begun: float) -> None:
        every: Counter[int] = sum(self.statuses.values(), Counter())
        seconds = time.monotonic() - begun
        print(f"slice {number}: {self.answered} calls, {self.answered / seconds:.1f}/s, {dict(sorted(every.items()))}, "
              f"{self.unsendable} unsendable, {len(self.seen)} kinds of failure", file=sys.stderr, flush=True)  # fmt: skip

    def _shares(self, wanted: int) -> Iterator[tuple[Any, GenerationMode, int]]:
        """How many calls of each operation and mode; those that take nothing once in a while only."""
        weights = {
            one.label: WEIGHTS.get(one.label, 1 if list(one.iter_parameters()) or one.body else 0.2)
            for one in self.operations
        }
        for one in self.operations:
            share = wanted * weights[one.label] / sum(weights.values())
            # Two right ones for a wrong one: what is wrong is found at the first check.
            yield one, GenerationMode.POSITIVE, max(2, round(share * 2 / 3))
            if list(one.iter_parameters()) or one.body:
                yield one, GenerationMode.NEGATIVE, max(1, round(share / 3))

    def _made(self, operation: Any, mode: GenerationMode, many: int, number: int) -> Iterator[Any]:
        """`many` calls of an operation, all made up before the first is sent; where there are fewer, they come again."""
        place = (operation.label, mode)
        if place not in self._strategies:
            self._strategies[place] = operation.as_strategy(generation_mode=mode)
        found: list[Any] = []

        @seed(number)
        @settings(max_examples=-(-many // TWICE), deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(self._strategies[place])
        def collect(case: Any) -> None:
            found.append(case)

        try:
            collect()
        except Unsatisfiable:
            # Where every text is a valid one, no wrong call can be made up; a right one always can.
            assert mode is GenerationMode.NEGATIVE, f"{operation.label}: no call could be made up"
        return islice(cycle(found), many)

    def _lot(
        self,
        lot: Sequence[tuple[Any, GenerationMode, Any]],
        dice: random.Random,
        number: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        """Fill some calls in, send them (at once, where there are threads), and learn from the answers in their order."""
        if time.monotonic() - self.renewed > _RENEW:
            self.known.renew(self.stack.script(CITY, "sessions"))
            self.renewed = time.monotonic()
        cases = [
            (
                operation,
                self.known.filled(
                    operation, made, dice, often=0.75 if mode is GenerationMode.POSITIVE else 0.4
                ),
            )
            for operation, mode, made in lot
        ]
        for (operation, case), (answer, signed) in zip(
            cases, pool.map(self._send, [case for _, case in cases]), strict=True
        ):
            if answer is None:
                self.unsendable += 1
            else:
                self._judge(operation.label, case, answer, signed, number)

    def _send(self, case: Any) -> tuple[Response | None, str]:
        """The answer and how the call was signed; None for what no HTTP client can put on the wire: that is no call."""
        session = self._session()
        try:
            return case.call(base_url=self.stack.origin, session=session, timeout=60), session.signed
        except (requests.exceptions.InvalidHeader, SerializationNotPossible, UnicodeError):
            return None, ""

    def _session(self) -> Session:
        """Each thread's own, without a memory for cookies."""
        if not hasattr(self._threads, "session"):
            self._threads.session = Session(self.known.signers)
            self._threads.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return self._threads.session

    def _judge(self, label: str, case: Any, answer: Response, signed: str, number: int) -> None:
        status = answer.status_code
        self.statuses[label][status] += 1
        fault = self._fault(label, case, answer)
        if signed:
            kind = signed.partition(" ")[0]
            self.signatures[kind][status] += 1
            self.known.signers.told(signed, status)
            if kind != "right" and status < 300:
                fault = f"a signature that is {kind} was let in: {status}"
            elif kind == "right" and status == 401:
                fault = "a right signature was refused"
        if fault:
            self._note(label, fault, case, answer, number)
        elif status < 300:
            self.known.learn(label, case, answer)

    def _note(self, label: str, fault: str, case: Any, answer: Response, number: int) -> None:
        self.seen[label, fault] += 1
        if self.seen[label, fault] == 1:
            told = f"{label} (slice {number}): {fault}\n{case.as_curl_command()[:1200]}\n{answer.text[:600]}"
            self.failures.append(told)
            print(told, file=sys.stderr, flush=True)

    def _fault(self, label: str, case: Any, answer: Response) -> str:
        """What is wrong with an answer, in words that are the same for the same fault; empty where nothing is."""
        status = answer.status_code
        if status >= 500:
            return f"answered {status}"
        if status >= 400:
            return "" if label == TOKEN and _is_oauth_error(answer) else self._no_problem(answer)
        try:
            case.validate_response(answer, checks=[_FITS])
        except (Failure, FailureGroup) as failure:
            first = failure.exceptions[0] if isinstance(failure, FailureGroup) else failure
            return f"{status} does not fit its schema: {str(first)[:200]}"
        return ""

    def _no_problem(self, answer: Response) -> str:
        """Why a refusal is no problem document of the catalogue (RFC 9457); empty where it is one."""
        status = answer.status_code
        media = (answer.headers.get("content-type") or [""])[0]
        if media.partition(";")[0] != "application/problem+json":
            return f"{status} as {media!r}"
        try:
            told = json.loads(answer.content)
        except ValueError:
            return f"{status} is no JSON"
        code = told.get("code")
        if code not in self.known.problems:
            return f"{status} with the unknown code {code!r}"
        if (
            told["status"] != status
            or told["type"] != f"{self.stack.origin}/problems/{code}"
            or not told["title"]
        ):
            return f"{status} with members that do not agree"
        return ""


def _lots(plan: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (plan[at : at + size] for at in range(0, len(plan), size))


def _is_oauth_error(answer: Response) -> bool:
    """RFC 6749, 5.2: the token endpoint's own form."""
    try:
        return answer.status_code in (400, 401) and isinstance(json.loads(answer.content)["error"], str)
    except (ValueError, KeyError, TypeError):
        return False
