"""The audit trail: one row for every write and every read of a sensitive field, in the same transaction or not at all.

`note` is called inside the transaction of what it tells of, so that neither is there without the other; where the row
cannot be written, the caller's work is rolled back, and a read does not happen. Rows name accounts by handle and things
by their keys, never a person by name. Clause P-8.4-c; GB/T 22239-2019, 8.1.4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.review import queries
from abate.platform.review.changes import canonical
from abate.platform.review.models import Audit, User

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account's handle, or a party's key, or nobody (a job); by which way in, and as what.

    `role`: the operator's roles held at that moment, joined by commas, or `person`, `partner`, `acceptor`, `verifier`.
    """

    account: str = ""
    via: str = "system"
    role: str = ""
    user_id: int | None = None


NOBODY = Actor()
_acting: ContextVar[Callable[[], Actor]] = ContextVar("abate_acting", default=lambda: NOBODY)
_refusals: ContextVar[list[str] | None] = ContextVar("abate_refusals", default=None)


@contextmanager
def acting(who: Callable[[], Actor]) -> Iterator[None]:
    """What is done inside is done by the actor that `who` tells, asked only where a row is written."""
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)


@contextmanager
def watching() -> Iterator[list[str]]:
    """The names of what was told as refused inside."""
    told: list[str] = []
    before = _refusals.set(told)
    try:
        yield told
    finally:
        _refusals.reset(before)


def as_command(user: User) -> None:
    """For a process that serves one person: all that it does from now on is theirs."""
    _acting.set(lambda: Actor(user.handle, "command", ",".join(queries.roles(user)), user.pk))


def is_by(user_id: int) -> bool:
    """Whether what is done now is done by this user."""
    return _acting.get()().user_id == user_id


def note(what: str, subject: object = "", *, act: str = "write", **detail: Any) -> None:
    """Write one row. `what`: room and action, such as `party.suspend`; `subject`: the key of what it was done to.

    `detail` is kept as canonical JSON; it holds no name, contact or number of a person.
    """
    _write(act, what, [subject], detail)
    told = _refusals.get()
    if told is not None and act == "refused":
        told.append(what)


def _write(act: str, what: str, subjects: Iterable[object], detail: Mapping[str, Any]) -> None:
    who, now, told = _acting.get()(), clock.now(), canonical(detail)
    Audit.objects.bulk_create(
        [
            Audit(
                at=now,
                account=who.account,
                role=who.role,
                via=who.via,
                act=act,
                what=what,
                subject=str(subject)[:200],
                detail=told,
            )
            for subject in subjects
        ]
    )


def audited(
    what: str, subject: Callable[[Mapping[str, Any], Any], object] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A writing function whose every call is told: row and work in one transaction, or neither.

    `subject(arguments by name, result)` gives the key of what was written.
    """

    def door(do: Callable[P, R]) -> Callable[P, R]:
        names = do.__code__.co_varnames[: do.__code__.co_argcount + do.__code__.co_kwonlyargcount]

        @wraps(do)
        def doing(*args: P.args, **options: P.kwargs) -> R:
            with transaction.atomic():
                made = do(*args, **options)
                given = {**dict(zip(names, args, strict=False)), **options}
                note(what, subject(given, made) if subject else "")
            return made

        return doing

    return door


@contextmanager
def refusing(what: str, subject: object, told: tuple[type[Problem], ...], **detail: Any) -> Iterator[None]:
    """What is refused inside for who asks (`told`) leaves a row: written once the work inside was undone, so not to be put into
    a transaction of the caller's. The refusal goes on."""
    try:
        yield
    except told as problem:
        note(what, subject, act="refused", code=problem.code, **detail)
        raise


def read(what: str, subject: object = "", **detail: Any) -> None:
    """A sensitive field is about to be shown: called before it is opened."""
    note(what, subject, act="read", **detail)


def read_each(what: str, subjects: Iterable[object]) -> None:
    """Sensitive fields of several are about to be shown: a row for each, by one statement."""
    _write("read", what, subjects, {})
