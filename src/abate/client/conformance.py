"""Whether a partner's side is ready: good, bad, repeated and reordered events through its own key, with what must come.

It is for a sandbox: the events are booked there, to made-up people. Each line says what was tried, what must come and what
came; a partner is ready where all of them pass.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from abate.client import samples
from abate.client.batches import MEDIA, Event
from abate.client.calls import Client
from abate.client.remedies import todo
from abate.client.results import Refusal, Reply, Result, Unreachable

Words = tuple[str, str]
Maker = Callable[[str, datetime], tuple[dict[str, object], str]]
"""Makes a record of a behaviour, called so and over by that moment, with the moment of its act."""
OWN = "own-"
"""So begin the lines about a behaviour of the partner's own."""
LONGEST = 1_500
"""Bytes of a call that a line shows."""
LINES = frozenset(
    {
        *("access", "stranger", "good", "repeated", "repeated-entry", "conflict"),
        *("bad-no-subject", "bad-unknown-field", "bad-wrong-source", "bad-future", "bad-unknown-behaviour"),
        *("bad-stranger", "bad-figure", "mixed", "order", "reordered", "withdrawn", "withdrawn-again"),
        *("corrected", "idempotent", "key-reused", "no-json", "too-many"),
    }
)
"""The lines of every whole run; signed requests add their own."""
REFUSED = frozenset(
    {"malformed", "unknown_field", "wrong_source", "future", "unknown_behaviour", "not_authorised"}
)
"""The codes by which a platform refuses the bad events of a run."""

BOOKED = frozenset({"credited", "not_counted", "not_below_baseline", "needs_figure", "quarantined"})
"""The outcomes of an event that is as its methodology wants it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. `what` and `todo` are (Chinese, English); `sent` and `answered` the call that it is about."""

    name: str
    what: Words
    expected: str
    found: str
    sent: str = ""
    answered: str = ""

    @property
    def passed(self) -> bool:
        return self.expected == self.found

    @property
    def todo(self) -> Words | None:
        return None if self.passed else todo(self.name)

    def as_data(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed, "todo": self.todo}


class Kit:
    """The checks of one partner. `subjects`: people of the sandbox who authorised it, by the names it knows them by. `own`:
    the behaviours that it sends, each with what makes a record of it."""

    def __init__(
        self,
        client: Client,
        subjects: Sequence[str],
        now: datetime | None = None,
        own: Mapping[str, Maker] | None = None,
    ) -> None:
        if not subjects:
            raise ValueError("name at least one of the sandbox's people")
        self._client, self._subjects = client, list(subjects)
        self._now, self._own = now or datetime.now(UTC), dict(own or {})
        self.run, self._count = secrets.token_hex(4), 0
        """The run's name: its events are called `check-RUN-NUMBER`."""
        self._call = ("", "")
        client.heard = self._hear

    def _hear(self, target: str, body: bytes, reply: Reply) -> None:
        self._call = _shown(body), _shown(reply.body)

    def lines(self) -> Iterator[Line]:
        """Every check in turn; one that breaks is a line that did not pass, and the others go on, unless nobody answers."""
        checks = [self._access, self._good, self._repeated, self._bad, self._mixed, self._reordered, self._taken_back,
                  self._keyed, self._bounds, self._signed]  # fmt: skip
        named = [(check.__name__.strip("_"), check) for check in checks]
        named += [(OWN + name, partial(self._of, name)) for name in sorted(self._own)]
        for called, check in named:
            try:
                for line in check():
                    yield self._with_call(line)
            except (Unreachable, Refusal, ValueError, KeyError, OSError) as fault:
                name, what = f"{called}-unfinished", ("未能完成", "could not be finished")
                yield self._with_call(Line(name, what, "done", f"{fault}"[:200]))
                if isinstance(fault, Unreachable):
                    return

    def _with_call(self, line: Line) -> Line:
        """The newest call is the one that the line is about."""
        return replace(line, sent=line.sent or self._call[0], answered=line.answered or self._call[1])

    def _event(self, **changes: object) -> Event:
        self._count += 1
        subject = self._subjects[self._count % len(self._subjects)]
        at = self._now - timedelta(hours=3 * self._count)
        return samples.meeting(self._client.party, subject, f"check-{self.run}-{self._count}", at, **changes)

    def _send(self, *events: Event) -> list[Result]:
        return [result for _, result in self._client.send(events)]

    def _raw(self, body: bytes, **headers: str) -> Reply:
        given = {"Content-Type": MEDIA} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self._client.once("POST", "/v1/events", body, given)

    def _access(self) -> Iterator[Line]:
        reply = self._raw(b"[]")
        yield Line("access", ("密钥可用", "the key is let in"), "empty-batch", _code(reply))
        reply = self._raw(b"[]", Authorization="Bearer of-nobody")
        yield Line("stranger", ("假令牌被拒绝", "a made-up token is refused"), "token-refused", _code(reply))

    def _good(self) -> Iterator[Line]:
        (result,) = self._send(self._event())
        yield Line("good", ("正确的事件入账", "a good event is booked"), "credited", result.outcome)

    def _repeated(self) -> Iterator[Line]:
        event = self._event()
        first, again = self._send(event)[0], self._send(event)[0]
        yield Line(
            "repeated", ("重复发送不重复入账", "the same again changes nothing"), "exists", again.outcome
        )
        yield Line(
            "repeated-entry",
            ("返回原分录", "and names the first entry"),
            str(first.entry),
            str(again.entry),
        )
        other = event | {"data": event["data"] | {"participants": 9}}
        yield Line(
            "conflict",
            ("同一编号内容不同", "the same id with other content"),
            "conflict",
            self._send(other)[0].outcome,
        )

    def _bad(self) -> Iterator[Line]:
        future = f"{self._now + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
        wrong: dict[str, tuple[Words, Callable[[Event], Event], str]] = {
            "no-subject": (
                ("缺少用户标识", "no subject"),
                lambda e: _without(e, "subject"),
                "malformed:subject",
            ),
            "unknown-field": (
                ("多余的字段", "a field that nobody needs"),
                lambda e: e | {"data": e["data"] | {"home_address": "x"}},
                "unknown_field:home_address",
            ),
            "wrong-source": (
                ("来源不是本机构", "another's source"),
                lambda e: e | {"source": "somebody"},
                "wrong_source:source",
            ),
            "future": (
                ("时间在将来", "a moment that is to come"),
                lambda e: e | {"time": future},
                "future:time",
            ),
            "unknown-behaviour": (
                ("未知的行为", "a behaviour that is none"),
                lambda e: e | {"type": "org.abate.behaviour.flying"},
                "unknown_behaviour:type",
            ),
            "stranger": (
                ("未授权的用户", "a person who did not authorise"),
                lambda e: e | {"subject": "somebody-else"},
                "not_authorised:subject",
            ),
        }
        for name, (what, spoil, expected) in wrong.items():
            (result,) = self._send(spoil(self._event()))
            yield Line(f"bad-{name}", what, f"refused {expected}", f"{result.outcome} {result.reason}")
        (result,) = self._send(self._event(participants="many"))
        yield Line("bad-figure", ("数值不是数字", "a figure that is none"), "refused", result.outcome)

    def _mixed(self) -> Iterator[Line]:
        events = [self._event(), _without(self._event(), "subject"), self._event()]
        found = ",".join(result.outcome for result in self._send(*events))
        yield Line(
            "mixed",
            ("错误事件不影响同批其他事件", "a bad event stops no other"),
            "credited,refused,credited",
            found,
        )

    def _reordered(self) -> Iterator[Line]:
        events = [self._event() for _ in range(4)]
        ids = [event["id"] for event in events]
        first = self._send(*events)
        again = self._send(*reversed(events))
        found = ",".join(str(result.id) for result in again)
        yield Line(
            "order", ("按发送顺序返回结果", "answers come in the order sent"), ",".join(reversed(ids)), found
        )
        yield Line("reordered", ("乱序重发不改变结果", "another order changes nothing"),
                   _sum(first), _sum([replace(r, outcome=r.stored or "") for r in again]))  # fmt: skip

    def _taken_back(self) -> Iterator[Line]:
        event = self._event()
        self._send(event)
        back = event | {"id": event["id"] + "-back", "type": "org.abate.withdrawal"}
        back["data"] = {"event": event["id"], "reason": "returned"}
        yield Line(
            "withdrawn", ("撤回事件", "an event is taken back"), "withdrawn", self._send(back)[0].outcome
        )
        yield Line(
            "withdrawn-again", ("重复撤回", "and taken back again"), "exists", self._send(back)[0].outcome
        )
        wrong = self._event()
        right = self._event(participants=4) | {"corrects": wrong["id"], "correctedfor": "wrong_figure"}
        right["subject"] = wrong["subject"]
        self._send(wrong)
        (result,) = self._send(right)
        yield Line("corrected", ("更正事件", "an event is corrected"), "credited, undone",
                   f"{result.outcome}, {'undone' if result.undone else 'nothing'}")  # fmt: skip

    def _keyed(self) -> Iterator[Line]:
        body, key = json.dumps([self._event()]).encode(), f'"{secrets.token_hex(16)}"'
        first, again = (self._raw(body, Idempotency_Key=key) for _ in range(2))
        same = "the same" if first.body == again.body and first.status == 200 else "another"
        yield Line(
            "idempotent",
            ("幂等键返回相同答复", "an Idempotency-Key brings the same answer"),
            "the same",
            same,
        )
        other = self._raw(json.dumps([self._event()]).encode(), Idempotency_Key=key)
        yield Line(
            "key-reused",
            ("幂等键用于其他内容", "the key with another content"),
            "idempotency-key-reused",
            _code(other),
        )

    def _bounds(self) -> Iterator[Line]:
        yield Line("no-json", ("不是 JSON", "not JSON"), "malformed", _code(self._raw(b"[{]")))
        many = json.dumps([{}] * 1_001).encode()
        yield Line(
            "too-many",
            ("超过 1,000 个事件", "more than 1,000 events"),
            "too-many-events",
            _code(self._raw(many)),
        )

    def _signed(self) -> Iterator[Line]:
        signer = self._client.signer
        if signer is None:
            return
        body = json.dumps([self._event()]).encode()
        headers = signer.headers("POST", self._client.origin, "/v1/events", {"Content-Type": MEDIA}, body)
        first, again = (self._client.open("POST", "/v1/events", body, headers) for _ in range(2))
        self._call = _shown(body), _shown(first.body)
        yield Line("signed", ("签名的请求被接受", "a signed request is taken"), "200", str(first.status))
        yield Line(
            "replayed",
            ("重放的签名被拒绝", "and refused when it is sent again"),
            "signature-replayed",
            _code(again),
            answered=_shown(again.body),
        )
        headers = signer.headers("POST", self._client.origin, "/v1/events", {"Content-Type": MEDIA}, body)
        changed = self._client.open("POST", "/v1/events", body + b" ", headers)
        yield Line(
            "changed",
            ("签名后改动的内容被拒绝", "content changed after signing"),
            "signature-digest",
            _code(changed),
            answered=_shown(changed.body),
        )

    def _of(self, behaviour: str) -> Iterator[Line]:
        """A behaviour of the partner's own: two good records and a bad one between them, and all of them again, reordered."""
        events = [self._event_of(behaviour) for _ in range(3)]
        events[1]["data"] |= {"home_address": "x"}
        bad = "refused unknown_field:home_address"
        yield Line(f"{OWN}{behaviour}", (f"本机构的行为 {behaviour}：好、坏、好", f"{behaviour}: good, bad, good"),
                   f"booked, {bad}, booked", ", ".join(_booked(one) for one in self._send(*events)))  # fmt: skip
        yield Line(f"{OWN}{behaviour}-again", (f"{behaviour}：乱序重发", f"{behaviour}: the same in another order"),
                   f"exists, {bad}, exists", ", ".join(_booked(one) for one in self._send(*reversed(events))))  # fmt: skip

    def _event_of(self, behaviour: str) -> Event:
        event = self._event()
        # A day each: acts at one time could be one act.
        record, at = self._own[behaviour](event["id"], self._now - timedelta(days=self._count % 20))
        return event | {"type": f"org.abate.behaviour.{behaviour}", "time": at, "data": record}


def _booked(result: Result) -> str:
    """What an event of any behaviour came to: whether it credits is for its figures, whether it is taken for its sender."""
    if result.outcome in BOOKED:
        return "booked"
    # What exists repeats the reason of the first time.
    return result.outcome if result.outcome == "exists" else f"{result.outcome} {result.reason}"


def _shown(body: bytes) -> str:
    """The beginning of a body, for people."""
    text = body[:LONGEST].decode(errors="replace")
    return text if len(body) <= LONGEST else f"{text} … ({len(body)} B)"


def _without(event: Event, name: str) -> Event:
    return {key: value for key, value in event.items() if key != name}


def _sum(results: Sequence[Result]) -> str:
    credited = [result for result in results if result.outcome == "credited"]
    return f"{len(credited)} credited, {sum(result.er_mg or 0 for result in credited)} mg"


def _code(reply: Reply) -> str:
    try:
        return str(reply.json().get("code", reply.status))
    except (ValueError, AttributeError):
        return str(reply.status)
