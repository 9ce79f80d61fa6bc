"""The door out to a person's phone or mail: one-time codes and notices leave through an adapter named in settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.mail import send_mail
from django.utils.module_loading import import_string

from abate.platform.doors import clock


class Adapter(Protocol):
    def send(self, *, kind: str, to: str, subject: str, body: str) -> None:
        """Hand over one message. `kind` is `phone` or `email`. Raises OSError where it could not be handed over."""


class Console:
    """Prints each message; for trial runs on one's own machine."""

    def send(self, *, kind: str, to: str, subject: str, body: str) -> None:
        sys.stderr.write(f"[message to {kind} {to}] {subject}: {body}\n")


class Files:
    """Appends each message to `messages.jsonl` in the data folder; for the demo and for tests."""

    def send(self, *, kind: str, to: str, subject: str, body: str) -> None:
        line = {"at": clock.now().isoformat(), "kind": kind, "to": to, "subject": subject, "body": body}
        path = Path(settings.ABATE_DATA_DIR) / "messages.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Mail:
    """Sends e-mail through Django's mail settings; refuses phones, which need an SMS adapter of the operator's."""

    def send(self, *, kind: str, to: str, subject: str, body: str) -> None:
        if kind != "email":
            raise OSError(f"no adapter for {kind}: set ABATE_MESSAGES to the dotted name of one")
        send_mail(subject, body, None, [to])


def send(*, kind: str, to: str, subject: str, body: str) -> None:
    """Send one message through the adapter that `ABATE_MESSAGES` names."""
    adapter: Adapter = import_string(settings.ABATE_MESSAGES)()
    adapter.send(kind=kind, to=to, subject=subject, body=body)
