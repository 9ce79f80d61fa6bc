"""Somebody with an account, whoever asks to recover it, and ways of sending that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.platform.people.townspeople import code_in

from abate.platform import reaching
from abate.platform.doors import messages
from abate.platform.notices import actions as notices
from abate.platform.people import actions, identity, recovering
from abate.platform.people.errors import NoAccount
from abate.platform.people.identity import FormProvider, Verdict
from abate.platform.people.models import Person

NAME, OLD, MAIL, NEW = "测试甲", "13800000001", "old@example.org", "13900000009"
# A made-up number in form and no more, of an area that a provider may be asked about.
NUMBER = "11010119800101001" + identity.check_sign("11010119800101001")
AUTHORITY, PHONES, DOWN = (f"{__name__}.{name}" for name in ("Authority", "Phones", "Down"))
FILES = "abate.platform.doors.messages.Files"
Sent = Callable[[], list[dict[str, str]]]


class Authority(FormProvider):
    """A provider that asked somebody who knows; here everybody's name and number belong together."""

    def check(self, name: str, number: str) -> Verdict:
        told = super().check(name, number)
        return Verdict(told.passed, "authority", authority=True, reason=told.reason, born=told.born)


class Down(messages.Files):
    """A way that hands over what somebody waits for, and nothing out of the outbox."""

    def send(self, *, kind: str, to: str, subject: str, body: str, name: str = "") -> None:
        if name:
            raise OSError("gateway: no answer")
        super().send(kind=kind, to=to, subject=subject, body=body)


class Phones(messages.Files):
    kinds = frozenset({"phone"})


@pytest.fixture
def person(db: None, settings: Any, sent: Sent) -> Person:
    """Who has a phone and a mail address, and whose name and number the authority knows."""
    settings.ABATE_REAL_NAME = AUTHORITY
    return opened(sent, OLD, MAIL)


def opened(sent: Sent, *contacts: str, name: str = NAME, number: str = NUMBER) -> Person:
    proofs = [prove(contact, sent) for contact in contacts]
    return actions.register(name, number, list(contacts), "notice-1", proofs=proofs)


def prove(contact: str, sent: Sent) -> str:
    actions.request_code(contact)
    return actions.prove_contact(contact, code_in(sent()[-1]))


def ask(sent: Sent, *, name: str = NAME, number: str = NUMBER, contact: str = NEW, code: str = "") -> None:
    recovering.ask(name, number, contact, prove(contact, sent), code, address="192.0.2.1", made_up=False)


def carry() -> None:
    """Everything that is due, by every way, whichever thread of the server carries it."""
    while reaching.carry() + notices.send_due():
        pass


def sign_in(contact: str, sent: Sent) -> Person | None:
    actions.request_code(contact)
    try:
        return actions.confirm_code(contact, code_in(sent()[-1]))
    except NoAccount:
        return None


def other_number() -> str:
    return "11010119800101002" + identity.check_sign("11010119800101002")
