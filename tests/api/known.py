"""What exists in the installation that is called, and how it gets into a generated call."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import requests
from schemathesis.core.transport import Response
from tests.api.signing import Signers

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PARTNERS = ("calls", "calls", "calls", "calls", "calls-shop", "calls-works", "calls-bureau", "calls-verifier")
STAFF = ("entry", "check", "approve", "security_admin", "finance")
_CSRF = "c" * 32
_OLDEST = 400
"""How many ids of one kind are kept: the newest."""


class Known:
    """Ids, keys and tokens; what an answer tells is added until the next slice begins, which knows the city only."""

    def __init__(self, origin: str, city: dict[str, Any], *, signed: float = 0.0) -> None:
        """`signed`: the share of partners' calls that come with a signature instead of a token."""
        self.origin, self.city, self.signed = origin, city, signed
        self.signers = Signers(city["signers"], origin)
        self.problems = frozenset(city["problems"])
        self.count = 0
        self.tokens: dict[str, str] = {}
        self.renew(city["sessions"])
        self.begin()

    def renew(self, sessions: dict[str, str]) -> None:
        self.sessions = sessions
        for code, (client, secret) in self.city["keys"].items():
            given = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
            answer = requests.post(f"{self.origin}/identity/o/api/token", data=given, timeout=30)
            self.tokens[code] = answer.json()["access_token"]

    def begin(self) -> None:
        city = self.city
        self.applications: dict[str, str] = {one["id"]: one["token"] for one in city["applications"]}
        self.ids: dict[str, list[Any]] = {
            "event_id": list(city["events"]),
            "file_id": [],
            "request_id": list(city["requests"]),
            "application_id": list(self.applications),
            "kind": list(city["papers"]),
            "notice_id": list(city["notices"]),
            "entry_id": list(city["entries"]),
            "address": ["0/000.p/1", "entries/000.p/1", "0/000.p/9", "entries/000.p/9"],
            "proposal": [],
            "cursor": [],
        }
        self.city_ids = {name: list(values) for name, values in self.ids.items()}

    # --- into a call ----------------------------------------------------------------------------------------------
    def filled(self, operation: Any, made: Any, dice: random.Random, *, often: float) -> Any:
        """The call with what exists in the place of what was made up, each part `often`, and with somebody's right to it."""
        self.count += 1

        def now() -> bool:
            return dice.random() < often

        path = dict(made.path_parameters or {})
        for name in path:
            if self.ids.get(name) and now():
                path[name] = self.some(name, dice)
        query = dict(made.query or {})
        body, media = made.body, made.media_type
        fill = _FILLS.get(operation.label)
        if fill is not None and now():
            query, body = fill(self, query, body, dice, media)
        headers = {
            name: value
            for name, value in (made.headers or {}).items()
            if name.lower() not in ("cookie", "authorization", "content-length", "host", "x-csrftoken")
        }
        return operation.Case(
            path_parameters=path,
            query=query,
            headers=headers | self._right(operation, path, dice),
            body=body,
            media_type=media,
        )

    def _right(self, operation: Any, path: dict[str, Any], dice: random.Random) -> dict[str, str]:
        """Headers by which the call may be made; one in twenty has none, or another's."""
        asked = [name for one in operation.definition.raw.get("security", []) for name in one]
        if asked and dice.random() < 0.05:
            return dice.choice(
                [
                    {},
                    {"Authorization": "Bearer nobody"},
                    self._bearer(dice.choice(PARTNERS)),
                    self._session("person"),
                ]
            )
        if "PartnerToken" in asked:
            scopes = {
                scope for one in operation.definition.raw["security"] for scope in one.get("PartnerToken", [])
            }
            whose = (
                "calls-bureau"
                if "sharing" in scopes
                else _WHOSE.get(operation.label) or dice.choice(PARTNERS[:6])
            )
            if self.signed and dice.random() < self.signed:
                return self.signers.mark(whose, dice)
            return self._bearer(whose)
        if "ApplicationToken" in asked:
            token = self.applications.get(str(path.get("application_id")), "none")
            return {"Authorization": f"Bearer {token}"}
        if "StaffSession" in asked:
            proposes = operation.label == "POST /v1/proposals/new" and dice.random() < 0.7
            return self._session("entry" if proposes else dice.choice(STAFF))
        if asked:
            return self._session("person")
        return self._bearer("calls-verifier") if operation.path.startswith("/log/") else {}

    def some(self, name: str, dice: random.Random) -> Any:
        """An id of this kind: of the city as often as one that the run made, for some things are only ever there."""
        return dice.choice(self.ids[name] if dice.random() < 0.5 else self.city_ids[name] or self.ids[name])

    def _bearer(self, code: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[code]}"}

    def _session(self, name: str) -> dict[str, str]:
        return {"Cookie": f"abate_session={self.sessions[name]}; csrftoken={_CSRF}", "X-CSRFToken": _CSRF}

    # --- out of an answer -----------------------------------------------------------------------------------------
    def learn(self, label: str, case: Any, answer: Response) -> None:
        if label not in _LEARNT or not answer.content:
            return
        told = json.loads(answer.content)
        for name, values in _LEARNT[label](told).items():
            # An id that no address can have is of no use here.
            fit = [value for value in values if value not in (None, "", ".", "..")]
            self.ids[name] = [*self.ids[name], *fit][-_OLDEST:]
        if label == "POST /v1/applications":
            self.applications[told["id"]] = told["token"]

    # --- true values ----------------------------------------------------------------------------------------------
    def event(self, given: Any, dice: random.Random) -> dict[str, Any]:
        """A true event, in which some members, or one of its record, are as they were made up."""
        sample = dice.choice(self.city["sample"])
        at = datetime.now(UTC) - timedelta(seconds=dice.randrange(3_600, 40 * 86_400))
        record = dict(sample["data"])
        moved = at - datetime.fromisoformat(record["start"])
        for name in ("start", "end"):
            if name in record:
                record[name] = f"{datetime.fromisoformat(record[name]) + moved:%Y-%m-%dT%H:%M:%SZ}"
        self.count += 1
        true = sample | {
            "id": f"c-{self.count}",
            "subject": dice.choice(self.city["subjects"]),
            "time": record["start"],
            "data": {
                name: f"c-{self.count}" if name.endswith("_id") else value for name, value in record.items()
            },
        }
        if dice.random() < 0.15:
            true |= dice.choice(
                [
                    {"corrects": dice.choice(self.ids["event_id"]), "correctedfor": "wrong_figure"},
                    {
                        "type": "org.abate.withdrawal",
                        "data": {"event": dice.choice(self.ids["event_id"]), "reason": "returned"},
                    },
                    {"id": dice.choice(self.ids["event_id"])},
                ]
            )
        given = given if isinstance(given, dict) else {}
        for name in [name for name in given if dice.random() < 0.1]:
            true[name] = given[name]
        made_up = given.get("data")
        if isinstance(made_up, dict) and isinstance(true.get("data"), dict) and dice.random() < 0.3:
            values = [*made_up.values(), given.get("id"), given.get("subject")]
            true["data"] = true["data"] | {dice.choice(list(true["data"]) or ["start"]): dice.choice(values)}
        return true

    def month(self, dice: random.Random) -> str:
        first = date.fromisoformat(self.city["month"])
        return dice.choice(
            [first, first, first, first - timedelta(days=1), first + timedelta(days=40)]
        ).strftime("%Y-%m")

    def day(self, dice: random.Random, back: int = 60, ahead: int = 0) -> str:
        return (datetime.now(UTC).date() + timedelta(days=dice.randint(-back, ahead))).isoformat()


Filling = Callable[[Known, dict[str, Any], Any, random.Random, "str | None"], tuple[dict[str, Any], Any]]


def _events(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    if isinstance(body, list):
        return query, [known.event(one, dice) for one in body] or [known.event(None, dice)]
    return query, known.event(body, dice)


def _listed(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    true = {
        "from": known.day(dice),
        "to": known.day(dice, ahead=2),
        "behaviour": dice.choice(["cycling", "walking", "online-meeting"]),
        "subject": dice.choice(known.city["subjects"]),
    }
    query = {name: true.get(name, value) for name, value in query.items() if dice.random() < 0.7}
    if known.ids["cursor"] and dice.random() < 0.2:
        query = {"cursor": dice.choice(known.ids["cursor"]), "limit": 1}
    return query, body


def _file(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    events = [known.event({}, dice) for _ in range(dice.randint(0, 5))]
    lines = "\n".join(json.dumps(event) for event in events).encode()
    made_up = body if isinstance(body, bytes) else b"x"
    data = dice.choice(
        [lines, lines + b"\n" + made_up, b"id,subject,time,behaviour,distance_km\n" + made_up, made_up]
    )
    name = dice.choice(["f.jsonl", "f.jsonl", "f.csv", "f.xlsx", "f.parquet"])
    return {"name": name, "dry_run": dice.choice(["0", "1"])}, data


def _reconciled(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    query = {"day": known.day(dice)} | ({"side": "events"} if dice.random() < 0.5 else {})
    rows = [
        {"event": dice.choice(known.ids["event_id"]), "outcome": "credited"}
        for _ in range(dice.randint(0, 4))
    ]
    rows = list({one["event"]: one for one in rows}.values())
    if dice.random() < 0.3 and isinstance(body, str):
        rows.append({"event": body[:50], "outcome": "credited"})
    if media == "text/csv":
        return query, "event,outcome\n" + "".join(f"{one['event']},{one['outcome']}\n" for one in rows)
    return query, "".join(json.dumps(one) + "\n" for one in rows)


def _figures(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    month = known.month(dice)
    return dice.choice([{"from": month, "to": month}, {"from": month}]), body


def _asked(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    true = {"from_month": known.month(dice), "to_month": known.month(dice), "until": known.day(dice, 0, 90),
            "behaviours": [], "kind": "statistics", "purpose": "评估", "ground": "统计"}  # fmt: skip
    given = body if isinstance(body, dict) else {}
    return query, true | {name: value for name, value in given.items() if dice.random() < 0.15}


def _token(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    client, secret = known.city["keys"][dice.choice(PARTNERS)]
    given = body if isinstance(body, dict) else {}
    true = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    return query, true | {name: value for name, value in given.items() if dice.random() < 0.15}


def _applied(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    known.count += 1
    first = f"91999998{dice.randrange(10**9):09d}"
    check = (31 - sum(_SIGNS.index(sign) * (3**place % 31) for place, sign in enumerate(first))) % 31
    true = {"code": f"a-{dice.getrandbits(60):x}", "kind": "data_provider", "title_zh": "虚构", "title_en": "Made up",
            "registration": first + _SIGNS[check], "contact_name": "经办人", "grants": ["data"],
            "behaviours": ["walking"], "contact": f"a{dice.getrandbits(60):x}@example.invalid"}  # fmt: skip
    given = body if isinstance(body, dict) else {}
    return query, true | {name: value for name, value in given.items() if dice.random() < 0.08}


def _paper(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    made_up = body if isinstance(body, bytes) else b""
    query = query | {"name": "paper.pdf", "valid_until": known.day(dice, -10, 400)}
    return query, dice.choice([PDF, PDF + made_up])


def _terms(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    return query, {"terms": known.city["terms"]}


def _period(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    first, last = sorted((known.day(dice, 90), known.day(dice, 90)))
    return {"first": first, "last": last}, body


def _plain(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    """Without parameters that may be left out."""
    return {}, body


def _proposed(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    """A change of what nobody of this run stands on: another party, another account, another person."""
    name, fields = dice.choice(sorted(known.city["changes"].items()))
    given = body if isinstance(body, dict) else {}
    words = [one for one in (given.get("why"), given.get("action")) if isinstance(one, str)] or ["x"]
    true = {
        "code": dice.choice(["calls-other", f"n-{dice.getrandbits(50):x}"]), "party": "calls-other", "kind": "merchant",
        "behaviour": dice.choice(["walking", "metro"]), "account": known.city["account"], "role": dice.choice(STAFF),
        "person": known.city["person"], "scope": "person", "period": "day", "field": "", "digest": "",
        "request": dice.choice(known.ids["request_id"]), "application": dice.choice(known.ids["application_id"]),
        "addresses": [], "redirects": ["https://example.invalid/x"], "scopes": None, "expires_at": None,
        "max_mg": dice.choice([10**9, -1, 2**63, 0]), "credits": dice.choice([1, -1, 10**30, 5]),
        "offer": str(UUID(int=dice.getrandbits(128), version=4)), "add": ["metro"], "remove": ["metro"], "uses": ["statistics"],
    }  # fmt: skip
    for field, kind in fields.items():
        if field in true and dice.random() < 0.9:
            continue
        if field.endswith(("_day", "_at", "until")) or field == "until":
            true[field] = known.day(dice, 0, 400) + ("T00:00:00+08:00" if field.endswith("_at") else "")
        else:
            made = {
                "int": dice.choice([1, 30, 0, -1, 2**31, 2**63]),
                "bool": dice.random() < 0.5,
                "list": [dice.choice(words)],
            }
            true[field] = made.get(kind, dice.choice([*words, "示例", "x"]))
    arguments = {field: true[field] for field in fields if dice.random() < 0.97}
    return query, {"action": name, "arguments": arguments, "why": dice.choice([*words, "试用"])}


def _decided(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    numbers = known.ids["proposal"] or [1]
    return query, {"step": dice.choice(["check", "approve", "approve", "reject"]), "reason": "不需要",
                   "numbers": [dice.choice(numbers) for _ in range(dice.randint(1, 3))]}  # fmt: skip


_WHOSE = {"GET /v1/members/figures": "calls-works", "POST /v1/notices/{notice_id}/answer": "calls",
          "POST /v1/events": "calls", "GET /v1/events/{event_id}": "calls", "POST /v1/reconciliation": "calls"}  # fmt: skip
"""Whose key is used, where another's would find nothing."""
_FILLS: dict[str, Filling] = {
    "POST /v1/events": _events,
    "GET /v1/events": _listed,
    "GET /v1/events/{event_id}": _plain,
    "POST /v1/files": _file,
    "POST /v1/reconciliation": _reconciled,
    "GET /v1/members/figures": _figures,
    "GET /v1/sharing/requests/{request_id}/figures": _figures,
    "POST /v1/sharing/requests": _asked,
    "POST /identity/o/api/token": _token,
    "POST /v1/applications": _applied,
    "POST /v1/applications/{application_id}/documents/{kind}": _paper,
    "POST /v1/applications/{application_id}/submit": _terms,
    "GET /v1/me/statement": _period,
    "GET /v1/me/statement.pdf": _period,
    "POST /v1/me/collect": _plain,
    "POST /v1/proposals/new": _proposed,
    "POST /v1/proposals/decide": _decided,
}
_LEARNT: dict[str, Callable[[Any], dict[str, list[Any]]]] = {
    "POST /v1/events": lambda told: {
        "event_id": [one["id"] for one in told["results"] if one["outcome"] != "refused"]
    },
    "GET /v1/events": lambda told: {"cursor": [told["next_cursor"]]},
    "POST /v1/files": lambda told: {"file_id": [told["id"]]},
    "POST /v1/sharing/requests": lambda told: {"request_id": [told["id"]]},
    "POST /v1/applications": lambda told: {"application_id": [told["id"]]},
    "GET /v1/me/entries": lambda told: {"entry_id": [one["id"] for one in told["entries"]]},
    "POST /v1/proposals/new": lambda told: {"proposal": [told["number"]]},
}
