"""A partner's side of the interface: fetch a token, send batches, read the outcomes. Standard library only."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

BATCH = 500


class PartnerError(Exception):
    """The platform refused a whole request; the message is its own problem text."""


def _post(url: str, body: bytes, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (loopback, our own)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as fault:
        raise PartnerError(f"{url}: HTTP {fault.code}: {fault.read().decode(errors='replace')}") from fault


def fetch_token(origin: str, client_id: str, secret: str) -> str:
    """An access token by OAuth2 client credentials."""
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    body = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "events"}).encode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    return str(_post(f"{origin}/identity/o/api/token", body, headers)["access_token"])


def send(origin: str, token: str, events: Iterable[dict[str, Any]]) -> Counter[str]:
    """Send every event in batches; returns how many came to which outcome."""
    outcomes: Counter[str] = Counter()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents-batch+json"}
    stream = iter(events)
    while batch := list(islice(stream, BATCH)):
        answer = _post(f"{origin}/v1/events", json.dumps(batch).encode(), headers)
        outcomes.update(result["outcome"] for result in answer["results"])
    return outcomes
