"""The only writer of proposals and their steps, and the only caller of what a room registered in changes.py.

Propose, check, approve: three humans, told apart by the holder's digest, not by the account. The approval executes the
change, once, in its own transaction. Clause P-8.4-c.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction

from abate.bookkeeping.leaf import commitment
from abate.platform.doors import clock, randomness
from abate.platform.doors.errors import DatabaseAway, Problem
from abate.platform.doors.keyring import keyring
from abate.platform.log import actions as log
from abate.platform.review import audit, changes, errors, queries, rights
from abate.platform.review.changes import Json, canonical
from abate.platform.review.models import Proposal, Staff, Step, User

VALID = timedelta(days=14)
"""A proposal that is not approved by then has expired: our policy."""
MAX_REASON = 500
MOST = 200
"""Proposals that one request may decide about."""
_faults = logging.getLogger("abate.proposals")
TOLD = (
    errors.NoRight,
    errors.NotEnrolled,
    errors.SamePerson,
    errors.ConcernsOneself,
    errors.NotChecked,
)
"""Refusals of a step for who takes it, or for the step that it leaves out: each is a row of the trail, whichever way it came."""
# Changes are few, and what one sees as `before` another may be about to change: they come in turn.
_IN_TURN = "select pg_advisory_xact_lock(4912026, 20)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one proposal of several: `code` empty where the step was taken, else why not."""

    proposal: int
    code: str = ""
    problem: Problem | None = None


def propose(user: User, name: str, arguments: Mapping[str, Any], reason: str) -> Proposal:
    """Write down that `user` wants the change `name`; nothing else happens yet.

    Raises ActionUnknown, ArgumentsMalformed, ReasonMissing, NoRight, NothingChanges, and what the change itself refuses.
    """
    chosen = changes.action(name)
    with audit.refusing(f"change.{Step.PROPOSE}", "", TOLD, change=name):
        role = rights.role_for(user, Step.PROPOSE, name)
    given = changes.arguments_of(chosen, arguments)
    reason = _reason(reason)
    with _stored(name), transaction.atomic():
        before = chosen.look(given)
        after = chosen.after(given, before)
        if canonical(before) == canonical(after):
            raise errors.NothingChanges
        now = clock.now()
        proposal = Proposal(
            action=name,
            arguments=canonical(given),
            before=canonical(before),
            after=canonical(after),
            reason=reason,
            nonce=randomness.token_bytes(16),
            at=now,
            expires_at=now + VALID,
        )
        proposal.digest = hashlib.sha256(queries.document(proposal).encode()).digest()
        proposal.save(force_insert=True)
        _step(proposal, Step.PROPOSE, user, role)
    return proposal


def check(user: User, number: int) -> None:
    """Say, as a second human, that the proposal is in order. Raises what `approve` raises, but executes nothing."""
    with _refusing(Step.CHECK, number):
        proposal, role = _open(user, number, Step.CHECK)
        with transaction.atomic():
            _step(proposal, Step.CHECK, user, role)


def approve(user: User, number: int) -> Json:
    """Approve as a third human, and do it: both or neither. Returns what the change shows once (a new key).

    Raises ProposalUnknown, NoRight, ConcernsOneself, ProposalExpired, NotChecked, SamePerson, ProposalEnded,
    ProposalOutdated, StateMoved, OutcomeDiffers, ArgumentsMalformed where a value is larger than what it is stored in, and
    what the change itself refuses; the proposal then stands as it did.
    """
    with _refusing(Step.APPROVE, number):
        proposal, role = _open(user, number, Step.APPROVE)
        chosen = changes.action(proposal.action)
        arguments = json.loads(proposal.arguments)
        with _stored(chosen.name), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_IN_TURN)
            # The step first: of two who approve at once one waits here, and is refused by the table.
            _step(proposal, Step.APPROVE, user, role)
            if canonical(chosen.look(arguments)) != proposal.before:
                raise errors.StateMoved
            shown = chosen.execute(arguments)
            if canonical(chosen.look(arguments)) != proposal.after:
                raise errors.OutcomeDiffers(proposal.action)
    return shown


def reject(user: User, number: int, reason: str) -> None:
    """End a proposal; who proposed it may withdraw it the same way, and then nothing else follows. Raises what `check`
    raises, and ReasonMissing."""
    with _refusing(Step.REJECT, number):
        proposal, role = _open(user, number, Step.REJECT)
    text = _reason(reason)
    with transaction.atomic():
        _step(proposal, Step.REJECT, user, role, text)
        chosen = changes.actions().get(proposal.action)
        if chosen is not None and not _own(proposal, _human(user)):
            chosen.rejected(json.loads(proposal.arguments))


def decide_all(
    user: User, step: str, numbers: Iterable[int], reason: str = ""
) -> tuple[list[Outcome], dict[int, Json]]:
    """One step on many proposals, each by itself: what is refused, or fails with the database, stands in nobody's way.

    Returns the outcomes in the order asked, and what approvals show once. Of an outcome `database-away` nobody can say
    whether the step was taken.
    """
    told: list[Outcome] = []
    shown: dict[int, Json] = {}
    for number in dict.fromkeys(numbers):
        try:
            if step == Step.CHECK:
                check(user, number)
            elif step == Step.APPROVE:
                shown[number] = approve(user, number)
            else:
                reject(user, number, reason)
        except Problem as problem:
            told.append(Outcome(number, problem.code, problem))
        except (InterfaceError, OperationalError):
            _faults.exception("proposal %s: %s", number, step)
            told.append(Outcome(number, DatabaseAway.code, DatabaseAway()))
            # What is broken is given up, so that those after it, and the page that tells of them, get another.
            connection.close_if_unusable_or_obsolete()
        else:
            told.append(Outcome(number))
    return told, shown


def in_sandbox(name: str, arguments: Mapping[str, Any]) -> Json:
    """Do a change at once, by one person: in the sandbox, an installation of its own with made-up people (decision 0021).

    Raises NotApproved anywhere else, and what the change itself refuses. What is so already stays so.
    """
    if not settings.ABATE_SANDBOX:
        raise errors.NotApproved(name)
    chosen = changes.action(name)
    given = changes.arguments_of(chosen, arguments)
    with _stored(name), transaction.atomic():
        before = chosen.look(given)
        if canonical(before) == canonical(chosen.after(given, before)):
            return {}
        audit.note("change.sandbox", name)
        return chosen.execute(given)


def _refusing(step: str, number: int) -> AbstractContextManager[None]:
    return audit.refusing(f"change.{step}", number, TOLD)


@contextmanager
def _stored(name: str) -> Iterator[None]:
    """Raises ArgumentsMalformed where a table has no place for one of the values, or what it holds cannot be read."""
    try:
        yield
    except DataError as fault:
        raise errors.ArgumentsMalformed(f"{name}: {fault}".splitlines()[0][:200]) from fault


def _reason(text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= MAX_REASON or not changes.kept(text):
        raise errors.ReasonMissing
    return text


def _open(user: User, number: int, step: str) -> tuple[Proposal, str]:
    """The proposal, and the role by which `user` may take this step; whatever can be refused without waiting is."""
    proposal = Proposal.objects.filter(pk=number).first() if 0 < number < 2**63 else None
    if proposal is None:
        raise errors.ProposalUnknown(str(number)[:20])
    human = _human(user)
    steps = list(Step.objects.filter(proposal=proposal))
    own = step == Step.REJECT and _own(proposal, human)
    role = rights.role_for(user, Step.PROPOSE if own else step, proposal.action)
    if any(one.kind in (step, Step.APPROVE, Step.REJECT) for one in steps):
        raise errors.ProposalEnded
    if step != Step.REJECT:
        if proposal.expires_at <= clock.now():
            raise errors.ProposalExpired
        if any(bytes(one.human) == human for one in steps):
            raise errors.SamePerson
        if step == Step.APPROVE and not any(one.kind == Step.CHECK for one in steps):
            raise errors.NotChecked
    if not own and _concerns(proposal, human, step):
        raise errors.ConcernsOneself
    return proposal, role


def _own(proposal: Proposal, human: bytes) -> bool:
    return Step.objects.filter(proposal=proposal, kind=Step.PROPOSE, human=human).exists()


def _concerns(proposal: Proposal, human: bytes, step: str) -> bool:
    """Whether this human has a part in it. Raises ProposalOutdated, and what the change refuses."""
    try:
        chosen, arguments = changes.action(proposal.action), json.loads(proposal.arguments)
        if other := sorted(set(arguments) ^ set(chosen.fields)):
            raise errors.ProposalOutdated(f"{proposal.action}: {', '.join(other)}"[:200])
        return chosen.concerns(arguments, human)
    except errors.ConcernsOneself:
        raise  # it says more than that it does
    except Problem:
        # Written before an upgrade, or about what is gone since: it can still be rejected, by anybody with the right.
        if step == Step.REJECT:
            return False
        raise


def _human(user: User) -> bytes:
    found = Staff.objects.filter(user=user).values_list("human_id", flat=True).first()
    if found is None:
        raise errors.NotEnrolled
    return bytes(found)


_REFUSED = {
    "review_step_three_humans": errors.SamePerson,
    "review_step_once": errors.ProposalEnded,
    "review_step_one_end": errors.ProposalEnded,
    "review_step_previous": errors.NotChecked,
}


def _step(proposal: Proposal, kind: str, user: User, role: str, reason: str = "") -> None:
    """Write one step, signed, with its leaf. What the tables refuse is refused by its name."""
    number = {Step.PROPOSE: 1, Step.CHECK: 2, Step.APPROVE: 3}.get(kind)
    now = clock.now()
    said = queries.statement(proposal, kind, user.handle, role, now)
    signature = said.sign(keyring().log_signing)
    step = Step(
        proposal=proposal,
        kind=kind,
        number=number,
        after=number - 1 if number and number > 1 else None,
        user=user,
        human=_human(user),
        role=role,
        reason=reason,
        at=now,
        signature=signature,
    )
    try:
        with transaction.atomic():
            step.save(force_insert=True)
    except IntegrityError as fault:
        named = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if named not in _REFUSED:
            raise
        raise _REFUSED[named] from fault
    audit.note(f"change.{kind}", proposal.pk, change=proposal.action, role=role)
    committed = commitment(queries.salt(proposal.pk, kind), said.opened(signature))
    log.queue(log.DECISIONS, step.pk, said.leaf(committed))
