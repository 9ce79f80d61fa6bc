"""A conformance run as a statement that the sandbox signs and the live platform takes. (P-6.1-d)

The kit runs at the partner's and could be made to say anything. So the sandbox signs only where its own books hold what
such a run leaves behind: the events, what was taken back and corrected, each refusal by its code. The statement:

    {"abate_conformance":1,"party":C,"run":R,"origin":O,"at":T,"passed":[names],"events":N}

canonical JSON, signed with the sandbox's Ed25519 log key over LABEL and these bytes; the file has it as `statement` (text)
with `signature` (base64). A signed tree head has three lines and this one: neither can be taken for the other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection

from abate.bookkeeping import checkpoint
from abate.client.conformance import LINES, OWN, REFUSED
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.doors.keyring import keyring, read
from abate.platform.joining.errors import ReportRefused, SandboxUnknown
from abate.platform.joining.queries import SQL
from abate.platform.parties.errors import NotASandbox

LABEL = b"abate-conformance-1 "
FRESH = timedelta(days=14)
"""Our policy: a run is of the software that goes live, not of last year's."""
LEAST_EVENTS = 12
"""A whole run leaves no fewer accepted events."""
LARGEST = 64 * 1024
_RUN = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Taken:
    """A statement that was verified."""

    run: str
    made_at: datetime
    text: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def attest(party_id: int, code: str, told: Mapping[str, Any]) -> dict[str, str]:
    """Sign that a run passed, in the sandbox that it ran in. `told`: `run` and `lines` as the kit has them.

    Raises NotASandbox, ReportRefused naming the line or the row that is missing.
    """
    if not settings.ABATE_SANDBOX:
        raise NotASandbox
    run, lines = told.get("run"), told.get("lines")
    if not isinstance(run, str) or not _RUN.fullmatch(run) or not isinstance(lines, list):
        raise ReportRefused("run, lines")
    passed = sorted(
        {str(line.get("name")) for line in lines if isinstance(line, dict) and line.get("passed") is True}
    )
    failed = [
        str(line.get("name"))[:40]
        for line in lines
        if not isinstance(line, dict) or line.get("passed") is not True
    ]
    if failed:
        raise ReportRefused(f"failed: {failed[0]}")
    if missing := sorted(LINES - set(passed)):
        raise ReportRefused(f"missing: {missing[0]}")
    events, behaviours = _witnessed(party_id, run)
    own = {name.removeprefix(OWN).removesuffix("-again") for name in passed if name.startswith(OWN)}
    if unseen := sorted(own - behaviours):
        raise ReportRefused(f"the sandbox saw no {unseen[0][:40]} of this run")
    statement = json.dumps(
        {"abate_conformance": 1, "party": code, "run": run, "origin": settings.ABATE_ORIGIN,
         "at": clock.now().isoformat(), "passed": passed, "events": events},
        sort_keys=True, separators=(",", ":"),
    )  # fmt: skip
    signature = Ed25519PrivateKey.from_private_bytes(keyring().log_signing).sign(LABEL + statement.encode())
    return {"statement": statement, "signature": base64.b64encode(signature).decode()}


def _witnessed(party_id: int, run: str) -> tuple[int, set[str]]:
    """How many events of the run the sandbox accepted, and of which behaviours.

    Raises ReportRefused where its books lack a trace of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL["seen_of_run"], {"party": party_id, "run": f"check-{run}-%"})
        events, taken_back, refused, behaviours = cursor.fetchone()
    if events < LEAST_EVENTS:
        raise ReportRefused(f"the sandbox saw {events} events of this run")
    if set(taken_back) != {1, 2}:
        raise ReportRefused("the sandbox saw no withdrawal, or no correction, of this run")
    if missing := sorted(REFUSED - set(refused)):
        raise ReportRefused(f"the sandbox refused nothing as {missing[0]} in this run")
    return int(events), set(behaviours)


def verified(code: str, file: bytes, behaviours: Iterable[str] = ()) -> Taken:
    """What a report of the party `code`, which is to send `behaviours`, says, once nothing speaks against it.

    Raises ReportRefused, SandboxUnknown.
    """
    try:
        given = json.loads(file) if len(file) <= LARGEST else None
        text, signature = given["statement"], base64.b64decode(given["signature"], validate=True)
        said, signed = json.loads(text), LABEL + text.encode()
        made_at = datetime.fromisoformat(said["at"])
        run, passed = str(said["run"]), {str(name) for name in said["passed"]}
        known = said["abate_conformance"] == 1 and made_at.tzinfo is not None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ReportRefused("form") from None
    if not known:
        raise ReportRefused("form")
    try:
        Ed25519PublicKey.from_public_bytes(_trusted()).verify(signature, signed)
    except InvalidSignature:
        raise ReportRefused("signature") from None
    if said.get("party") != code:
        raise ReportRefused("party")
    if missing := sorted({*LINES, *(OWN + name for name in behaviours)} - passed):
        raise ReportRefused(f"missing: {missing[0]}")
    if not timedelta(minutes=-5) <= clock.now() - made_at <= FRESH:
        raise ReportRefused("stale")
    return Taken(run, made_at, text)


def known_sandbox() -> str:
    """The address of the sandbox whose reports count here; empty where there is none, or nothing says how it is reached."""
    known = settings.ABATE_SANDBOX_KEY or _beside().exists()
    return settings.ABATE_SANDBOX_ORIGIN if known else ""


def _beside() -> Path:
    return Path(settings.ABATE_DATA_DIR) / "sandbox" / "secrets.json"


def _trusted() -> bytes:
    """The public key of the sandbox: the one that was set, or that of the sandbox beside this installation."""
    if settings.ABATE_SANDBOX_KEY:
        return checkpoint.read_key(settings.ABATE_SANDBOX_KEY).public
    try:
        ring = read(_beside())
    except SetupError:
        raise SandboxUnknown from None
    return checkpoint.key_of(ring.log_origin, ring.log_signing).public
