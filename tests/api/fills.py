"""What is true of an operation: who may call it, what exists in the place of what was made up, what its answer tells."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tests.api.known import Known

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PARTNERS = ("calls", "calls", "calls", "calls", "calls-shop", "calls-works", "calls-bureau", "calls-verifier")
STAFF = ("entry", "check", "approve", "security_admin", "finance")

Filling = Callable[["Known", dict[str, Any], Any, random.Random, "str | None"], tuple[dict[str, Any], Any]]


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


def _page_of_people(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    return {"limit": dice.randint(1, 4)} | (
        {"cursor": dice.choice("0a5z")} if dice.random() < 0.5 else {}
    ), body


def _asked(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    true = {"from_month": known.month(dice), "to_month": known.month(dice), "until": known.day(dice, 0, 90),
            "behaviours": [], "fields": ["people", "acts"], "kind": "statistics",
            "purpose": "评估", "ground": "统计"}  # fmt: skip
    if dice.random() < 0.4:
        true |= {"about": "people", "contact": "calls@example.invalid", "fields": ["month", "carbon_mg"]}
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


def _mended(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    _, said = _applied(known, query, body, dice, media)
    contact = ("contact_name", "contact")
    return query, {name: value for name, value in said.items() if name not in contact or dice.random() < 0.1}


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


def _kept_back(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    records = [known.some("record", dice) for _ in range(dice.randint(1, 3))]
    return query, {"verdict": dice.choice(["release", "dismiss"]), "records": records, "reason": "已核对"}


def _ruled(
    known: Known, query: dict[str, Any], body: Any, dice: random.Random, media: str | None
) -> tuple[Any, Any]:
    asked = (known.ids["ruling"] or [1])[-3:]
    return query, {"proposal": dice.choice(asked), "accepted": dice.random() < 0.6, "reason": "已核对"}


BY = {
    "POST /v1/proposals/new": "entry",
    "POST /v1/quarantine/propose": "entry",
    "POST /v1/quarantine/decide": "check",
}
"""Whose role may do it."""
WHOSE = {"GET /v1/members/figures": "calls-works", "POST /v1/notices/{notice_id}/answer": "calls",
          "POST /v1/events": "calls", "GET /v1/events/{event_id}": "calls", "POST /v1/reconciliation": "calls"}  # fmt: skip
"""Whose key is used, where another's would find nothing."""
FILLS: dict[str, Filling] = {
    "POST /v1/events": _events,
    "GET /v1/events": _listed,
    "GET /v1/events/{event_id}": _plain,
    "POST /v1/files": _file,
    "POST /v1/reconciliation": _reconciled,
    "GET /v1/members/figures": _figures,
    "GET /v1/sharing/requests/{request_id}/figures": _figures,
    "GET /v1/sharing/requests/{request_id}/people": _page_of_people,
    "POST /v1/sharing/requests": _asked,
    "POST /identity/o/api/token": _token,
    "POST /v1/applications": _applied,
    "POST /v1/applications/{application_id}/documents/{kind}": _paper,
    "POST /v1/applications/{application_id}/mend": _mended,
    "POST /v1/applications/{application_id}/submit": _terms,
    "GET /v1/me/statement": _period,
    "GET /v1/me/statement.pdf": _period,
    "POST /v1/me/collect": _plain,
    "POST /v1/proposals/new": _proposed,
    "POST /v1/proposals/decide": _decided,
    "POST /v1/quarantine/propose": _kept_back,
    "POST /v1/quarantine/decide": _ruled,
}
LEARNT: dict[str, Callable[[Any], dict[str, list[Any]]]] = {
    "POST /v1/events": lambda told: {
        "event_id": [one["id"] for one in told["results"] if one["outcome"] != "refused"]
    },
    "GET /v1/events": lambda told: {"cursor": [told["next_cursor"]]},
    "POST /v1/files": lambda told: {"file_id": [told["id"]]},
    "POST /v1/sharing/requests": lambda told: {"request_id": [told["id"]]},
    "POST /v1/applications": lambda told: {"application_id": [told["id"]]},
    "GET /v1/sharing/requests/{request_id}/people": lambda told: {"place": [told["next_cursor"]]},
    "GET /v1/me/entries": lambda told: {"entry_id": [one["id"] for one in told["entries"]]},
    "POST /v1/proposals/new": lambda told: {"proposal": [told["number"]]},
    "GET /v1/quarantine": lambda told: {"record": [one["id"] for one in told if one["state"] == "waiting"]},
    "POST /v1/quarantine/propose": lambda told: {"ruling": [told["id"]]},
}
