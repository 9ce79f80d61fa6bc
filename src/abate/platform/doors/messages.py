"""The door out to a person's phone, mail or browser: one-time codes and notices leave through adapters named in settings.

`ABATE_MESSAGES` names one adapter or several, `,` between; of several the first that carries a kind takes it. A kind that
none carries is not configured: whoever wants to send there is told so, and nothing is dropped unseen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar, Protocol

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from abate.platform.doors import clock, outbound, randomness, signed_lines
from abate.platform.doors.errors import SetupError

KINDS = ("email", "phone", "push")
"""Kinds of places that a message goes to. A push's `to` is the browser's subscription, as JSON (push.py)."""


class Gone(OSError):
    """The place is there no more, as the other side said: nothing is sent to it again."""


class Adapter(Protocol):
    kinds: ClassVar[frozenset[str]]

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        """Hand over one message. `name` is the same at every try, so that a repeat can be known as one.

        Raises OSError where it could not be handed over; its text names neither the place nor what was to be said.
        """


class Console:
    """Prints each message; for trial runs on one's own machine."""

    kinds: ClassVar[frozenset[str]] = frozenset(KINDS)

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        sys.stderr.write(f"[message to {kind} {to}] {subject}: {body}\n")


class Files:
    """Appends each message to `messages.jsonl` in the data folder; for the demo and for tests."""

    kinds: ClassVar[frozenset[str]] = frozenset(KINDS)

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        line = {"at": clock.now().isoformat(), "kind": kind, "to": to, "subject": subject, "body": body}
        if name:
            line["name"] = name
        path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Mail:
    """Sends e-mail through the server that `ABATE_MAIL_HOST` names; `Message-ID` is made of the message's name."""

    kinds: ClassVar[frozenset[str]] = frozenset({"email"})

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"
        headers = {"Message-ID": f"<{name}@{domain}>"} if name else {}
        try:
            EmailMessage(subject, body, None, [to], headers=headers).send()
        except OSError as fault:
            # smtplib's texts repeat the address that was refused.
            raise OSError(f"mail server: {type(fault).__name__}") from None


class Sms:
    """Hands short messages to the operator's gateway by HTTP, signed (signed_lines.py): `to`, `text`, `name`, `at`, `nonce`.

    `ABATE_SMS_URL` is its address, `ABATE_SMS_KEY` the file with the key both sides hold. A status of 200 or 202 is "taken";
    the gateway knows a repeat by `name`.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"phone"})
    TIMEOUT, MOST = 10.0, 2_000

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        address, key = signed_lines.setting("ABATE_SMS", settings.ABATE_SMS_URL, settings.ABATE_SMS_KEY)
        nonce = randomness.token_bytes(16).hex()
        told: dict[str, object] = {
            "to": to,
            "text": body,
            "name": name or nonce,
            "at": clock.now().isoformat(),
            "nonce": nonce,
        }
        try:
            status, _ = outbound.post(
                address, signed_lines.signed(told, key), timeout=self.TIMEOUT, most=self.MOST
            )
        except outbound.Unanswered:
            raise OSError("SMS gateway: no answer") from None
        if status not in (200, 202):
            raise OSError(f"SMS gateway: status {status}")


def check() -> None:
    """Before anybody waits for a code: whether each adapter that is named is there. Raises SetupError."""
    for dotted in settings.ABATE_MESSAGES.split(","):
        _loaded(dotted.strip())


def _loaded(dotted: str) -> Adapter:
    try:
        made: Adapter = import_string(dotted)()
    except (ImportError, TypeError) as fault:
        raise SetupError("messages-not-loaded", named=repr(dotted), fault=fault) from fault
    return made


def _adapter(kind: str) -> Adapter | None:
    for dotted in settings.ABATE_MESSAGES.split(","):
        adapter = _loaded(dotted.strip())
        if kind in adapter.kinds:
            return adapter
    return None


def carries(kind: str) -> bool:
    """Whether a message of this kind can leave at all."""
    return _adapter(kind) is not None


def send(*, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
    """Send one message through the adapter that carries its kind. Raises OSError, Gone, SetupError."""
    adapter = _adapter(kind)
    if adapter is None:
        raise OSError(f"no adapter for {kind}: name one in ABATE_MESSAGES")
    adapter.send(kind=kind, to=to, subject=subject, body=body, name=name)
