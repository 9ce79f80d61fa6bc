"""The first people of an empty system: the one change that nobody could propose, check and approve.

It is made once. It writes a row of its own, is told in the log, and refuses for ever after: every later account, role and
figure goes through three people (proposing.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from django.db import IntegrityError, transaction

from abate.bookkeeping import decisions
from abate.platform.doors import clock, randomness
from abate.platform.doors.keyring import keyring
from abate.platform.log import actions as log
from abate.platform.review import actions, audit, changes, errors, queries
from abate.platform.review.models import Grant, Opening, User

SIDE_BY_SIDE = ("entry", "check", "approve")


@dataclass(frozen=True, slots=True)
class First:
    """One of the first people: an identity number, kept nowhere, and their roles. Its repr hides the number."""

    identity: str
    roles: tuple[str, ...]

    def __repr__(self) -> str:
        return f"First(hidden, {self.roles})"


def open_system(people: Sequence[First], *, made_up: bool = False) -> list[User]:
    """Give the empty system its first people, all or nothing; returns their accounts in the order given.

    What a room must have in force from the first day (the basis of quantities) is put in force as it lies there.
    Raises SystemOpen, TooFewPeople, RoleUnknown, RolesExclude.
    """
    _enough(people)
    with transaction.atomic():
        if Grant.objects.exists():
            raise errors.SystemOpen
        accounts = []
        for one in people:
            user = actions.create_user(User.Kind.STAFF, made_up=made_up)
            actions.enrol(user, one.identity)
            for role in one.roles:
                actions.grant(user, role)
            accounts.append(user)
        told = {
            "people": [[user.handle, sorted(one.roles)] for user, one in zip(accounts, people, strict=True)],
            "in_force": _put_in_force(),
            "nonce": randomness.token_bytes(16).hex(),
        }
        document = changes.canonical(told)
        row = Opening(at=clock.now(), document=document)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as fault:
            raise errors.SystemOpen from fault
        leaf = decisions.opening(hashlib.sha256(document.encode()).digest(), row.at)
        log.queue(log.DECISIONS, 0, leaf)
        audit.note("system.open", people=len(accounts))
    return accounts


def with_links(people: Sequence[First]) -> list[dict[str, object]]:
    """The same, with a single-use link for each: {"account", "roles", "link"}. A system that is open opens no second time, so
    the links are made with it or not at all. Raises what `open_system` raises.
    """
    with transaction.atomic():
        return [
            {"account": user.handle, "roles": queries.roles(user), "link": actions.issue_link(user)}
            for user in open_system(people)
        ]


def _put_in_force() -> dict[str, object]:
    made: dict[str, object] = {}
    for name, action in changes.actions().items():
        if action.at_opening:
            given = changes.arguments_of(action, {})
            action.execute(given)
            made[name] = action.look(given)
    return made


def _enough(people: Sequence[First]) -> None:
    """Three different people for the three steps, and one who may propose roles."""
    digests = [keyring().number_hmac(one.identity) for one in people]
    by_role = {
        role: {digest for digest, one in zip(digests, people, strict=True) if role in one.roles}
        for role in (*SIDE_BY_SIDE, "security_admin")
    }
    three = any(len(set(chosen)) == 3 for chosen in product(*(by_role[role] for role in SIDE_BY_SIDE)))
    if not three or not by_role["security_admin"]:
        raise errors.TooFewPeople
