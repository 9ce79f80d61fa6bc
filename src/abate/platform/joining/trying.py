"""The way into the sandbox: a party of one's own there, a key, made-up people, and commands to copy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from django.conf import settings
from django.db import transaction

from abate.client import samples
from abate.platform.doors import clock
from abate.platform.parties import queries as parties
from abate.platform.parties.errors import NotASandbox, PartyCodeTaken
from abate.platform.parties.models import Party
from abate.platform.people import volunteers
from abate.platform.review import actions as review
from abate.platform.review.proposing import in_sandbox

BEHAVIOURS = ("online-meeting", "walking")
_FIRST = """export ABATE_KEY={key}
TOKEN=$(curl -s -u "$ABATE_KEY" -d grant_type=client_credentials {origin}/identity/o/api/token | \\
  grep -o '"access_token": *"[^"]*"' | cut -d'"' -f4)
curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/cloudevents+json' -d '{event}' {origin}/v1/events
"""
_CHECK = "abate party check {origin} --party {code} --subject {subjects} --behaviour {behaviours} --report report.json\n"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a partner tries with. `subjects` are the people of the sandbox as this party knows them."""

    origin: str
    party: str
    client_id: str
    client_secret: str
    subjects: tuple[str, ...]
    behaviours: tuple[str, ...] = BEHAVIOURS
    """What it is let send."""
    page: str = ""
    """A link to its page of the sandbox, once."""

    @property
    def first(self) -> str:
        """Lines for a shell that book the first event."""
        made = samples.meeting(
            self.party, self.subjects[0], f"first-{self.client_id[-6:]}", clock.now().astimezone(UTC)
        )
        key = f"{self.client_id}:{self.client_secret}"
        return _filled(_FIRST, key=key, origin=self.origin, event=json.dumps(made))

    @property
    def check(self) -> str:
        """The line that tries everything, under the key that `first` exported."""
        people = " --subject ".join(self.subjects)
        sends = " --behaviour ".join(self.behaviours)
        return _filled(_CHECK, origin=self.origin, code=self.party, subjects=people, behaviours=sends)


def _filled(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def with_people(code: str, behaviours: Iterable[str] = BEHAVIOURS) -> tuple[Party, list[str]]:
    """The party, let send `behaviours`, and the made-up people who agreed to it, as it knows them.

    Raises NotASandbox, PartyUnknown, BehaviourMalformed.
    """
    if not settings.ABATE_SANDBOX:
        raise NotASandbox
    in_sandbox("party.behaviours", {"code": code, "add": list(behaviours)})
    party = parties.party(code)
    return party, volunteers.volunteers(party, parties.behaviours(party.pk))


def let_in(code: str, behaviours: Iterable[str] = BEHAVIOURS, *, new: bool = False) -> Trial:
    """Let the party `code` into the sandbox, making it there if need be. `new`: only one that nobody made before, and with
    an account that looks after it.

    Raises NotASandbox, PartyCodeTaken, PartyMalformed, BehaviourMalformed.
    """
    if not settings.ABATE_SANDBOX:
        raise NotASandbox
    # All of it or nothing: a code that was taken by half would be let in no second time.
    with transaction.atomic():
        known = code in parties.codes().values()
        if known and new:
            raise PartyCodeTaken(code)
        if not known:
            in_sandbox("party.create", {"code": code, "title_zh": code, "title_en": code, "made_up": True})
        # The first event is a meeting, whatever else it sends.
        party, subjects = with_people(code, {*BEHAVIOURS, *behaviours})
        sends = parties.behaviours(party.pk)
        made = in_sandbox("party.client", {"code": code, "label": "sandbox"})
        page = invite(code) if new else ""
    return Trial(
        settings.ABATE_ORIGIN, code, made["client_id"], made["client_secret"], tuple(subjects), sends, page
    )


def invite(code: str) -> str:
    """A link by which somebody looks after the party on its page of the sandbox: once, within a day.

    Raises NotApproved outside a sandbox, PartyUnknown.
    """
    with transaction.atomic():
        user = review.create_user("staff", made_up=True)
        in_sandbox("party.member", {"code": code, "account": user.handle, "role": "partner"})
        return f"{settings.ABATE_ORIGIN}/sign-in/link/{review.issue_link(user)}"
