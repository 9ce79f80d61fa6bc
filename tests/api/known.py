"""What exists in the installation that is called, and how it gets into a generated call."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests
from schemathesis.core.transport import Response
from tests.api.fills import BY, FILLS, LEARNT, PARTNERS, STAFF, WHOSE
from tests.api.signing import Signers

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
            "record": list(city["records"]),
            "ruling": [],
            "cursor": [],
            "place": [],
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
        fill = FILLS.get(operation.label)
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
                else WHOSE.get(operation.label) or dice.choice(PARTNERS[:6])
            )
            if self.signed and dice.random() < self.signed:
                return self.signers.mark(whose, dice)
            return self._bearer(whose)
        if "ApplicationToken" in asked:
            token = self.applications.get(str(path.get("application_id")), "none")
            return {"Authorization": f"Bearer {token}"}
        if "StaffSession" in asked:
            fit = BY.get(operation.label) if dice.random() < 0.7 else None
            return self._session(fit or dice.choice(STAFF))
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
        if label not in LEARNT or not answer.content:
            return
        told = json.loads(answer.content)
        for name, values in LEARNT[label](told).items():
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
