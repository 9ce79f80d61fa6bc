"""Whether a change stands as three people decided it: its text, their signed steps in the log, and the row that it made; and
whether the trail is as it was sealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection

from abate.bookkeeping import decisions
from abate.bookkeeping.leaf import commitment, encode, leaf_hash
from abate.platform.doors.errors import Problem
from abate.platform.log.actions import DECISIONS
from abate.platform.review import changes, queries, sealing
from abate.platform.review.models import Grant, Opening, Proposal, Step

_LEAVES = """
select entry_id, hash from log_leaf where person_id = %(series)s
union select entry_id, hash from log_pending where person_id = %(series)s
"""


def differences() -> dict[str, int]:
    """`decisions`: proposals that are not the text of their digest, and steps or an opening unlike what the log tells of.

    `decided`: approved changes whose row is no longer as it was decided (of changes that say so: Action.stands), and roles that
    nobody decided. `trail`: seals whose rows or whose leaf are not what they were.
    """
    approved = dict(Step.objects.filter(kind=Step.APPROVE).values_list("proposal", "pk"))
    torn = fallen = 0
    newest: dict[str, Proposal] = {}
    for one in Proposal.objects.iterator(chunk_size=1000):
        if not _is_its_text(one):
            torn += 1
        elif one.pk in approved and not (of := _of(one)):
            fallen += not _stands(one)
        elif one.pk in approved and (of not in newest or approved[newest[of].pk] < approved[one.pk]):
            newest[of] = one
    fallen += sum(not _stands(one) for one in newest.values()) + len(_roles_undecided(approved))
    return {
        "decisions": torn + _steps_unlike_leaves(),
        "decided": fallen,
        "trail": len(sealing.differences()),
    }


def _is_its_text(proposal: Proposal) -> bool:
    try:
        return hashlib.sha256(queries.document(proposal).encode()).digest() == bytes(proposal.digest)
    except ValueError:  # no JSON any more
        return False


_UNREAD = (Problem, LookupError, TypeError, ValueError, ValidationError)
"""Of a change that an earlier version wrote, and that this one cannot read, nothing is asked."""


def _of(proposal: Proposal) -> str:
    """What the change settles until another one does; empty where it settles nothing of the kind."""
    chosen, given = changes.actions().get(proposal.action), json.loads(proposal.arguments)
    if chosen is None or given.keys() != chosen.fields.keys():
        return ""
    try:
        return chosen.of(given)
    except _UNREAD:
        return ""


def _stands(proposal: Proposal) -> bool:
    chosen, given = changes.actions().get(proposal.action), json.loads(proposal.arguments)
    if chosen is None or chosen.stands is None or given.keys() != chosen.fields.keys():
        return True
    try:
        return chosen.stands(given, json.loads(proposal.after))
    except _UNREAD:
        return True


def _roles_undecided(approved: Collection[UUID]) -> set[tuple[str, str]]:
    """Roles that are held, and that neither the opening nor a decision gave; a system that was never opened has no first ones."""
    opened = Opening.objects.first()
    try:
        first = json.loads(opened.document)["people"] if opened else None
        given = {(handle, role) for handle, roles in first or () for role in roles}
    except _UNREAD:  # torn: the log tells of another opening, which `decisions` says
        first = None
    if first is None:
        return set()
    for one in Proposal.objects.filter(action="role.grant", pk__in=approved):
        told = json.loads(one.arguments)
        given.add((told.get("account"), told.get("role")))
    return set(Grant.objects.values_list("user__handle", "role")) - given


def _steps_unlike_leaves() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES, {"series": DECISIONS})
        told = {(number, bytes(hash_)) for number, hash_ in cursor.fetchall()}
    steps = Step.objects.select_related("proposal", "user")
    made = {(step.pk, _leaf_hash(step)) for step in steps.iterator(chunk_size=1000)}
    made |= {(0, _opening_hash(one)) for one in Opening.objects.all()}
    return len({number for number, _ in told ^ made})


def _opening_hash(opened: Opening) -> bytes:
    digest = hashlib.sha256(opened.document.encode()).digest()
    return leaf_hash(encode(decisions.opening(digest, opened.at)))


def _leaf_hash(step: Step) -> bytes:
    said = queries.statement(step.proposal, step.kind, step.user.handle, step.role, step.at)
    salt = queries.salt(step.proposal.pk, step.kind)
    return leaf_hash(encode(said.leaf(commitment(salt, said.opened(bytes(step.signature))))))
